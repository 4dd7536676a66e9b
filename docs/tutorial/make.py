#!/usr/bin/python3
r"""Writes one variant of a small model, which looks up the page of each token and gates it a few times.

    make.py --page=input --page_size=16 --guard=yes --tokens=64 --layers=3 --opset=13 \
            --model=m.onnx --inputs=inputs.json"""
import argparse
import json

import onnx
from onnx import TensorProto, helper

parser = argparse.ArgumentParser()
parser.add_argument("--page", choices=["constant", "input"], required=True)
parser.add_argument("--page_size", type=int, required=True)
parser.add_argument("--guard", choices=["yes", "no"], required=True)
parser.add_argument("--tokens", type=int, required=True)
parser.add_argument("--layers", type=int, required=True)
parser.add_argument("--opset", type=int, required=True)
parser.add_argument("--model", required=True)
parser.add_argument("--inputs", required=True)
a = parser.parse_args()

inputs = [helper.make_tensor_value_info("tokens", TensorProto.INT64, [a.tokens])]
fed = [{"name": "tokens", "dtype": "int64", "shape": [a.tokens], "fill": {"range": [0, 1]}}]
constants, nodes = [], []
if a.page == "input":
    inputs.append(helper.make_tensor_value_info("page_size", TensorProto.INT64, [1]))
    fed.append({"name": "page_size", "dtype": "int64", "shape": [1], "data": [a.page_size]})
else:
    constants.append(helper.make_tensor("page_size", TensorProto.INT64, [1], [a.page_size]))

divisor = "page_size"
if a.guard == "yes":
    constants.append(helper.make_tensor("one", TensorProto.INT64, [1], [1]))
    nodes.append(helper.make_node("Max", ["page_size", "one"], ["guarded"], name="guard"))
    divisor = "guarded"
nodes.append(helper.make_node("Div", ["tokens", divisor], ["pages"], name="page_of_token"))
nodes.append(helper.make_node("Cast", ["pages"], ["h0"], to=TensorProto.FLOAT))
for i in range(a.layers):
    nodes.append(helper.make_node("Sigmoid", [f"h{i}"], [f"s{i}"], name=f"gate{i}"))
    nodes.append(helper.make_node("Mul", [f"h{i}", f"s{i}"], [f"h{i + 1}"], name=f"layer{i}"))

output = helper.make_tensor_value_info(f"h{a.layers}", TensorProto.FLOAT, [a.tokens])
graph = helper.make_graph(nodes, "pages", inputs, [output], constants)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", a.opset)], ir_version=7)
onnx.checker.check_model(model)
onnx.save(model, a.model)
with open(a.inputs, "w", encoding="utf-8") as f:
    json.dump(fed, f)

"""The models that pages of docs/ name, as files of the working directory: models.py NAME…"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from onnx_bytes import FLOAT, INT64, chain, graph, model, node, value, vector  # noqa: E402: from there


def divides():
    """A division by zero between other operators: SIGFPE on ONNX Runtime 1.22.0."""
    return chain(["Abs", "Neg", "Div", "Abs"], INT64, tensors=[vector("size", INT64, 0)], operands={2: "size"})


def pads():
    """Padding that 1.22.0 fuses with what averages over it, and then leaves out."""
    nodes = [node("Abs", "X", "b1"), node("Pad", "b1,pads", "p"), node("AveragePool", "p", "Y", kernel_shape=[2, 2])]
    g = graph(nodes, [value("X", FLOAT, [1, 1, 4, 4])], [value("Y")], [vector("pads", INT64, 0, 0, 0, 0, 0, 0, 1, 1)])
    return model(g, opset=19)


def scales():
    return chain(["Abs", "Mul", "Abs"], tensors=[vector("w", FLOAT, 1, 1, 1, 1)], operands={1: "w"})


MODELS = {"divides": divides(), "pads": pads(), "scales": scales()}

for word in sys.argv[1:]:
    kind, _, path = word.partition("=")
    with open(path, "wb") as f:
        f.write(MODELS[kind])

#!/usr/bin/env python3
"""Every model of the decoder family's covering set passes the ONNX checker: check_decoder_models.py WRITER

Also: strict shape inference where all operators are ONNX's own, and no input or initializer is without a use.
Skipped (exit status 77) where the onnx module is not installed.
"""
import os
import subprocess
import sys
import tempfile

try:
    import onnx
except ImportError as e:
    print(e)
    sys.exit(77)


def known_part(model):
    """As much of a model as a checker that is older than its opset can judge: TensorScatter (opset 24) becomes an
    operator of another domain, and ReduceMean takes its axes as it did up to opset 17."""
    if model.opset_import[0].version <= onnx.defs.onnx_opset_version():
        return model
    model.opset_import[0].version = 17
    model.opset_import.append(onnx.helper.make_opsetid("later", 1))
    for node in model.graph.node:
        if node.op_type == "TensorScatter":
            node.domain = "later"
        if node.op_type == "ReduceMean":
            assert node.input[1] == "int64_-1"
            del node.input[1]
            node.attribute.append(onnx.helper.make_attribute("axes", [-1]))
    return model


def check(path):
    model = onnx.load(path)
    assert model.ir_version <= 8
    used = {name for node in model.graph.node for name in node.input}
    for value in list(model.graph.initializer) + list(model.graph.input):
        assert value.name in used, value.name + " has no use"
    model = known_part(model)
    onnx.checker.check_model(model)
    own = all(node.domain == "" for node in model.graph.node)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=own)


with tempfile.TemporaryDirectory() as directory:
    writer = subprocess.run([sys.argv[1], directory], check=True, stdout=subprocess.PIPE, text=True)
    variants = writer.stdout.splitlines()
    failed = 0
    for i, variant in enumerate(variants):
        try:
            check(os.path.join(directory, "%d.onnx" % i))
        except Exception as e:  # whatever the checker throws is a finding
            print(variant, e, sep="\n    ")
            failed += 1
    print("%d models, %d refused by onnx %s" % (len(variants), failed, onnx.__version__))
    sys.exit(1 if failed or len(variants) < 300 else 0)

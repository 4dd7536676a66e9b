#!/usr/bin/env python3
"""cases/onnx/onnx.proto describes a part of ONNX's messages, and nothing else: check_onnx_proto.py PROTOC-C FILE

Every message, field and value of an enumeration that it has is one of the installed onnx package's, with the same number,
type and label; and a field that is a member of a oneof, or packed, is so there. A package that is older than a field does not
know it: LATER says with which version of the format it came. Skipped (exit status 77) where that package is not installed."""
import os
import subprocess
import sys
import tempfile

try:
    import onnx
    from google.protobuf import descriptor_pb2
except ImportError as e:
    print(e)
    sys.exit(77)


LATER = {
    "FunctionProto.attribute_proto": 9, "FunctionProto.value_info": 10, "FunctionProto.overload": 10,
    "FunctionProto.metadata_props": 10, "NodeProto.overload": 10, "NodeProto.metadata_props": 10,
    "GraphProto.metadata_props": 10, "TensorProto.metadata_props": 10, "ValueInfoProto.metadata_props": 10,
}


def same(path, ours, theirs, *properties):
    for name in properties:
        a, b = getattr(ours, name), getattr(theirs, name)
        if a != b:
            yield "%s: %s is %s here, and %s in ONNX" % (path, name, a, b)


def compare(path, ours, theirs):
    fields = {field.name: field for field in theirs.field}
    nested = {message.name: message for message in theirs.nested_type}
    enums = {enum.name: enum for enum in theirs.enum_type}
    for field in ours.field:
        at = path + "." + field.name
        if field.name not in fields:
            if LATER.get(at, 0) > onnx.IR_VERSION:
                continue
            yield at + ": ONNX has no such field"
            continue
        known = fields[field.name]
        yield from same(at, field, known, "number", "type", "label", "type_name")
        yield from same(at, field.options, known.options, "packed")
        if field.HasField("oneof_index") != known.HasField("oneof_index"):
            yield at + ": a member of a oneof in one of the two only"
    for enum in ours.enum_type:
        values = {v.name: v.number for v in enums[enum.name].value} if enum.name in enums else {}
        for value in enum.value:
            if values.get(value.name) != value.number:
                yield "%s.%s.%s: %d here, and %s in ONNX" % (path, enum.name, value.name, value.number,
                                                            values.get(value.name))
    for message in ours.nested_type:
        at = path + "." + message.name
        if message.name in nested:
            yield from compare(at, message, nested[message.name])
        else:
            yield at + ": ONNX has no such message"


def main(compiler, path):
    with tempfile.TemporaryDirectory() as directory:
        out = os.path.join(directory, "set")
        subprocess.run([compiler, "--descriptor_set_out=" + out, "-I" + os.path.dirname(path), path], check=True)
        with open(out, "rb") as f:
            ours = descriptor_pb2.FileDescriptorSet.FromString(f.read()).file[0]
    theirs = descriptor_pb2.FileDescriptorProto()
    onnx.onnx_ml_pb2.DESCRIPTOR.CopyToProto(theirs)
    messages = {message.name: message for message in theirs.message_type}
    faults = [] if ours.package == theirs.package else ["the package is %s, not %s" % (ours.package, theirs.package)]
    fields = 0
    for message in ours.message_type:
        fields += len(message.field)
        if message.name in messages:
            faults += compare(message.name, message, messages[message.name])
        else:
            faults.append(message.name + ": ONNX has no such message")
    for fault in faults:
        print(fault)
    print("%d messages, %d fields, %d faults" % (len(ours.message_type), fields, len(faults)))
    return 1 if faults or fields < 40 else 0


sys.exit(main(*sys.argv[1:]))

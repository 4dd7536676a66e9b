"""Just enough of protobuf and ONNX to write models for tests, without a library of it."""
import struct

FLOAT, INT32, INT64, BOOL, GRAPH = 1, 6, 7, 9, 5
FORMATS = {FLOAT: "f", INT32: "i", INT64: "q", BOOL: "?"}


def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number, *values):
    out = b""
    for v in values:
        if isinstance(v, int):
            out += varint(number << 3) + varint(v)
        else:
            v = v.encode() if isinstance(v, str) else v
            out += varint(number << 3 | 2) + varint(len(v)) + v
    return out


def attribute(name, v):
    if isinstance(v, Reference):
        return field(1, name) + field(20, 2) + field(21, v.name)
    if isinstance(v, bytes):
        return field(1, name) + field(6, v) + field(20, GRAPH)
    if isinstance(v, Tensor):
        return field(1, name) + field(5, v.content) + field(20, 4)
    if isinstance(v, float):
        return field(1, name) + varint(2 << 3 | 5) + struct.pack("<f", v) + field(20, 1)
    if isinstance(v, int):
        return field(1, name) + field(3, v) + field(20, 2)
    return field(1, name) + field(8, *v) + field(20, 7)


class Reference:
    """An attribute of the function that the node stands in."""
    def __init__(self, name):
        self.name = name


class Tensor:
    """An attribute that is a tensor."""
    def __init__(self, content):
        self.content = content


def node(op, inputs, outputs, name="", domain="", **attributes):
    """Inputs and outputs: lists of names. An attribute of bytes is a graph."""
    return (field(1, *inputs) + field(2, *outputs) + field(3, name) + field(4, op) +
            b"".join(field(5, attribute(k, v)) for k, v in attributes.items()) + (field(7, domain) if domain else b""))


def value(name, kind, dims=None):
    """Dimensions: numbers, or names of symbols; None: nothing is said of the shape."""
    if kind is None:
        return field(1, name)
    shape = b"" if dims is None else field(2, b"".join(field(1, field(2 if isinstance(d, str) else 1, d)) for d in dims))
    return field(1, name) + field(2, field(1, field(1, kind) + shape))


def tensor(name, kind, dims, values):
    return ((field(1, *dims) if dims else b"") + field(2, kind) + (field(8, name) if name else b"") +
            field(9, struct.pack("<%d%s" % (len(values), FORMATS[kind]), *values)))


def graph(nodes, inputs, outputs, tensors=()):
    return (b"".join(field(1, n) for n in nodes) + field(2, "g") + b"".join(field(5, t) for t in tensors) +
            b"".join(field(11, v) for v in inputs) + b"".join(field(12, v) for v in outputs))


def function(name, inputs, outputs, nodes, attributes=(), domain="own", opset=13):
    imports = field(9, field(1, "") + field(2, opset)) + field(9, field(1, domain) + field(2, 1))
    return (field(1, name) + field(4, *inputs) + field(5, *outputs) + field(6, *attributes) +
            b"".join(field(7, n) for n in nodes) + imports + field(10, domain))


def model(g, functions=(), opset=13, ir=8, domains=()):
    sets = field(8, field(1, "") + field(2, opset)) + b"".join(field(8, field(1, d) + field(2, 1)) for d in domains)
    return field(1, ir) + field(7, g) + sets + b"".join(field(25, f) for f in functions)


def npy(kind, dims, values):
    head = repr({"descr": {FLOAT: "<f4", INT32: "<i4", INT64: "<i8", BOOL: "|b1"}[kind], "fortran_order": False,
                 "shape": tuple(dims)}).encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    return (b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head +
            struct.pack("<%d%s" % (len(values), FORMATS[kind]), *values))

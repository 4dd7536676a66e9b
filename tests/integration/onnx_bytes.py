"""Just enough of protobuf and ONNX to write models for tests, without a library of it.

A model is put together from the inside: model(graph([node(…)], [value(…)], [value(…)], [tensor(…)])). What most functions
make are the bytes of a message, which more fields can be written behind: node(…) + field(6, "what is written of it"). This
file is also the beginning of scripts that stand alone, so it imports nothing of ours."""
import struct

FLOAT, UINT8, INT32, INT64, STRING, BOOL, FLOAT16, DOUBLE = 1, 2, 6, 7, 8, 9, 10, 11
# Of the elements that are packed: the letter of struct, and the type of NumPy.
FORMATS = {FLOAT: ("f", "<f4"), INT32: ("i", "<i4"), INT64: ("q", "<i8"), BOOL: ("?", "|b1"), DOUBLE: ("d", "<f8")}
A_FLOAT, AN_INT, A_TEXT, A_TENSOR, A_GRAPH, FLOATS, INTS, TEXTS = 1, 2, 3, 4, 5, 6, 7, 8  # types of attributes


def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number, *values):
    """Once for each of the values: a whole number, a text, or bytes, which may be a message."""
    out = b""
    for v in values:
        if isinstance(v, int):
            out += varint(number << 3) + varint(v)
        else:
            v = v.encode() if isinstance(v, str) else v
            out += varint(number << 3 | 2) + varint(len(v)) + v
    return out


def real(number, v):
    return varint(number << 3 | 5) + struct.pack("<f", v)


def fields(data):
    """The fields of a message, (NUMBER, value), of those that are numbers or have a length. Scripts that are to stand alone
    get its source."""
    at = 0

    def number():
        nonlocal at
        n = shift = 0
        while True:
            byte = data[at]
            at += 1
            n |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return n

    while at < len(data):
        key = number()
        if key & 7 == 0:
            yield key >> 3, number()
        else:
            n = number()
            yield key >> 3, data[at:at + n]
            at += n


class Reference:
    """An attribute of the function that the node stands in."""
    def __init__(self, name, kind=AN_INT):
        self.name, self.kind = name, kind


class Tensor:
    """An attribute that is a tensor."""
    def __init__(self, content):
        self.content = content


def attribute(name, v):
    if isinstance(v, Reference):
        return field(1, name) + field(20, v.kind) + field(21, v.name)
    if isinstance(v, bytes):
        return field(1, name) + field(6, v) + field(20, A_GRAPH)
    if isinstance(v, Tensor):
        return field(1, name) + field(5, v.content) + field(20, A_TENSOR)
    if isinstance(v, float):
        return field(1, name) + real(2, v) + field(20, A_FLOAT)
    if isinstance(v, int):
        return field(1, name) + field(3, v) + field(20, AN_INT)
    if isinstance(v, str):
        return field(1, name) + field(4, v) + field(20, A_TEXT)
    if v and isinstance(v[0], str):
        return field(1, name) + field(9, *v) + field(20, TEXTS)
    if v and isinstance(v[0], float):
        return field(1, name) + b"".join(real(7, one) for one in v) + field(20, FLOATS)
    return field(1, name) + field(8, *v) + field(20, INTS)


def names(given):
    return given.split(",") if given and isinstance(given, str) else given


def node(op, inputs, outputs, name="", domain="", **attributes):
    """Inputs and outputs: names, in a list or, with commas, in one text. An attribute of bytes is a graph."""
    return (field(1, *names(inputs)) + field(2, *names(outputs)) + field(3, name) + field(4, op) +
            b"".join(field(5, attribute(k, v)) for k, v in attributes.items()) + (field(7, domain) if domain else b""))


def tensor_type(kind, dims=None):
    """Dimensions: numbers, or names of symbols; None: nothing is said of the shape."""
    shape = b"" if dims is None else field(2, b"".join(field(1, field(2 if isinstance(d, str) else 1, d)) for d in dims))
    return field(1, field(1, kind) + shape)


def sequence_type(of):
    return field(4, field(1, of))


def optional_type(of):
    return field(9, field(1, of))


def value(name, kind=None, dims=None):
    """Kind: that of a tensor's elements, or the bytes of another type; None: nothing is said of the type."""
    if kind is None:
        return field(1, name)
    return field(1, name) + field(2, kind if isinstance(kind, bytes) else tensor_type(kind, dims))


def packed(kind, values):
    return struct.pack("<%d%s" % (len(values), FORMATS[kind][0]), *values)


def tensor(name, kind, dims, values):
    """Values: numbers, the bytes of them, or texts. Without a name it is an attribute's."""
    data = values if isinstance(values, bytes) else None if kind == STRING else packed(kind, values)
    return (field(1, *dims) + field(2, kind) + (field(8, name) if name else b"") +
            (field(6, *values) if data is None else field(9, data)))


def vector(name, kind, *values):
    return tensor(name, kind, [len(values)], values)


def outside(name, kind, dims, **where):
    """A tensor whose values stand in another file. Where: location=FILE, and what else is said, such as offset and length."""
    return (field(1, *dims) + field(2, kind) + field(8, name) +
            b"".join(field(13, field(1, k) + field(2, str(v))) for k, v in where.items()) + field(14, 1))


def graph(nodes, inputs, outputs, tensors=()):
    return (b"".join(field(1, n) for n in nodes) + field(2, "g") + b"".join(field(5, t) for t in tensors) +
            b"".join(field(11, v) for v in inputs) + b"".join(field(12, v) for v in outputs))


def opset_import(domain, version):
    return field(1, domain) + field(2, version)


def function(name, inputs, outputs, nodes, attributes=(), domain="own", opset=13):
    return (field(1, name) + field(4, *inputs) + field(5, *outputs) + field(6, *attributes) +
            b"".join(field(7, n) for n in nodes) + field(9, opset_import("", opset), opset_import(domain, 1)) +
            field(10, domain))


def model(g, functions=(), opset=13, ir=8, domains=None):
    """Domains: {NAME: VERSION}, of those beside ONNX's own."""
    sets = {"": opset, **(domains or {})}
    return (field(1, ir) + field(7, g) + b"".join(field(8, opset_import(d, v)) for d, v in sets.items()) +
            b"".join(field(25, f) for f in functions))


def line(operators, operands=None):
    """Nodes one after the other, which make t0, t1 … of x; {PLACE: NAMES} of what some read besides. Also the name at the end."""
    made, last = [], "x"
    for i, op in enumerate(operators):
        more = (operands or {}).get(i)
        made.append(node(op, last + ("," + more if more else ""), "t%d" % i, "layers.%d.%s" % (i, op.lower())))
        last = "t%d" % i
    return made, last


def chain(operators, kind=FLOAT, *, tensors=(), operands=None):
    """A model of a line, of vectors of four."""
    made, last = line(operators, operands)
    return model(graph(made, [value("x", kind, [4])], [value(last, kind, [4])], tensors))


def npy(kind, dims, values):
    """The content of a file of NumPy."""
    head = repr({"descr": FORMATS[kind][1], "fortran_order": False, "shape": tuple(dims)}).encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head + packed(kind, values)

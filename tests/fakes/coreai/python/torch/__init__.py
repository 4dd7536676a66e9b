"""A stand-in for the part of PyTorch that a model of a decoder uses. It computes with NumPy, and records what it does while a
program is exported."""
import numpy as np

from fakecore.ops import OPS

float16, float32, int32, bool = np.float16, np.float32, np.int32, np.bool_
dtype = type
_recorder = None


class SymInt(int):
    """A size of an input that may vary, and what is computed from it."""

    def __new__(cls, value, expression):
        made = super().__new__(cls, value)
        made.expression = expression
        return made

    def __add__(self, other):
        return SymInt(int(self) + int(other), ["+", _expression(self), _expression(other)])

    __radd__ = __add__

    def __sub__(self, other):
        return SymInt(int(self) - int(other), ["-", _expression(self), _expression(other)])

    def __rsub__(self, other):
        return SymInt(int(other) - int(self), ["-", _expression(other), _expression(self)])


def _expression(x):
    if isinstance(x, SymInt):
        return x.expression
    if isinstance(x, (list, tuple)):
        return [_expression(v) for v in x]
    return x


def _plain(x):
    if isinstance(x, (list, tuple)):
        return [_plain(v) for v in x]
    return int(x) if isinstance(x, SymInt) else x


class Recorder:
    """A program that is being made, and the shape that each of its values had."""

    def __init__(self, program):
        self.program, self.shapes = program, []

    def number(self, tensor):
        if tensor._recorder is not self:
            tensor._recorder, tensor._node = self, self.program.constant(tensor._value)
            self.shapes.append(tensor._value.shape)
        return tensor._node

    def add(self, op, array, inputs=(), /, **attr):
        made = Tensor(array)
        numbers = [self.number(t) for t in inputs]
        made._recorder, made._node = self, self.program.add(op, numbers, **{k: _expression(v) for k, v in attr.items()})
        self.shapes.append(array.shape)
        return made


def _do(op, *inputs, **attr):
    for one in inputs:
        if not isinstance(one, Tensor):
            raise TypeError(f"{op}: expected a Tensor, got {type(one).__name__}")
    value = np.asarray(OPS[op](*[t._value for t in inputs], **{k: _plain(v) for k, v in attr.items()}))
    return _recorder.add(op, value, inputs, **attr) if _recorder else Tensor(value)


class Tensor:
    def __init__(self, value):
        self._value, self._recorder, self._node, self._symbolic = value, None, None, {}

    @property
    def shape(self):
        return tuple(self._symbolic.get(i, d) for i, d in enumerate(self._value.shape))

    @property
    def dtype(self):
        return self._value.dtype.type

    def numpy(self):
        return self._value

    def reshape(self, *shape):
        return _do("reshape", self, shape=list(shape))

    def transpose(self, dim0, dim1):
        return _do("transpose", self, a=dim0, b=dim1)

    def unsqueeze(self, dim):
        return _do("unsqueeze", self, dim=dim)

    def select(self, dim, index):
        return _do("select", self, dim=dim, index=index)

    def narrow(self, dim, start, length):
        return _do("slice", self, dim=dim % self._value.ndim, start=start, end=start + length)

    def repeat_interleave(self, repeats, dim):
        return _do("repeat_interleave", self, repeats=repeats, dim=dim)

    def contiguous(self):
        return _do("contiguous", self)

    def index_copy(self, dim, index, source):
        return _do("index_copy", self, index, source, dim=dim)

    def copy_(self, src):
        return _become(self, _do("copy", self, src))

    def __add__(self, other):
        if isinstance(other, Tensor):
            return _do("add", self, other)
        return _do("add_scalar", self, value=other)

    def __mul__(self, other):
        return _do("mul_scalar", self, value=other)


def _become(tensor, changed):
    """What is done in place: the tensor is another value from now on."""
    tensor._value, tensor._recorder, tensor._node = changed._value, changed._recorder, changed._node
    return tensor


def from_numpy(array):
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    return Tensor(array)


def tensor(data, *, dtype):
    return Tensor(np.array(data, dtype))


def zeros(size, *, dtype):
    return Tensor(np.zeros(size, dtype))


def full(size, fill_value, *, dtype):
    value = np.full(_plain(size), _plain(fill_value), dtype)
    return _recorder.add("full", value, shape=size, value=fill_value, dtype=np.dtype(dtype).name) if _recorder else Tensor(value)


def arange(end, *, dtype):
    if dtype is not int32:
        raise TypeError("this stand-in makes int32 alone")
    value = np.arange(int(end), dtype=dtype)
    return _recorder.add("arange", value, end=end) if _recorder else Tensor(value)


def cat(tensors, dim=0):
    return _do("cat", *tensors, dim=dim)


def stack(tensors, dim=0):
    return _do("stack", *tensors, dim=dim)


def matmul(input, other):
    return _do("matmul", input, other)


def softmax(input, dim):
    if dim != -1:
        raise ValueError("this stand-in has softmax over the last dimension alone")
    return _do("softmax", input)


def where(condition, input, other):
    return _do("where", condition, input, other)


def le(input, other):
    return _do("less_equal", input, other)


def gt(input, other):
    return _do("greater", input, other)


def logical_and(input, other):
    return _do("logical_and", input, other)


from torch import export, nn  # noqa: E402  (they need what is above)

"""trapline from Python: one file to copy or to put on PYTHONPATH, and nothing but the standard library.

run, isolate and matrix start the program `trapline` and hand back what it says:

    import trapline

    finding = trapline.isolate("case.json", units=["onnxruntime@1.22.0:cpu"]).one
    print(finding["trigger"])

@runner makes a function a runner, since that is how people have their models. Its arguments are the axes of the case, its
return value is what is compared; a crash, a hang or an exception in it is what trapline looks for:

    import sys, torch, trapline

    @trapline.runner(devices=["cpu", "mps"])
    def attention(device, heads=1, dtype="float32"):
        q = torch.ones(1, heads, 64, 64, dtype=getattr(torch, dtype), device=device)
        return {"y": torch.nn.functional.scaled_dot_product_attention(q, q, q)}

    if __name__ == "__main__":
        sys.exit(attention.main())

    $ trapline isolate case.json -u ./attention.py:mps

docs/runners.md says what goes over the wire."""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass
from typing import Any, Callable, Iterable, Mapping, NoReturn, Optional, Sequence, TypedDict, Union

Json = dict[str, Any]
Value = Union[str, int, bool, Sequence[Union[str, int]]]  # of an axis; of a set its elements

# --- the program -----------------------------------------------------------------------------------------------------


class Signature(TypedDict):
    """What makes two failures the same failure."""

    id: str
    title: str


class Trial(TypedDict, total=False):
    """One isolated execution, as `trapline run --json` tells it. What there is not is None."""

    id: str
    unit: str
    variant: dict[str, Any]
    outcome: str
    phase: str
    signal: Optional[str]
    signature: Optional[Signature]
    message: Optional[str]
    reference: Optional[Json]
    exit_status: Optional[int]
    phases: dict[str, float]  # seconds
    counts: Optional[dict[str, int]]
    metrics: dict[str, float]
    peak_rss: int  # bytes
    cached: bool
    expected: str
    as_expected: bool


class Finding(TypedDict, total=False):
    """What an isolation found, as `trapline isolate --json` tells it; docs/commands.md has all of its members."""

    finding: Optional[str]  # its id; None where nothing was stored
    case: str
    unit: str
    reproduced: bool
    complete: bool
    outcome: str
    signal: Optional[str]
    phase: str
    message: Optional[str]
    signature: Optional[Signature]
    failing: dict[str, Any]
    baseline: dict[str, Any]
    minimal: Optional[dict[str, Any]]
    trigger: list[Json]
    independent: list[str]
    needs: list[Json]
    decisive: list[Json]
    rate: list[int]  # failures, runs
    trials: int
    elapsed_s: float


@dataclass(frozen=True)
class Runs:
    """The trials of a run. status is the exit status: 0 nothing failed, 1 a failure was found, 2 nothing could be judged."""

    status: int
    trials: list[Trial]
    messages: str  # what trapline said on stderr

    @property
    def failed(self) -> bool:
        return self.status == 1


@dataclass(frozen=True)
class Findings:
    """What was found, in the order of the units. status: 1 where the failure was reproduced, 0 where it was not, 2 where nothing
    could be judged."""

    status: int
    findings: list[Finding]
    messages: str

    @property
    def one(self) -> Finding:
        """The only one; ValueError where there are more."""
        if len(self.findings) != 1:
            raise ValueError(f"there are {len(self.findings)} findings, one for each unit: use .findings")
        return self.findings[0]


@dataclass(frozen=True)
class Table:
    """What a matrix tried, side by side: its document, as `trapline matrix --json` prints it. status: 1 where something failed."""

    status: int
    document: Json
    messages: str


class TraplineError(Exception):
    """trapline could not do what was asked for. status: 2 the command, the case or the data is wrong, 3 trapline itself or its
    environment failed, 130 interrupted; the text is what it said."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


def find_program() -> str:
    """The program that run, isolate and matrix start: TRAPLINE names it, or PATH has it, or it is installed with this file."""
    here = os.path.dirname(os.path.abspath(__file__))
    beside = [os.path.join(here, *[os.pardir] * up, "bin", "trapline") for up in (3, 4)]  # libexec/…/runners, share/…/python
    for path in (os.environ.get("TRAPLINE"), shutil.which("trapline"), *beside):
        if path and os.access(path, os.X_OK):
            return os.path.normpath(path)
    raise TraplineError(3, "no program trapline: put it on PATH, or name it by the variable TRAPLINE")


def value_text(value: Value) -> str:
    """A value as -s takes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return str(value)
    return "+".join(map(str, value)) or "none"


def call(command: str, arguments: Sequence[str], units: Iterable[str], sets: Iterable[str], options: Sequence[str],
         program: Optional[str]) -> tuple[int, Json, str]:
    """Runs a command with --json: exit status, document, messages."""
    argv = [program or find_program(), command, "--json", *options]
    for letter, words in (("-u", units), ("-s", sets)):
        for word in words:
            argv += [letter, word]
    try:
        child = subprocess.Popen([*argv, "--", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        raise TraplineError(3, f"{argv[0]} cannot be started: {error.strerror}") from error
    with child:
        try:
            out, err = child.communicate()
        except KeyboardInterrupt:
            child.terminate()  # it stores what was running as lost
            child.communicate()
            raise
    messages = err.decode("utf-8", "replace").strip()
    try:
        document = json.loads(out)
    except ValueError:
        document = None
    if child.returncode not in (0, 1, 2) or not isinstance(document, dict):
        raise TraplineError(child.returncode, messages or f"{argv[0]} {command} ended with status {child.returncode}")
    return child.returncode, document, messages


def sets_of(variant: Mapping[str, Value]) -> list[str]:
    return [f"{axis}={value_text(value)}" for axis, value in variant.items()]


def run(case: Union[str, "os.PathLike[str]"], *, units: Iterable[str] = (), variant: Mapping[str, Value] = {}, repeat: int = 1,
        options: Sequence[str] = (), program: Optional[str] = None) -> Runs:
    """Runs one variant of a case file on each unit, `repeat` times. Without a variant it is the case's failing one, otherwise the
    baseline with the axes that are named. options are more of `trapline run --help`, such as ["--db", PATH, "--fresh"]."""
    status, document, messages = call("run", [os.fspath(case)], units, sets_of(variant), ["--repeat", str(repeat), *options], program)
    return Runs(status, document["trials"], messages)


def isolate(case: Union[str, "os.PathLike[str]"], *, units: Iterable[str] = (), variant: Mapping[str, Value] = {},
            options: Sequence[str] = (), program: Optional[str] = None) -> Findings:
    """Finds the minimal trigger of a failure, for each unit. Without a variant it starts from the case's failing one. options
    are more of `trapline isolate --help`, such as ["--max-time", "600"]."""
    status, document, messages = call("isolate", [os.fspath(case)], units, sets_of(variant), options, program)
    found: Any = document["findings"] if "findings" in document else [document]
    return Findings(status, found, messages)


def matrix(cases: Iterable[Union[str, "os.PathLike[str]"]], *, units: Iterable[str] = (),
           values: Mapping[str, Sequence[Value]] = {}, options: Sequence[str] = (), program: Optional[str] = None) -> Table:
    """Runs many variants on many units, side by side: of the axes that are named all combinations of their values. options are
    more of `trapline matrix --help`, such as ["--pairs"]."""
    sets = [f"{axis}={','.join(map(value_text, of))}" for axis, of in values.items()]
    return Table(*call("matrix", [os.fspath(case) for case in cases], units, sets, options, program))


# --- the protocol ----------------------------------------------------------------------------------------------------

MESSAGE_MOST = 65536  # bytes of a line, its end included
LONG_RESULT = "result.json"  # where a result is left that is longer than a line may be
TEXT_MOST = 16384  # bytes of a text within one


class Unsupported(Exception):
    """This variant cannot be tried here; its text says why."""


class Failure(Exception):
    """Something refused, cleanly. Domain and code are part of what failures are told apart by; numbers belong into the message."""

    def __init__(self, domain: str, code: Union[str, int], message: str):
        super().__init__(message)
        self.domain, self.code, self.message = str(domain), str(code), str(message)


class Runner:
    """The request, and the ways to answer it. Nothing may follow a result, an error or a refusal."""

    def __init__(self, request: Json, write: Callable[[bytes], object]):
        self.request = request
        self.write = write
        self.channel: Optional[socket.socket] = None
        self.close: Callable[[], object] = lambda: None

    @classmethod
    def begin(cls, arguments: Sequence[str], descriptor: int = 3) -> "Runner":
        """Reads the request: from the socket, or from the command line (--describe, --trial JSON), which is how a trial
        is repeated by hand; the answers then go to stdout."""
        if arguments[:1] == ["--describe"]:
            return cls({"describe": 1}, by_hand)
        if arguments[:1] == ["--trial"] and len(arguments) > 1:
            return cls(request_of(arguments[1].encode()), by_hand)
        channel = socket.socket(fileno=descriptor)
        with channel.makefile("rb") as lines:
            runner = cls(request_of(lines.readline(MESSAGE_MOST + 1)), channel.sendall)
        runner.channel, runner.close = channel, channel.close
        return runner

    def send(self, message: Json) -> None:
        """One message. What was printed before it comes first, and what is in no buffer survives a crash."""
        sys.stdout.flush()
        sys.stderr.flush()
        line = json.dumps(message, allow_nan=False).encode() + b"\n"
        if len(line) > MESSAGE_MOST and "result" in message:
            with open(os.path.join(self.scratch(), LONG_RESULT), "w", encoding="utf-8") as file:
                json.dump(message["result"], file, allow_nan=False)
            line = json.dumps({"result": {"file": LONG_RESULT}}).encode() + b"\n"
        self.write(line)

    def scratch(self) -> str:
        return str(self.request.get("scratch") or os.getcwd())

    def whole(self, message: Json) -> Json:
        """A message with the result that it has left in a file."""
        if message.get("result") != {"file": LONG_RESULT}:
            return message
        with open(os.path.join(self.scratch(), LONG_RESULT), encoding="utf-8") as file:
            return {"result": json.load(file)}

    def phase(self, name: str, timeout_s: Optional[float] = None) -> None:
        """A phase begins, with a deadline of its own where one is given."""
        self.send({"phase": name} if timeout_s is None else {"phase": name, "timeout_s": timeout_s})

    def operator(self, name: Optional[str] = None, type: Optional[str] = None) -> None:
        """This operator of the model begins, by its name and its type; with neither none is in flight any more."""
        told = {k: short(v, 256) for k, v in (("name", name), ("type", type)) if v}
        self.send({"operator": told or None})

    def result(self, outputs: Sequence[Json], **more: Any) -> None:
        """It finished. more: observed, fallback, versions, metrics; those that are None or "" are left out."""
        self.send({"result": {"outputs": list(outputs), **{k: v for k, v in more.items() if v is not None and v != ""}}})

    def error(self, domain: str, code: str, message: str) -> None:
        """The runtime refused. Domain and code are part of what failures are told apart by; numbers belong into the message."""
        self.send({"error": {"domain": short(domain, 200) or "unknown", "code": short(code, 200), "message": short(message)}})

    def unsupported(self, why: str) -> None:
        """This variant cannot be tried here."""
        self.send({"unsupported": short(why) or "no reason was given"})

    def describe(self, name: str, version: str, devices: Iterable[tuple[str, str]],
                 axes: Optional[Sequence[Union[str, Json]]], **more: Any) -> None:
        """What the runner can do. devices: each with the reason why it cannot be used, which is empty where it can. axes: each by
        its name, or as an object with "name", and "about" and "about_values" for people; None where it takes any."""
        told = {} if axes is None else {"axes": list(axes)}
        self.send({"name": name, "version": version, "protocol": 1, "serve": False, **told,
                   "devices": [{"name": n, "usable": not why, "why": why} for n, why in devices], **more})

    def answer(self, work: Callable[["Runner"], None]) -> int:
        """Does the work, and says what it raised. The exit status."""
        if not self.request.get("describe") and not self.request.get("trial"):
            self.error("protocol", "request", "expected a line with describe or trial")
            return 2
        try:
            work(self)
        except Unsupported as why:
            self.unsupported(str(why))
        except Exception as raised:  # whatever a runtime raises is what is looked for
            self.error(*failure(raised))
        return 0


def by_hand(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def request_of(line: bytes) -> Json:
    """A request, or one that asks for nothing where the line is none."""
    try:
        request = json.loads(line)
    except ValueError:
        request = {}
    return request if isinstance(request, dict) else {}


def short(text: str, most: int = TEXT_MOST) -> str:
    return text if len(text) <= most else text[:most - 1] + "…"


# NSError as text, then Swift's, then "AIModelError 3".
CODED = [re.compile(p) for p in (r"\bDomain=([\w.]+) Code=(-?\d+)", r"\(([\w.]+) error (-?\d+)\.?\)",
                                 r"\b([A-Za-z][\w.]*Error)[: (]+(?:rawValue: |code:? )?(-?\d+)\b")]


def failure(raised: BaseException) -> tuple[str, str, str]:
    """Domain, code and message of an exception. The domain and number that it speaks of are the runtime's own; otherwise
    the domain is the package that the exception's type is of, and its name is the code."""
    if isinstance(raised, Failure):
        return raised.domain, raised.code, raised.message
    kind = type(raised)
    message = str(raised) or kind.__name__
    for pattern in CODED:
        found = pattern.search(message)
        if found:
            return found[1], found[2], message
    package = kind.__module__.split(".")[0]
    code = getattr(raised, "code", None)
    if isinstance(code, int):
        return kind.__name__, str(code), message
    return "python" if package == "builtins" else package, kind.__name__, message


# --- outputs ---------------------------------------------------------------------------------------------------------

FIRST = 8  # values told of an output
LIST_MOST = 1 << 24  # numbers in an output that is no array: each of them is looked at by Python

# dtypes in ONNX's names: how struct has them, and how a .npy file does, without the byte order. NumPy has no bfloat16: its
# bytes are saved as they are.
DTYPES = {"float32": ("f", "f4"), "float64": ("d", "f8"), "float16": ("e", "f2"), "bfloat16": ("H", "V2"), "bool": ("?", "b1"),
          "int8": ("b", "i1"), "int16": ("h", "i2"), "int32": ("i", "i4"), "int64": ("q", "i8"),
          "uint8": ("B", "u1"), "uint16": ("H", "u2"), "uint32": ("I", "u4"), "uint64": ("Q", "u8")}


@dataclass
class Tensor:
    """An output in the bytes of its elements: little endian, in C order. `array` is the NumPy array that it was, if it was one."""

    dtype: str
    shape: list[int]
    data: bytes
    array: Any = None


def of_torch(value: Any) -> Tensor:
    value = value.detach().cpu().contiguous()
    if str(value.dtype) == "torch.bfloat16":  # which NumPy has not
        value = value.view(sys.modules["torch"].int16)
        return Tensor("bfloat16", list(value.shape), value.numpy().tobytes())
    return of_numpy(value.numpy())


def of_numpy(array: Any) -> Tensor:
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("<"))
    return Tensor(array.dtype.name, list(array.shape), array.tobytes(), array)


def of_buffer(view: memoryview) -> Tensor:
    """Of what has a buffer, as array.array and the arrays of other packages."""
    code = view.format.lstrip("@=<")
    kind = "bool" if code == "?" else f"{'float' if code in 'efd' else 'int' if code in 'bhilq' else 'uint'}{8 * view.itemsize}"
    if len(code) != 1 or code not in "?efdbhilqBHILQ":
        raise TypeError(f"a buffer of elements of the form {view.format!r}")
    return Tensor(kind, list(view.shape or ()), view.tobytes())


def of_numbers(value: Any) -> Tensor:
    """Of a number, or of lists of numbers within lists, all of one length at each depth."""
    shape: list[int] = []
    flat: list[Any] = [value]
    while flat and isinstance(flat[0], (list, tuple)):
        if any(not isinstance(one, (list, tuple)) or len(one) != len(flat[0]) for one in flat):
            raise TypeError("lists of different lengths")
        shape.append(len(flat[0]))
        flat = [element for one in flat for element in one]
        if len(flat) > LIST_MOST:
            raise TypeError(f"more than {LIST_MOST} numbers in lists")
    kinds = {type(element) for element in flat}
    if not kinds <= {bool, int, float}:
        raise TypeError(", ".join(sorted(kind.__name__ for kind in kinds - {bool, int, float})))
    dtype = "bool" if kinds == {bool} else "int64" if kinds and float not in kinds else "float64"
    try:
        return Tensor(dtype, shape, struct.pack(f"<{len(flat)}{DTYPES[dtype][0]}", *flat))
    except struct.error as why:
        raise TypeError("an integer that has no 64 bits") from why


def tensor_of(name: str, value: Any) -> Tensor:
    """An output as it was returned: a tensor of torch, an array of NumPy or of what hands one out, a buffer, or numbers."""
    try:
        if hasattr(value, "detach") and hasattr(value, "cpu"):
            return of_torch(value)
        if hasattr(value, "__array__"):
            return of_numpy(value.__array__())
        if isinstance(value, (bool, int, float, list, tuple)):
            return of_numbers(value)
        if not isinstance(value, (str, bytes)):
            return of_buffer(memoryview(value))
        raise TypeError(type(value).__name__)
    except (TypeError, BufferError) as why:
        raise Failure("outputs", "form", f"output {name}: expected an array, a tensor, a number, or lists of numbers; found {why}") from why


def number(value: float) -> Any:
    """JSON has only finite numbers."""
    if math.isfinite(value):
        return value
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def values_of(tensor: Tensor) -> list[float]:
    count = math.prod(tensor.shape)
    if tensor.dtype == "bfloat16":  # the upper half of a float32
        halves = struct.unpack(f"<{count}H", tensor.data)
        return list(struct.unpack(f"<{count}f", struct.pack(f"<{count}I", *[half << 16 for half in halves])))
    return [float(v) for v in struct.unpack(f"<{count}{DTYPES[tensor.dtype][0]}", tensor.data)]


def summary_of_numpy(array: Any) -> Json:
    numpy = sys.modules["numpy"]
    values = array.astype(numpy.float64).ravel()
    where = numpy.isfinite(values)
    finite = values[where]
    told: Json = {"finite": finite.size == values.size, "first": [number(float(v)) for v in values[:FIRST]],
                  "min": float(finite.min()) if finite.size else None, "max": float(finite.max()) if finite.size else None,
                  "mean": float(finite.mean()) if finite.size else None}
    if finite.size != values.size:
        nan = int(numpy.isnan(values).sum())
        told["not_finite"] = {"nan": nan, "inf": values.size - finite.size - nan, "at": int(numpy.argmin(where))}
    return told


def summary(values: list[float]) -> Json:
    finite = [v for v in values if math.isfinite(v)]
    told: Json = {"finite": len(finite) == len(values), "first": [number(v) for v in values[:FIRST]],
                  "min": min(finite) if finite else None, "max": max(finite) if finite else None,
                  "mean": math.fsum(finite) / len(finite) if finite else None}
    if len(finite) != len(values):
        nan = sum(map(math.isnan, values))
        told["not_finite"] = {"nan": nan, "inf": len(values) - len(finite) - nan,
                              "at": next(i for i, v in enumerate(values) if not math.isfinite(v))}
    return told


def save_npy(path: str, tensor: Tensor) -> None:
    """The file that numpy.save writes."""
    form = DTYPES[tensor.dtype][1]
    order = "|" if form in ("b1", "i1", "u1") else "<"
    head = f"{{'descr': '{order}{form}', 'fortran_order': False, 'shape': {tuple(tensor.shape)!r}, }}"
    head += " " * (-(len(head) + 11) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + tensor.data)


def described(name: str, value: Any, directory: Optional[str], index: int) -> Json:
    """An output as a result tells it. With a directory its values are left there as a file."""
    tensor = tensor_of(name, value)
    told: Json = {"name": name, "hash": hashlib.sha256(tensor.data).hexdigest()}
    if tensor.dtype not in DTYPES:
        return {**told, "kind": f"NumPy's {tensor.dtype}", "finite": True}
    told.update(dtype=tensor.dtype, shape=tensor.shape,
                **(summary(values_of(tensor)) if tensor.array is None else summary_of_numpy(tensor.array)))
    if directory:
        told["npy"] = f"{index}.npy"
        save_npy(os.path.join(directory, told["npy"]), tensor)
    return told


# --- functions as runners --------------------------------------------------------------------------------------------

Devices = Union[Sequence[str], Mapping[str, str]]
GIVEN = ("device", "model", "inputs")  # arguments that are no axes


@dataclass
class Result:
    """What a function returns that has more to tell than its outputs. observed: the device on which it really ran, where the
    runtime tells (never the one that was asked for); fallback: in words, in which other way it was done."""

    outputs: Any = ()
    observed: Optional[str] = None
    fallback: Optional[str] = None
    versions: Optional[Mapping[str, str]] = None
    metrics: Optional[Mapping[str, float]] = None


_current: Optional[Runner] = None  # the trial that is under way; a function that is merely called has none


def phase(name: str, timeout_s: Optional[float] = None) -> None:
    """A phase of the trial begins: load, compile, execute or check. It has a deadline of its own, which is the case's where none
    is given. Does nothing where the function is called without a trial."""
    if _current:
        _current.phase(name, timeout_s)


def operator(name: Optional[str] = None, type: Optional[str] = None) -> None:
    """This operator of the model begins; with neither, none is in flight any more."""
    if _current:
        _current.operator(name, type)


def counts(**numbers: int) -> None:
    """What was counted so far, which is stored with the trial however it ends."""
    if _current:
        _current.send({"counts": numbers})


def named_outputs(returned: Any) -> list[tuple[str, Any]]:
    """Outputs by name: of a dictionary its own, of a tuple output0, output1, …; anything else is one that is called output."""
    if returned is None:
        return []
    if isinstance(returned, Mapping):
        return [(str(name), value) for name, value in returned.items()]
    if isinstance(returned, tuple):
        return [(f"output{i}", value) for i, value in enumerate(returned)]
    return [("output", returned)]


class FunctionRunner:
    """A function that is a runner as well: called, it is still the function; main() answers trapline."""

    def __init__(self, function: Callable[..., Any], devices: Union[Devices, Callable[[], Devices]], name: Optional[str], version: str,
                 begins: str, serve: bool, about: Mapping[str, str]):
        self.function, self.devices, self.version, self.begins, self.about = function, devices, version, begins, dict(about)
        self.serve = serve and sys.platform == "linux"
        self.name = name or function.__name__
        self.__doc__, self.__wrapped__ = function.__doc__, function
        self.parameters = inspect.signature(function).parameters
        for p in self.parameters.values():
            if p.kind in (p.POSITIONAL_ONLY, p.VAR_POSITIONAL):
                raise TypeError(f"{self.name}(): {p.name} cannot be given by name, and axes are")

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self.function(*arguments, **named)

    def takes_all(self) -> bool:
        return any(p.kind is p.VAR_KEYWORD for p in self.parameters.values())

    def describe(self, runner: Runner) -> None:
        devices = self.devices() if callable(self.devices) else self.devices
        usable = devices.items() if isinstance(devices, Mapping) else [(device, "") for device in devices]
        names = [p.name for p in self.parameters.values() if p.kind is not p.VAR_KEYWORD and p.name not in GIVEN]
        axes: list[Union[str, Json]] = [{"name": axis, "about": self.about[axis]} if axis in self.about else axis for axis in names]
        runner.describe(self.name, self.version, usable, None if self.takes_all() else axes, serve=self.serve, builds=False)

    def arguments(self, request: Json) -> dict[str, Any]:
        """What the function is called with: axes by their names, and what it asks for of the rest."""
        given = {axis: value_of(value) for axis, value in request.get("variant", {}).items() if axis not in GIVEN}
        for name in GIVEN:
            if name in self.parameters:
                given[name] = read_inputs(request) if name == "inputs" else request.get(name)
        if not self.takes_all():
            given = {name: value for name, value in given.items() if name in self.parameters}
        lacking = [p.name for p in self.parameters.values()
                   if p.default is p.empty and p.kind is not p.VAR_KEYWORD and p.name not in given]
        if lacking:
            raise Failure("runner", "axis", f"{self.name}() takes {', '.join(lacking)}, and the case has no such axis: name it in the "
                          "case, or give the argument a default")
        return given

    def trial(self, runner: Runner) -> None:
        global _current
        arguments = self.arguments(runner.request)
        _current = runner
        try:
            if self.begins:
                runner.phase(self.begins)
            returned = self.function(**arguments)
            result = returned if isinstance(returned, Result) else Result(returned)
            directory = runner.request.get("outputs")
            outputs = [described(name, value, directory, i) for i, (name, value) in enumerate(named_outputs(result.outputs))]
        except (Unsupported, Failure):
            raise
        except Exception:
            traceback.print_exc()  # to stderr, which trapline keeps; the answer has the last line only
            raise
        finally:
            _current = None
        versions = {"python": sys.version.split()[0], **(result.versions or {})}
        runner.result(outputs, observed=result.observed, fallback=result.fallback, versions=versions, metrics=result.metrics)

    def work(self, runner: Runner) -> None:
        self.trial(runner) if runner.request.get("trial") else self.describe(runner)

    def main(self, arguments: Optional[Sequence[str]] = None) -> int:
        """Answers trapline; the exit status. By hand: --describe, or --trial JSON."""
        runner = Runner.begin(sys.argv[1:] if arguments is None else arguments)
        try:
            if self.serve and runner.request.get("serve") and runner.channel:
                return serve(runner.channel, self.work)
            return runner.answer(self.work)
        finally:
            runner.close()


def runner(devices: Union[Devices, Callable[[], Devices]], *, name: Optional[str] = None, version: str = "1",
           begins: str = "execute", serve: bool = False, about: Mapping[str, str] = {}) -> Callable[[Callable[..., Any]], FunctionRunner]:
    """Makes a function a runner. Its arguments are axes of the case, by name; `device`, `model` (a path) and `inputs` (arrays by
    name, which takes NumPy and trapline_tensors.py beside this file) are what they say; with **axes it takes every axis. It returns an
    array, a tensor, a number, lists of numbers, a tuple or a dictionary of these, None, or a Result.

    devices: names; or each with the reason why it cannot be used, "" where it can; or a function that tells either.
    begins: the phase in which the function is called; "" where it tells all of its phases itself.
    serve: what was imported is kept in one process, and each trial is a fork of it (Linux). Only where no import starts threads or
    takes hold of a device.
    about: a line for people about each axis.

    What the function raises is an error with the exception's package and type; Failure says domain and code itself, and Unsupported
    that the variant cannot be tried."""
    if isinstance(devices, str):
        raise TypeError(f"devices: expected a list, [{devices!r}]")
    return lambda function: FunctionRunner(function, devices, name, version, begins, serve, about)


def value_of(value: Any) -> Any:
    """A value of an axis; a set whose list is long comes in a file."""
    if isinstance(value, dict):
        with open(value["file"], encoding="utf-8") as file:
            return json.load(file)
    return value


def read_inputs(request: Json) -> Any:
    try:
        from trapline_tensors import read_inputs as read
    except ImportError as why:
        raise Failure("runner", "inputs", f"inputs take NumPy, and trapline_tensors.py beside trapline.py: {why}") from why
    return read(request.get("inputs"), request.get("variant", {}))


# --- a fork server ---------------------------------------------------------------------------------------------------


def serve(channel: socket.socket, work: Callable[[Runner], None]) -> int:
    """Forks a child for each trial, until nobody is there any more (docs/runners.md). What was imported is the children's, too."""
    channel.sendall(b'{"serving":1}\n')
    rest = b""
    descriptors: list[int] = []
    while True:
        piece, more, _, _ = socket.recv_fds(channel, MESSAGE_MOST, 3)
        descriptors += more
        rest += piece
        reap()
        if not piece:
            return 0
        while b"\n" in rest and len(descriptors) >= 3:
            _, _, rest = rest.partition(b"\n")
            given, descriptors = descriptors[:3], descriptors[3:]
            channel.sendall(json.dumps(forked(channel, given, work)).encode() + b"\n")


def reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass  # there is none


def forked(channel: socket.socket, given: Sequence[int], work: Callable[[Runner], None]) -> Json:
    """One child, which has the three descriptors as 3, 1 and 2. The answer of the server."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        child = os.fork()
    except OSError as error:
        child = -1
        why = error.strerror
    if child == 0:
        be_child(channel, given, work)
    for descriptor in given:
        os.close(descriptor)
    return {"forked": child} if child > 0 else {"error": {"domain": "serve", "code": "fork", "message": f"cannot fork: {why}"}}


def be_child(channel: socket.socket, given: Sequence[int], work: Callable[[Runner], None]) -> NoReturn:  # pragma: no cover (it ends by _exit)
    status = 1
    try:
        os.setsid()
        channel.detach()
        copies = [os.dup(descriptor) for descriptor in given]  # none of which is 0 to 3, as those are taken
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, to in zip([nothing, *copies], (0, 3, 1, 2)):
            os.dup2(source, to)
        for descriptor in (*given, *copies, nothing):
            os.close(descriptor)
        runner = Runner.begin([])
        if runner.request.get("trial"):
            os.environ["TMPDIR"] = runner.scratch()
            tempfile.tempdir = None  # which may have been looked up before the fork
            os.chdir(runner.scratch())
            status = runner.answer(work)
        else:
            status = 0  # it was not needed
    except BaseException:  # what goes wrong before the trial begins
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)

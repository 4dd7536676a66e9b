"""What runners of runtimes share: the trial in a process of its own, and what is known of the machine.

A runner reads its request from descriptor 3 and answers with lines of JSON (docs/runners.md), for which trapline.py has the class:

    runner = Runner.begin(sys.argv[1:])
    runner.phase("load")
    runner.result(outputs)              or runner.error(domain, code, message), or runner.unsupported(why)

A runtime may end its process at any point, and three things are left to do then: what it wrote says where it ran, its
scratch files bear the number of its process, and trapline wants to know of the end. So a runner of such a runtime is two
processes. The outer one has the socket; it starts the inner one, hands on what that says and writes, and outlives it:

    trapline  <- descriptor 3 ->  outer  <- a socket ->  inner: the runtime
              <- stderr       --         <- a pipe   --

Where the inner one dies of signal n the outer one ends with status 128 + n, which trapline takes for a crash of the process
that did die. Only the standard library is used here; what has to do with arrays is in trapline_tensors.py."""

from __future__ import annotations

import ctypes
import importlib.metadata
import json
import os
import plistlib
import signal
import socket
import subprocess
import sys
import threading
from typing import Any, BinaryIO, Callable, Iterable, Mapping, NoReturn, Optional, Sequence

from trapline import Failure, Json, Runner, Unsupported, failure, request_of, short

__all__ = ["Ended", "Failure", "Json", "Runner", "Unsupported", "be_run_by_chosen", "end_as", "failure", "images", "images_of_maps",
           "interpreter", "loaded_layers", "own_directory", "package_versions", "print_all", "request_of", "run_apart", "short", "state_directory",
           "system_versions"]

HINT_MOST = 65536  # bytes of a line of stderr that are looked at


# --- which interpreter -----------------------------------------------------------------------------------------------


def interpreter(request: Json) -> str:
    """The Python to run a trial in: that of the environment which the unit names as its build (RUNNER@…/pyvenv.cfg:DEVICE),
    or TRAPLINE_PYTHON, or this one."""
    path = (request.get("build") or {}).get("path")
    if path and os.path.basename(path) == "pyvenv.cfg":
        return os.path.join(os.path.dirname(path), "bin", "python")
    return os.environ.get("TRAPLINE_PYTHON") or sys.executable


def same_program(a: str, b: str) -> bool:
    """By path and not by what a link leads to: the link is what makes an environment."""
    return os.path.abspath(a) == os.path.abspath(b)


def be_run_by_chosen(arguments: Sequence[str]) -> None:
    """Goes on in the interpreter that TRAPLINE_PYTHON names, when this is another one; ends with 2 where it cannot be
    started."""
    python = os.environ.get("TRAPLINE_PYTHON")
    if not python or same_program(python, sys.executable):
        return
    try:
        os.execv(python, [python, *arguments])
    except OSError as error:
        print(f"no Python can be started as {python}: {error.strerror}. TRAPLINE_PYTHON names it: let it name an interpreter that has "
              "the packages, or unset it", file=sys.stderr)
        sys.exit(2)


def print_all(work: Callable[[], int]) -> int:
    """The exit status of work, which prints. A reader that has seen enough and left is as SIGPIPE is to other programs; where what
    was printed cannot be written, that is said, and the status is 2."""
    try:
        status = work()
        if sys.stdout:
            sys.stdout.flush()
        return status
    except OSError as error:
        with open(os.devnull, "wb") as nowhere:  # Python writes what is left when it ends
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 128 + signal.SIGPIPE
        print(f"stdout cannot be written: {error.strerror}", file=sys.stderr)
        return 2


# --- the trial in a process of its own -------------------------------------------------------------------------------


class Ended:
    """How the inner process ended, and what it wrote that was looked for."""

    def __init__(self, process: int, status: int, said: set[str], last: Optional[Json]):
        self.process, self.status, self.said, self.last = process, status, said, last


def copy_stderr(source: BinaryIO, hints: Sequence[str], said: set[str]) -> None:
    """Hands on what the inner process writes, at once, and notes which of the hints occur in it. One that is cut in two
    where a piece ends is found as well: the end of the piece before is looked at again."""
    kept = b""
    longest = max((len(h) for h in hints), default=1)
    while piece := os.read(source.fileno(), HINT_MOST):
        at = 0
        while at < len(piece):
            at += os.write(2, piece[at:])
        seen = kept + piece
        said.update(h for h in hints if h.encode() in seen)
        kept = seen[-longest:]


def run_apart(runner: Runner, argv: Sequence[str], environment: Mapping[str, str], hints: Sequence[str],
              started: Callable[[int], object] = lambda process: None) -> Ended:
    """Runs argv, to which `--inner N` is added, N being its socket, as the process that has the runtime; started is told its
    number. Its phases and operators are handed on at once; its last message is what the caller has to send."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        child = subprocess.Popen([*argv, "--inner", str(theirs.fileno())], stdin=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, pass_fds=[theirs.fileno()], env=dict(environment))
        theirs.close()
        started(child.pid)
        said: set[str] = set()
        assert child.stderr is not None
        copier = threading.Thread(target=copy_stderr, args=(child.stderr, hints, said))
        copier.start()
        last: Optional[Json] = None
        try:
            ours.sendall(json.dumps(runner.request).encode() + b"\n")
            with ours.makefile("rb") as lines:
                for line in lines:
                    message = request_of(line)
                    if "phase" in message or "operator" in message:
                        runner.write(line)
                    else:
                        last = message
        except (BrokenPipeError, ConnectionResetError):
            pass  # it died before it had read everything
        status = child.wait()
        copier.join()
        child.stderr.close()
    return Ended(child.pid, status, said, last)


def end_as(status: int) -> NoReturn:
    """Ends as the inner process did."""
    sys.stdout.flush()
    sys.exit(128 - status if status < 0 else status)


# --- versions --------------------------------------------------------------------------------------------------------


def package_versions(names: Iterable[str]) -> dict[str, str]:
    """Those of the packages that are installed; none of them is loaded for it."""
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def depends() -> list[str]:
    """What decides which packages this interpreter has, for "depends" of an answer to describe: the interpreter, where it looks
    for packages, where interpreters are looked for, and the files of the runner."""
    here = os.path.dirname(os.path.abspath(__file__))
    places = [sys.executable, *sys.path, *os.get_exec_path(), here, *(os.path.join(here, name) for name in sorted(os.listdir(here)))]
    return sorted({path for path in places if os.path.isabs(path)})


SYSCTL = {"kern.osproductversion": "os", "kern.osversion": "os_build", "hw.model": "hw.model",
          "machdep.cpu.brand_string": "chip", "hw.memsize": "memory"}


def system_versions(sysctl: str = "/usr/sbin/sysctl", xcode: str = "/var/db/xcode_select_link") -> dict[str, str]:
    """Version and build of the system, the model of the machine, and Xcode; nothing where they are not told."""
    found = {"python": sys.version.split()[0]}
    if os.access(sysctl, os.X_OK):
        done = subprocess.run([sysctl, *SYSCTL], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        for line in done.stdout.decode("utf-8", "replace").splitlines():
            name, colon, value = line.partition(": ")
            if colon and name in SYSCTL:
                found[SYSCTL[name]] = value
    developer = os.path.realpath(xcode) if os.path.exists(xcode) else "/Applications/Xcode.app/Contents/Developer"
    try:
        with open(os.path.join(os.path.dirname(developer), "version.plist"), "rb") as file:
            told = plistlib.load(file)
        found["xcode"] = f"{told['CFBundleShortVersionString']} ({told['ProductBuildVersion']})"
    except (OSError, KeyError, ValueError, plistlib.InvalidFileException):
        pass  # only the command line tools are there, or nothing is
    return found


# --- what a runtime loads and leaves ---------------------------------------------------------------------------------

# Parts of names of libraries, and where code runs that is in them (docs/coreai.md).
LAYERS = {"MetalPerformanceShadersGraph": "gpu", "MPSNDArray": "gpu", "MPSCore": "gpu", "AGXMetal": "gpu",
          "ANECompiler": "ane", "AppleNeuralEngine": "ane", "libBNNS": "cpu"}


def images_of_dyld(library: Any) -> list[str]:
    """Paths of the libraries of this process, as macOS tells them."""
    library._dyld_get_image_name.restype = ctypes.c_char_p
    return [os.fsdecode(library._dyld_get_image_name(i)) for i in range(library._dyld_image_count())]


def images_of_maps(maps: str = "/proc/self/maps") -> list[str]:
    """The same on Linux."""
    with open(maps, encoding="utf-8", errors="replace") as file:
        return sorted({line.split(None, 5)[5].strip() for line in file if len(line.split(None, 5)) == 6})


def images(platform: str = sys.platform) -> list[str]:
    return images_of_dyld(ctypes.CDLL(None)) if platform == "darwin" else images_of_maps()


def loaded_layers(images: Iterable[str]) -> set[str]:
    """Which units the libraries are for that were loaded: where code may have run, and no more than that."""
    names = [os.path.basename(path) for path in images]
    return {unit for part, unit in LAYERS.items() for name in names if part in name}


def own_directory(path: str) -> bool:
    """Whether it is a directory, no link to one, and this user's."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return os.path.isdir(path) and not os.path.islink(path) and found.st_uid == os.getuid()


def state_directory(name: str) -> str:
    """Where a runner keeps what outlives a trial; it need not be there."""
    base = os.environ.get("XDG_STATE_HOME", "")
    if not base.startswith("/"):
        base = os.path.expanduser("~/.local/state")
    return os.path.join(base, "trapline", name)

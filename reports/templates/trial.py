"""Runs one trial of a runner without trapline, as docs/runners.md of trapline has it, and says what came of it.

    python3 trial.py SIDE SCRATCH RUNNER      SIDE is a member of trial.json beside this file: failing, control

Needs nothing but Python. Exit status: 0 it ran and its outputs are right; 128 + n after signal n; 1 the runtime refused; 2 it
could not be tried; 3 an output is not what it should be, or it was done in another way; 124 it did not end; else the
runner's own.
"""
import fcntl
import json
import math
import os
import signal
import socket
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LONGEST = 65536 # bytes of a message, with its newline
WAIT = 0.1 # seconds until it is looked whether the runner has ended
TYPES = {"f2": "e", "f4": "f", "f8": "d", "i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I",
         "i8": "q", "u8": "Q", "b1": "?"}


def filled(value):
    """With the places of the bundle and of this home."""
    if isinstance(value, str):
        return value.replace("{bundle}", HERE).replace("{home}", os.path.expanduser("~"))
    if isinstance(value, list):
        return [filled(one) for one in value]
    if isinstance(value, dict):
        return {key: filled(one) for key, one in value.items()}
    return value


def finish(status, words):
    """A file of the bundle is told by its name in it, wherever that is; one of the scratch directory likewise."""
    for directory, name in ((sys.argv[2], "{scratch}/"), (os.path.realpath(sys.argv[2]), "{scratch}/"), (HERE, ""),
                            (os.path.realpath(HERE), "")):
        words = words.replace(directory + os.sep, name)
    print("RESULT: " + " ".join(words.split()), flush=True)
    sys.exit(status)


def died(number, where):
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    finish(128 + number, f"the runner died of {name} in phase {where}")


def value_at(output, outputs, index):
    """One value of an output: from its file, or of the first ones that its description holds."""
    flat = 0
    for extent, i in zip(output.get("shape", []), index):
        flat = flat * extent + i
    if output.get("npy") and outputs:
        with open(os.path.join(outputs, output["npy"]), "rb") as f:
            data = f.read()
        size, at = (struct.unpack("<H", data[8:10])[0], 10) if data[6] == 1 else (struct.unpack("<I", data[8:12])[0], 12)
        kind = data[at:at + size].decode("latin-1").split("'descr':")[1].split("'")[1]
        code = TYPES.get(kind[1:])
        if code:
            return struct.unpack_from("<" + code, data, at + size + flat * struct.calcsize("<" + code))[0]
    first = output.get("first", [])
    return first[flat] if flat < len(first) else None


def check(result, expected, outputs, device):
    if isinstance(result.get("fallback"), str):
        finish(3, "it fell back: " + result["fallback"])
    if result.get("observed") and result["observed"] != device:
        finish(3, f"it ran on {result['observed']} and not on {device}")
    by_name = {output.get("name"): output for output in result.get("outputs", [])}
    if not expected:
        for name, output in by_name.items():
            if output.get("finite") is False:
                finish(3, f"output {name} holds values that are not finite")
        return
    output = by_name.get(expected["output"])
    if output is None:
        finish(3, f"there is no output {expected['output']}")
    if "index" not in expected:
        if expected.get("how") == "not finite" and output.get("finite") is False:
            finish(3, f"output {expected['output']} holds values that are not finite")
        if expected.get("how") == "all zero" and output.get("min") == 0 == output.get("max"):
            finish(3, f"output {expected['output']} is all zero")
        return
    got, right = value_at(output, outputs, expected["index"]), expected["expected"]
    if got is None or isinstance(got, str):
        got = math.nan
    place = f"output {expected['output']}{expected['index']}"
    print(f"{place}: expected {right!r}, got {got!r}", flush=True)
    if not abs(got - right) <= expected["bound"]:
        finish(3, f"{place} is wrong")


def high(end):
    """The same socket under a number that is not in the way of the runner's, which is 3."""
    other = socket.socket(fileno=fcntl.fcntl(end.fileno(), fcntl.F_DUPFD_CLOEXEC, 10))
    end.close()
    return other


def receive(ours, process, until):
    """The next bytes; none at the end, None when it is until. What a process says that the runner left behind is of no interest: it may
    hold its end open for ever."""
    while True:
        ended = process.poll() is not None
        ours.settimeout(WAIT if until is None else max(0.01, min(WAIT, until - time.monotonic())))
        try:
            return ours.recv(65536)
        except socket.timeout:
            if ended:
                return b""
            if until is not None and time.monotonic() >= until:
                return None
        except ConnectionError:
            return b""


def main():
    side, scratch, runner = sys.argv[1:4]
    with open(os.path.join(HERE, "trial.json"), encoding="utf-8") as f:
        trial = filled(json.load(f)[side])
    request, seconds = trial["request"], trial.get("timeout_s", 0)
    request["scratch"] = scratch
    outputs = None
    if request.get("outputs"):
        outputs = request["outputs"] = os.path.join(scratch, "outputs")
        os.mkdir(outputs)
    ours, theirs = map(high, socket.socketpair())
    os.dup2(theirs.fileno(), 3, inheritable=True)
    process = subprocess.Popen([runner], stdin=subprocess.DEVNULL, cwd=scratch, pass_fds=[3])
    os.close(3)
    theirs.close()
    ours.sendall(json.dumps(request).encode() + b"\n")
    last, phase, pending, began = None, "start", b"", time.monotonic()
    while True:
        chunk = receive(ours, process, began + seconds if seconds else None)
        if chunk is None:
            process.kill()
            finish(124, f"phase {phase} still ran after {seconds:g} s")
        if not chunk:
            break
        *lines, pending = (pending + chunk).split(b"\n")
        if max(map(len, lines + [pending])) >= LONGEST: # it may never end
            process.kill()
            finish(1, f"a message of more than {LONGEST} bytes in phase {phase}")
        for line in lines:
            message = json.loads(line)
            if "phase" in message:
                phase, began = message["phase"], time.monotonic()
                print(phase, flush=True)
            elif not {"result", "error", "unsupported", "died", "lost"}.isdisjoint(message):
                last = message
    try:
        status = process.wait(timeout=seconds or None)
    except subprocess.TimeoutExpired:
        process.kill()
        finish(124, f"the runner did not end after phase {phase}")
    if status < 0:
        died(-status, phase)
    if last and "died" in last:
        died(int(getattr(signal, last["died"].get("signal", ""), 0)), phase)
    if last and "error" in last:
        error = last["error"]
        finish(1, f"{error.get('domain')} {error.get('code')} in phase {phase}: {error.get('message')}")
    if status:
        finish(status, f"the runner exited with status {status} in phase {phase}")
    if not last or "result" not in last:
        finish(2 if last else 1, f"no result: {json.dumps(last)}")
    result = last["result"]
    if "file" in result:
        with open(os.path.join(scratch, result["file"]), encoding="utf-8") as f:
            result = json.load(f)
    check(result, trial.get("expected"), outputs, request.get("device"))


main()

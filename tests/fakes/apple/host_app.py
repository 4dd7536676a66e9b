"""A stand-in for the app of runners/iphone and the runtime in it: host_app.py --describe | --trial REQUEST | --end.

It behaves as was reported of an iPhone with a beta of iOS 27, and decides by the program that it is given (main.json: nodes
with "op", "in" and "attr"), by the device that it is asked for, and by nothing else:

    slice_update whose begin is data of an input   gpu: SIGSEGV at the first execute; ane: SIGABRT while compiling
    trap, wait, vanish, exit, babble               dies of SIGTRAP; never ends; is killed as by its system; exits without an
                                                   answer; writes what looks like devicectl's words, and goes on
    drift                                          says that it ran on the GPU"""
import hashlib
import json
import os
import signal
import struct
import sys
import time


def send(message):
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(1, b"\n@trapline " + json.dumps(message).encode() + b"\n")


def leave_frames(*frames):
    with open("frames.json", "w", encoding="utf-8") as file:
        json.dump(frames, file)


def reads_data(nodes, number):
    return nodes[number]["op"] == "input" or any(reads_data(nodes, i) for i in nodes[number]["in"])


def writes_at_data(nodes):
    return any(node["op"] == "slice_update" and reads_data(nodes, node["in"][2]) for node in nodes)


def compile_for(nodes, device):
    if device == "ane" and writes_at_data(nodes):
        leave_frames(["libsystem_kernel.dylib", "__pthread_kill"], ["libsystem_c.dylib", "abort"],
                     ["MetalPerformanceShadersGraph", "GPU::MPSGraphExecutable::specialize"], ["CoreAI", "AIModel.specialize"])
        print("loc(fused): error: MLIR pass manager failed", file=sys.stderr)
        sys.stderr.flush()
        os.abort()


def execute(nodes, device):
    ops = [node["op"] for node in nodes]
    if device == "gpu" and writes_at_data(nodes):
        leave_frames(["MetalPerformanceShadersGraph", "GPU::SliceUpdateOpHandler::encodeOp"],
                     ["MetalPerformanceShadersGraph", "GPU::BaseOpHandler::encode"], ["CoreAI", "InferenceFunction.run"])
        import ctypes
        ctypes.string_at(0)
    if "trap" in ops:
        print("a line without an end", end="")
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGTRAP)
    if "wait" in ops:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
    if "vanish" in ops:
        os.kill(os.getpid(), signal.SIGKILL)
    if "exit" in ops:
        print("the model is not what it was", file=sys.stderr)
        sys.exit(0)
    if "babble" in ops:
        print("App terminated due to signal 11.")
        print(f"and it goes on as {os.environ.get('BABBLE', 'nobody')}")


FORMATS = {"float32": "f", "float16": "e", "int32": "i"}


def tensor(path):
    """The elements of an .npy file, as bytes."""
    with open(path, "rb") as file:
        data = file.read()
    at = 10 + struct.unpack_from("<H", data, 8)[0]
    return data[at:]


def output(name, dtype, data, request, number):
    form = FORMATS[dtype]
    size = struct.calcsize(form)
    values = struct.unpack(f"<{len(data) // size}{form}", data)
    told = {"name": name, "dtype": dtype, "shape": [len(values)], "hash": hashlib.sha256(data).hexdigest(), "finite": True,
            "first": list(values[:8])}
    if "outputs" in request:
        told["npy"] = f"{number}.npy"
        os.makedirs(request["outputs"], exist_ok=True)
        header = f"{{'descr': '<{'i' if form == 'i' else 'f'}{size}', 'fortran_order': False, 'shape': ({len(values)},), }}"
        header += " " * (-(len(header) + 11) % 64) + "\n"
        with open(os.path.join(request["outputs"], told["npy"]), "wb") as file:
            file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)
    return told


def trial(request):
    send({"phase": "load"})
    with open(os.path.join(request["calls"], "calls.json"), encoding="utf-8") as file:
        calls = json.load(file)["calls"]
    programs = {}
    for call in calls:
        with open(os.path.join(request["model"], call["asset"], "main.json"), encoding="utf-8") as file:
            programs[call["asset"]] = json.load(file)["nodes"]
    send({"phase": "compile"})
    for nodes in programs.values():
        compile_for(nodes, request["device"])
    send({"phase": "execute"})
    outputs = []
    for call in calls:
        execute(programs[call["asset"]], request["device"])
        for one in call["inputs"][:1]:
            outputs.append(output(one["name"], one["dtype"], tensor(os.path.join(request["calls"], one["npy"])), request, len(outputs)))
    send({"phase": "check"})
    result = {"outputs": outputs, "versions": {"host": "1.0"}}
    if any(node["op"] == "drift" for nodes in programs.values() for node in nodes):
        result["observed"] = "gpu"
    send({"result": result})


def main(arguments):
    send({"app": {"pid": os.getpid(), "process": "TraplineHost", "now_us": int(time.time() * 1e6)}})
    if arguments[0] == "--describe":
        send({"name": "coreai", "version": "1.0", "protocol": 1, "serve": False, "axes": [],
              "devices": [{"name": name, "usable": True, "why": ""} for name in ("default", "cpu", "gpu", "ane")]})
    elif arguments[0] == "--trial":
        trial(json.loads(arguments[1]))


main(sys.argv[1:])

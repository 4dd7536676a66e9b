#!/usr/bin/python3 -IS
"""A stand-in for an iPhone: phone.py DIRECTORY [DESCRIPTOR] serves until it is ended.

    DIRECTORY/phone.json            what it is, and its state: "paired", "plugged", "locked"; "report_delay_s": seconds until a
                                    crash report is there, null for none
    DIRECTORY/apps/BUNDLE.json      {"argv": […]}: a program of this machine that is the app
    DIRECTORY/containers/BUNDLE     its container, which is its working directory
    DIRECTORY/crashes               reports of crashes, as iOS writes them
    DIRECTORY/log                   what ran: a line of JSON for each beginning and end

An app is a process of this phone: it goes on when nobody listens any more. A byte is written to DESCRIPTOR when it serves."""
import base64
import datetime
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid

HOME = sys.argv[1]
LOCK = threading.Lock()
RUNNING = {}  # bundle: process
EXCEPTIONS = {"SIGSEGV": "EXC_BAD_ACCESS", "SIGBUS": "EXC_BAD_ACCESS", "SIGABRT": "EXC_CRASH", "SIGTRAP": "EXC_BREAKPOINT",
              "SIGILL": "EXC_BAD_INSTRUCTION", "SIGFPE": "EXC_ARITHMETIC"}


def state():
    with open(os.path.join(HOME, "phone.json"), encoding="utf-8") as file:
        return json.load(file)


def log(**what):
    with LOCK, open(os.path.join(HOME, "log"), "a", encoding="utf-8") as file:
        file.write(json.dumps({**what, "at": time.monotonic()}) + "\n")


def stamp(when, form):
    return datetime.datetime.fromtimestamp(when, datetime.timezone.utc).strftime(form)


def report(container, name, pid, number, launched, ended):
    """What the system writes of a crash. Frames are those that the app left, for nobody unwinds it here."""
    phone, signal_name = state(), signal.Signals(number).name
    if phone["report_delay_s"] is None or signal_name not in EXCEPTIONS:
        return
    left = os.path.join(container, "frames.json")
    frames = [["libsystem_kernel.dylib", "__pthread_kill"], ["TraplineHost", "main"]]
    if os.path.exists(left):
        with open(left, encoding="utf-8") as file:
            frames = json.load(file)
        os.unlink(left)
    images = list(dict.fromkeys(image for image, _ in frames))
    system = {"train": f"iPhone OS {phone['os']}", "build": phone["os_build"]}
    header = {"app_name": name, "timestamp": stamp(ended, "%Y-%m-%d %H:%M:%S.00 +0000"), "bug_type": "309",
              "os_version": f"iPhone OS {phone['os']} ({phone['os_build']})", "incident_id": str(uuid.uuid4()).upper(), "name": name}
    body = {"pid": pid, "procName": name, "captureTime": stamp(ended, "%Y-%m-%d %H:%M:%S.%f +0000"),
            "procLaunch": stamp(launched, "%Y-%m-%d %H:%M:%S.%f +0000"), "modelCode": phone["model"], "cpuType": "ARM-64",
            "osVersion": system, "incident": header["incident_id"],
            "exception": {"type": EXCEPTIONS[signal_name], "signal": signal_name, "codes": "0x0000000000000001, 0x0000000000000000"},
            "termination": {"namespace": "SIGNAL", "code": number, "indicator": signal_name},
            "faultingThread": 0,
            "threads": [{"triggered": True, "id": 1, "queue": "com.apple.main-thread",
                         "frames": [{"imageIndex": images.index(image), "imageOffset": 4096 * (i + 1), "symbol": symbol,
                                     "symbolLocation": 12} for i, (image, symbol) in enumerate(frames)]}],
            "usedImages": [{"name": image, "base": 0x100000000 + 0x1000000 * i, "size": 0x1000000, "uuid": str(uuid.uuid4()),
                            "path": f"/System/Library/{image}"} for i, image in enumerate(images)]}
    time.sleep(phone["report_delay_s"])
    os.makedirs(os.path.join(HOME, "crashes"), exist_ok=True)
    with new_report(f"{name}-{stamp(ended, '%Y-%m-%d-%H%M%S')}") as file:
        file.write(json.dumps(header) + "\n" + json.dumps(body, indent=2))


def new_report(name):
    """A file of its own: the second of one second has a number, NAME.000.ips."""
    for suffix in ["", *(f".{n:03}" for n in range(1000))]:
        try:
            return open(os.path.join(HOME, "crashes", name + suffix + ".ips"), "x", encoding="utf-8")
        except FileExistsError:
            pass
    raise RuntimeError("too many crashes within one second")


class Console:
    """Whoever listens to an app; nobody, once the cable is out."""

    def __init__(self, connection):
        self.connection, self.lock = connection, threading.Lock()

    def send(self, **message):
        try:
            with self.lock:
                self.connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            pass


def pass_on(stream, name, console):
    while chunk := os.read(stream.fileno(), 65536):
        console.send(**{name: base64.b64encode(chunk).decode()})


def watch_cable(connection, process):
    while process.poll() is None:
        if not state()["plugged"]:
            connection.shutdown(socket.SHUT_RDWR)
            return
        time.sleep(0.05)


def listen(lines, process):
    try:
        for line in lines:
            process.send_signal(json.loads(line)["signal"])
    except (OSError, ValueError):
        pass


def end_running(bundle):
    running = RUNNING.get(bundle)
    if running and running.poll() is None:
        running.kill()
        running.wait()


def run(connection, lines, request):
    console, bundle = Console(connection), request["bundle"]
    app = os.path.join(HOME, "apps", bundle + ".json")
    if not os.path.exists(app):
        console.send(error=f"The application {bundle} is not installed.")
        return
    if state()["locked"]:
        console.send(error=f"Unable to launch {bundle} because the device was not, or could not be, unlocked.")
        return
    if request["terminate_existing"]:
        end_running(bundle)
    with open(app, encoding="utf-8") as file:
        argv = json.load(file)["argv"]
    container = os.path.join(HOME, "containers", bundle)
    os.makedirs(container, exist_ok=True)
    environment = {"PATH": "/usr/bin:/bin", "HOME": container, **request["environment"]}
    launched = time.time()
    process = subprocess.Popen([*argv, *request["arguments"]], cwd=container, env=environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    RUNNING[bundle] = process
    log(begin=process.pid, arguments=request["arguments"][:1])
    console.send(launched=process.pid)
    for target, arguments in ((watch_cable, (connection, process)), (listen, (lines, process))):
        threading.Thread(target=target, args=arguments, daemon=True).start()
    readers = [threading.Thread(target=pass_on, args=(stream, name, console), daemon=True)
               for stream, name in ((process.stdout, "out"), (process.stderr, "err"))]
    for one in readers:
        one.start()
    status = process.wait()
    ended = time.time()
    for one in readers:
        one.join()
    log(end=process.pid, status=status)
    console.send(ended=status)
    if status < 0:
        report(container, "TraplineHost", process.pid, -status, launched, ended)


def serve(connection):
    with connection, connection.makefile("rb") as lines:
        run(connection, lines, json.loads(lines.readline()))


def main():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.path.join(HOME, "socket"))
    listener.listen()
    if len(sys.argv) > 2:
        os.write(int(sys.argv[2]), b"\n")
    try:
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
    finally:
        for bundle in list(RUNNING):
            end_running(bundle)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
main()

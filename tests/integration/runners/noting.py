#!/usr/bin/env python3
"""A runner for the kill test: notes the id of each trial that it began, and then does one thing or another."""
import json
import os
import random
import signal
import socket
import sys
import time

channel = socket.socket(fileno=3)
lines = channel.makefile("rw")
request = json.loads(lines.readline())
say = lambda message: (lines.write(json.dumps(message) + "\n"), lines.flush())

if "describe" in request:
    say({"name": "noting", "version": "1", "devices": [{"name": "cpu", "usable": True}], "axes": [], "serve": False})
    sys.exit(0)

note = os.open(os.environ["TRAPLINE_TEST_NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
os.write(note, (request["id"] + "\n").encode())
say({"phase": "execute"})
what = random.choice(["pass", "pass", "crash", "sleep", "leave", "leave"])
if what == "leave":  # a descendant in a session of its own, which nobody waits for
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
    os.wait()
elif what == "crash":
    os.kill(os.getpid(), signal.SIGSEGV)
elif what == "sleep":
    time.sleep(random.uniform(0, 0.5))
say({"result": {"outputs": []}})

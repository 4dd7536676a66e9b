#!/usr/bin/env python3
"""The trials of a reduction's search against bare forks of the same models: reduce.py TRAPLINE ONNX_VARIANT [UNIT] [ROUNDS]

A chain of 1,000 nodes of whole numbers, of which two make a division by zero together, is reduced with a database of its own.
Then each variant that its search tried, from `constants` to `structural`, is run again by the same runner as its fork server
forks it: nothing traces it, no limit holds it, nothing is captured, judged or stored. (A process for each would be no measure:
loading the runtime takes longer than all of the rest, and the search does without that, too.) Both take turns in one run, and
each round is a pair. Of the search there is the wall time of its trials, each from the start of its process until it is judged,
and that of its steps, with everything that is done between two trials: choosing, editing, writing models, storing. The exit
status is 1 where the median of the ratios of the trials is above what is wanted. On a machine that is busy the sums of the
least times say more: of each trial, and of each step, the least of all rounds."""

import array
import json
import os
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import onnx_bytes as o

WANTED = 1.3
NODES, FIRST, SECOND = 1000, 211, 800
SEARCH = {"constants", "end", "outputs", "begin", "inside", "between", "structural"}


# --- a model ---

def chain():
    nodes = []
    for i in range(NODES):
        before = f"t{i - 1}" if i else "x"
        op, inputs = {FIRST: ("Mul", [before, "zero"]), SECOND: ("Div", ["three", before])}.get(i, ("Mul", [before, "one"]))
        nodes.append(o.node(op, inputs, [f"t{i}"], f"layers.{i}"))
    tensors = [o.vector(name, o.INT32, v) for name, v in (("zero", 0), ("one", 1), ("three", 3))]
    return o.model(o.graph(nodes, [o.value("x", o.INT32, [4])], [o.value(f"t{NODES - 1}", o.INT32, [4])], tensors))


# --- the search ---

class Search:
    def __init__(self, trapline, unit, directory):
        self.directory, self.trapline, self.unit = directory, trapline, unit
        self.state = os.path.join(directory, "state")
        self.env = dict(os.environ, XDG_STATE_HOME=self.state)
        self.model = os.path.join(directory, "model.onnx")
        with open(self.model, "wb") as f:
            f.write(chain())
        self.x = os.path.join(directory, "x.npy") # without a zero, which alone would do
        with open(self.x, "wb") as f:
            f.write(o.npy(o.INT32, [4], [1, 2, 3, 4]))

    def ask(self, *arguments):
        done = subprocess.run([self.trapline, *arguments, "--json"], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode > 1:
            sys.exit(done.stderr)
        return json.loads(done.stdout)

    def run(self):
        """The seconds of each step of the search, and its trials."""
        shutil.rmtree(self.state, ignore_errors=True)
        found = self.ask("reduce", self.model, "-u", self.unit, "--inputs", "x=" + self.x)
        steps = [s for s in found["steps"] if s["step"] in SEARCH]
        n = sum(s["trials"] for s in steps)
        before = sum(s["trials"] for s in found["steps"][:found["steps"].index(steps[0])])
        listed = self.ask("list", "trials", "--limit", "1000")["trials"][::-1][before:before + n]
        return [s["elapsed_s"] for s in steps], [self.ask("show", t["id"]) for t in listed], found


# --- the same models, bare ---

class Server:
    def __init__(self, shown):
        self.ours, theirs = socket.socketpair()
        request = {"serve": 1, "device": shown["request"]["device"], "build": shown["request"]["build"]}

        def descriptor_3():
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0)) # or those that die would write one
            os.dup2(theirs.fileno(), 3)
        self.process = subprocess.Popen(shown["command"], preexec_fn=descriptor_3, pass_fds=[3], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        theirs.close()
        self.ours.sendall(json.dumps(request).encode() + b"\n")
        if b"serving" not in self.ours.recv(65536):
            sys.exit("the runner does not serve")

    def trial(self, request):
        """The seconds from the fork to the end of the child, and what it said last."""
        ours, theirs = socket.socketpair()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        line, said = json.dumps(request).encode() + b"\n", b""
        begun = time.perf_counter()
        fds = array.array("i", [theirs.fileno(), nowhere, nowhere])
        self.ours.sendmsg([b'{"fork":1}\n'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        theirs.close()
        ours.sendall(line)
        while piece := ours.recv(65536):
            said += piece
        elapsed = time.perf_counter() - begun
        self.ours.recv(65536)
        ours.close()
        os.close(nowhere)
        return elapsed, said

    def end(self):
        self.ours.close()
        self.process.wait()


def make_requests(search, variants, shown):
    """Requests as those were, of models that are made again from their lists of edits."""
    work = os.path.join(search.state, "trapline", "trapline.db-reductions")
    work = os.path.join(work, os.listdir(work)[0])
    requests = []
    for i, trial in enumerate(shown):
        number = trial["variant"]["edits"]
        with open(os.path.join(work, "edits", f"{number}.json"), encoding="utf-8") as f:
            known = json.load(f)
        place = os.path.join(search.directory, "bare", str(i))
        model, inputs, scratch = (os.path.join(place, name) for name in ("model.onnx", "inputs.json", "scratch"))
        os.makedirs(scratch)
        subprocess.run([variants, search.model, json.dumps(known["edits"]["edits"]), model], check=True)
        for x in known["inputs"]:
            x.pop("recorded", None)
        with open(inputs, "w", encoding="utf-8") as f:
            json.dump(known["inputs"], f)
        request = dict(trial["request"], model=model, inputs=inputs, scratch=scratch)
        request.pop("outputs", None)
        if "outputs" in trial["request"]:
            request["outputs"] = os.path.join(place, "outputs")
            os.mkdir(request["outputs"])
        requests.append(request)
    return requests


def clear(requests):
    for request in requests:
        for directory in (request["scratch"], request.get("outputs")):
            if directory:
                shutil.rmtree(directory)
                os.mkdir(directory)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    unit = sys.argv[3] if len(sys.argv) > 3 else "onnxruntime@1.22.0:cpu"
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 11
    version = re.search("@([^:]*)", unit)
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if version and not os.path.isdir(os.path.join(cache, "trapline", "builds", "onnxruntime", version.group(1))):
        print(f"{unit} is not in the cache; nothing is measured")
        return 77
    with tempfile.TemporaryDirectory() as directory:
        search = Search(sys.argv[1], unit, directory)
        _, shown, found = search.run()
        requests = make_requests(search, sys.argv[2], shown)
        server = Server(shown[0])
        for request in requests:
            server.trial(request)
        steps, trials, bare = [], [], []
        for _ in range(rounds):
            clear(requests)
            seconds, again, found = search.run()
            if [t["variant"] for t in again] != [t["variant"] for t in shown]:
                sys.exit("the search tried other variants this time")
            forks = [server.trial(request) for request in requests]
            for (_, said), trial in zip(forks, shown):
                if (b'"result"' in said) != (trial["outcome"] == "pass"):
                    sys.exit(f"a variant came to something else: {trial['variant']}")
            steps.append(seconds)
            trials.append([t["wall_s"] for t in again])
            bare.append([elapsed for elapsed, _ in forks])
        server.end()

    def median(of):
        return statistics.median(map(sum, of))

    def least(of):
        return sum(map(min, zip(*of)))

    def show(name, of):
        against = statistics.median(sum(x) / sum(y) for x, y in zip(of, bare))
        print(f"  {name:12} median {median(of) * 1e3:7.1f} ms, least {least(of) * 1e3:7.1f} ms, to bare forks {against:.2f}, least {least(of) / least(bare):.2f}")
        return against
    print(f"reduction of {NODES} nodes to {found['structural_nodes']}, {len(shown)} trials of its search, {rounds} rounds")
    show("bare forks", bare)
    ratio = show("trials", trials)
    show("search", steps)
    print(f"  at most {WANTED} wanted of the trials" + ("" if ratio <= WANTED else "  MISSED"))
    return 0 if ratio <= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())

"""How long it takes until a command that knows its answer has given it: start.py TRAPLINE [BEFORE]

In turn, since a machine is not always as fast: `trapline --version` and `sqlite3 --version`, and `trapline list units` with 27
builds, asked for the first time and again. BEFORE is another trapline, to compare with. Times are of whole processes with
their children, the median of several. The exit status is 1 when a start costs more than twice that of sqlite3, or a second list
of units 200 ms of CPU."""
import hashlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BUILDS = 27


def measure(command, env, right=(0,)):
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    status = subprocess.run(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if status not in right:
        sys.exit(f"exit status {status}: {' '.join(command)}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def make_builds(cache, number):
    """Builds on disk: real ones where there are some, again and again under other versions; else files that are none."""
    real = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "trapline", "builds", "onnxruntime")
    libraries = sorted(os.path.join(real, name, "libonnxruntime.so") for name in (os.listdir(real) if os.path.isdir(real) else []))
    libraries = [path for path in libraries if os.path.isfile(path)]
    for i in range(number):
        version = "9.%d.0" % i
        place = os.path.join(cache, "trapline", "builds", "onnxruntime", version)
        os.makedirs(place)
        library = os.path.join(place, "libonnxruntime.so")
        if libraries:
            os.link(libraries[i % len(libraries)], library)
        else:
            with open(library, "w") as f:
                f.write(version)
        with open(library, "rb") as f:
            sha256 = hashlib.sha256(f.read()).hexdigest()
        with open(os.path.join(place, "build.json"), "w") as f:
            json.dump({"trapline": 1, "runner": "onnxruntime", "version": version, "sha256": sha256, "when_us": 1, "when": "",
                       "size": os.path.getsize(library), "source": "bench"}, f)
    return len(libraries)


def show(what, samples):
    cpu, wall = (statistics.median(s[i] for s in samples) * 1000 for i in (0, 1))
    print(f"{what:48} {cpu:8.1f} ms of CPU {wall:8.1f} ms")
    return cpu, wall


def main():
    programs = [os.path.abspath(path) for path in sys.argv[1:3]]
    here, sqlite = tempfile.mkdtemp(prefix="trapline-bench-"), shutil.which("sqlite3")
    try:
        env = dict(os.environ, XDG_CACHE_HOME=here, XDG_STATE_HOME=here)
        try:
            real = make_builds(here, BUILDS)
        except OSError as error: # a link to another file system
            print("builds cannot be linked:", error)
            return 77
        starts = {command: [] for command in (*programs, *filter(None, [sqlite]))}
        for _ in range(50):
            for command, samples in starts.items():
                samples.append(measure([command, "--version"], env))
        costs = {command: show(f"{command} --version"[-48:], samples)[0] for command, samples in starts.items()}
        bad = bool(sqlite) and costs[programs[0]] > 2 * costs[sqlite]
        for program in programs:
            first = [measure([program, "list", "units"], env)]
            again = [measure([program, "list", "units"], env) for _ in range(10)]
            show(f"list units, {BUILDS} builds ({real} of them real), first", first)
            cost, _ = show("list units again", again)
            bad |= program == programs[0] and cost > 200
            shutil.rmtree(os.path.join(here, "trapline", "descriptions"), ignore_errors=True)
        return int(bad)
    finally:
        shutil.rmtree(here, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

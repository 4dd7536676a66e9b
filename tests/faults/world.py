"""What a command is tried in: a directory of its own with a case, a database and all that the command needs; and what has to
be true when the command was disturbed."""
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import inject

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
from onnx_bytes import chain  # noqa: E402

TRAPLINE, NOTING = os.environ.get("TRAPLINE_BIN", ""), os.environ.get("NOTING_RUNNER", "")
REPORT = os.path.join(os.path.dirname(HERE), "integration", "pages", "Python-2031-02-03-102031.ips")
PATIENCE = 60 # seconds until it is a hang
UNIT = ("-u", NOTING + ":cpu")
JUDGE = f"""#!{sys.executable} -IS
import os, signal, sys
if b"Softmax" in open(sys.argv[1], "rb").read():
    os.kill(os.getpid(), signal.SIGABRT)
"""
# What a case names and cannot be looked at is a mistake in it.
SEEN_AS_DATA = ("mistake in case.json",)
BESIDE = {"t.db-wal", "t.db-shm", "t.db-intent", "tmp", "state", "cache", "data", "config", "t.db-reductions"} # of trapline, and of a database
# What has to be had to remove a directory with what is in it.
REMOVING = ("unlink", "unlinkat", "rmdir", "getdents64", "openat", "openat2", "fcntl", "newfstatat", "fstat")
ABORTED = "trapline: stopped by abort()"
LEFT_OUT = re.compile(r"left out: .*: it cannot be read") # a bundle without a part that could not be had says so
LINE = re.compile(r"^([0-9a-f]{8}-[0-9a-f-]{27})  (\w+)", re.M)


class Command:
    """words: what is tried. before: commands whose results it works on. rows: how many trials it adds, where that is fixed.
    produces: the file or directory that it writes; prints: whether what it prints is its product. leaves: whether trials leave a process behind."""
    def __init__(self, *words, before=(), status=0, rows=None, produces=None, prints=False, leaves=True):
        self.words, self.before, self.status, self.rows, self.produces, self.prints = words, before, status, rows, produces, prints
        self.leaves = leaves


RUN = ("run", "case.json", *UNIT, "-s", "n=9", "--repeat", "2")
FEW = ("run", "case.json", *UNIT, "-s", "n=2", "--repeat", "2")
FRESH = ("isolate", "case.json", *UNIT, "--fresh")
COMMANDS = {
    "run": Command(*RUN, status=1, rows=2),
    "run --fresh": Command(*RUN, "--fresh", status=1, rows=2),
    "isolate": Command("isolate", "case.json", *UNIT, status=1),
    "matrix": Command("matrix", "case.json", *UNIT, "-s", "n=1,2,3", status=1, rows=3),
    "nightly": Command("nightly", "suite.json", before=(("nightly", "suite.json"),)),
    "reduce": Command("reduce", "model.onnx", "-o", "out", "--", "./judge.py", "{model}", status=1, produces="out"),
    "merge": Command("db", "merge", "other.db", before=(FEW, (*FEW, "--db", "other.db")), rows=2),
    "export": Command("db", "export", before=(RUN, FEW), prints=True, rows=0),
    "site": Command("report", "--site", "out", before=(RUN, FEW), produces="out", rows=0),
    "check": Command("db", "check", before=(RUN, FEW), rows=0),
    "compact": Command("db", "compact", before=(RUN, FEW), rows=0),
    "bundle": Command("report", "last", "--bundle", "out", before=(FRESH,), produces="out", rows=0, leaves=False),
    "known": Command("known", "last", "--as", "planted", before=(FRESH,), rows=0),
    "devices": Command("devices", "add", "mine", "00008110-0123456789ABCDEF", rows=0),
    "import": Command("import", "report.ips", rows=1),
    "init": Command("init", "-o", "out", "--", "./judge.py", "model.onnx", status=1, produces="out", rows=1),
}

LIBRARY = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "trapline", "builds", "onnxruntime", "1.22.0",
                       "libonnxruntime.so")
if os.path.exists(LIBRARY):
    COMMANDS["builds"] = Command("builds", "add", LIBRARY, rows=0)


class World:
    """One directory for each attempt, copied from one in which the commands before were run."""
    def __init__(self, directory, name):
        self.name, self.command, self.directory = name, COMMANDS[name], directory
        self.template, self.number = os.path.join(directory, "template"), 0
        os.mkdir(self.template)
        self.here = self.template
        os.mkdir(self.path("tmp"))
        self.write("model.bin", "not looked at")
        self.write("model.onnx", chain(["Relu", "Relu", "Softmax", "Relu"]))
        self.write("judge.py", JUDGE, 0o755)
        self.write("case.json", json.dumps({
            "trapline": 1, "name": "faults", "model": {"file": "model.bin"}, "axes": [{"name": "n", "range": [1, 9]}],
            "failing": {"n": 9}, "limits": {"timeout_s": 5}}))
        shutil.copy(REPORT, self.path("report.ips"))
        self.write("suite.json", json.dumps({"trapline": 1, "suite": "faults", "cases": ["case.json"], "units": [UNIT[1]]}))
        for words in self.command.before:
            done = subprocess.run(self.argv(words), env=self.env("before"), cwd=self.here, capture_output=True, text=True)
            assert done.returncode in (0, 1), (words, done)
        if self.noted(): # of other databases, too
            os.unlink(self.path("notes"))
        self.rows_before = len(self.stored())
        trace = os.path.join(directory, "trace")
        self.fresh()
        self.plain, self.names, self.first = inject.calls(self.argv(), self.env("plain"), PATIENCE, trace, self.here)
        assert self.plain.status == self.command.status, (name, vars(self.plain))
        self.tops = set(os.listdir(self.here))
        self.product, self.tree, self.temporary = self.produced(), self.files(), self.left_in_tmp()

    def path(self, *names):
        return os.path.join(self.here, *names)

    def write(self, name, content, mode=0o644):
        with open(self.path(name), "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        os.chmod(self.path(name), mode)

    def fresh(self):
        """A new copy to work in; the last one is gone."""
        if self.here != self.template:
            shutil.rmtree(self.here)
        self.number += 1
        self.here = os.path.join(self.directory, "work") # of one name: a path may be part of what is stored
        shutil.copytree(self.template, self.here, symlinks=True)
        self.marker = f"{os.getpid()}-{os.path.basename(self.directory)}-{self.number}"

    def env(self, marker):
        keep = {k: os.environ[k] for k in ("PATH", "LANG", "TRAPLINE_RUNNERS", "ASAN_OPTIONS", "UBSAN_OPTIONS") if k in os.environ}
        return dict(keep, HOME=self.here, XDG_STATE_HOME=self.path("state"), XDG_CACHE_HOME=self.path("cache"),
                    XDG_DATA_HOME=self.path("data"), XDG_CONFIG_HOME=self.path("config"), TMPDIR=self.path("tmp"), NO_COLOR="1",
                    TRAPLINE_TEST_NOTES=self.path("notes"), TRAPLINE_TEST_MARKER=marker,
                    TRAPLINE_TEST_LEAVES="1" if self.command.leaves else "0")

    def argv(self, words=None):
        words = list(words or self.command.words)
        at = words.index("--") if "--" in words else len(words)
        db = [] if "--db" in words else ["--db", "t.db"]
        return [TRAPLINE, *words[:at], *db, *words[at:]]

    # What is there.

    def stored(self):
        """The trials of the database, {id: outcome}."""
        if not os.path.exists(self.path("t.db")) or not os.path.getsize(self.path("t.db")):
            return {}
        with sqlite3.connect(self.path("t.db")) as connection:
            try:
                found = dict(connection.execute("SELECT id, outcome FROM trial"))
            except sqlite3.OperationalError: # no table yet: it was killed as it made them
                found = {}
        connection.close()
        return found

    def noted(self):
        if not os.path.exists(self.path("notes")):
            return []
        with open(self.path("notes")) as f:
            return f.read().split()

    def alive(self):
        """Processes that were started by this attempt, with what they are."""
        marker, found = f"TRAPLINE_TEST_MARKER={self.marker}\0".encode(), []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as f:
                    inside = marker in f.read()
                with open(f"/proc/{pid}/stat") as f:
                    stat = f.read().rsplit(")", 1)[1].split()[0]
                if inside and stat not in "ZX":
                    with open(f"/proc/{pid}/cmdline", "rb") as f:
                        found.append((int(pid), stat, f.read().replace(b"\0", b" ").decode()[:80]))
            except OSError:
                continue
        return found

    def files(self):
        """Names of all that is there, but in the scratch directory and where content has names of its own."""
        found = set()
        for folder, folders, names in os.walk(self.here):
            inside = os.path.relpath(folder, self.here)
            folders[:] = [f for f in folders if os.path.join(folder, f) not in (self.path("tmp"), self.path("cache"))]
            found.update(os.path.normpath(os.path.join(inside, n)) for n in names)
        return found

    def left_in_tmp(self):
        return set(os.listdir(self.path("tmp")))

    def produced(self):
        """What came of it: texts of files, or what it prints."""
        path = self.command.produces and self.path(self.command.produces)
        if path and os.path.isdir(path):
            return {os.path.relpath(os.path.join(d, n), path) for d, _, names in os.walk(path) for n in names}
        if path:
            return {"."} if os.path.exists(path) else None
        return self.plain.out if self.command.prints else None

    # What has to be true.

    def disturbed(self, done, call="", for_good=False):
        """What is wrong after the command was disturbed at that call, and ended by itself: a list of (kind, text)."""
        wrong = []
        c = self.command
        if done.status is None:
            wrong.append(("hang", f"{done.seconds:.0f} s"))
        elif done.status < 0 or done.status > 128:
            wrong.append(("killed by a signal", str(done.status)))
        elif done.status == 2 and any(said in done.err for said in SEEN_AS_DATA):
            pass
        elif done.status not in (c.status, 3):
            wrong.append(("exit status", f"{done.status} {done.err.strip()[-300:]!r}"))
        elif done.status != c.status and not (for_good and call == "write") and not re.search(r"^trapline: .{10}", done.err, re.M):
            wrong.append(("no message", repr(done.err[-300:])))
        complete = done.status == c.status
        if complete and c.prints and done.out != self.plain.out:
            wrong.append(("its product is another one", repr(done.out[-200:])))
        if complete and c.produces and self.produced() != self.product and not LEFT_OUT.search(done.err):
            wrong.append(("its product is another one", repr(self.produced())))
        wrong += self.afterwards(done, complete, killed=False)
        if (for_good and call in REMOVING) or ABORTED in done.err: # it could remove nothing, and who comes next does
            left = [kind for kind, _ in wrong if kind == "files are left"]
            wrong = [(kind, text) for kind, text in wrong if not kind.endswith("left")]
            if left and c.produces:
                wrong += self.once_more()
        return wrong

    def once_more(self):
        """After a kill, or where nothing could be removed: what is there is whole, and the same command makes it again and leaves nothing beside it."""
        wrong, path = [], self.path(self.command.produces)
        if os.path.exists(path):
            if self.produced() != self.product:
                wrong.append(("half of its product", repr(self.produced())))
            shutil.rmtree(path)
        done = subprocess.run(self.argv(), env=self.env("once more"), cwd=self.here, capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode != self.command.status or self.produced() != self.product:
            wrong.append(("it does not go on", f"{done.returncode} {done.stderr.strip()[-300:]!r}"))
        beside = set(os.listdir(self.here)) - self.tops - {"notes", "t.db"} - BESIDE
        return wrong + ([("files are left", repr(sorted(beside)))] if beside else [])

    def afterwards(self, done, complete, killed):
        """The same, of what it leaves: processes, files, trials."""
        c, wrong = self.command, []
        patience = time.monotonic() + (60 if killed else 1)
        while self.alive() and time.monotonic() < patience:
            time.sleep(0.02)
        for pid, stat, what in self.alive():
            wrong.append(("a process is left", f"{stat} {what}"))
            os.kill(pid, signal.SIGKILL)
        noted = self.noted() if c.rows != 0 else [] # a reproducer runs without trapline
        shown = LINE.findall(done.out) if c.words[0] == "run" else []
        # Whoever writes next takes care of what was left.
        again = subprocess.run(self.argv(FEW[:-1] + ("1",)), env=self.env("again"), cwd=self.here, capture_output=True, text=True,
                               timeout=PATIENCE)
        if again.returncode != 0:
            wrong.append(("the next command fails", f"{again.returncode} {again.stderr.strip()[-300:]!r}"))
        staged = [f for f in os.listdir(self.here) if f.startswith(".")]
        if killed and staged:
            wrong.append(("what was staged is left", repr(staged)))
        if killed and c.produces:
            wrong += self.once_more()
        check = subprocess.run(self.argv(("db", "check")), env=self.env("check"), cwd=self.here, capture_output=True, text=True,
                               timeout=PATIENCE)
        if check.returncode != 0:
            wrong.append(("db check", (check.stdout + check.stderr).strip()[-300:]))
        rows = self.stored()
        lost = [i for i in noted if i not in rows]
        if lost:
            wrong.append(("lost", f"{len(lost)} of {len(noted)} trials have no row"))
        other = [(i, o, rows.get(i)) for i, o in shown if rows.get(i) != o]
        if other:
            wrong.append(("shown otherwise", repr(other)))
        own = [o for i, o in rows.items()]
        strange = set(own) - {"pass", "crash", "lost"}
        if strange:
            wrong.append(("a false verdict", repr(strange)))
        if complete and not killed and c.rows is not None and len(rows) != self.rows_before + c.rows + 1:
            wrong.append(("asked for, and not there", f"{len(rows) - self.rows_before - 1} of {c.rows} trials"))
        if complete and "lost" in own and done.status == c.status:
            wrong.append(("lost, and not said", repr(done.err[-200:])))
        if not complete and self.name == "merge" and len(rows) - self.rows_before - 1 not in (0, c.rows):
            wrong.append(("half of it", f"{len(rows) - self.rows_before - 1} of {c.rows} trials"))
        left = self.files() - self.tree - {"notes", "t.db"} - BESIDE
        left = {f for f in left if os.path.basename(f) not in done.err} # a database that was saved is named
        if left and not (c.produces and (complete or killed)):
            wrong.append(("files are left", repr(sorted(left)[:4])))
        scratch = self.left_in_tmp() - self.temporary
        if scratch:
            wrong.append(("scratch is left", repr(sorted(scratch)[:4])))
        return wrong

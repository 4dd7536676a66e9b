#!/usr/bin/env python3
"""Stacks of programs that crash, as trapline shows them and as gdb does: compare.py TRAPLINE [--quick] [--only WORD]… [--write FILE] [--verbose]

Builds the programs beside this file with every tool chain that is installed, runs each in every way in which it can end,
once under trapline and once under gdb, and compares frame by frame. A tool chain that is absent is skipped, and this is
said. The exit status is 1 when a function of the program itself is lost or misnamed where gdb has it. --quick takes
the C compilers only and few ways to end; --write puts the table into a document, between the lines that mark it."""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 120  # seconds; only what hangs takes this long
BEGIN, END = "<!-- stacks -->", "<!-- end of stacks -->"

C_MODES = ["inlined", "other", "apart", "callback", "recursion", "handler", "assert", "longjmp", "null", "threads"]
CC_MODES = ["virtual", "lambda", "sort", "local", "throw", "rethrow", "thread"]
C = ["crash.c", "crash_other.c"]
QUICK = ["other", "handler"]


class Chain:
    """One way to build: its name, what must be installed, what is run, and how the program is started."""

    def __init__(self, name, needs, commands, modes, run=("{out}", "{mode}"), quick=(), env=None, passes=(), about="", reference=None):
        self.name, self.needs, self.commands, self.modes = name, needs, commands, modes
        self.run, self.quick, self.env, self.passes, self.about = run, quick, env or {}, passes, about
        self.reference = reference  # flags of the same code in a form that gdb can read


def c(name, compiler, *flags, needs=(), after=(), modes=C_MODES, quick=(), sources=C, **more):
    command = [compiler, *flags, *(f"{{src}}/{s}" for s in sources), "-o", "{out}", "-pthread"]
    chain = Chain(name, [compiler, *needs], [command, *after], modes, quick=quick, **more)
    if chain.reference:
        other = [compiler, *chain.reference, *command[1 + len(flags):]]
        chain.commands.append([w.replace("{out}", "{out}-for-gdb") for w in other])
    return chain


def cc(name, compiler, *flags, **more):
    return c(name, compiler, *flags, modes=CC_MODES, sources=["crash.cc"], **more)


def library(name, needs, run, commands=(), **more):
    build = ["gcc", "-g", "-O2", "-shared", "-fPIC", "{src}/crash_library.c", "-o", "{dir}/crash_library.node"]
    return Chain(name, ["gcc", *needs], [build, *commands], ["library"], run=run, **more)


DEBUGLINK = [["objcopy", "--only-keep-debug", "{out}", "{out}.debug"], ["objcopy", "--strip-all", "--add-gnu-debuglink={out}.debug", "{out}"]]
CHAINS = [
    c("gcc -O0", "gcc", "-g", "-O0"),
    c("gcc -O2", "gcc", "-g", "-O2", quick=["inlined", "callback", "threads"]),
    c("gcc -O3 -fomit-frame-pointer", "gcc", "-g", "-O3", "-fomit-frame-pointer"),
    c("gcc -O2 -g1", "gcc", "-g1", "-O2"),
    c("gcc -O2 -gdwarf-4", "gcc", "-gdwarf-4", "-O2"),
    c("gcc -O2 -gz (compressed)", "gcc", "-g", "-gz", "-O2"),
    c("gcc -O2, stripped", "gcc", "-O2", "-s", about="symbols of the dynamic linker only"),
    c("gcc -O2, .gnu_debuglink", "gcc", "-g", "-O2", needs=["objcopy"], after=DEBUGLINK),
    c("gcc -flto", "gcc", "-g", "-O2", "-flto", quick=QUICK),
    c("gcc -flto -g0, symbols only", "gcc", "-O2", "-flto"),
    c("gcc -gsplit-dwarf", "gcc", "-g", "-O2", "-gsplit-dwarf", quick=["other"]),
    c("gcc -gsplit-dwarf -gdwarf-4", "gcc", "-gdwarf-4", "-O2", "-gsplit-dwarf"),
    c("gcc -gsplit-dwarf -gdwarf-4, dwp", "gcc", "-gdwarf-4", "-O2", "-gsplit-dwarf", needs=["dwp"],
      after=[["dwp", "-e", "{out}"], ["find", "{dir}", "-name", "*.dwo", "-delete"]]),
    c("gcc, dwz", "gcc", "-g", "-O2", needs=["dwz"], after=[["dwz", "{out}"]]),
    c("gcc, dwz -m (.gnu_debugaltlink)", "gcc", "-g", "-O2", needs=["dwz"],
      after=[["cp", "{out}", "{out}2"], ["dwz", "-m", "{dir}/common.debug", "-M", "common.debug", "{out}", "{out}2"]],
      quick=["apart"]),
    c("gcc -static", "gcc", "-g", "-O2", "-static", quick=["assert"]),
    c("gcc -static-pie", "gcc", "-g", "-O2", "-static-pie"),
    c("gcc, gold", "gcc", "-g", "-O2", "-fuse-ld=gold", needs=["gold"]),
    c("gcc, lld", "gcc", "-g", "-O2", "-fuse-ld=lld", needs=["ld.lld"]),
    c("clang -O0", "clang", "-g", "-O0"),
    c("clang -O2", "clang", "-g", "-O2", quick=QUICK),
    c("clang -O2 -g1", "clang", "-g1", "-O2"),
    c("clang -O2, lld, -ffunction-sections", "clang", "-g", "-O2", "-fuse-ld=lld", "-ffunction-sections", "-Wl,--gc-sections",
      needs=["ld.lld"]),
    c("clang -flto, lld", "clang", "-g", "-O2", "-flto", "-fuse-ld=lld", needs=["ld.lld"], quick=["other"]),
    c("clang -flto=thin, lld", "clang", "-g", "-O2", "-flto=thin", "-fuse-ld=lld", needs=["ld.lld"]),
    c("clang -gsplit-dwarf", "clang", "-g", "-O2", "-gsplit-dwarf"),
    c("clang -gsplit-dwarf, llvm-dwp", "clang", "-g", "-O2", "-gsplit-dwarf", needs=["llvm-dwp"],
      after=[["llvm-dwp", "-e", "{out}", "-o", "{out}.dwp"], ["find", "{dir}", "-name", "*.dwo", "-delete"]], quick=["other"],
      reference=["-g", "-O2"]),  # gdb 13 reads no .dwp of DWARF 5
    c("clang -gsplit-dwarf -gdwarf-4", "clang", "-gdwarf-4", "-O2", "-gsplit-dwarf"),
    c("clang -gsplit-dwarf -flto", "clang", "-g", "-O2", "-gsplit-dwarf", "-flto", "-fuse-ld=lld", needs=["ld.lld"]),
    c("musl-gcc", "musl-gcc", "-g", "-O2"),
    c("musl-gcc -static", "musl-gcc", "-g", "-O2", "-static"),
    cc("g++ -O0", "g++", "-g", "-O0"),
    cc("g++ -O2", "g++", "-g", "-O2"),
    cc("g++ -O2 -flto", "g++", "-g", "-O2", "-flto"),
    cc("g++ -gsplit-dwarf", "g++", "-g", "-O2", "-gsplit-dwarf"),
    cc("g++ -fdebug-types-section", "g++", "-g", "-O2", "-fdebug-types-section"),
    cc("g++ -O2, symbols only", "g++", "-O2"),
    cc("clang++ -O2", "clang++", "-g", "-O2"),
    cc("clang++ -O2 -g1", "clang++", "-g1", "-O2"),
    cc("clang++ -flto=thin, lld", "clang++", "-g", "-O2", "-flto=thin", "-fuse-ld=lld", needs=["ld.lld"]),
    cc("clang++ -gsplit-dwarf", "clang++", "-g", "-O2", "-gsplit-dwarf"),
] + [
    Chain(f"rustc {' '.join(flags)}", ["rustc"], [["rustc", "-g", "-C", "panic=abort", *flags, "{src}/crash.rs", "-o", "{out}"]],
          ["trait", "closure", "panic", "thread"])
    for flags in ([], ["-O"], ["-O", "-C", "symbol-mangling-version=v0"], ["-O", "-C", "lto=fat", "-C", "codegen-units=1"],
                  ["-O", "-C", "split-debuginfo=unpacked"], ["-O", "-C", "split-debuginfo=packed"])
] + [
    Chain("go", ["go"], [["go", "build", "-o", "{out}", "{src}/crash.go"]], ["nil", "callback", "goroutine"],
          env={"GOTRACEBACK": "crash", "GO111MODULE": "off"}, about="the SIGSEGV that Go's runtime makes a panic of"),
    library("luajit", ["luajit"], ("luajit", "{src}/crash.lua", "{dir}/crash_library.node")),
    library("java", ["java", "javac"], ("java", "-Xint", "-XX:TieredStopAtLevel=1", "-cp", "{dir}", "Crash", "{dir}/crash_library.node"),
            [["javac", "-d", "{dir}", "{src}/Crash.java"]], passes=["SIGSEGV"]),
    library("python3", ["/usr/bin/python3"], ("/usr/bin/python3", "{src}/crash.py", "{dir}/crash_library.node")),
    library("node", ["node"], ("node", "{src}/crash.js", "{dir}/crash_library.node")),
]


def plain(name):
    """A function without what demanglers and debuggers write differently: arguments, templates, clones."""
    name = re.sub(r"\[clone[^]]*\]|\.(constprop|part|isra|lto_priv|llvm|cold)(\.\d+)*|@plt|@@?[A-Z][\w.]*", "", (name or "").replace("__GI_", ""))
    name = name.replace("(anonymous namespace)", "anonymous").replace("operator()", "operator_call")
    name = re.sub(r"\{closure(_env)?#\d+\}|\{\{closure\}\}|\{lambda[^}]*\}|<lambda[^>]*>", "closure", name)
    name = re.sub(r"\{impl#\d+\}", "", name).replace("->", "")
    for brackets in (r"<[^<>]*>", r"\([^()]*\)"):
        before = None
        while before != name:
            before, name = name, re.sub(brackets, "", name)
    return name.replace(" const", "").replace("::::", "::").strip(" :").split(" ")[-1]


def same(a, b):
    a, b = plain(a).split("::"), plain(b).split("::")
    return a[-1].lstrip("_") == b[-1].lstrip("_")


def common(gdb, ours):
    """Which frames of gdb stand in ours, in the same order."""
    rows = [[0] * (len(ours) + 1) for _ in range(len(gdb) + 1)]
    for i in range(len(gdb) - 1, -1, -1):
        for k in range(len(ours) - 1, -1, -1):
            rows[i][k] = rows[i + 1][k + 1] + 1 if same(gdb[i]["name"], ours[k]["function"]) else max(rows[i + 1][k], rows[i][k + 1])
    found, i, k = [], 0, 0
    while i < len(gdb) and k < len(ours):
        if same(gdb[i]["name"], ours[k]["function"]):
            found.append(i)
            i, k = i + 1, k + 1
        elif rows[i + 1][k] >= rows[i][k + 1]:
            i += 1
        else:
            k += 1
    return found


def is_own(frame):
    return bool(frame["file"]) and os.path.basename(frame["file"]) in SOURCES


SOURCES = {n for n in os.listdir(HERE) if n.lower().startswith("crash")}


def named(frames):
    """gdb's frames that have a name, but for the trampolines of signals and callers that left no frame (a tail call)."""
    return [f for f in frames if f["name"] and not f["signal"] and not f["tail"] and "restore_rt" not in f["name"]]


def flat(thread):
    return [s for f in thread["frames"] for s in f.get("symbols") or [] if s["function"]]


class Result:
    def __init__(self):
        self.crash, self.all, self.own = [0, 0], [0, 0], [0, 0]
        self.lost, self.failed = [], []

    def add(self, other):
        for a, b in ((self.crash, other.crash), (self.all, other.all), (self.own, other.own)):
            a[0] += b[0]
            a[1] += b[1]
        self.lost += other.lost
        self.failed += other.failed


def compare_thread(gdb, ours, result, crashed, where):
    gdb = named(gdb)
    found = set(common(gdb, ours))
    counts = [result.all] + ([result.crash] if crashed else [])
    for count in counts:
        count[0] += len(found)
        count[1] += len(gdb)
    for i, frame in enumerate(gdb):
        if is_own(frame):
            result.own[0] += i in found
            result.own[1] += 1
            if i not in found:
                result.lost.append(f"{where}: {frame['name']} ({os.path.basename(frame['file'])}:{frame['line']})")


def compare_stacks(gdb, capture, where):
    result = Result()
    threads = [flat(t) for t in capture["threads"]]
    compare_thread(gdb[0], threads.pop(0), result, True, where)
    # Threads have no names that both know: each of gdb's goes with the one of ours that is most like it.
    for stack in sorted(gdb[1:], key=len, reverse=True):
        if not threads:
            result.failed.append(f"{where}: a thread is missing")
            break
        best = max(range(len(threads)), key=lambda i: len(common(named(stack), threads[i])) - 0.001 * len(threads[i]))
        compare_thread(stack, threads.pop(best), result, False, where)
    return result


def quiet(command, **more):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=PATIENCE, **more)


class Comparison:
    def __init__(self, trapline, directory, verbose):
        self.trapline, self.directory, self.verbose = os.path.abspath(trapline), directory, verbose
        self.lock = threading.Lock()

    def path(self, chain):
        return os.path.join(self.directory, f"{CHAINS.index(chain):02}-" + re.sub(r"\W+", "-", chain.name))

    def fill(self, words, chain, mode=""):
        names = {"src": HERE, "dir": self.path(chain), "out": os.path.join(self.path(chain), "crash"), "mode": mode}
        return [w.format(**names) for w in words]

    def build(self, chain):
        """What is missing or went wrong, or None."""
        missing = [n for n in chain.needs if not shutil.which(n)]
        if missing:
            return "not installed: " + ", ".join(missing)
        os.makedirs(self.path(chain))
        env = dict(os.environ, HOME=os.environ.get("HOME", "/"), GOCACHE=os.path.join(self.directory, "go"), **chain.env)
        for command in chain.commands:
            done = quiet(self.fill(command, chain), cwd=self.path(chain), env=env)
            if done.returncode:
                return f"{command[0]} fails: {(done.stderr or done.stdout).strip().splitlines()[-1:]}"
        return None

    def by_gdb(self, chain, mode):
        """(signal, stacks), or None."""
        out = os.path.join(self.path(chain), f"gdb-{mode}.json")
        command = ["gdb", "-batch", "-nx", "-iex", "set debuginfod enabled off", "-ex", "set confirm off",
                   "-ex", "set startup-with-shell off", "-ex", "handle SIGUSR1 nostop noprint pass"]
        for name in ["SIGURG", "SIGPIPE", *chain.passes]:
            command += ["-ex", f"handle {name} nostop noprint pass"]
        argv = self.argv(chain, mode)
        if chain.reference:
            argv[0] += "-for-gdb"
        command += ["-ex", "run", "-x", os.path.join(HERE, "gdb_stacks.py"), "--args", *argv]
        quiet(command, cwd=self.path(chain), env=dict(os.environ, STACKS=out, **chain.env))
        try:
            with open(out) as f:
                answer = json.load(f)
        except (OSError, ValueError):
            return None
        return signal.Signals(answer["signal"]).name if answer["signal"] else None, answer["stacks"]

    def argv(self, chain, mode):
        words = self.fill(chain.run, chain, mode)
        return [shutil.which(words[0]) or words[0], *words[1:]]

    def by_trapline(self, chain, mode):
        """The captures of the trial."""
        case, db = (os.path.join(self.path(chain), f"{mode}.{s}") for s in ("json", "db"))
        with open(case, "w") as f:
            json.dump({"trapline": 1, "name": "stacks", "limits": {"timeout_s": 60}, "environment": chain.env,
                       "model": {"steps": [{"phase": "execute", "argv": self.argv(chain, mode)}]}}, f)
        env = dict(os.environ, XDG_STATE_HOME=os.path.join(self.path(chain), "state-" + mode))
        done = quiet([self.trapline, "run", case, "--db", db, "--json"], env=env)
        if not done.stdout:
            raise ValueError(f"trapline says nothing, exit status {done.returncode}: {done.stderr.strip()[-200:]}")
        trial = json.loads(done.stdout)["trials"][0]
        done = quiet([self.trapline, "show", trial["id"], "--db", db, "--json"], env=env)
        return json.loads(done.stdout).get("captures") or []

    def compare(self, chain, mode):
        where = f"{chain.name}, {mode}"
        try:
            gdb, captures = self.by_gdb(chain, mode), self.by_trapline(chain, mode)
        except (subprocess.TimeoutExpired, ValueError, KeyError, IndexError) as e:
            gdb, captures = None, repr(e)
        result = Result()
        if not gdb:
            result.failed.append(f"{where}: {captures if isinstance(captures, str) else 'gdb gives no stack'}")
            return result
        capture = next((c for c in captures if c["signal"] == gdb[0]), None)
        if not capture:
            result.failed.append(f"{where}: no capture of {gdb[0]}")
            return result
        result = compare_stacks(gdb[1], capture, where)
        if self.verbose:
            self.explain(where, gdb[1][0], flat(capture["threads"][0]))
        return result

    def explain(self, where, gdb, ours):
        gdb = named(gdb)
        found = set(common(gdb, ours))
        with self.lock:
            print(f"== {where}\n   gdb:  " + " < ".join(("" if i in found else "!") + f["name"] for i, f in enumerate(gdb[:30])))
            print("   ours: " + " < ".join(s["function"] for s in ours[:30]))


def share(count):
    return f"{count[0]}/{count[1]}"


def table(rows):
    lines = ["| tool chain | ends | crashing thread | all threads | of the program itself |", "| --- | --- | --- | --- | --- |"]
    for chain, modes, why, r in rows:
        lines.append(f"| {chain.name} | {why} | | | |" if why else
                     f"| {chain.name} | {len(modes)} | {share(r.crash)} | {share(r.all)} | {share(r.own)} |")
    return "\n".join(lines)


def write(document, text):
    with open(document) as f:
        before, rest = f.read().split(BEGIN)
    with open(document, "w") as f:
        f.write(before + BEGIN + "\n\n" + text + "\n\n" + END + rest.split(END)[1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("trapline")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--write")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    if not shutil.which("gdb") or quiet(["gdb", "-batch", "-nx", "-ex", "python print(1)"]).stdout.strip() != "1":
        print("there is no gdb with Python here: nothing to compare with")
        sys.exit(77)
    chains = [c for c in CHAINS if (c.quick or not options.quick) and all(w in c.name for w in options.only)]
    rows, total = [], Result()
    with tempfile.TemporaryDirectory(prefix="stacks-") as directory, \
            concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        comparison = Comparison(options.trapline, directory, options.verbose)
        built = [(chain, pool.submit(comparison.build, chain)) for chain in chains]
        runs = []
        for chain, done in built:
            why = done.result()
            modes = list(chain.quick) if options.quick else chain.modes
            runs.append((chain, modes, why, [] if why else [pool.submit(comparison.compare, chain, m) for m in modes]))
        for chain, modes, why, results in runs:
            sum_of = Result()
            for r in results:
                sum_of.add(r.result())
            rows.append((chain, modes, why, sum_of))
            total.add(sum_of)
            print(f"{chain.name:40} " + (why or f"crashing thread {share(sum_of.crash)}, all {share(sum_of.all)}, own {share(sum_of.own)}"),
                  flush=True)
    for line in total.lost:
        print("lost: " + line)
    for line in total.failed:
        print("not compared: " + line)
    print(f"all: crashing thread {share(total.crash)}, all threads {share(total.all)}, functions of the programs themselves {share(total.own)}")
    if options.write:
        write(options.write, table(rows))
    sys.exit(1 if total.lost or total.failed else 0)


if __name__ == "__main__":
    main()

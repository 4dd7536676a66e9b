#!/usr/bin/env python3
"""scripts/check-darwin.sh, which says what this is for. The parts are beside it: the compiler (toolchain.py), the libraries
(libraries.py), the copy of the source that is compiled (mirror.py), and what is looked at afterwards (examine.py)."""

import argparse
import fcntl
import hashlib
import os
import platform
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

import examine
import libraries
import mirror
import toolchain

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIPPED = 77
# Measured: all of it compiled for both processors takes 100 CPU seconds, without the compiler's own cache and almost as many
# with it; nothing to compile, 3.
COLD_SECONDS = 100
CACHE_MOST = 1 << 30 # bytes of the compiler's own cache, which never forgets
# A warning is an error of the compiler's already; the linker's are only printed.
WARNING = re.compile(r"\bwarning\b", re.I)

# Faults that must be found, lest the check itself has come to find nothing.
PLANTED = [
    ("a function that macOS does not have", "#include <unistd.h>\nint main(void) { int f[2]; return pipe2(f, 0); }\n", False),
    ("a member that macOS names otherwise",
     "#include <sys/stat.h>\nint main(void) { struct stat s; return stat(\"/\", &s) ? 1 : (int)s.st_mtim.tv_sec; }\n", False),
    ("a warning", "static int unused;\nint main(void) { return 0; }\n", False),
    ("a function that no library has", "int uv_of_no_version(void);\nint main(void) { return uv_of_no_version(); }\n", False),
    ("nothing", "#include <uv.h>\nint main(void) { return uv_version() == 0; }\n", True),
]


def say(text):
    print("check-darwin: " + text, flush=True)


def cpu_seconds():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def run(command, log):
    """Runs a command with its output in a file, and ends it when this is ended."""
    with open(log, "w", encoding="utf-8") as out:
        # Not in the source: some of meson's questions make zig leave a file where it is run.
        child = subprocess.Popen(command, cwd=os.path.dirname(log), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        try:
            return child.wait()
        except BaseException:
            child.terminate()
            child.wait()
            raise


def tail(log, lines=40):
    with open(log, encoding="utf-8", errors="replace") as f:
        text = [line for line in f.read().splitlines() if not re.match(r"\[\d+/\d+\] ", line)]
    return "\n".join(line.replace("../source/", "") for line in text[-lines:])


def check_planted(cache, architecture, faults):
    directory = os.path.join(cache, "planted")
    os.makedirs(directory, exist_ok=True)
    compiler = os.path.join(cache, "bin", "cc-" + architecture)
    include, lib = os.path.join(cache, "prefix", "include"), os.path.join(cache, "prefix", "lib")
    for what, text, good in PLANTED:
        source = os.path.join(directory, "planted.c")
        with open(source, "w", encoding="utf-8") as f:
            f.write(text)
        got = subprocess.run([compiler, "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-I" + include, source,
                              "-o", os.path.join(directory, "planted"), "-L" + lib, "-luv"], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
        if (got.returncode == 0) != good:
            faults.append("%s: a file with %s was %s\n%s" % (architecture, what, "refused" if good else "accepted", got.stdout))
    if examine.literals('open("/proc/stat", O_RDONLY)') != ["/proc/stat"]:
        faults.append("a path of Linux was not found in a source that has one")


def key(cache, architecture):
    """Of what a build directory is made, besides the source: when that changes, it is made anew."""
    digest = hashlib.sha256()
    for folder in (os.path.join(cache, "bin"), os.path.join(cache, "prefix")):
        for directory, folders, names in os.walk(folder):
            folders.sort()
            for name in sorted(names):
                with open(os.path.join(directory, name), "rb") as f:
                    digest.update(name.encode() + b"\0" + f.read())
    digest.update(subprocess.run(["meson", "--version"], check=True, stdout=subprocess.PIPE).stdout)
    digest.update(architecture.encode())
    return digest.hexdigest()


def build(cache, architecture, cross, faults):
    """Compiles and links everything for one architecture. Returns the build directory, or None where that failed."""
    directory, log = os.path.join(cache, architecture), os.path.join(cache, architecture + ".log")
    marker, made_of = os.path.join(directory, "made-of"), key(cache, architecture)
    try:
        with open(marker, encoding="utf-8") as f:
            same = f.read() == made_of
    except OSError:
        same = False
    if not same:
        shutil.rmtree(directory, ignore_errors=True)
        # Warnings of clang do not depend on how much it optimises, and without it is three times as fast.
        if run(["meson", "setup", "--cross-file", cross, "-Dwerror=true", "-Doptimization=0", "-Ddebug=false", directory,
                os.path.join(cache, "source")], log):
            faults.append("%s: meson could not set up a build for macOS. A library that is new is added to "
                          "scripts/darwin/libraries.py\n%s" % (architecture, tail(log)))
            return None
        with open(marker, "w", encoding="utf-8") as f:
            f.write(made_of)
    # What is not built by default is built, too. The lists are current only once ninja has configured again.
    status = run(["ninja", "-C", directory, "build.ninja"], log)
    wanted = []
    if not status:
        for target in examine.targets(directory):
            if target["type"] not in ("run", "alias"):
                wanted += [os.path.relpath(name, directory) for name in target["filename"]]
        status = run(["ninja", "-C", directory, "-k", "20", *wanted], log)
    if status:
        faults.append("%s: it does not build for macOS\n%s" % (architecture, tail(log, 120)))
        return None
    with open(log, encoding="utf-8", errors="replace") as f:
        warnings = [line for line in f.read().splitlines() if WARNING.search(line)]
    if warnings:
        faults.append("%s: %d warnings\n%s" % (architecture, len(warnings), "\n".join(warnings[:20])))
        os.unlink(marker) # so that they are seen in the next run, too
    return directory


def forget(cache):
    """Empties the compiler's cache once it is large. What is built stays, and is built anew where it has to be."""
    directory = os.path.join(cache, "zig")
    size = sum(os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(directory) for name in names)
    if size > CACHE_MOST:
        shutil.rmtree(directory)


def check(cache):
    faults = []
    forget(cache)
    cold = not toolchain.is_here(cache)
    if cold:
        say("cold: 77 MB are brought and all is compiled, about %d CPU seconds; later runs compile what differs" % COLD_SECONDS)
    zig = toolchain.fetch(cache, say)
    prefix, source = os.path.join(cache, "prefix"), os.path.join(cache, "source")
    stubs, pc = libraries.make(prefix)
    cross = toolchain.prepare(cache, zig, stubs, pc)
    changed = mirror.update(ROOT, source)
    say("%d files differ from the last run" % changed)
    lines = []
    for architecture in toolchain.ARCHITECTURES:
        before, start = cpu_seconds(), time.monotonic()
        check_planted(cache, architecture, faults)
        directory = build(cache, architecture, cross[architecture], faults)
        if not directory:
            continue
        listed = examine.targets(directory)
        number, compiled = examine.count_files(directory, listed, faults)
        names = examine.check_linked(architecture, directory, listed, faults)
        say("%s: %d files compiled, as meson lists them; linked: %s; %.0f CPU seconds, %.0f s" %
            (architecture, number, ", ".join(sorted(names)), cpu_seconds() - before, time.monotonic() - start))
        examine.check_darwin_sources(source, compiled, faults)
        lines = examine.check_literals(source, compiled, faults)
    if lines:
        say("paths of Linux in what macOS builds: %d" % len(lines))
        for line in lines:
            print("    " + line)
    for fault in dict.fromkeys(faults):
        print("FAULT: " + fault)
    say("%d faults, %.0f CPU seconds" % (len(set(faults)), cpu_seconds()))
    return 1 if faults else 0


def main():
    options = argparse.ArgumentParser(prog="check-darwin.sh", description="Whether trapline builds for macOS.")
    options.add_argument("--require", action="store_true", help="it is a failure when this cannot be tried here")
    arguments = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    cache = os.path.join(os.path.abspath(home), "trapline", "darwin")
    try:
        if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
            raise toolchain.Unavailable("the compiler is one for Linux on x86-64")
        os.makedirs(cache, exist_ok=True)
        with open(os.path.join(cache, "lock"), "w", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                say("another one is at work; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            return check(cache)
    except toolchain.Unavailable as why:
        say("%s: %s" % ("FAILED" if arguments.require else "SKIPPED", why))
        return 1 if arguments.require else SKIPPED


sys.exit(main())

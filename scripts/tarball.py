#!/usr/bin/env python3
"""Makes a tarball that runs where it is unpacked: scripts/tarball.py [--sysroot DIR] BUILD TO

BUILD is a build directory of meson that is built; `make tarball` makes one. What it would install is put together with every
library that it needs, but for those of glibc: a program finds them at $ORIGIN/../lib, and the rest of what was installed
from where it is itself. TO/trapline-VERSION-linux-ARCH.tar.xz is the result; its name is printed. It runs on every
Linux of that processor whose glibc is not older than the one that it was built with.

--sysroot names where the libraries of a cross build are. A library that is not found, or a note of one that is loaded late
(harness/cli/late_linux.c) that cannot be followed, is an error. Needs readelf and patchelf."""

import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

import late_libraries

# What glibc brings: these belong to the system's loader, and must be its own.
GLIBC = re.compile(r"(ld-linux.*|lib(c|m|dl|rt|pthread|resolv|util|mvec|anl|nsl|thread_db|BrokenLocale))\.so\.\d+")


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def is_elf(path):
    if os.path.islink(path) or not os.path.isfile(path):
        return False
    with open(path, "rb") as f:
        return f.read(4) == b"\x7fELF"


def needed(path):
    """What the loader brings with a file, and what a note says is loaded later."""
    now = re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-dW", path))
    return now + late_libraries.names(path)


def machine(path):
    return re.search(r"Machine: +(.*)", output("readelf", "-h", path)).group(1)


class Libraries:
    def __init__(self, sysroot, kind):
        self.kind = kind
        self.places = []
        for pattern in ("lib/*-linux-gnu", "usr/lib/*-linux-gnu", "lib64", "usr/lib64", "lib", "usr/lib", "usr/local/lib"):
            self.places += sorted(glob.glob(os.path.join(sysroot, pattern)))
        self.found = {}

    def find(self, name, whose):
        for place in self.places:
            path = os.path.join(place, name)
            if is_elf(os.path.realpath(path)) and machine(os.path.realpath(path)) == self.kind:
                return os.path.realpath(path)
        sys.exit("tarball: %s, which %s needs, is not found in %s" % (name, whose, ", ".join(self.places)))

    def add(self, path, own):
        """All that a file needs, and what that needs."""
        todo = [path]
        while todo:
            whose = todo.pop()
            for name in needed(whose):
                if name in self.found or name in own or GLIBC.fullmatch(name):
                    continue
                self.found[name] = self.find(name, os.path.basename(whose))
                todo.append(self.found[name])


def owners(name, sysroot):
    """The Debian packages that have a library of this file name: those installed here, or as a sysroot's list has them."""
    listed = os.path.join(sysroot, "owners")
    if os.path.isfile(listed):
        with open(listed, encoding="utf-8") as f:
            return [line.split()[0] for line in f if line.split()[1] == name]
    if sysroot != "/" or not shutil.which("dpkg-query"):
        return []
    known = subprocess.run(["dpkg-query", "--search", "*/" + name], capture_output=True, text=True)
    return [line.split(":")[0] for line in known.stdout.splitlines()]


def copy_licenses(libraries, sysroot, to):
    """The copyright files of the packages that the libraries came from, where Debian's tools know them."""
    os.makedirs(to, exist_ok=True)
    for path in sorted(set(libraries)):
        for package in owners(os.path.basename(path), sysroot):
            license = os.path.join(sysroot, "usr/share/doc", package, "copyright")
            if os.path.isfile(license):
                shutil.copyfile(license, os.path.join(to, package + ".txt"))
                break
        else:
            print("tarball: no package is known of %s: its license is not in the tarball" % path, file=sys.stderr)


def put_together(build, sysroot, root):
    prefix = next(o["value"] for o in json.loads(output("meson", "introspect", "--buildoptions", build)) if o["name"] == "prefix")
    with tempfile.TemporaryDirectory() as stage:
        subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", stage], check=True,
                       stdout=subprocess.DEVNULL)
        shutil.move(os.path.join(stage, prefix.lstrip("/")), root)
    programs = [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names]
    programs = sorted(path for path in programs if is_elf(path))
    own = {os.path.basename(path) for path in programs}
    libraries = Libraries(sysroot, machine(os.path.join(root, "bin", "trapline")))
    for path in programs:
        libraries.add(path, own)
    lib = os.path.join(root, "lib")
    os.makedirs(lib, exist_ok=True)
    for name, path in sorted(libraries.found.items()):
        copy = os.path.join(lib, name)
        shutil.copyfile(path, copy)
        os.chmod(copy, 0o644)
        subprocess.run(["patchelf", "--set-rpath", "$ORIGIN", copy], check=True)
    for path in programs:
        if not needed(path):
            continue # it is linked statically, or needs nothing
        way = "$ORIGIN/" + os.path.relpath(lib, os.path.dirname(path))
        if own.intersection(needed(path)):
            way = "$ORIGIN:" + way
        # Not inherited (DT_RUNPATH): the runtime that a runner loads has the libraries of the system, not these.
        subprocess.run(["patchelf", "--set-rpath", way, path], check=True)
    copy_licenses(libraries.found.values(), sysroot, os.path.join(root, "share", "doc", "trapline", "libraries"))
    return libraries


def strip(root, command):
    """Without what only a debugger reads; what the selftest runner crashes in stays as it is."""
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if is_elf(path) and "selftest-victim" not in name:
                subprocess.run([command, "--strip-unneeded", path], check=True)


def pack(root, name, to):
    when = int(os.environ.get("SOURCE_DATE_EPOCH", "0")) or int(output("date", "+%s"))

    def plain(entry):
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mtime = when
        return entry

    path = os.path.join(to, name + ".tar.xz")
    with tarfile.open(path + ".part", "w:xz") as tar:
        tar.add(root, name, filter=plain)
    os.rename(path + ".part", path)
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sysroot", default="/")
    parser.add_argument("--strip", default="strip", help="the strip of the processor (default: strip)")
    parser.add_argument("build")
    parser.add_argument("to")
    options = parser.parse_args()
    for tool in ("readelf", "patchelf", "meson", options.strip):
        if not shutil.which(tool):
            sys.exit("tarball: %s is missing (on Debian: apt-get install binutils patchelf meson)" % tool)
    info = json.loads(output("meson", "introspect", "--projectinfo", options.build))
    os.makedirs(options.to, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.to) as work:
        root = os.path.join(work, "root")
        put_together(options.build, options.sysroot, root)
        strip(root, options.strip)
        kind = machine(os.path.join(root, "bin", "trapline"))
        kind = {"Advanced Micro Devices X86-64": "x86_64", "AArch64": "arm64"}.get(kind, kind.replace(" ", "-"))
        print(pack(root, "trapline-%s-linux-%s" % (info["version"], kind), options.to))


main()

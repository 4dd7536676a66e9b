"""What is looked at once all is built: is it everything, is it Mach-O, and which paths of Linux are left in it."""

import glob
import json
import os
import re
import struct
import subprocess

from toolchain import ARCHITECTURES

LITERAL = re.compile(r'"((?:/proc|/sys|/run|/dev/shm|/etc/os-release)(?:/[^"\s]*)?)"')
NOT_FOR_MACOS = ("_linux.c", "_linux.h")
MACH_O = {2: "executable", 6: "library", 8: "bundle"}


def targets(build):
    return json.loads(subprocess.run(["meson", "introspect", "--targets", build], check=True, stdout=subprocess.PIPE).stdout)


def c_sources(listed):
    """(target, path) of each C file that meson lists for this system; made ones are there too."""
    for target in listed:
        for group in target["target_sources"]:
            if group.get("language") == "c":
                for path in group["sources"] + group["generated_sources"]:
                    if path.endswith(".c"):
                        yield target["id"], path


def count_files(build, listed, faults):
    """How many files were compiled: as many as meson lists, each with its object file."""
    wanted = sorted(c_sources(listed))
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        commands = json.load(f)
    objects = {c["output"] for c in commands if os.path.exists(os.path.join(build, c["output"]))}
    missing = sorted(c["output"] for c in commands if c["output"] not in objects)
    if missing:
        faults.append("%s: %d files that ninja knows were not compiled: %s" % (build, len(missing), ", ".join(missing[:5])))
    if len(objects) != len(wanted):
        faults.append("%s: %d object files, and meson lists %d sources" % (build, len(objects), len(wanted)))
    return len(objects), {path for _, path in wanted}


def check_darwin_sources(root, compiled, faults):
    """What is for macOS by its name is built for it."""
    for path in glob.glob(root + "/**/*_darwin.c", recursive=True) + glob.glob(root + "/**/darwin/*.c", recursive=True):
        if path not in compiled:
            faults.append("%s is built by no meson.build for macOS" % os.path.relpath(path, root))


def mach_o(path):
    """The kind and processor of a Mach-O file; (None, None) of any other."""
    with open(path, "rb") as f:
        head = f.read(16)
    if len(head) < 16 or head[:4] != b"\xcf\xfa\xed\xfe":
        return None, None
    processor, _, kind = struct.unpack("<III", head[4:16])
    return MACH_O.get(kind), processor


def check_linked(architecture, build, listed, faults):
    """Every program and library is a Mach-O file for this processor. Returns the names of the program and the runners."""
    names = []
    for target in listed:
        if target["type"] not in ("executable", "shared library", "shared module"):
            continue
        for path in target["filename"]:
            kind, processor = mach_o(path) if os.path.exists(path) else (None, None)
            if not kind or processor != ARCHITECTURES[architecture][1]:
                faults.append("%s is no Mach-O file for %s" % (os.path.relpath(path, build), architecture))
            elif target["type"] == "executable" and target["installed"]:
                names.append(target["name"])
    if "trapline" not in names:
        faults.append("%s: the program itself was not linked" % architecture)
    return names


def literals(text):
    return [found.group(1) for found in LITERAL.finditer(text)]


def check_literals(root, compiled, faults):
    """Paths of Linux in what macOS builds, headers among it: each has its reason in literals.txt. Returns what to say."""
    reasons, lines = {}, []
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "literals.txt"), encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            found = re.fullmatch(r'(\S+) "([^"]+)": (.+)\n', line)
            if found:
                reasons[found.group(1), found.group(2)] = found.group(3)
            elif line.strip() and not line.startswith("#"):
                faults.append('literals.txt:%d: this is not FILE "LITERAL": REASON' % number)
    paths = {os.path.relpath(path, root) for path in compiled if path.startswith(root + os.sep)}
    for folder in ("cases", "db", "harness", "reports", "runners"):
        paths |= {os.path.relpath(path, root) for path in glob.glob("%s/%s/**/*.h" % (root, folder), recursive=True)
                  if not path.endswith(NOT_FOR_MACOS)}
    used = set()
    for path in sorted(paths):
        with open(os.path.join(root, path), encoding="utf-8") as f:
            for literal in literals(f.read()):
                reason = reasons.get((path, literal))
                lines.append('%s "%s": %s' % (path, literal, reason or "NO REASON"))
                used.add((path, literal))
                if not reason:
                    faults.append('%s has "%s", and macOS builds it: give macOS a file of its own, or scripts/darwin/literals.txt '
                                  'a reason' % (path, literal))
    for path, literal in sorted(set(reasons) - used):
        faults.append('literals.txt: there is no "%s" in %s any more' % (literal, path))
    return lines

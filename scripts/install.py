#!/usr/bin/env python3
"""Installs what is built, and takes it back: scripts/install.py install|uninstall BUILD [PREFIX [DESTDIR]]

`make install PREFIX=/opt/trapline DESTDIR=/tmp/stage` and `make uninstall` call it. Without a PREFIX it is the one that BUILD is
configured with. What was installed stands in PREFIX/share/trapline/installed, files and the directories that were made for
them, so that another build directory, or none of that name, can take it back: BUILD may be "-" then. Nothing else is removed:
no file of another origin, and no directory that was there before or that something else lies in."""

import contextlib
import json
import os
import shutil
import subprocess
import sys

LIST = "share/trapline/installed"
AT = "@" # before the prefix, which may be moved: then what is above it was made by somebody else


def told(build, what):
    """What meson wrote about a build directory: its documented way for other programs."""
    with open(os.path.join(build, "meson-info", "intro-%s.json" % what), encoding="utf-8") as f:
        return json.load(f)


def prefix_of(build):
    return next(o["value"] for o in told(build, "buildoptions") if o["name"] == "prefix")


def read_list(path):
    try:
        with open(path, encoding="utf-8") as f:
            return [line.rstrip("\n") for line in f]
    except FileNotFoundError:
        return None


def missing_above(path):
    """The directories above a file that are not there yet, the uppermost first."""
    missing = []
    while not os.path.isdir(path := os.path.dirname(path)):
        missing.append(path)
    return missing[::-1]


def below(directory):
    for folder, _, names in os.walk(directory):
        yield from (os.path.join(folder, name) for name in names)


def everything(build):
    """Where all would be installed, relative to the prefix: what meson says, and the case files, which its script copies."""
    prefix = prefix_of(build)
    places = []
    for source, place in told(build, "installed").items():
        if os.path.isdir(source):
            for folder, _, names in os.walk(source):
                places += [os.path.join(place, os.path.relpath(os.path.join(folder, name), source)) for name in names]
        else:
            places.append(place)
    cases = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cases")
    places += [os.path.join(prefix, "share/trapline/cases", os.path.relpath(path, cases)) for path in below(cases)
               if not path.endswith((".c", ".h", ".pyc", "/meson.build"))] # as scripts/install-cases.sh has it
    return [os.path.relpath(os.path.normpath(place), prefix) for place in places]


def write_list(root, lines):
    path = os.path.join(root, LIST)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".part", "w", encoding="utf-8") as f:
        f.writelines(line + "\n" for line in sorted(lines))
    os.rename(path + ".part", path)


def install(build, prefix, destdir):
    root = destdir + prefix
    if prefix != prefix_of(build):
        subprocess.run(["meson", "configure", build, "-Dprefix=" + prefix], check=True)
        subprocess.run(["ninja", "-C", build], check=True, stdout=subprocess.DEVNULL)
    places = everything(build)
    made = {d for place in [*places, LIST] for d in missing_above(os.path.join(root, place))}
    lines = {AT + prefix, LIST, *(read_list(os.path.join(root, LIST)) or []), *(os.path.relpath(d, root) + "/" for d in made)}
    # Before anything is there, too: what is killed meanwhile, or has no room, can then be taken back.
    write_list(root, {*lines, *places})
    command = ["meson", "install", "-C", build, "--no-rebuild", "--quiet"] + (["--destdir", destdir] if destdir else [])
    subprocess.run(command, check=True, env={k: v for k, v in os.environ.items() if k != "DESTDIR"})
    write_list(root, lines | {place for place in places if os.path.lexists(os.path.join(root, place))})


def is_above(path, root):
    """Whether a directory is the prefix or one in which it lies."""
    return os.path.commonpath([path, root]) == path


def uninstall(prefix, destdir):
    root = os.path.normpath(destdir + prefix)
    listed = os.path.join(root, LIST)
    known = read_list(listed)
    if known is None:
        sys.exit("uninstall: %s is not there: `make install` writes it. Is it another PREFIX or DESTDIR?" % listed)
    moved = AT + prefix not in known
    paths = {line: os.path.normpath(os.path.join(root, line)) for line in known if not line.startswith(AT)}
    paths = {line: path for line, path in paths.items() if not (moved and line.endswith("/") and path != root and is_above(path, root))}
    files = {line: path for line, path in paths.items() if not line.endswith("/")}
    for line, path in paths.items():
        # Directories above the prefix may have been made for it, and go if they are empty, where it is still there.
        if not path.startswith(root.rstrip("/") + "/") and not (line not in files and is_above(path, root)):
            sys.exit("uninstall: %s names %s, which is not below %s: nothing was removed" % (listed, line, root))
    for path in sorted(files.values(), key=lambda path: path == listed): # the list goes last
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    # Directories that were made, the deepest first, and what Python left in them; one in which something else lies stays.
    for path in sorted(set(paths.values()) - set(files.values()), key=len, reverse=True):
        if not is_above(path, root) or path == root:
            shutil.rmtree(os.path.join(path, "__pycache__"), ignore_errors=True)
        with contextlib.suppress(OSError):
            os.rmdir(path)


def main():
    if len(sys.argv) not in (3, 4, 5) or sys.argv[1] not in ("install", "uninstall"):
        sys.exit(__doc__.split("\n")[0])
    what, build, prefix, destdir = (sys.argv + ["", ""])[1:5]
    prefix = prefix or prefix_of(build)
    if not os.path.isabs(prefix) or (destdir and not os.path.isabs(destdir)):
        print("install: PREFIX and DESTDIR are absolute paths; %s was given" % (destdir if os.path.isabs(prefix) else prefix), file=sys.stderr)
        sys.exit(2)
    prefix = os.path.normpath(prefix)
    try:
        install(build, prefix, destdir.rstrip("/")) if what == "install" else uninstall(prefix, destdir.rstrip("/"))
    except OSError as error:
        sys.exit("%s: %s" % (what, error))
    except subprocess.CalledProcessError as error:
        sys.exit("%s: %s ended with %d" % (what, error.cmd[0], error.returncode))


main()

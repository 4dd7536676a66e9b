"""The libraries that trapline links, as a Mac has them: this machine's headers, and a description of each library.

A .tbd file names what a library exports; Apple's own SDK holds nothing else. Those here are made of what the libraries of
this machine export, so that a call of a function that no such library has cannot be linked. What a library has on one of
the two systems only would be missed; for libuv, the one of them that knows its system, that is its headers' matter: they
are one set for all systems."""

import glob
import os
import subprocess

from toolchain import write

# Its name in pkg-config: the headers, by where they stand below an include directory. Others that meson.build asks for have
# to be added here.
LIBRARIES = {
    "libuv": ["uv.h", "uv"],
    "sqlite3": ["sqlite3.h"],
    "jansson": ["jansson.h", "jansson_config.h"],
    "libcrypto": ["openssl"],
    "libpcre2-8": ["pcre2.h"],
    "libzstd": ["zstd.h", "zstd_errors.h"],
    "libarchive": ["archive.h", "archive_entry.h"],
    "libprotobuf-c": ["protobuf-c"],
    "libnats": ["nats"],
    "criterion": ["criterion"],
}

TBD = """--- !tapi-tbd
tbd-version: 4
targets: [ x86_64-macos, arm64-macos ]
install-name: '{path}'
exports:
  - targets: [ x86_64-macos, arm64-macos ]
    symbols: [ {symbols} ]
...
"""

PC = """Name: {name}
Description: as a Mac would have it
Version: {version}
Cflags: -I{include}
Libs: -L{lib} -l{short}
"""


def pkg_config(name, *question):
    got = subprocess.run(["pkg-config", *question, name], stdout=subprocess.PIPE, text=True)
    if got.returncode:
        raise SystemExit("pkg-config knows no %s here: scripts/packages.sh check installs it" % name)
    return got.stdout.strip()


def exported(short):
    found = subprocess.run(["cc", "-print-file-name=lib%s.so" % short], check=True, stdout=subprocess.PIPE, text=True)
    library = found.stdout.strip() # the linker's own search; only the name where there is none
    got = subprocess.run(["nm", "-D", "--defined-only", "--format=posix", library], check=True, stdout=subprocess.PIPE, text=True)
    return sorted({line.split()[0].partition("@")[0] for line in got.stdout.splitlines()})


def describe(path, installed, symbols):
    write(path, TBD.format(path=installed, symbols=", ".join("_" + symbol for symbol in symbols)))


def copy_headers(names, from_directories, to):
    """Copies what is new or differs: files keep their time while they stay as they are."""
    for name in names:
        found = False
        for directory in from_directories:
            source = os.path.join(directory, name)
            files = [source] if os.path.isfile(source) else \
                [os.path.join(folder, f) for folder, _, inside in os.walk(source) for f in inside]
            for file in files:
                found = True
                with open(file, encoding="utf-8", errors="surrogateescape") as f:
                    text = f.read()
                write(os.path.join(to, os.path.relpath(file, directory)), text)
        if not found:
            raise SystemExit("no header %s in %s" % (name, ", ".join(from_directories)))


def make(prefix):
    """Makes the prefix; returns the directories of stubs and of .pc files."""
    include, lib = os.path.join(prefix, "include"), os.path.join(prefix, "lib")
    pc = os.path.join(lib, "pkgconfig")
    for name, headers in LIBRARIES.items():
        directories = [pkg_config(name, "--variable=includedir") or "/usr/include", "/usr/include",
                       *glob.glob("/usr/include/*-linux-gnu")]
        copy_headers(headers, list(dict.fromkeys(d for d in directories if os.path.isdir(d))), include)
        short = name.removeprefix("lib")
        describe(os.path.join(lib, "lib%s.tbd" % short), "/opt/homebrew/lib/lib%s.dylib" % short, exported(short))
        write(os.path.join(pc, name + ".pc"),
              PC.format(name=name, version=pkg_config(name, "--modversion"), include=include, lib=lib, short=short))
    describe(os.path.join(lib, "libc++.tbd"), "/usr/lib/libc++.1.dylib", ["__cxa_demangle"])
    return lib, pc

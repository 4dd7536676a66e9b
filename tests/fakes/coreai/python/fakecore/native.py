"""The libraries in which the stand-ins die: native code, as with the real ones. They are opened when they are used."""
import ctypes
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def library(name):
    return ctypes.CDLL(os.path.join(os.environ["FAKE_COREAI_LIBRARIES"], f"lib{name}.so"))


def die(name, function, *arguments):
    sys.stdout.flush()
    sys.stderr.flush()
    getattr(library(name), function)(*arguments)
    raise SystemError(f"{function} came back")

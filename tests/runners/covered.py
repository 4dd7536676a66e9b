"""Runs tests of programs in Python with all that can be checked: covered.py --sources FOLDER… [--path …] TEST.py…

  the tests themselves, in Python's development mode, in which a file that is not closed is an error
  every line of the sources has to have been run (coverage)
  the types of the sources, against stubs of what they use (mypy), and the stand-ins against the same stubs (stubtest)

Where coverage or mypy is not installed the tests are run all the same, and the last line says what was skipped: the exit
status is then 77, which meson takes for a test that was skipped."""
import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sources", action="append", default=[], help="folder whose files are checked")
    parser.add_argument("--path", action="append", default=[], help="folder in which stand-ins are found")
    parser.add_argument("--bin", action="append", default=[], help="folder with programs that stand in for others")
    parser.add_argument("--stubs", default="", help="folder with .pyi files")
    parser.add_argument("--stubbed", default="", help="modules of the stand-ins that are compared with the stubs")
    parser.add_argument("tests", nargs="+")
    return parser.parse_args()


def run(what, argv, env, cwd, quiet=False):
    """Whether it went well."""
    print(f"== {what}", flush=True)
    return subprocess.run(argv, env=env, cwd=cwd, stdout=subprocess.DEVNULL if quiet else None, check=False).returncode == 0


def files_of(folders):
    return sorted(os.path.join(folder, name) for folder in folders for name in os.listdir(folder) if name.endswith(".py"))


def main():
    o = options()
    tests = os.path.dirname(os.path.abspath(o.tests[0]))
    names = [os.path.splitext(os.path.basename(test))[0] for test in o.tests]
    env = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", PYTHONPATH=os.pathsep.join([tests, *o.sources, *o.path]),
               PATH=os.pathsep.join([*o.bin, os.environ["PATH"]]))
    python = [sys.executable, "-X", "dev", "-W", "error"]
    lacking = [name for name in ("coverage", "mypy") if importlib.util.find_spec(name) is None]
    with tempfile.TemporaryDirectory() as scratch:
        unittest = ["-m", "unittest", *names]
        if "coverage" in lacking:
            well = run("tests", [*python, *unittest], env, scratch)
        else:
            include = "--include=" + ",".join(folder + "/*.py" for folder in o.sources)
            well = run("tests", [*python, "-m", "coverage", "run", include, *unittest], env, scratch)
            well &= run("coverage", [*python, "-m", "coverage", "report", "-m", "--fail-under=100"], env, scratch)
        if "mypy" not in lacking:
            well &= check_types(o, env, scratch)
    if not well:
        return 1
    if lacking:
        print(f"SKIPPED: {' and '.join(lacking)} for {sys.executable} (scripts/packages.sh check installs them)")
        return SKIPPED
    return 0


def check_types(o, env, scratch):
    # Names of modules are found here, and not where they are installed: what stands in has no types.
    typed = dict(env, MYPYPATH=os.pathsep.join([o.stubs, *o.sources]), PYTHONPATH="", MYPY_CACHE_DIR=scratch)
    well = run("mypy", [sys.executable, "-m", "mypy", "--strict", "--python-version", "3.11", *files_of(o.sources)], typed, scratch)
    if o.stubbed:
        compared = dict(env, MYPYPATH=o.stubs, MYPY_CACHE_DIR=scratch)
        stubtest = shutil.which("stubtest") or "stubtest"
        well &= run("stubtest", [stubtest, "--ignore-missing-stub", *o.stubbed.split(",")], compared, scratch)
    return well


if __name__ == "__main__":
    sys.exit(main())

"""Makes one system call of a program fail, or kills the program at it.

It is done by strace, which traces the program alone and none of its children, so that trapline can trace those. What fails is
what the kernel is asked: calls inside libuv, SQLite and libc fail as well, however they are linked.
"""
import os
import re
import shutil
import signal
import subprocess
import time

STRACE = shutil.which("strace")

# How each call can fail, the most usual first. What can only fail by a mistake in the program (close, futex, munmap) is left out.
ERRORS = {
    "open": "EMFILE EIO ENOMEM", "read": "EIO", "write": "ENOSPC EIO", "sync": "EIO ENOSPC", "size": "ENOSPC EIO",
    "memory": "ENOMEM", "process": "EAGAIN ENOMEM", "ptrace": "EPERM ESRCH EIO", "descriptor": "EMFILE ENOMEM", "watch": "ENOMEM ENOSPC",
    "make": "ENOSPC EIO", "remove": "EIO EBUSY", "look": "EIO ENOMEM", "lock": "ENOLCK EIO", "send": "ENOBUFS EPERM",
    "peek": "EPERM ESRCH ENOMEM", "limit": "EPERM EINVAL",
}
# Which call is of which kind.
KINDS = {
    "open": "open openat openat2 creat", "read": "read pread64 readv preadv preadv2 getdents64 readlink readlinkat",
    "write": "write pwrite64 writev pwritev pwritev2 copy_file_range sendfile", "sync": "fsync fdatasync sync_file_range syncfs",
    "size": "ftruncate fallocate", "memory": "mmap mremap mprotect", "process": "clone clone3 fork vfork", "ptrace": "ptrace",
    "descriptor": "socketpair socket pipe pipe2 eventfd2 epoll_create1 signalfd4 timerfd_create memfd_create dup dup2 dup3 pidfd_open "
                  "inotify_init1 timer_create",
    "watch": "epoll_ctl", "make": "mkdir mkdirat rename renameat renameat2 link linkat symlink symlinkat chmod fchmod fchmodat "
                                  "chown fchown fchownat utimensat",
    "remove": "unlink unlinkat rmdir", "look": "stat fstat lstat newfstatat statx access faccessat faccessat2 statfs fstatfs getcwd",
    "lock": "flock fcntl", "send": "sendmsg sendto recvmsg recvfrom", "peek": "process_vm_readv pidfd_getfd",
    "limit": "prctl prlimit64 sched_getaffinity landlock_create_ruleset unshare setns mount",
}
CALLS = {call: ERRORS[kind].split() for kind, calls in KINDS.items() for call in calls.split()}
# These fail for a moment and never for good: a signal came in between, or nothing has ended yet.
CALLS.update({"epoll_wait": ["EINTR"], "epoll_pwait": ["EINTR"], "wait4": ["EINTR", "ECHILD"], "waitid": ["EINTR"], "poll": ["EINTR", "ENOMEM"],
              "ppoll": ["EINTR", "ENOMEM"], "nanosleep": ["EINTR"], "clock_nanosleep": ["EINTR"]})
MOMENTARY = ("epoll_wait", "epoll_pwait", "wait4", "waitid", "poll", "ppoll", "nanosleep", "clock_nanosleep")


# Of libuv to itself, through a pipe, by which it locks and counts: it takes a failure for its end, or waits for ever.
OWN = re.compile(r'write\(\d+, ("\*", 1|".*", 16)\)|read\(\d+, .*, (1|512)\)')


def works():
    """Whether strace is here, and may trace."""
    return bool(STRACE) and subprocess.run([STRACE, "-qq", "-o", os.devnull, "true"], capture_output=True).returncode == 0


class Done:
    """What became of the program: status as of subprocess, None where it hung and was killed."""
    def __init__(self, status, out, err, seconds):
        self.status, self.out, self.err, self.seconds = status, out, err, seconds


def run(argv, env, patience, options, trace, cwd=None):
    """Runs it below strace with those options; the trace goes to a file."""
    began = time.monotonic()
    out, err = trace + ".out", trace + ".err"
    with open(out, "wb") as o, open(err, "wb") as e:
        child = subprocess.Popen([STRACE, "-qq", "-o", trace, *options, "--", *argv], env=env, stdin=subprocess.DEVNULL, stdout=o, stderr=e,
                                 cwd=cwd, start_new_session=True)
        try:
            status = child.wait(patience)
        except subprocess.TimeoutExpired:
            status = None
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    texts = []
    for path in (out, err):
        with open(path, "rb") as f:
            texts.append(f.read().decode("utf-8", "replace"))
        os.unlink(path)
    return Done(status, *texts, time.monotonic() - began)


def calls(argv, env, patience, trace, cwd=None):
    """Runs it undisturbed: what became of it, the names of its calls in their order, and with which of them it is itself:
    what the loader does before is not the program's."""
    done = run(argv, env, patience, ["-e", "signal=none"], trace, cwd)
    names, first = [], 0
    with open(trace, encoding="utf-8", errors="replace") as f:
        for line in f:
            found = re.match(r"(\w+)\(", line)
            if not found:
                continue
            names.append("own " + found[1] if OWN.match(line) else found[1])
            if not first and found[1] == "munmap": # of ld.so.cache
                first = len(names)
    return done, names, first


def points(names, first):
    """Each call that can fail: (name, the how manieth of this name)."""
    seen = {}
    for at, name in enumerate(names):
        call = name.removeprefix("own ")
        seen[call] = seen.get(call, 0) + 1
        if at >= first and name in CALLS:
            yield name, seen[name]


def fail(argv, env, patience, trace, name, number, error, for_good, cwd=None):
    """Runs it with that call failing, once or from then on."""
    fault = f"inject={name}:error={error}:when={number}{'+' if for_good else ''}"
    return run(argv, env, patience, ["-e", f"trace={name}", "-e", "signal=none", "-e", fault], trace, cwd)


def kill(argv, env, patience, trace, names, number, cwd=None):
    """Runs it, and kills it as it begins the call of that number among those names: strace counts each name by itself. Calls are not
    as many in each attempt, so that it may live: was_killed."""
    called = [name.removeprefix("own ") for name in names[:number]]
    fault = f"inject={called[-1]}:signal=SIGKILL:when={called.count(called[-1])}"
    return run(argv, env, patience, ["-e", f"trace={called[-1]}", "-e", "signal=none", "-e", fault], trace, cwd)


def was_killed(done):
    return done.status == -signal.SIGKILL


def was_injected(trace):
    """Whether a call failed, and the first that did is one that can: signals come at other moments in each attempt, so that calls of
    one name are not always counted alike."""
    with open(trace, encoding="utf-8", errors="replace") as f:
        first = next((line for line in f if "(INJECTED)" in line), None)
    return bool(first) and not OWN.match(first)

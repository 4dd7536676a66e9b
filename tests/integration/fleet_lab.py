"""Machines on one machine, for tests of a fleet: each is a network, a mount, a host name and a tree of processes of its own, with a disk
that outlives it; all hang on one switch.

    with Lab(directory) as lab:
        one = lab.machine("one")           # it has booted; one.address is reached by the others
        child = one.start([PROGRAM, ...])  # a process there; child.kill_hard() ends it with -9
        one.unplug(); one.plug()           # its cable
        one.power_off(); one.boot()        # no process of it is left, nobody is told; it comes back with another boot id

Theory of operation. A machine is `unshare` with this file as its first process, which mounts what makes it another machine, collects
orphans, and ends when its standard input does: so all of it ends with whoever made it, however that ends, and nothing is left that has a
name on the host. Others are brought in by `nsenter`. The switch is a network namespace with a bridge, held by such a process as well. The
power goes without a word: the cable is pulled first, so that no end of a connection is sent."""
import ctypes
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TOOLS = {name: shutil.which(name, path=PATH) for name in ("ip", "unshare", "nsenter")}
NETWORK = "10.73.0."
BOOT_ID = "/proc/sys/kernel/random/boot_id"
MACHINE_ID = "/etc/machine-id"
BOOTS_S = 20
MS_BIND = 4096


def why_not():
    """Why there can be no such machines here; None: there can."""
    missing = [name for name, path in TOOLS.items() if not path]
    if sys.platform != "linux":
        return "machines on one machine are namespaces of Linux"
    if os.geteuid():
        return "making machines on one machine takes root"
    if missing:
        return "not installed: " + ", ".join(missing) + " (apt-get install iproute2 util-linux)"
    tried = subprocess.run([TOOLS["unshare"], "--net", "--pid", "--mount", "--uts", "--fork", "true"], capture_output=True, text=True)
    return tried.stderr.strip() or "no namespaces can be made here" if tried.returncode else None


class Held:
    """A first process, and its namespaces with it."""

    def __init__(self, namespaces, *words):
        self.process = subprocess.Popen([TOOLS["unshare"], *namespaces, "--fork", "--kill-child", "--", sys.executable, "-IS", os.path.abspath(__file__),
                                         "--init", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"PATH": PATH})
        self.pid = None
        ready, _, _ = select.select([self.process.stdout], [], [], BOOTS_S)
        said = self.process.stdout.readline() if ready else b""
        if said != b"ready\n":
            self.end()
            raise RuntimeError("a machine does not boot: " + " ".join(words) + " " + self.said)
        self.pid = children(self.process.pid)[0]

    def end(self):
        """Returns when none of its processes is left."""
        if self.pid:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.stdin.close()
        if not self.pid:
            self.process.kill()
        self.process.wait()
        self.said = self.process.stderr.read().decode("utf-8", "replace")
        self.process.stdout.close()
        self.process.stderr.close()


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(word) for word in f.read().split()]
    except OSError:
        return []


def enter(pid, *words, net_only=False):
    spaces = ["--net"] if net_only else ["--net", "--pid", "--mount", "--uts"]
    return [TOOLS["nsenter"], f"--target={pid}", *spaces, "--", *words]


class Process:
    """A process of a machine. `nsenter` stands for it here, and ends as it does."""

    def __init__(self, machine, words, **more):
        self.machine = machine
        self.entered = subprocess.Popen(enter(machine.held.pid, *words), **more)
        end = time.monotonic() + BOOTS_S
        self.pid = None
        while not self.pid and self.entered.poll() is None and time.monotonic() < end:
            self.pid = next(iter(children(self.entered.pid)), None)
            time.sleep(0.005)

    def poll(self):
        return self.entered.poll()

    def wait(self, timeout=None):
        return self.entered.wait(timeout)

    def communicate(self, timeout=None):
        return self.entered.communicate(timeout=timeout)

    def signal(self, number):
        if self.pid and self.entered.poll() is None:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass

    def kill_hard(self):
        """Nothing else of the machine is killed with it."""
        self.signal(signal.SIGKILL)
        self.entered.wait()


class Machine:
    def __init__(self, lab, name, number):
        self.lab, self.name, self.number = lab, name, number
        self.address = NETWORK + str(number)
        self.directory = os.path.join(lab.directory, name)
        self.held = self.port = None
        for folder in ("home", "tmp", "state", "cache", "config", "data"):
            os.makedirs(self.path(folder), exist_ok=True)
        self.write("machine-id", uuid.uuid4().hex + "\n")
        self.boot()

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    def env(self, **more):
        return dict(os.environ, HOME=self.path("home"), TMPDIR=self.path("tmp"), XDG_STATE_HOME=self.path("state"),
                    XDG_CACHE_HOME=self.path("cache"), XDG_CONFIG_HOME=self.path("config"), XDG_DATA_HOME=self.path("data"), NO_COLOR="1",
                    PATH=os.path.dirname(sys.executable) + os.pathsep + PATH, **more)

    def boot(self):
        if self.held:
            return
        self.write("boot-id", str(uuid.uuid4()) + "\n")
        self.held = Held(["--net", "--pid", "--mount", "--uts", "--mount-proc"], self.name, self.path("boot-id"), self.path("machine-id"))
        self.port = self.lab.wire(self.held.pid, self.number)
        for words in (["addr", "add", self.address + "/24", "dev", "eth0"], ["link", "set", "lo", "up"], ["link", "set", "eth0", "up"]):
            subprocess.run(enter(self.held.pid, TOOLS["ip"], *words, net_only=True), check=True)

    def power_off(self):
        if self.held:
            self.unplug()
            self.held.end()
            self.held = None

    def unplug(self):
        self.lab.set_port(self.port, "down")

    def plug(self):
        self.lab.set_port(self.port, "up")

    def start(self, words, env=None, **more):
        return Process(self, words, env=self.env() if env is None else env, **more)

    def run(self, words, timeout=60, env=None, **more):
        return subprocess.run(enter(self.held.pid, *words), env=self.env() if env is None else env, timeout=timeout, capture_output=True, text=True,
                              **more)


class Lab:
    def __init__(self, directory):
        self.directory, self.machines, self.ports = directory, {}, 0
        self.switch = Held(["--net"], "switch")
        self.on_switch("link", "add", "lab", "type", "bridge")
        self.on_switch("link", "set", "lab", "up")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.switch:
            for machine in self.machines.values():
                machine.power_off()
            self.switch.end()
            self.switch = None

    def machine(self, name):
        self.machines[name] = Machine(self, name, len(self.machines) + 1)
        return self.machines[name]

    def on_switch(self, *words):
        subprocess.run(enter(self.switch.pid, TOOLS["ip"], *words, net_only=True), check=True)

    def wire(self, pid, number):
        """A cable to a machine, by a name that no cable had before: the kernel takes its time with those of machines that are gone. The
        machine keeps its hardware address, by which the others know it."""
        self.ports += 1
        port = f"port{self.ports}"
        self.on_switch("link", "add", port, "type", "veth", "peer", "name", "eth0", "address", f"02:00:00:00:00:{number:02x}", "netns", str(pid))
        self.on_switch("link", "set", port, "master", "lab")
        self.set_port(port, "up")
        return port

    def set_port(self, port, state):
        self.on_switch("link", "set", port, state)


def mount_over(source, target):
    libc = ctypes.CDLL(None, use_errno=True)
    if os.path.exists(target) and libc.mount(source.encode(), target.encode(), None, MS_BIND, None):
        raise OSError(ctypes.get_errno(), "mount", target)


def init(words):
    """The first process of a machine, or of the switch."""
    name, *files = words

    def collect(_number, _frame):
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass

    if files:
        socket.sethostname(name)
        mount_over(files[0], BOOT_ID)
        mount_over(files[1], MACHINE_ID)
    signal.signal(signal.SIGINT, signal.SIG_IGN) # of the terminal: whoever made it decides
    signal.signal(signal.SIGCHLD, collect)
    os.write(1, b"ready\n")
    while os.read(0, 4096):
        pass


if __name__ == "__main__" and sys.argv[1:2] == ["--init"]:
    init(sys.argv[2:])

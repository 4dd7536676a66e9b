#!/usr/bin/env python3
"""The stressors of stress-ng, alone and under trapline: stress.py TRAPLINE [--only NAME…] [--class NAME…] [--seconds S] [--write FILE]

Each runs by itself and then as the one step of a case, at once after another, so that both meet the same machine. The exit
status has to be the same; the slowdown is that of what the stressor counts itself (its bogo operations for each second). --write
puts the table into a document, between the lines that mark it. The exit status is 1 when a stressor ends otherwise under
trapline. Without stress-ng nothing is run, and this is said."""

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

BEGIN, END = "<!-- stress -->", "<!-- end of stress -->"
CLASSES = ["cpu", "cpu-cache", "memory", "vm", "interrupt", "scheduler", "os", "pipe", "network", "filesystem", "io", "security"]

# What would harm the machine or others on it, and why. They are not run at all.
EXCLUDED = {
    "takes all memory of the machine, its swap, or more than its share": "oom-pipe bigheap brk mlockmany swap pageswap memhotplug pagemove "
    "mmapmany resources physpage physmmap full",
    "takes away processors, sets the clock, reboots, mounts, or loads things into the kernel": "cpu-online reboot watchdog clock rtc cyclic "
    "schedpolicy klog efivar apparmor ioport smi module uprobe kvm tun loop bind-mount binderfs ramfs tmpfs umount quota chroot idle-page "
    "unshare",
    "hands random arguments to the kernel, its files or its devices": "sysinval sysbadaddr bad-ioctl dev dev-shm sysfs procfs fault syscall",
    "fills the disk or the network of the machine": "hdd iomix icmp-flood udp-flood rawsock rawudp rawpkt ping-sock dccp sockmany dirmany "
    "dirdeep filename fallocate io-uring",
    "needs an argument of its own or a device": "plugin gpu ipsec-mb",
}


def excluded():
    return {name for names in EXCLUDED.values() for name in names.split()}


def stressors(of_class):
    said = subprocess.run(["stress-ng", "--class", of_class + "?"], capture_output=True, text=True)
    found = re.search(r"stressors: (.*)", said.stdout + said.stderr)
    return found.group(1).split() if found else []


def command(name, seconds, counts):
    return ["stress-ng", f"--{name}", "1", "--timeout", f"{seconds}s", "--metrics-brief", "--yaml", counts, "--no-rand-seed"]


def rate(counts):
    """Operations for each second, by its own count."""
    try:
        with open(counts, encoding="utf-8") as f:
            found = re.search(r"bogo-ops-per-second-real-time: ([0-9.]+)", f.read())
    except OSError:
        return 0
    return float(found.group(1)) if found else 0


def by_itself(name, seconds, directory):
    counts = os.path.join(directory, name + ".alone")
    where = tempfile.mkdtemp(dir=directory)
    child = subprocess.Popen(command(name, seconds, counts), cwd=where, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        status = child.wait(60)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        status = "hang"
    shutil.rmtree(where, ignore_errors=True)
    return status, rate(counts)


def traced(trapline, name, seconds, directory):
    counts, case = os.path.join(directory, name + ".traced"), os.path.join(directory, name + ".json")
    with open(case, "w", encoding="utf-8") as f:
        json.dump({"trapline": 1, "name": "stress-" + name, "model": {"steps": [
            {"phase": "execute", "argv": command(name, seconds, counts)}]},
            "limits": {"timeout_s": 60, "memory_mb": 0, "processes": 0, "disk_mb": 0}}, f)
    try:
        done = subprocess.run([trapline, "run", case, "--json", "--db", os.path.join(directory, "stress.db")],
                              capture_output=True, text=True, timeout=180)
    except subprocess.TimeoutExpired:
        return "trapline does not end", 0
    try:
        trial = json.loads(done.stdout)["trials"][0]
    except (ValueError, KeyError, IndexError):
        return "trapline: " + done.stderr.strip()[-200:], 0
    outcome, code = trial["outcome"], re.search(r"exited with status (\d+)", trial.get("message") or "")
    if outcome == "pass":
        status = 0
    elif outcome == "error" and code:
        status = int(code.group(1))
    else:
        status = f"{outcome}: {(trial.get('signature') or {}).get('title') or trial.get('message')}"
    return status, rate(counts)


def slowdown(rows):
    found = [alone / under for _, _, _, alone, under in rows if alone and under]
    return found


def table(rows, classes, version):
    lines = [f"stress-ng {version}, one of each, both sides in one run. Of the stressors of a class (many are in several):", "",
             "| class | ran | same exit | slowdown: median | nine of ten below | most |", "| --- | --- | --- | --- | --- | --- |"]
    for c in classes:
        mine = [r for r in rows if r[0] in classes[c]]
        if not mine:
            continue
        slow = sorted(slowdown(mine))
        same = sum(r[1] == r[2] for r in mine)
        worst = max((r for r in mine if r[3] and r[4]), key=lambda r: r[3] / r[4], default=None)
        nine = slow[min(len(slow) - 1, int(len(slow) * 0.9))] if slow else 0
        lines.append(f"| {c} | {len(mine)} | {same} | {statistics.median(slow):.2f} | {nine:.1f} | {worst[3] / worst[4]:.1f} (`{worst[0]}`) |"
                     if slow else f"| {c} | {len(mine)} | {same} | | | |")
    slow = sorted((r for r in rows if r[3] and r[4] and r[3] / r[4] >= 3), key=lambda r: -r[3] / r[4])
    lines += ["", "Slower by three times and more: " + (", ".join(f"`{r[0]}` {r[3] / r[4]:.0f}" for r in slow) or "none") + "."]
    other = [r for r in rows if r[1] != r[2]]
    lines += ["", "Another end: " + ("; ".join(f"`{r[0]}`, {r[1]} by itself, {r[2]} under trapline" for r in other) or "none") + "."]
    lines += ["", "Not run:", ""]
    lines += [f"- {why}: " + ", ".join(f"`{n}`" for n in sorted(set(names.split()))) for why, names in EXCLUDED.items()]
    return "\n".join(lines)


def write(path, text):
    with open(path, encoding="utf-8") as f:
        before, rest = f.read().split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("trapline")
    p.add_argument("--only", nargs="+")
    p.add_argument("--class", dest="classes", nargs="+", default=CLASSES)
    p.add_argument("--seconds", type=int, default=1)
    p.add_argument("--write")
    options = p.parse_args()
    if not shutil.which("stress-ng"):
        print("stress-ng is not installed: nothing was run")
        return 0
    classes = {c: stressors(c) for c in options.classes}
    names = sorted({n for of in classes.values() for n in of} - excluded())
    if options.only:
        names = options.only
    rows = []
    with tempfile.TemporaryDirectory(prefix="trapline-stress-") as directory:
        os.environ["XDG_STATE_HOME"] = directory
        for name in names:
            native, alone = by_itself(name, options.seconds, directory)
            status, under = traced(os.path.abspath(options.trapline), name, options.seconds, directory)
            rows.append((name, native, status, alone, under))
            print(f"{'' if native == status else 'OTHERWISE '}{name}: {native}, {status}; "
                  f"{f'{alone / under:.2f}' if alone and under else '-'}", flush=True)
    version = re.search(r"version (\S+)", subprocess.run(["stress-ng", "--version"], capture_output=True, text=True).stdout)
    text = table(rows, classes, version.group(1).rstrip(",") if version else "")
    print(text)
    if options.write:
        write(options.write, text)
    return 1 if any(r[1] != r[2] for r in rows) else 0


if __name__ == "__main__":
    sys.exit(main())

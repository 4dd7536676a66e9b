"""call_names.py OUTPUT COMPILER…: the names of the kernel's calls by their numbers, as the C library's header has them"""
import re
import subprocess
import sys

found = subprocess.run([*sys.argv[2:], "-E", "-dM", "-x", "c", "-"], input="#include <sys/syscall.h>\n", capture_output=True,
                       text=True, check=True).stdout
names = sorted(set(re.findall(r"^#define SYS_(\w+) __NR_\w+$", found, re.M)))
with open(sys.argv[1], "w", encoding="ascii") as out:
    out.write("/* Made by call_names.py. */\n" + "".join(f'[SYS_{name}] = "{name}",\n' for name in names))

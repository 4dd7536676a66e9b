"""The limit of the disk counts whatever takes room, and nothing of it stays."""
import os
import re
import shutil
import subprocess
import sys
import unittest

from program import ProgramTest

LINUX = sys.platform == "linux"
TOOL = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#define PART (3 << 20)
static char block[PART];
static int put(const char *name, int keep)
{
    int fd = open(name, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || write(fd, block, PART) != PART) exit(3);
    if (!keep) close(fd);
    return fd;
}
static void removed(void) { for (int i = 0; i < 8; i++) { put("f", 1); unlink("f"); } }
static void *apart(void *x) { unshare(CLONE_FILES); removed(); usleep(5000000); return x; }
int main(int argc, char **argv)
{
    const char *way = argv[1];
    char name[51] = {0};
    memset(block, 'x', PART);
    memset(name, 'd', 50);
    if (!strcmp(way, "deep")) {
        for (int i = 0; i < 150; i++) if (mkdir(name, 0700) || chdir(name)) return 3;
        for (int i = 0; i < 8; i++) { char f[2] = {'0' + i}; put(f, 0); }
    } else if (!strcmp(way, "removed")) {
        removed();
    } else if (!strcmp(way, "deep and removed")) {
        for (int i = 0; i < 150; i++) if (mkdir(name, 0700) || chdir(name)) return 3;
        removed();
    } else if (!strcmp(way, "unnamed")) {
        for (int i = 0; i < 8; i++) { int fd = open(".", O_TMPFILE | O_RDWR, 0600); if (fd < 0 || write(fd, block, PART) != PART) return 3; }
    } else if (!strcmp(way, "thread")) {
        pthread_t t;
        pthread_create(&t, 0, apart, 0);
    } else if (!strcmp(way, "mapped")) {
        for (int i = 0; i < 8; i++) {
            int fd = put("f", 1);
            char *p = mmap(0, PART, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
            memset(p, 'y', PART);
            close(fd); unlink("f");
        }
    } else if (!strcmp(way, "untraced")) {
        if (!syscall(SYS_clone, 0x00800000 | SIGCHLD, 0, 0, 0, 0)) removed();
    } else if (!strcmp(way, "shut")) {
        mkdir("d", 0700);
        for (int i = 0; i < 8; i++) { char f[4] = {'d', '/', '0' + i}; put(f, 0); }
        chmod("d", 0);
    } else if (!strcmp(way, "links")) { /* one file, however often it is named */
        put("f", 0);
        for (int i = 0; i < 200; i++) { sprintf(name, "%d", i); if (link("f", name)) return 3; }
        usleep(600000);
        return 0;
    } else if (!strcmp(way, "sparse")) {
        int fd = open("f", O_RDWR | O_CREAT, 0600);
        if (ftruncate(fd, 15 << 20) || mmap(0, 15 << 20, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED) return 3;
        close(fd); unlink("f");
        usleep(600000);
        return 0;
    }
    usleep(5000000);
    return 0;
}
"""
TOO_MUCH = ["deep", "removed", "deep and removed", "thread", "mapped", "shut", "unnamed", "untraced"]
LITTLE = ["links", "sparse"]


class DiskTest(ProgramTest):
    def left(self):
        """What lies in the directory of scratch files."""
        return os.listdir(self.path("tmp"))

    @unittest.skipUnless(LINUX and shutil.which("gcc"), "needs Linux and gcc")
    def test_whatever_takes_room_counts(self):
        source = self.write("disk.c", TOOL)
        subprocess.run(["gcc", "-w", "-pthread", source, "-o", self.path("disk")], check=True)
        case = self.case("disk", {"steps": [{"phase": "execute", "argv": [self.path("disk"), "{way}"]}]},
                         [{"name": "way", "choices": TOO_MUCH + LITTLE}], limits={"timeout_s": 60, "disk_mb": 20})
        done = self.trapline("matrix", case, "-s", "way=*", "-j", "10")
        trials = {t["variant"]["way"]: t for t in self.listed("trials")["trials"]}
        for way in TOO_MUCH:
            self.assertEqual(trials[way]["outcome"], "error", (trials[way], done.stdout))
            self.assertIn("limits.disk_mb (20 MiB)", self.show(trials[way])["message"])
        for way in LITTLE:
            self.assertEqual(trials[way]["outcome"], "pass", trials[way])
        self.assertEqual(self.left(), [])

    @unittest.skipUnless(LINUX and os.geteuid() == 0 and shutil.which("unshare"), "needs root on Linux")
    def test_what_is_mounted_is_taken_away_and_not_emptied(self):
        precious = self.path("precious")
        os.mkdir(precious)
        self.write("precious/file", "kept")
        tool = self.python("mounts.py", "import subprocess\nplace = 'a/b \\\\ c\\n'\nos.makedirs(place)\nopen('a/file', 'w')\n"
                           "for i in range(2):\n    subprocess.run(['mount', '--bind', sys.argv[1], place], check=True)\n")
        case = self.case("mounts", {"steps": [{"phase": "execute", "argv": [tool, precious]}]})
        if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
            self.skipTest("nothing can be mounted here")
        done = subprocess.run(["unshare", "-m", "sh", "-c", 'ls "$0"; "$@" && ls "$TMPDIR"', precious, *self.command("run", case)], env=self.env,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("cannot be removed", done.stderr)
        self.assertEqual(self.left(), [], done.stdout + done.stderr)
        self.assertEqual(os.listdir(precious), ["file"])

    @unittest.skipUnless(LINUX and os.geteuid() == 0 and shutil.which("chattr"), "needs root on Linux")
    def test_what_cannot_be_removed_is_said_and_tried_again(self):
        probe = self.write("probe", "")
        if subprocess.run(["chattr", "+i", probe], capture_output=True).returncode:
            self.skipTest("the file system protects no files")
        subprocess.run(["chattr", "-i", probe], check=True)
        tool = self.python("protects.py", "import subprocess\nos.mkdir('a')\nfor name in ('a/file', 'a/other'):\n    open(name, 'w')\n"
                           "sys.exit(subprocess.run(['chattr', '+i', 'a/file']).returncode)\n")
        case = self.case("protects", {"steps": [{"phase": "execute", "argv": [tool]}]})
        plain = self.case("plain", {"steps": [{"phase": "execute", "argv": ["true"]}]})
        for i, path in enumerate((case, plain, plain)):
            if i == 2: # somebody lets it go
                place = self.path("tmp", *self.left())
                subprocess.run(["chattr", "-R", "-i", place], check=True)
            done = self.trapline("run", path, "--no-cache", status=0)
            said = re.findall("what was left in .*/trapline-[0-9]+-.* cannot be removed: Operation not permitted", done.stderr)
            self.assertEqual(len(said), i < 2, done.stderr)
        self.assertEqual(self.left(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)

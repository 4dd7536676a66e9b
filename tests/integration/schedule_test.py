"""Schedules of nightly runs: installed into a directory of the test's own, against programs that stand in for systemctl,
loginctl and launchctl: they write down how they were called and answer what the test says. What is written for systemd
is also held against systemd's own tools, where they are installed."""
import datetime
import json
import os
import plistlib
import re
import shutil
import subprocess
import sys
import unittest

from program import PATIENCE, ProgramTest

SUITE = "kv-write"
LINUX, DARWIN = os.environ["TRAPLINE_SCHEDULE_LINUX"], os.environ["TRAPLINE_SCHEDULE_DARWIN"]
ANALYZE = shutil.which("systemd-analyze")
NOBODY = ["setpriv", "--reuid=65511", "--regid=65511", "--clear-groups"]
HOSTILE = ["a b", "100%", "%h %% %", "$HOME ${HOME} $$", "back\\slash\\", "it's \"quoted\"", "gr\u00fc\u00df \u6f22 \U0001f600",
           "tab\tend", "; true", "#x", "--", "-->", "<a>&amp;", "~/x", "*?[a]", "\\x41\\n", " leading", "trailing ", ""]

# Called as what it is linked to. What it is to answer is in a file named by it and its verb: a status and two texts.
DOUBLE = '''#!{python}
import json, os, sys
name, here = os.path.basename(sys.argv[0]), {here!r}
words = [w for w in sys.argv[1:] if not w.startswith("--")]
with open(os.path.join(here, "calls"), "a") as f:
    f.write(json.dumps([name, *sys.argv[1:]]) + "\\n")
try:
    with open(os.path.join(here, name + "-" + words[0])) as f:
        status, out, err = json.load(f)
except FileNotFoundError:
    status, out, err = 0, "", ""
if name == "systemctl" and words[0] == "show":
    assert os.environ["TZ"] == "UTC" and os.environ["LC_ALL"] == "C"
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(status)
'''


class ScheduleTest(ProgramTest):
    SCHEDULE = LINUX

    def setUp(self):
        super().setUp()
        self.bin = self.path("bin")
        self.double = self.path("double")
        os.mkdir(self.bin)
        os.mkdir(self.double)
        for name in ("systemctl", "loginctl", "launchctl"):
            self.write("bin/" + name, DOUBLE.format(python=sys.executable, here=self.double), 0o755)
        self.home = self.path("home")
        self.config = self.path("config")
        self.env.update(HOME=self.home, XDG_CONFIG_HOME=self.config, PATH=self.bin + ":" + os.environ["PATH"])
        self.suite = self.write("suite.json", "{}")
        self.program = shutil.which("true")

    def answer(self, name, verb, status=0, out="", err=""):
        self.write(f"double/{name}-{verb}", json.dumps([status, out, err]))

    def calls(self):
        """How the stand-ins were called since the last time."""
        path = os.path.join(self.double, "calls")
        if not os.path.exists(path):
            return []
        with open(path) as f:
            calls = [json.loads(line) for line in f]
        os.remove(path)
        return calls

    def schedule(self, *arguments, status=0, env=None, before=()):
        done = subprocess.run([*before, self.SCHEDULE, *arguments], env=env or self.env, capture_output=True, text=True,
                              timeout=PATIENCE)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return json.loads(done.stdout) if status == 0 else done.stderr

    def install(self, *more, suite=SUITE, path=None, program=None, at="02:30", db="", **how):
        return self.schedule("install", suite, path or self.suite, program or self.program, at, db, *more, **how)

    def read(self, *names):
        with open(self.path(*names), encoding="utf-8") as f:
            return f.read()

    def tree(self, top):
        return sorted(os.path.relpath(os.path.join(d, f), top) for d, _, files in os.walk(top) for f in files)


class Systemd(ScheduleTest):
    UNITS = ["systemd/user/trapline-kv-write.service", "systemd/user/trapline-kv-write.timer"]

    def shown(self, timer="", service="", suite=SUITE):
        self.answer("systemctl", "show", 0,
                    f"Id=trapline-{suite}.timer\nLoadState=loaded\n{timer}\nId=trapline-{suite}.service\n{service}")

    def unit(self, kind, suite=SUITE):
        return os.path.join(self.config, "systemd", "user", f"trapline-{suite}.{kind}")

    def verified(self, *paths):
        """What systemd itself says of unit files. Other units of the machine that it looks at are not ours."""
        if not ANALYZE:
            self.skipTest("systemd-analyze is not installed")
        os.makedirs(self.path("run"), mode=0o700, exist_ok=True)
        env = dict(self.env, XDG_RUNTIME_DIR=self.path("run"))
        done = subprocess.run([ANALYZE, "verify", "--user", "--man=no", *paths], env=env, capture_output=True, text=True,
                              timeout=PATIENCE)
        return [line for line in (done.stdout + done.stderr).splitlines() if "trapline-" in line]

    def verify(self, *paths):
        self.assertEqual(self.verified(*paths), [])

    def test_install(self):
        self.shown("NextElapseUSecRealtime=Fri 2026-11-27 02:30:00 UTC\n")
        done = self.install("--json", db="/var/lib/t.db")
        files = [self.unit("service"), self.unit("timer")]
        self.assertEqual({k: done[k] for k in ("suite", "path", "at", "files", "replaced", "next_us")},
                         {"suite": SUITE, "path": self.suite, "at": "02:30", "files": files, "replaced": False,
                          "next_us": 1795746600000000})
        self.assertIn("enable-linger", done["notes"][0])
        self.assertEqual(self.tree(self.config), self.UNITS)
        self.assertIn("\nOnCalendar=*-*-* 02:30:00\n", self.read(files[1]))
        self.assertIn(f'\nExecStart="{self.program}" "nightly" "{self.suite}" "--db" "/var/lib/t.db" "--json"\n',
                      self.read(files[0]))
        calls = self.calls()
        self.assertEqual(calls[:2], [["systemctl", "--user", "daemon-reload"],
                                     ["systemctl", "--user", "enable", "--now", "trapline-kv-write.timer"]])
        self.assertEqual({c[0] for c in calls[2:]}, {"loginctl", "systemctl"})

    def test_lingering(self):
        self.answer("loginctl", "show-user", 0, "Linger=yes\n")
        self.assertEqual(self.install()["notes"], [])

    def test_install_again(self):
        self.assertIs(self.install()["replaced"], False)
        first = self.read(self.unit("service"))
        self.assertIs(self.install()["replaced"], True)
        self.assertEqual(self.read(self.unit("service")), first)
        self.install(at="23:59")
        self.assertIn("\nOnCalendar=*-*-* 23:59:00\n", self.read(self.unit("timer")))
        self.assertEqual(self.tree(self.config), self.UNITS)
        self.install(suite="other")
        self.assertEqual(len(self.tree(self.config)), 4)

    def test_home(self):
        env = {k: v for k, v in self.env.items() if k != "XDG_CONFIG_HOME"}
        self.install(env=env)
        self.assertEqual(self.tree(self.home), [".config/" + name for name in self.UNITS])
        self.install(env=dict(env, XDG_CONFIG_HOME="relative"))
        self.assertIn("HOME", self.install(env={k: v for k, v in env.items() if k != "HOME"}, status=3))

    def test_verify(self):
        self.install("--notify", "mail -s 'trapline' me", db=self.path("t.db"))
        self.verify(self.unit("service"), self.unit("timer"))
        for kind, right, wrong in (("service", "ExecStart=", 'ExecStart="'), ("service", "Nice=10", "Nice=100"),
                                   ("service", "Type=oneshot", "Typ=oneshot"), ("timer", "-* 02:30", "-* 25:30")):
            text = self.read(self.unit(kind))
            self.write(self.unit(kind), text.replace(right, wrong))
            self.assertNotEqual(self.verified(self.unit("service"), self.unit("timer")), [], wrong)
            self.write(self.unit(kind), text)

    def test_calendar(self):
        if not ANALYZE:
            self.skipTest("systemd-analyze is not installed")
        for at in ("00:00", "02:30", "23:59"):
            self.install(at=at)
            text = re.search(r"^OnCalendar=(.*)$", self.read(self.unit("timer")), re.M).group(1)
            done = subprocess.run([ANALYZE, "calendar", text], env=dict(self.env, TZ="UTC"), capture_output=True, text=True,
                                  timeout=PATIENCE)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, rf"Next elapse: \w+ \S+ {at}:00 UTC")

    def hostile(self):
        """A program, a suite and a database with everything in their paths that systemd gives a meaning to."""
        directory = self.path("50% of $x ${HOME} \u6f22;#")
        os.makedirs(directory)
        program = os.path.join(directory, "trap line")
        shutil.copy(self.program, program)
        return program, os.path.join(directory, "it's a \"suite\"\\.json"), os.path.join(directory, "%h.db")

    def test_hostile(self):
        program, path, db = self.hostile()
        self.env.update(XDG_STATE_HOME="/50% \"of\" $x\\", XDG_DATA_HOME="/" + "".join(HOSTILE))
        self.install(*HOSTILE, program=program, path=path, db=db)
        self.verify(self.unit("service"), self.unit("timer"))
        status = self.schedule("status")[0]
        self.assertEqual(status["command"], [program, "nightly", path, "--db", db, *HOSTILE])
        self.assertEqual(status["path"], path)

    def test_environment(self):
        self.env.update(TRAPLINE_RUNNERS="/my runners")
        self.env.pop("XDG_DATA_HOME")
        self.install()
        found = re.findall(r'^Environment="(\w+)=(.*)"$', self.read(self.unit("service")), re.M)
        self.assertEqual(dict(found), {"PATH": self.env["PATH"], "XDG_STATE_HOME": self.path("state"),
                                       "XDG_CACHE_HOME": self.path("cache"), "XDG_CONFIG_HOME": self.config,
                                       "TRAPLINE_RUNNERS": "/my runners"})

    def test_refused(self):
        for change, said in ((dict(at="24:00"), "HH:MM"), (dict(at="2:30"), "HH:MM"), (dict(suite="../x"), "suite"),
                             (dict(suite="A"), "suite"), (dict(path="suite.json"), "absolute"),
                             (dict(path="/a\nExecStart=/bin/false"), "line breaks"), (dict(db="x.db"), "absolute"),
                             (dict(program="/it's"), "/it's")):
            self.assertIn(said, self.install(status=3 if "program" in change else 2, **change))
        self.assertIn("line breaks", self.install("a\nb", status=2))
        program = self.write("it's", "", 0o755)
        self.assertIn("quote", self.install(program=program, status=2))
        self.assertFalse(os.path.exists(self.config))
        self.assertEqual(self.calls(), [])

    def identity(self, path):
        found = os.lstat(path)
        return found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns

    def test_foreign(self):
        os.makedirs(os.path.dirname(self.unit("timer")))
        for make in (lambda path: self.write(path, "[Timer]\nOnCalendar=daily\n"), lambda path: os.symlink("/dev/null", path),
                     os.mkdir):
            for kind in ("timer", "service"):
                make(self.unit(kind))
                before = self.identity(self.unit(kind))
                self.assertIn(self.unit(kind), self.install(status=2))
                self.assertIn(self.unit(kind), self.schedule("uninstall", SUITE, status=2))
                self.assertEqual(self.identity(self.unit(kind)), before)
                self.assertEqual(os.listdir(os.path.dirname(self.unit(kind))), [os.path.basename(self.unit(kind))])
                self.assertEqual(self.schedule("status"), [])
                (os.rmdir if os.path.isdir(self.unit(kind)) else os.remove)(self.unit(kind))
        self.assertEqual(self.calls(), [])

    def without_systemctl(self):
        os.remove(os.path.join(self.bin, "systemctl"))
        return dict(self.env, PATH=self.bin)

    def test_no_systemctl(self):
        env = self.without_systemctl()
        said = self.install(env=env, status=3)
        for part in (os.path.dirname(self.unit("timer")), "trapline-kv-write.service and trapline-kv-write.timer are there",
                     "systemctl", "PATH", "systemctl --user daemon-reload && systemctl --user enable --now trapline-kv-write.timer"):
            self.assertIn(part, said)
        self.assertEqual(self.tree(self.config), self.UNITS)
        status, = self.schedule("status", env=env)
        self.assertEqual({k: status[k] for k in ("suite", "path", "at", "enabled", "active", "running", "last", "next_us")},
                         {"suite": SUITE, "path": self.suite, "at": "02:30", "enabled": None, "active": None,
                          "running": None, "last": None, "next_us": None})
        self.assertIn("systemctl", status["unknown"])
        done = self.schedule("uninstall", SUITE, env=env)
        self.assertIn("systemd could not be told", done["notes"][0])
        self.assertEqual(self.tree(self.config), [])

    def test_no_manager(self):
        refusal = "Failed to connect to bus: No medium found"
        for verb in ("daemon-reload", "show", "disable"):
            self.answer("systemctl", verb, 1, "", f"hint\n{refusal}\n")
        self.assertIn(refusal, self.install(status=3))
        self.assertEqual(self.tree(self.config), self.UNITS)
        self.assertEqual(self.calls(), [["systemctl", "--user", "daemon-reload"]])
        self.install(suite="other", status=3)
        self.calls()
        self.assertEqual([s["unknown"] for s in self.schedule("status")], ["systemctl: " + refusal] * 2)
        self.assertEqual(len(self.calls()), 1)  # it is not asked again for each
        wants = os.path.join(os.path.dirname(self.unit("timer")), "timers.target.wants")
        os.mkdir(wants)
        os.symlink(self.unit("timer"), os.path.join(wants, "trapline-kv-write.timer"))
        self.assertIn(refusal, self.schedule("uninstall", SUITE)["notes"][0])
        self.assertEqual(os.listdir(wants), [])

    def test_enable_fails(self):
        self.answer("systemctl", "enable", 1, "", "Failed to enable unit: Unit file is masked.\n")
        said = self.install(status=3)
        self.assertIn("masked", said)
        self.assertIn("systemctl --user enable --now trapline-kv-write.timer", said)

    @unittest.skipUnless(os.geteuid() or shutil.which("setpriv"), "needs to be somebody else")
    def test_read_only(self):
        before = NOBODY if os.geteuid() == 0 else ()
        os.chmod(self.directory, 0o755)
        os.makedirs(os.path.dirname(self.unit("timer")))
        directory = os.path.dirname(self.unit("timer"))
        os.chmod(directory, 0o555)
        said = self.install(status=3, before=before)
        self.assertIn("nothing was changed", said)
        self.assertIn("Permission denied", said)
        os.chmod(directory, 0o755)
        self.assertEqual(os.listdir(directory), [])
        self.assertEqual(self.calls(), [])

    def test_no_directory(self):
        self.write("config", "a file")
        self.assertIn("Not a directory", self.install(status=3))

    def test_uninstall(self):
        self.install()
        self.install(suite="other")
        self.calls()
        done = self.schedule("uninstall", SUITE)
        self.assertEqual(done, {"suite": SUITE, "removed": [self.unit("service"), self.unit("timer")], "notes": []})
        self.assertEqual(self.tree(self.config), [name.replace(SUITE, "other") for name in self.UNITS])
        self.assertEqual(self.calls(), [["systemctl", "--user", "disable", "--now", "trapline-kv-write.timer"],
                                        ["systemctl", "--user", "clean", "--what=state", "trapline-kv-write.timer"],
                                        ["systemctl", "--user", "reset-failed", "trapline-kv-write.service"],
                                        ["systemctl", "--user", "daemon-reload"]])
        said = self.schedule("uninstall", SUITE, status=2)
        self.assertIn(SUITE, said)
        self.assertIn("installed: other", said)
        self.schedule("uninstall", "other")
        self.assertIn("none is", self.schedule("uninstall", "other", status=2))
        self.assertIn("suite", self.schedule("uninstall", "../other", status=2))

    def test_half_installed(self):
        self.install()
        os.remove(self.unit("timer"))
        status, = self.schedule("status")
        self.assertIn(self.unit("timer"), status["problem"])
        self.assertIsNone(status["at"])
        self.assertEqual(status["path"], self.suite)
        self.assertEqual(self.schedule("uninstall", SUITE)["removed"], [self.unit("service")])
        self.assertEqual(self.schedule("status"), [])

    def test_status(self):
        self.assertEqual(self.schedule("status"), [])
        self.install("--isolate")
        self.shown("UnitFileState=enabled\nActiveState=active\nLastTriggerUSec=Thu 2026-11-26 02:30:00 UTC\n"
                   "NextElapseUSecRealtime=Fri 2026-11-27 02:30:00 UTC\n",
                   "ActiveState=failed\nResult=exit-code\nExecMainCode=1\nExecMainStatus=3\n"
                   "ExecMainStartTimestamp=Thu 2026-11-26 02:30:01 UTC\n")
        status = self.schedule("status")
        self.assertEqual(status, [{
            "suite": SUITE, "path": self.suite, "at": "02:30",
            "command": [self.program, "nightly", self.suite, "--isolate"],
            "files": [self.unit("service"), self.unit("timer")], "enabled": True, "active": True, "running": False,
            "last": {"started_us": 1795660201000000, "result": "exit-code", "exit_status": 3},
            "next_us": 1795746600000000}])
        self.shown("UnitFileState=disabled\nActiveState=inactive\nLastTriggerUSec=\nNextElapseUSecRealtime=\n",
                   "ActiveState=inactive\nResult=success\nExecMainCode=0\nExecMainStatus=0\nExecMainStartTimestamp=\n")
        status, = self.schedule("status")
        self.assertEqual([status[k] for k in ("enabled", "active", "running", "last", "next_us")],
                         [False, False, False, None, None])

    def test_changed_by_hand(self):
        self.install()
        text = self.read(self.unit("timer"))
        self.write(self.unit("timer"), text.replace("*-*-* 02:30:00", "Mon..Fri 04:00"))
        self.assertEqual(self.schedule("status")[0]["at"], "Mon..Fri 04:00")

    def test_killed_installer(self):
        """What a process of the same number left behind is no obstacle, and no unit."""
        self.install()
        self.write(os.path.join(os.path.dirname(self.unit("timer")), ".trapline-kv-write.timer.1.tmp"), "half")
        self.install()
        self.assertEqual(len(self.schedule("status")), 1)

    def test_program(self):
        """By the name in PATH where that is a link to it, else by its file."""
        self.assertEqual(self.schedule("program"), os.path.realpath(LINUX))
        link = os.path.join(self.bin, os.path.basename(os.path.realpath(LINUX)))
        os.symlink(LINUX, link)
        self.assertEqual(self.schedule("program"), link)
        os.remove(link)
        shutil.copy(self.program, link)
        self.assertEqual(self.schedule("program"), os.path.realpath(LINUX))


class Launchd(ScheduleTest):
    """The file for macOS, which uses nothing of macOS but launchctl."""
    SCHEDULE = DARWIN
    LABEL = "org.trapline.nightly." + SUITE
    DOMAIN = f"gui/{os.getuid()}"

    def setUp(self):
        super().setUp()
        self.plist = os.path.join(self.home, "Library", "LaunchAgents", self.LABEL + ".plist")
        self.not_loaded()

    def not_loaded(self):
        self.answer("launchctl", "print", 113, "", f'Could not find service "{self.LABEL}" in domain for login\n')

    def loaded(self, text="\tstate = not running\n"):
        self.answer("launchctl", "print", 0, f"{self.DOMAIN}/{self.LABEL} = {{\n{text}}}\n")

    def test_install(self):
        done = self.install(*HOSTILE, path="/a & b/<suite>.json", db="/t.db", at="02:30")
        self.assertEqual({k: done[k] for k in ("suite", "path", "at", "files", "replaced")},
                         {"suite": SUITE, "path": "/a & b/<suite>.json", "at": "02:30", "files": [self.plist],
                          "replaced": False})
        with open(self.plist, "rb") as f:
            plist = plistlib.load(f)
        log = os.path.join(self.home, "Library", "Logs", "trapline", "nightly-kv-write.log")
        self.assertTrue(os.path.isdir(os.path.dirname(log)))
        self.assertEqual(plist, {
            "Label": self.LABEL,
            "ProgramArguments": ["/usr/bin/caffeinate", "-i", "-m", "-s", self.program, "nightly", "/a & b/<suite>.json", "--db", "/t.db", *HOSTILE],
            "EnvironmentVariables": {k: self.env[k] for k in ("PATH", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")},
            "StartCalendarInterval": {"Hour": 2, "Minute": 30}, "Nice": 10, "StandardOutPath": log,
            "StandardErrorPath": log})
        target = f"{self.DOMAIN}/{self.LABEL}"
        self.assertEqual(self.calls(), [["launchctl", "print", target], ["launchctl", "enable", target],
                                        ["launchctl", "bootstrap", self.DOMAIN, self.plist]])
        self.loaded()
        self.assertIs(self.install()["replaced"], True)
        self.assertEqual([c[1] for c in self.calls()], ["print", "bootout", "enable", "bootstrap"])

    def test_not_loadable(self):
        self.answer("launchctl", "bootstrap", 125, "", "Bootstrap failed: 125: Domain does not support specified action\n")
        said = self.install(status=3)
        self.assertIn("Domain does not support", said)
        self.assertIn(f"launchctl bootstrap {self.DOMAIN} {self.plist}", said)
        self.assertTrue(os.path.exists(self.plist))
        self.assertEqual(len(self.calls()), 3)
        self.loaded()
        self.install(status=3)
        self.assertEqual(sum(c[1] == "bootstrap" for c in self.calls()), 11)  # bootout may not have come to its end

    def test_status(self):
        self.assertEqual(self.schedule("status"), [])
        self.install()
        status, = self.schedule("status")
        self.assertEqual([status[k] for k in ("suite", "path", "at", "enabled", "active", "running", "last", "next_us")],
                         [SUITE, self.suite, "02:30", False, False, False, None, None])
        self.loaded("\tstate = not running\n\tlast exit code = 1\n")
        now = datetime.datetime.now()
        status, = self.schedule("status")
        self.assertEqual([status[k] for k in ("enabled", "active", "running", "last")],
                         [True, True, False, {"started_us": None, "result": "success", "exit_status": 1}])
        following = datetime.datetime.fromtimestamp(status["next_us"] / 1e6)
        self.assertEqual((following.hour, following.minute, following.second), (2, 30, 0))
        self.assertLess(now, following)
        self.assertLess(following - now, datetime.timedelta(hours=26))
        os.remove(os.path.join(self.bin, "launchctl"))
        status, = self.schedule("status", env=dict(self.env, PATH=self.bin))
        self.assertIsNone(status["active"])
        self.assertIn("launchctl", status["unknown"])

    def test_uninstall(self):
        self.install()
        self.loaded()
        self.calls()
        self.assertEqual(self.schedule("uninstall", SUITE), {"suite": SUITE, "removed": [self.plist], "notes": []})
        self.assertEqual([c[1:] for c in self.calls()], [["print", f"{self.DOMAIN}/{self.LABEL}"],
                                                         ["bootout", f"{self.DOMAIN}/{self.LABEL}"]])
        self.assertFalse(os.path.exists(self.plist))
        self.assertIn("none is", self.schedule("uninstall", SUITE, status=2))

    def test_foreign(self):
        os.makedirs(os.path.dirname(self.plist))
        self.write(self.plist, '<plist version="1.0"><dict/></plist>')
        self.assertIn(self.plist, self.install(status=2))
        self.assertIn(self.plist, self.schedule("uninstall", SUITE, status=2))
        self.assertEqual(self.read(self.plist), '<plist version="1.0"><dict/></plist>')
        self.assertEqual(self.calls(), [])


class SystemdService(ScheduleTest):
    """What runs all the time."""

    def unit(self):
        return os.path.join(self.config, "systemd", "user", "trapline_worker.service")

    def keep(self, *words, name="worker", **how):
        return self.schedule("keep", name, "runs what a fleet asks for", self.program, *words, **how)

    def test_install(self):
        done = self.keep("worker", "tls://a:1", "--key", "/k e y")
        self.assertEqual((done["service"], done["files"], done["replaced"]), ("worker", [self.unit()], False))
        self.assertIn("enable-linger", done["notes"][0])
        self.assertEqual(self.calls()[:3], [["systemctl", "--user", "daemon-reload"],
                                            ["systemctl", "--user", "enable", "trapline_worker.service"],
                                            ["systemctl", "--user", "restart", "trapline_worker.service"]])
        text = self.read(self.unit())
        self.assertIn(f'\nExecStart="{self.program}" "worker" "tls://a:1" "--key" "/k e y"\n', text)
        for line in ("Restart=on-failure", "RestartPreventExitStatus=2", "KillMode=mixed", "WantedBy=default.target"):
            self.assertIn("\n" + line + "\n", text)
        self.assertTrue(self.keep("worker")["replaced"])
        # It is none of the suites, whatever those are called.
        self.assertEqual(self.schedule("status"), [])

    def test_verify(self):
        self.keep(*HOSTILE)
        if not ANALYZE:
            self.skipTest("systemd-analyze is not installed")
        os.makedirs(self.path("run"), mode=0o700, exist_ok=True)
        done = subprocess.run([ANALYZE, "verify", "--user", "--man=no", self.unit()], env=dict(self.env, XDG_RUNTIME_DIR=self.path("run")),
                              capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual([line for line in (done.stdout + done.stderr).splitlines() if "trapline_" in line], [])

    def test_uninstall(self):
        self.assertIn("no such service", self.schedule("forget", "worker", status=2))
        self.keep("worker")
        self.calls()
        self.assertEqual(self.schedule("forget", "worker")["removed"], [self.unit()])
        self.assertEqual(self.calls(), [["systemctl", "--user", "disable", "--now", "trapline_worker.service"],
                                        ["systemctl", "--user", "daemon-reload"]])
        self.assertEqual(self.tree(self.config), [])

    def test_refused(self):
        os.makedirs(os.path.dirname(self.unit()))
        with open(self.unit(), "w") as f:
            f.write("[Service]\nExecStart=/bin/true\n")
        self.assertIn("not trapline's", self.keep("worker", status=2))
        self.assertIn("not trapline's", self.schedule("forget", "worker", status=2))
        self.assertIn("control characters", self.keep("a\nb", name="other", status=2))
        self.assertIn("expected", self.keep(name="no/name", status=2))
        self.assertEqual(self.calls(), [])

    def test_no_manager(self):
        self.answer("systemctl", "daemon-reload", 1, "", "Failed to connect to bus\n")
        said = self.keep("worker", status=3)
        self.assertIn("the service is written, but not started", said)
        self.assertIn("enable --now trapline_worker.service", said)


class LaunchdService(ScheduleTest):
    SCHEDULE = DARWIN

    def file(self):
        return os.path.join(self.home, "Library", "LaunchAgents", "org.trapline.worker.plist")

    def test_install_and_uninstall(self):
        self.answer("launchctl", "print", 113, "", "Could not find service\n")
        os.makedirs(self.home)
        done = self.schedule("keep", "worker", "about", self.program, *HOSTILE)
        self.assertEqual((done["files"], done["replaced"]), ([self.file()], False))
        with open(self.file(), "rb") as f:
            plist = plistlib.load(f)
        self.assertEqual((plist["Label"], plist["ProgramArguments"]), ("org.trapline.worker", [self.program, *HOSTILE]))
        self.assertEqual((plist["RunAtLoad"], plist["KeepAlive"]), (True, {"SuccessfulExit": False}))
        target = "gui/%d" % os.getuid()
        self.assertEqual(self.calls()[-2:], [["launchctl", "enable", target + "/org.trapline.worker"],
                                             ["launchctl", "bootstrap", target, self.file()]])
        self.answer("launchctl", "print", 0, "state = running\n")
        self.assertEqual(self.schedule("forget", "worker")["removed"], [self.file()])
        self.assertEqual(self.calls()[-1], ["launchctl", "bootout", target + "/org.trapline.worker"])
        self.assertFalse(os.path.exists(self.file()))


if __name__ == "__main__":
    unittest.main()

"""Units on an iPhone: `coreai:gpu%ALIAS`, through the runner `devicectl`.

Neither devicectl nor a phone is to be had where this runs: tests/fakes/apple has stand-ins that behave as is written of
them, and apps that really die. What is tried here was not run on the real thing."""
import json
import os
import signal
import subprocess
import sys
import time
import unittest

from onnx_bytes import FLOAT, npy
from program import HERE, SANITIZED, ProgramTest

FAKES = os.path.join(os.path.dirname(HERE), "fakes", "apple")
BUNDLE = "org.trapline.host"
UDID = {"a": "00008150-001A2B3C4D5E6F70", "b": "00008140-000F0E0D0C0B0A09"}
NAME = {"a": "Ada’s pocket telephone", "b": "iPhone"}
PROGRAMS = '''
import json, os, sys
def node(op, *at): return {"op": op, "in": list(at), "attr": {}, "shape": []}
out, begin, write = sys.argv[1:]
nodes = [node("input"), node("input"), node("constant")]
if write == "indexed":
    nodes.append(node("slice_update", 0, 1, 1 if begin == "tensor" else 2))
else:
    nodes.append(node("concat", 0, 1))
os.makedirs(out)
json.dump({"nodes": nodes}, open(os.path.join(out, "main.json"), "w"))
'''
INPUTS = [{"name": "x", "dtype": "float32", "shape": [4], "fill": {"range": [1, 1]}}]


class IphoneTest(ProgramTest):
    def setUp(self):
        super().setUp()
        for name in ("bin", "phones"):
            os.mkdir(self.path(name))
        for tool in ("xcrun", "devicectl"):
            os.symlink(os.path.join(FAKES, tool), self.path("bin", tool))
        self.env.update(PATH=self.path("bin") + ":" + os.environ["PATH"], XDG_CONFIG_HOME=self.path("config"),
                        TRAPLINE_DEVICE_REPORT_S="0")
        self.env.pop("XDG_RUNTIME_DIR", None)

    def phone(self, alias="a", serve=True, add=True, **state):
        """A phone that hangs on this machine, and its alias."""
        home = self.path("phones", alias)
        os.makedirs(os.path.join(home, "apps"))
        with open(os.path.join(home, "apps", BUNDLE + ".json"), "w", encoding="utf-8") as file:
            json.dump({"argv": [sys.executable, "-IS", os.path.join(FAKES, "host_app.py")]}, file)
        usual = {"paired": True, "plugged": True, "locked": False, "report_delay_s": None, "model": "iPhone18,1", "os": "27.0",
                 "os_build": "24A5390f"}
        self.set_phone(alias, udid=UDID[alias], name=NAME[alias], identifier=f"{alias.upper()}0C6DA9B-3D2F-5E4A-9C41-0A1B2C3D4E5F",
                       serial=f"F2L{alias.upper()}XYZ", ecid=6543210987654321, **{**usual, **state})
        if serve:
            ready, told = os.pipe()
            process = subprocess.Popen([os.path.join(FAKES, "phone.py"), home, str(told)], pass_fds=[told])
            os.close(told)
            self.addCleanup(process.wait)
            self.addCleanup(process.terminate)
            self.assertEqual(os.read(ready, 1), b"\n")
            os.close(ready)
        if add:
            self.trapline("devices", "add", alias, UDID[alias], db=False, status=0)
        return home

    def set_phone(self, alias, **state):
        path = self.path("phones", alias, "phone.json")
        known = {}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                known = json.load(file)
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump({**known, **state}, file)
        os.rename(path + ".new", path)

    def log(self, alias):
        path = self.path("phones", alias, "log")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def most_at_once(self, alias):
        """How many apps ran at once, but for those that are started to end another one and exit."""
        running, most = set(), 0
        for entry in self.log(alias):
            if "begin" in entry and entry["arguments"] != ["--end"]:
                running.add(entry["begin"])
            running.discard(entry.get("end"))
            most = max(most, len(running))
        return most

    def wait_until(self, holds):
        deadline = time.monotonic() + 60
        while not holds():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def model(self, *ops, name="model", timeout_s=20, **more):
        """A case whose model is a program of these operators."""
        nodes = [{"op": op, "in": [], "attr": {}, "shape": []} for op in ops]
        path = self.path(name + ".aimodel")
        os.mkdir(path)
        with open(os.path.join(path, "main.json"), "w", encoding="utf-8") as file:
            json.dump({"nodes": nodes}, file)
        return self.case(name, {"file": path}, inputs=INPUTS, limits={"timeout_s": timeout_s, "memory_mb": 0}, **more)

    def kv_write(self):
        self.write("export.py", PROGRAMS)
        return self.case("kv-write", {"generate": ["python3", "export.py", "{model}", "{begin_index}", "{write}"]},
                         [{"name": "begin_index", "choices": ["shape", "tensor"]}, {"name": "write", "choices": ["cat", "indexed"]}],
                         failing={"begin_index": "tensor", "write": "indexed"}, inputs=INPUTS,
                         limits={"timeout_s": 20, "memory_mb": 0})

    def assert_hidden(self, *texts):
        for text in texts:
            for secret in (UDID["a"], NAME["a"], "F2LAXYZ", "6543210987654321", "A0C6DA9B-3D2F"):
                self.assertNotIn(secret, text)


class Units(IphoneTest):
    def test_names(self):
        case = self.model("noop")
        done = self.trapline("run", case, "-u", "coreai:gpu%nobody", status=2)
        self.assertIn("trapline devices add nobody UDID", done.stderr)
        self.phone("a", serve=False)
        done = self.trapline("run", case, "-u", "coreai:gpu%b", status=2)
        self.assertIn("known: a", done.stderr)
        self.assertIn("no builds", self.trapline("run", case, "-u", "coreai@27:gpu%a", status=2).stderr)
        self.assertIn("selftest=BUNDLE", self.trapline("run", case, "-u", "selftest:cpu%a", status=2).stderr)
        for unit in ("coreai:gpu%", "coreai:gpu%a b", "coreai:%a", ":gpu%a", "coreai:gpu%a%b", "coreai:gpu%" + "x" * 65):
            self.assertIn("RUNNER[@BUILD]:DEVICE[%ALIAS]", self.trapline("run", case, "-u", unit, status=2).stderr, unit)

    def test_list_of_devices(self):
        for words in (["add", "a"], ["add"], ["remove"], ["list", "x"], ["forget", "a"]):
            self.trapline("devices", *words, db=False, status=2)
        for words in (["-x", UDID["a"]], ["a", "short"], ["a", UDID["a"], "coreai"], ["a", UDID["a"], "coreai=nodots"],
                      ["a", UDID["a"], "name="]):
            self.trapline("devices", "add", *words, db=False, status=2)
        self.assertFalse(os.path.exists(self.path("config", "trapline", "devices.json")))
        self.trapline("devices", "add", "a", UDID["a"], "coreai=com.example.mine", "name=Ada’s", db=False, status=0)
        self.trapline("devices", "add", "b", UDID["b"], db=False, status=0)
        listed = json.loads(self.trapline("devices", "--json", db=False, status=0).stdout)["devices"]
        self.assertEqual(listed, [{"alias": "a", "udid": UDID["a"], "name": "Ada’s", "apps": {"coreai": "com.example.mine"}},
                                  {"alias": "b", "udid": UDID["b"], "name": None, "apps": {}}])
        self.trapline("devices", "add", "a", UDID["b"], db=False, status=0)
        self.trapline("devices", "remove", "b", db=False, status=0)
        self.trapline("devices", "remove", "b", db=False, status=2)
        self.assertEqual(self.trapline("devices", "list", db=False, status=0).stdout.split(), ["a", UDID["b"]])
        path = self.path("config", "trapline", "devices.json")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        good = {"alias": "a", "udid": UDID["a"]}
        for document, place in (("{", "line 1"), ("[]", "$.trapline"), ({"trapline": 1}, "$.devices"),
                                ({"trapline": 1, "devices": [{**good, "udid": 7}]}, "$.devices[0]"),
                                ({"trapline": 1, "devices": [good, good]}, "$.devices[1]"),
                                ({"trapline": 1, "devices": [{**good, "alias": "a/b"}]}, '"alias"'),
                                ({"trapline": 1, "devices": [{**good, "apps": {"coreai": "x\n.y"}}]}, "apps")):
            with open(path, "w", encoding="utf-8") as file:
                file.write(document if isinstance(document, str) else json.dumps(document))
            done = self.trapline("devices", "list", db=False, status=2)
            self.assertIn(place, done.stderr)
            self.assertIn("devices.json", done.stderr)

    def test_listed(self):
        self.phone("a")
        self.phone("b", plugged=False)
        units = {u["unit"]: u for u in self.listed("units")["units"]}
        self.assertEqual(self.log("a"), [], "nothing is started for a list")
        self.assertTrue(units["coreai:gpu%a"]["usable"])
        self.assertFalse(units["coreai:gpu%b"]["usable"])
        self.assertIn("connect it by its cable", units["coreai:gpu%b"]["why"])
        self.assertFalse([name for name in units if name.startswith("devicectl:")])


class Trials(IphoneTest):
    def unsupported(self, case, *words):
        trial = self.one(case, "-u", "coreai:gpu%a")
        self.assertEqual(trial["outcome"], "unsupported", trial)
        for word in words:
            self.assertIn(word, trial["message"])
        self.assert_hidden(json.dumps(trial))

    def test_pass_with_outputs(self):
        self.phone("a")
        case = self.model("babble", environment={"BABBLE": "somebody"},
                          reference={"outputs": [{"name": "x", "npy": "x.npy"}]})
        self.write("x.npy", npy(FLOAT, [4], [1, 2, 3, 4]))
        trial = self.one(case, "-u", "coreai:gpu%a", status=0)
        self.assertEqual((trial["outcome"], trial["unit"]), ("pass", "coreai:gpu%a"))
        shown = self.show(trial)
        self.assertIn("somebody", json.dumps(shown))
        self.assertIn("iPhone18,1, iOS 27.0", json.dumps(shown))
        self.assertIn("24A5390f", json.dumps(shown))
        self.assert_hidden(json.dumps(shown))
        self.trapline("run", case, "-u", "coreai:npu%a", status=2)

    def test_not_there(self):
        case = self.model("noop")
        self.phone("a", plugged=False)
        self.unsupported(case, "cable")
        self.set_phone("a", plugged=True, paired=False)
        self.unsupported(case, "paired")
        self.set_phone("a", paired=True, locked=True)
        self.unsupported(case, "unlocked")
        self.set_phone("a", locked=False)
        self.assertEqual(self.one(case, "-u", "coreai:gpu%a", status=0)["outcome"], "pass")
        self.set_phone("a", udid="00008150-0000000000000000", identifier="X0")
        self.unsupported(case, "not among the devices")
        os.unlink(self.path("bin", "devicectl"))
        self.unsupported(case, "cannot ask for the devices", "unable to find utility")
        os.unlink(self.path("bin", "xcrun"))
        self.unsupported(case, "xcrun", "Xcode")

    def other_tool(self, script):
        """A devicectl that does something of its own, or else what the other one does."""
        path = self.path("bin", "devicectl")
        os.rename(path, self.path("bin", "usual")) # it knows its phones by its place
        self.write("bin/devicectl", f'#!/bin/sh\nusual() {{ {self.path("bin", "usual")} "$@"; }}\ncase "$*" in {script};; *) usual "$@";; esac\n', 0o755)

    def test_other_words(self):
        """What devicectl may do otherwise than it is said to."""
        self.phone("a", serve=False, add=False)
        self.trapline("devices", "add", "a", UDID["a"], "name=" + NAME["a"], db=False, status=0)
        self.other_tool(f'*list*) echo "{NAME["a"]} ({UDID["a"]}) is odd" >&2; exit 64')
        self.unsupported(self.model("noop", name="odd"), "<a> (<a>) is odd")
        self.other_tool('*list*) for last; do :; done; echo "[1]" >"$last"')
        self.unsupported(self.model("noop", name="form"), "JSON")
        self.other_tool("*list*) kill -SEGV $$")
        self.unsupported(self.model("noop", name="died"), "SIGSEGV")

    def test_deaths(self):
        self.phone("a")
        trial = self.one(self.model("trap", name="trap"), "-u", "coreai:cpu%a", status=1)
        self.assertEqual((trial["outcome"], trial["signal"], trial["phase"]), ("crash", "SIGTRAP", "execute"))
        self.assertEqual(self.show(trial)["captures"], [])
        trial = self.one(self.model("vanish", name="vanish"), "-u", "coreai:cpu%a", status=1)
        self.assertEqual((trial["outcome"], trial["signal"]), ("error", "SIGKILL"))
        trial = self.one(self.model("exit", name="exit"), "-u", "coreai:cpu%a", status=1)
        self.assertEqual((trial["outcome"], trial["phase"]), ("error", "execute"))
        self.assertIn("the model is not what it was", trial["message"])

    def test_observed(self):
        self.phone("a")
        case = self.model("drift")
        self.assertEqual(self.one(case, "-u", "coreai:gpu%a", status=0)["outcome"], "pass")
        trial = self.one(case, "-u", "coreai:ane%a", status=1)
        self.assertEqual((trial["outcome"], trial["signature"]["title"]), ("fallback", "ran on gpu, not on ane"))

    def test_two_traplines(self):
        """The second waits until the first has done with the phone."""
        self.phone("a")
        case = self.model("wait", timeout_s=1)
        both = []
        for self.db in (self.path("1.db"), self.path("2.db")):
            both.append(self.start("run", case, "-u", "coreai:gpu%a", "--json"))
        for one in both:
            out, err = one.communicate(timeout=100)
            self.assertTrue(out, err)
            self.assertEqual(json.loads(out)["trials"][0]["outcome"], "hang", err)
        self.assertEqual(self.most_at_once("a"), 1)

    def test_late_report(self):
        self.env["TRAPLINE_DEVICE_REPORT_S"] = "20"
        home = self.phone("a", report_delay_s=1.5, model=f"iPhone of {UDID['a']}")
        os.makedirs(os.path.join(home, "crashes"))
        for name in ("TraplineHost-2020-01-01-000000.ips", "TraplineHost-9999-01-01-000000.ips", "other-2026-01-01-000000.ips"):
            with open(os.path.join(home, "crashes", name), "w", encoding="utf-8") as file:
                file.write('{"bug_type":"309"}\n{"pid": 1}')
        trial = self.one(self.kv_write(), "-u", "coreai:gpu%a", "-s", "begin_index=tensor", "-s", "write=indexed", status=1)
        self.assertEqual((trial["outcome"], trial["signal"], trial["phase"]), ("crash", "SIGSEGV", "execute"))
        self.assertIn("GPU::SliceUpdateOpHandler::encodeOp", trial["signature"]["title"])
        self.assertIn("GPU::SliceUpdateOpHandler::encodeOp", self.functions(trial))
        # Its text is kept, without what tells whose phone it is.
        (report,) = self.show(trial)["reports"]
        self.assertEqual((report["relation"], report["pid"], report["os_build"]), ("own", self.log("a")[-1]["end"], "24A5390f"))
        self.assertIn('"iPhone of <a>"', report["text"])
        self.assert_hidden(json.dumps(report))

    def test_reports_within_one_second(self):
        """Names tell seconds: the others are looked at until the one is found."""
        self.env["TRAPLINE_DEVICE_REPORT_S"] = "20"
        home = self.phone("a", report_delay_s=0)
        os.makedirs(os.path.join(home, "crashes"))
        for suffix in ("", ".000", ".001", ".002", ".003", ".004", ".005"):
            with open(os.path.join(home, "crashes", f"TraplineHost-9999-01-01-000000{suffix}.ips"), "w", encoding="utf-8") as file:
                file.write('{"bug_type":"309"}\n{"pid": 1, "procName": "TraplineHost"}')
        done = self.trapline("run", self.model("trap"), "-u", "coreai:cpu%a", "--repeat", "2", "--json", status=1)
        for trial in json.loads(done.stdout)["trials"]:
            self.assertEqual(len(self.show(trial)["captures"]), 1, trial)

    def test_report_that_is_copied_at_last(self):
        """Once it cannot be copied, once it comes in half."""
        self.env["TRAPLINE_DEVICE_REPORT_S"] = "20"
        self.phone("a", report_delay_s=0)
        tries = self.path("tries")
        self.other_tool(f'''*"copy from"*systemCrashLogs*) echo x >>{tries}
            case $(wc -l <{tries}) in 1) echo "The connection was interrupted." >&2; exit 1;; esac
            usual "$@" || exit
            case $(wc -l <{tries}) in 2|3) while [ "$1" != --destination ]; do shift; done; head -c 700 "$2" >"$2.half"; mv "$2.half" "$2";; esac''')
        trial = self.one(self.model("trap"), "-u", "coreai:cpu%a", status=1)
        self.assertEqual(len(self.show(trial)["captures"]), 1, trial)
        with open(tries, encoding="utf-8") as file:
            self.assertEqual(len(file.readlines()), 4)

    def imported(self, path, status=0):
        return json.loads(self.trapline("import", path, "--json", status=status).stdout)["reports"]

    def crashes(self, n):
        """The folder of the phone's reports, once it holds so many, all whole."""
        folder = self.path("phones", "a", "crashes")
        def whole():
            names, texts = os.listdir(folder) if os.path.isdir(folder) else [], []
            for name in names:
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    texts.append(file.read())
            return len(texts) == n and all(text.endswith("}") for text in texts)
        self.wait_until(whole)
        return folder

    def test_import_of_the_phones_reports(self):
        """They are of its processes and its system, not of those of this machine."""
        self.phone("a", report_delay_s=0)
        self.env["TRAPLINE_DEVICE_REPORT_S"] = "20"
        words = [self.kv_write(), "-u", "coreai:gpu%a", "-s", "begin_index=tensor", "-s", "write=indexed"]
        kept = self.one(*words, status=1)
        self.set_phone("a", report_delay_s=1)
        self.env["TRAPLINE_DEVICE_REPORT_S"] = "0"
        late = self.one(*words, status=1)
        self.assertEqual((len(self.show(kept)["captures"]), len(self.show(late)["captures"])), (1, 0))
        pid = self.log("a")[-1]["end"]
        self.assertEqual(self.show(late)["pids"], [pid])
        folder = self.crashes(2)
        # The same of another system is not its.
        with open(os.path.join(folder, max(os.listdir(folder))), encoding="utf-8") as file:
            other = file.read()
        incident = json.loads(other.split("\n", 1)[0])["incident_id"]
        self.write("other.ips", other.replace("24A5390f", "24A1").replace(incident, "OTHER"))
        (answer,) = self.imported(self.path("other.ips"))
        self.assertEqual(answer["result"], "imported")
        self.assertIn("another build", answer["why"])
        answers = {answer["trials"][0]: answer for answer in self.imported(folder)}
        self.assertEqual(answers[kept["id"]]["result"], "known")
        self.assertEqual((answers[late["id"]]["result"], answers[late["id"]]["completed"]), ("attached", True))
        self.assertEqual(self.functions(late), self.functions(kept))
        self.assertEqual(len(self.listed("trials")["trials"]), 3)

    def test_import_of_its_want_of_memory(self):
        self.phone("a")
        killed = self.one(self.model("vanish"), "-u", "coreai:cpu%a", status=1)
        shown = self.show(killed)
        at = time.strftime("%Y-%m-%d %H:%M:%S.00 +0000", time.gmtime(shown["started_us"] / 1e6 + shown["wall_s"] / 2))
        self.write("jetsam.ips", json.dumps({"bug_type": "298", "timestamp": at, "os_version": "iPhone OS 27.0 (24A5390f)"}) + "\n" +
                   json.dumps({"largestProcess": "TraplineHost", "processes": [
                       {"pid": shown["pids"][0], "name": "TraplineHost", "reason": "per-process-limit", "rpages": 99}]}))
        (answer,) = self.imported(self.path("jetsam.ips"))
        self.assertEqual((answer["result"], answer["trials"], answer["outcome"]), ("attached", [killed["id"]], "oom"))

    def test_hang_ends_the_app(self):
        self.phone("a")
        trial = self.one(self.model("wait", timeout_s=1), "-u", "coreai:cpu%a", status=1)
        self.assertEqual((trial["outcome"], trial["phase"]), ("hang", "execute"))
        self.assertIn("whose stacks are not seen", trial["message"])
        self.assertEqual(self.show(trial)["captures"], [])
        self.wait_until(lambda: len({entry.get("end") for entry in self.log("a")} - {None}) == 3)
        self.assertEqual([entry.get("arguments") for entry in self.log("a") if "begin" in entry], [["--describe"], ["--trial"], ["--end"]])
        self.assertEqual([entry["status"] for entry in self.log("a") if "end" in entry], [0, -signal.SIGKILL, 0])

    def test_unplugged(self):
        self.phone("a")
        child = self.start("run", self.model("wait"), "-u", "coreai:cpu%a", "--json")
        self.wait_until(lambda: len(self.log("a")) == 3)
        self.set_phone("a", plugged=False)
        out, err = child.communicate(timeout=60)
        trial = json.loads(out)["trials"][0]
        self.assertEqual(trial["outcome"], "lost", err)
        self.assertIn("connect it by its cable", trial["message"])

    def test_stopped_by_the_user(self):
        self.phone("a")
        child = self.start("run", self.model("wait", timeout_s=60), "-u", "coreai:cpu%a")
        self.wait_until(lambda: len(self.log("a")) == 3)
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=60)
        self.assertEqual(child.returncode, 130)
        self.wait_until(lambda: self.log("a")[2]["begin"] in [entry.get("end") for entry in self.log("a")])

    def test_one_at_a_time(self):
        self.phone("a")
        self.phone("b")
        case = self.model("noop")
        units = ["coreai:gpu%a", "coreai:ane%a", "coreai:gpu%b"]
        done = self.trapline("run", case, *[word for unit in units for word in ("-u", unit)], "--repeat", "2", "-j", "4", "--json", status=0)
        trials = json.loads(done.stdout)["trials"]
        self.assertEqual({t["unit"] for t in trials}, set(units))
        self.assertEqual([self.most_at_once(alias) for alias in "ab"], [1, 1])
        head = self.trapline("matrix", case, "-u", "coreai:gpu%a", "-u", "coreai:gpu%b", status=0).stdout.splitlines()[2]
        self.assertEqual(head.split()[-2:], [":gpu%a", ":gpu%b"])
        sides = json.loads(self.trapline("compare", "--by", "unit", "--json").stdout)
        for unit in units:
            self.assertIn(unit, json.dumps(sides))
        listed = json.loads(self.trapline("list", "trials", "-u", "coreai:ane%a", "--json", status=0).stdout)["trials"]
        self.assertEqual(len(listed), 2)


@unittest.skipIf(SANITIZED, "the same code, many times over")
class Answers(IphoneTest):
    """The rows of the iPhone in the public report of the KV-cache write."""

    def isolate(self, unit, signal_name, phase, title):
        done = self.trapline("isolate", self.kv_write(), "-u", unit, "--json", status=1)
        finding = json.loads(done.stdout)
        self.assertTrue(finding["complete"], finding)
        self.assertEqual((finding["outcome"], finding["signal"], finding["phase"]), ("crash", signal_name, phase))
        self.assertEqual({t["axis"]: t["value"] for t in finding["trigger"]}, {"begin_index": "tensor", "write": "indexed"})
        self.assertIn(title, finding["signature"]["title"])
        return finding

    def test_gpu_and_its_report(self):
        self.phone("a", report_delay_s=0)
        self.env["TRAPLINE_DEVICE_REPORT_S"] = "5"
        finding = self.isolate("coreai:gpu%a", "SIGSEGV", "execute", "SliceUpdateOpHandler")
        text = self.trapline("report", finding["finding"], "--bundle", self.path("bundle"), status=0).stdout
        text += self.trapline("report", finding["finding"], "--full", status=0).stdout
        with open(self.path("bundle", "report.json"), encoding="utf-8") as file:
            bundle = json.load(file)["bundle"]
        self.assertEqual([(p["as_reported"], p["runs"], p["line"]) for p in bundle["proved"]],
                         [(3, 3, "RESULT: the runner died of SIGSEGV in phase execute"), (3, 3, "RESULT: every step did what it should")])
        self.assertIn("repro.sh needs one that is known as a (", " ".join(bundle["left_out"]))
        self.assertIn("**Device:** iPhone18,1, iOS 27.0, build 24A5390f\n", self.trapline("report", finding["finding"], status=0).stdout)
        for directory, _, names in os.walk(self.path("bundle")):
            for name in names:
                with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as file:
                    text += file.read()
        self.assertIn("coreai:gpu%a", text)
        for row in ("| Model of the device | iPhone18,1 |", "| OS of the device | iOS 27.0 |", "| OS build of the device | 24A5390f |"):
            self.assertIn(row, text)
        shown = self.show({"id": finding["evidence"]["trial"]})["environment"]
        self.assertIn(f"| OS of the host | {shown['os']} |", text)
        self.assertNotIn("| OS |", text)
        self.assertNotIn("| OS build |", text)
        self.assertIn(f"os of host     {shown['os']}, build {shown['os_build']}\n",
                      self.trapline("show", finding["evidence"]["trial"], status=0).stdout)
        self.assert_hidden(text)

    def test_neural_engine(self):
        self.phone("a")
        self.isolate("coreai:ane%a", "SIGABRT", "compile", "MLIR pass manager failed")


CASE = os.path.join(os.path.dirname(os.path.dirname(HERE)), "cases", "coreai", "kv-write.json")
PYTHON = "/usr/bin/python3"


@unittest.skipIf(subprocess.run([PYTHON, "-c", "import numpy"], stderr=subprocess.DEVNULL, check=False).returncode, f"needs NumPy for {PYTHON}")
class RealCase(IphoneTest):
    """The case as it stands, whose generator makes the program."""

    def test_kv_write(self):
        self.phone("a")
        fakes = os.path.join(os.path.dirname(FAKES), "coreai")
        self.env.update(TRAPLINE_PYTHON=PYTHON, PYTHONPATH=os.path.join(fakes, "python"), PYTHONDONTWRITEBYTECODE="1")
        os.symlink(os.path.join(fakes, "bin", "coreai-build"), self.path("bin", "coreai-build"))
        small = ["-s", "layers=1", "-s", "seq=4"]
        for unit, settings, came in (("gpu", ["begin_index=tensor"], ("crash", "execute", "SIGSEGV")),
                                     ("ane", ["begin_index=tensor"], ("crash", "compile", "SIGABRT")),
                                     ("gpu", ["begin_index=shape"], ("pass", "done", None)),
                                     ("ane", ["begin_index=none", "kv_write=concat"], ("pass", "done", None))):
            words = [word for s in settings for word in ("-s", s)]
            trial = self.one(CASE, "-u", f"coreai:{unit}%a", *small, *words)
            self.assertEqual((trial["outcome"], trial["phase"], trial.get("signal")), came, trial)


if __name__ == "__main__":
    unittest.main()

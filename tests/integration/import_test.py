"""Reports of a system, as somebody sends them: brought in, shown, reported, given away, and counted nowhere."""
import json
import os
import time
import unittest

import junit_schema
from program import MISBEHAVE, ProgramTest

IMAGES = [{"base": 4096, "size": 4096, "uuid": "0a0b0c0d-1111-2222-3333-444455556666", "path": "/opt/runner", "name": "runner"},
          {"base": 65536, "size": 65536, "uuid": "1a0b0c0d-1111-2222-3333-444455556666", "path": "/System/Library/INVGraph",
           "name": "INVGraph"}]


def when(us):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(us // 1000000)) + ".%06d +0000" % (us % 1000000)


class ImportTest(ProgramTest):
    def ips(self, name, frames=("INVGraphWrite", "INVGraphRun"), kind="309", signal="SIGSEGV", incident=None, captured_us=None, build="31B77", **body):
        """A report as macOS writes it."""
        captured_us = captured_us or 1927876830250000
        header = {"app_name": "Python", "timestamp": when(captured_us), "bug_type": kind, "os_version": f"macOS 31.1 ({build})",
                  "incident_id": incident or f"INC-{name}"}
        document = {"pid": 4242, "procName": "Python", "procPath": "\\/Users\\/carol\\/bin\\/Python", "modelCode": "Mac99,1",
                    "cpuType": "ARM-64", "crashReporterKey": "6E786EDD-1862-5B8C-FEFD-5B3B6F24CC06",
                    "osVersion": {"train": "macOS 31.1", "build": build}, "captureTime": when(captured_us),
                    "procLaunch": when(captured_us - 30000000), "exception": {"type": "EXC_BAD_ACCESS", "signal": signal,
                                                                               "codes": "0x1, 0x8", "rawCodes": [1, 8]},
                    "faultingThread": 0, "usedImages": IMAGES,
                    "threads": [{"triggered": True, "id": 7, "queue": "com.invented.queue",
                                 "frames": [{"imageIndex": 1, "imageOffset": 100 * (i + 1), "symbol": f, "symbolLocation": 4}
                                            for i, f in enumerate(frames)]}]}
        document.update(body)
        text = json.dumps(header) + "\n" + json.dumps(document, indent=2).replace("\\\\/", "\\/") + "\n"
        return self.write(name, text)

    def imported(self, *paths, status=0):
        done = self.trapline("import", *paths, "--json", status=status)
        document = json.loads(done.stdout)
        self.assertEqual(sum(document["counts"].values()), len(document["reports"]))
        return document["reports"]

    def test_somebody_sent_me_a_report(self):
        path = self.ips("Python.ips")
        said = self.trapline("import", path, status=0).stdout
        self.assertIn("crash report of Python: trial ", said)
        self.assertIn("INVGraphWrite ← INVGraphRun", said)
        self.assertIn("1 became a trial", said)
        (trial,) = self.listed("trials")["trials"]
        self.assertEqual((trial["case"], trial["outcome"], trial["signal"]), ("imported", "crash", "SIGSEGV"))
        (signature,) = self.listed("signatures")["signatures"]
        self.assertEqual(signature["title"], "INVGraphWrite ← INVGraphRun")
        shown = self.trapline("show", trial["id"][:13], status=0).stdout
        for text in ("not run by trapline", "EXC_BAD_ACCESS", "0x1, 0x8", "com.invented.queue", "INC-Python.ips", "macOS 31.1 (31B77)",
                     "Mac99,1", "INVGraphRun", "Python, pid 4242"):
            self.assertIn(text, shown)
        self.assertNotIn("Run it again", shown)
        document = self.show(trial)
        self.assertTrue(document["imported"])
        (report,) = document["reports"]
        with open(path, encoding="utf-8") as f:
            self.assertEqual(report["text"], f.read())
        self.assertEqual((report["relation"], report["queue"], report["bug_type"]), ("imported", "com.invented.queue", 309))
        # Twice adds none.
        (again,) = self.imported(path)
        self.assertEqual((again["result"], again["trials"]), ("known", [trial["id"]]))
        self.assertIn("known already", self.trapline("import", path, status=0).stdout)
        self.assertEqual(len(self.listed("trials")["trials"]), 1)

    def test_report_and_bundle(self):
        (answer,) = self.imported(self.ips("Python.ips", asi={"libINV.dylib": ["serial C02XG0FDJGH5 of carol"]}))
        trial = answer["trials"][0]
        text = self.trapline("report", trial, status=0).stdout
        row = next(line for line in text.splitlines() if "Report of the OS (.ips)" in line)
        for part in ("crash report of Python", "INC-Python.ips", "com.invented.queue"):
            self.assertIn(part, row)
        self.assertIn("| OS build | 31B77 |", text)
        self.assertIn("INVGraphWrite", text)
        self.assertIn("<html", self.trapline("report", trial, "--format", "html", status=0).stdout)
        junit = self.trapline("report", trial, "--format", "junit", status=0).stdout
        self.assertIn("<failure", junit)
        junit_schema.check(self, junit)
        self.assertEqual(json.loads(self.trapline("report", trial, "--json", status=0).stdout)["failing_trial"]["id"], trial)
        self.trapline("report", trial, "--bundle", self.path("bundle"), status=0)
        self.assertEqual(sorted(os.listdir(self.path("bundle"))), ["report.html", "report.json", "report.md", "reports"])
        (name,) = os.listdir(self.path("bundle", "reports"))
        for file in ("report.md", "report.json", os.path.join("reports", name)):
            with open(self.path("bundle", file), encoding="utf-8") as f:
                content = f.read()
            self.assertNotIn("carol", content, file)
            if name in file:
                self.assertNotIn("6E786EDD", content)
                self.assertNotIn("C02XG0FDJGH5", content)
                self.assertIn("INC-Python.ips", content)
                self.assertIn("~/bin/Python", content)
                json.loads(content.split("\n", 1)[1])
        self.trapline("report", trial, "--bundle", self.path("bundle"), status=2)
        self.trapline("report", trial, "--bundle", self.path("bundle.tar.zst"), status=0)

    def test_nobody_is_named(self):
        told = ("quiet-owl", "QX7ZL0GTJGH5", "192.168.178.23", "a4:83:e7", "fe80", "owl@example.org", "bff", "nightjar")
        says = ("no device on host quiet-owl.local for owl@example.org at 192.168.178.23 (a4:83:e7:00:11:22, "
                "fe80::1c2a:3bff:fe4d:5e6f) serial QX7ZL0GTJGH5; nightjar was asleep")
        path = self.ips("owl.ips", signal="SIGABRT", computerName="nightjar", asi={"libinvented.dylib": [says]})
        (answer,) = self.imported(path)
        trial = answer["trials"][0]
        self.assertIn("quiet-owl.local", self.show({"id": trial})["message"], "this one stays at home")
        made = {f: self.trapline("report", trial, "--format", f, status=0).stdout for f in ("md", "html", "json", "junit")}
        self.trapline("report", trial, "--bundle", self.path("given"), status=0)
        self.trapline("report", "--site", self.path("site"), status=0)
        for top in ("given", "site"):
            for folder, _, files in os.walk(self.path(top)):
                for name in files:
                    with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as f:
                        made[os.path.join(folder, name)] = f.read()
        for name, text in made.items():
            for word in told:
                self.assertNotIn(word, text, name)
        for name in ("md", "html", "json", "junit"):
            self.assertIn("no device on host HOST.local for REDACTED at", made[name], name)
        self.assertTrue(any("no device on host HOST.local" in text for name, text in made.items() if "/failure/" in name))
        kept = self.trapline("report", trial, "--keep-paths", status=0).stdout
        self.assertIn("nightjar was asleep", kept)

    def test_folder_of_all_kinds(self):
        os.mkdir(self.path("in"))
        crash = self.ips("in/a.ips")
        self.ips("in/jetsam.ips", kind="298", largestProcess="runner", processes=[{"pid": 5, "name": "runner", "rpages": 99, "reason": "vm-pageshortage"}],
                 pid=None, procName=None)
        self.ips("in/panic.ips", kind="210", panicString="panic(cpu 1): x\nmore", pid=None)
        self.ips("in/odd.ips", kind="777")
        with open(crash, "rb") as f:
            self.write("in/cut.ips", f.read()[:400])
        self.write("in/old.crash", "Process:   Python [7]\nException Type: EXC_CRASH\n")
        self.write("in/metrics.json", json.dumps({"timeStampBegin": "2031", "crashDiagnostics": []}))
        done = self.trapline("import", self.path("in"), status=2)
        for name, why in (("odd.ips", "777"), ("cut.ips", "does not end"), ("old.crash", ".crash"), ("metrics.json", "MetricKit")):
            line = next(line for line in done.stderr.splitlines() if name in line)
            self.assertIn(why, line)
        self.assertIn("2 became trials; 1 concerns no trial, and was not stored; 4 were refused", done.stdout)
        outcomes = {t["outcome"] for t in self.listed("trials")["trials"]}
        self.assertEqual(outcomes, {"crash", "oom"})
        self.trapline("import", self.path("nowhere"), status=2)
        self.trapline("import", status=2)

    def test_thousands_in_one_file(self):
        with open(self.ips("one.ips", incident="INC-0000"), encoding="utf-8") as f:
            text = f.read()
        self.write("all.ips", "".join(text.replace("INC-0000", f"INC-{i:04}") for i in range(300)))
        done = self.trapline("import", self.path("all.ips"), status=0)
        self.assertIn("300 became trials", done.stdout)
        # Where it cannot go on it says so.
        self.write("endless.ips", text + '{"endless":\n' * 3000 + text.replace("INC-0000", "INC-9999"))
        done = self.trapline("import", self.path("endless.ips"), status=2)
        self.assertIn("nothing after line ", done.stderr)
        self.assertIn("1 was known already; 1 was refused", done.stdout)

    def own_crash(self):
        """A real crash, and where its process was at the time."""
        trial = self.one(MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=null_read", status=1)
        shown = self.show(trial)
        return shown, shown["started_us"] + int(shown["wall_s"] * 1e6 / 2), shown["environment"]["os_build"]

    def test_attached_to_a_trial_of_ones_own(self):
        shown, middle, build = self.own_crash()
        self.assertIn(shown["captures"][0]["pid"], shown["pids"])
        path = self.ips("own.ips", pid=shown["pids"][0], captured_us=middle, build=build)
        (answer,) = self.imported(path)
        self.assertEqual((answer["result"], answer["trials"], answer["completed"]), ("attached", [shown["id"]], False))
        after = self.show(shown)
        self.assertEqual(after["reports"][0]["relation"], "own")
        self.assertEqual(after["captures"], shown["captures"], "its own stack stays")
        self.assertEqual(len(self.listed("trials")["trials"]), 1)
        self.assertIn("Report of the system: crash report of Python (of a process of this trial)",
                      self.trapline("show", shown["id"], status=0).stdout)
        # Of another time it is not its.
        (answer,) = self.imported(self.ips("later.ips", pid=shown["pids"][0], captured_us=middle + 60000000, build=build))
        self.assertEqual(answer["result"], "imported")

    def test_a_service_and_the_machine(self):
        shown, middle, build = self.own_crash()
        service = self.ips("service.ips", pid=77, procName="ANECompilerService", parentPid=1, captured_us=middle, build=build,
                           procPath="/System/Library/a.xpc/ANECompilerService")
        panic = self.ips("panic.ips", kind="210", captured_us=middle, build=build, panicString="panic(cpu 1): invented", pid=None)
        gpu = self.ips("gpu.ips", kind="284", captured_us=middle, build=build, signature="invented: channel timed out", pid=None)
        self.assertEqual([a["result"] for a in self.imported(service, panic, gpu)], ["helper", "noted", "noted"])
        text = self.trapline("show", shown["id"], status=0).stdout
        for said in ("ANECompilerService (of a process that worked for this trial", "panic(cpu 1): invented", "channel timed out"):
            self.assertIn(said, text)
        self.assertEqual(len(self.listed("trials")["trials"]), 1)

    def test_is_the_same_failure(self):
        shown, _, _ = self.own_crash()
        frames = [f["symbols"][-1]["function"] for f in shown["captures"][0]["threads"][0]["frames"] if f["symbols"]]
        (answer,) = self.imported(self.ips("same.ips", frames=frames[:3]))
        self.assertEqual(answer["signature"], {"id": shown["signature"]["id"], "title": shown["signature"]["title"]})
        self.assertEqual((answer["matches"][0]["case"], answer["matches"][0]["how"]), ("misbehave", "the same failure"))
        (signature,) = self.listed("signatures")["signatures"]
        self.assertEqual((signature["trials"], signature["cases"]), (2, 2))
        self.assertIn("case misbehave on selftest:cpu", self.trapline("show", answer["trials"][0], status=0).stdout)
        self.assertIn("misbehave", self.trapline("report", answer["trials"][0], status=0).stdout)

    def test_report_and_bundle_of_a_finding(self):
        case = self.case("dies", {"steps": [{"phase": "execute", "argv": ["/bin/sh", "-c", "[ {n} -lt 3 ] || kill -SEGV $$"]}]},
                         [{"name": "n", "range": [1, 4]}], failing={"n": 4})
        finding = json.loads(self.trapline("isolate", case, "-u", "command:host", "--json", status=1).stdout)
        shown = self.show({"id": finding["evidence"]["trial"]})
        child = shown["captures"][0]["pid"]
        self.assertIn(child, shown["pids"][1:], "of a step, whose parent is the runner")
        (answer,) = self.imported(self.ips("sh.ips", pid=child, captured_us=shown["started_us"] + int(shown["wall_s"] * 5e5),
                                           build=shown["environment"]["os_build"],
                                           asi={"libinvented.dylib": ["no device on quiet-owl.local, serial QX7ZL0GTJGH5"]}))
        self.assertEqual((answer["result"], answer["trials"]), ("attached", [shown["id"]]))
        text = self.trapline("report", finding["finding"], "--full", status=0).stdout
        self.assertIn("QX7ZL0GTJGH5", self.trapline("report", finding["finding"], "--json", "--keep-paths", status=0).stdout)
        for told in ("quiet-owl", "QX7ZL0GTJGH5"):
            self.assertNotIn(told, text)
            self.assertNotIn(told, self.trapline("report", finding["finding"], "--json", status=0).stdout)
        row = next(line for line in text.splitlines() if "Report of the OS (.ips)" in line)
        self.assertIn("EXC_BAD_ACCESS", row)
        self.trapline("report", finding["finding"], "--bundle", self.path("bundle"), status=0)
        (name,) = os.listdir(self.path("bundle", "reports"))
        with open(self.path("bundle", "reports", name), encoding="utf-8") as f:
            content = f.read()
        self.assertIn("INC-sh.ips", content)
        self.assertNotIn("carol", content)
        with open(self.path("bundle", "report.md"), encoding="utf-8") as f:
            self.assertIn("reports/" + name, f.read())

    def test_counts_nowhere(self):
        """Not even for a case of the same name that is tried on the same unit."""
        case = self.case("imported", {"steps": [{"phase": "execute", "argv": ["/bin/sh", "-c", "exit {n}"]}]},
                         [{"name": "n", "range": [0, 1]}], failing={"n": 1})
        for i in range(5):
            self.imported(self.ips(f"{i}.ips"))
        d = json.loads(self.trapline("isolate", case, "-u", "command:host", "--json", status=1).stdout)
        self.assertEqual((d["outcome"], d["cached"], d["rate"][0]), ("error", 0, d["rate"][1]))
        matrix = json.loads(self.trapline("matrix", case, "-u", "command:host", "-s", "n=0,1", "--json", status=1).stdout)
        self.assertNotIn("crash", json.dumps(matrix))
        compared = self.trapline("compare", "--by", "unit", "--json").stdout
        self.assertNotIn("imported:unknown", compared)
        suite = self.write("suite.json", json.dumps({"trapline": 1, "suite": "s", "cases": [case], "units": ["command:host"]}))
        night = self.trapline("nightly", suite, "--json").stdout
        self.assertNotIn("crash", night.replace('"crash": 0', ""))
        self.trapline("report", "--site", self.path("site"), status=0)
        with open(self.path("site", "index.html"), encoding="utf-8") as f:
            self.assertNotIn("imported:unknown", f.read())
        self.trapline("db", "check", status=0)


if __name__ == "__main__":
    unittest.main()

"""What goes to the project that a failure belongs to: the text for its issue form, and, later, whether it fails still on another
build. Builds that change are profiles of the simulated runtime, and programs that are replaced."""
import json
import os
import re
import signal
import subprocess
import time
import unittest

from program import PATIENCE, ProgramTest

CRASH = {"phase": "execute", "devices": ["gpu"], "message": "it breaks", "signal": "SIGSEGV", "in": "attention",
         "when": {"axis": "begin_index", "in": ["tensor"]}, "name": "breaks"}
ERROR = {"phase": "compile", "devices": ["gpu"], "name": "refuses", "when": {"axis": "begin_index", "in": ["tensor"]},
         "error": {"domain": "made", "code": "refused", "message": "it is refused"}}


class UpstreamTest(ProgramTest):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("profiles"))
        self.env["TRAPLINE_PROFILES"] = self.path("profiles")

    def profile(self, build, *rules):
        self.write(os.path.join("profiles", build + ".json"), json.dumps(
            {"trapline_profile": 1, "name": build, "title": "made by a test", "rules": list(rules)}))

    def isolate(self, case, *arguments, status=1):
        done = self.trapline("isolate", case, *arguments, "--json", status=status)
        return json.loads(done.stdout)["finding"]

    def simulated(self):
        self.profile("1.0", CRASH)
        case = self.case("kv", {"family": "decoder"}, [{"name": "kv_write", "choices": ["concat", "scatter"]},
                                                       {"name": "begin_index", "choices": ["none", "tensor"]}],
                         failing={"kv_write": "scatter", "begin_index": "tensor"}, source="https://example.org/issues/17")
        return case, self.isolate(case, "-u", "sim@1.0:gpu")


class Retest(UpstreamTest):
    def retest(self, finding, *arguments, status):
        done = self.trapline("report", finding, "--retest", *arguments, status=status)
        return done.stdout.splitlines(), done.stderr

    def test_build_after_build(self):
        self.profile("2.0")
        self.profile("3.0", dict(CRASH, signal="SIGABRT", message="another thing breaks", **{"in": "slice_update"}))
        self.profile("4.0", ERROR)
        case, finding = self.simulated()
        lines, _ = self.retest(finding, status=1)
        self.assertEqual(len(lines), 1)
        self.assertRegex(lines[0], r"^Fails as before on sim 1\.0, .*, kernel .*: SIGSEGV in 3 of 3 runs; "
                                   r"the control \(`begin_index=none`\) passed in 3 of 3\.$")
        lines, _ = self.retest(finding, "--build", "2.0", status=0)
        self.assertRegex(lines[0], r"^No longer fails on sim 2\.0, .*: passed in 3 of 3 runs; with 1\.0 it was SIGSEGV in execute, "
                                   r"`.*`; the control .* passed in 3 of 3\.$")
        lines, _ = self.retest(finding, "-u", "sim@3.0:gpu", status=1)
        self.assertRegex(lines[0], r"^Fails in another way on sim 3\.0, .*: SIGABRT in execute, `.*slice_update.*` in 3 of 3 runs; ")
        lines, _ = self.retest(finding, "--build", "4.0", status=1)
        self.assertRegex(lines[0], r"^No longer fails as reported on sim 4\.0, .*, but is refused: error in compile, ")
        # Several: a sentence for each, and the exit status is that of the last.
        lines, _ = self.retest(finding, "--build", "1.0,2.0", status=0)
        self.assertEqual([line.split(" on ")[0] for line in lines], ["Fails as before", "No longer fails"])
        document = json.loads(self.trapline("report", finding, "--retest", "--build", "2.0", "--json", status=0).stdout)
        entry = document["retests"][0]
        self.assertEqual((entry["retest"]["verdict"], entry["retest"]["was"], entry["passed"], entry["failed"], entry["control"]["passed"]),
                         ("passes", "1.0", 3, 0, 3))
        self.assertTrue(entry["sentence"].startswith("No longer fails on sim 2.0"))
        # They are trials like any others, anew each time, and in processes of their own.
        self.assertEqual(len(set(entry["trials"])), 3)
        shown = [self.show({"id": t}) for t in entry["trials"]]
        self.assertTrue(all(t["fresh"] and t["unit"] == "sim@2.0:gpu" for t in shown))
        again = json.loads(self.trapline("report", finding, "--retest", "--build", "2.0", "--json", status=0).stdout)
        self.assertFalse(set(again["retests"][0]["trials"]) & set(entry["trials"]))
        # What changed under its name is seen.
        self.profile("1.0")
        lines, _ = self.retest(finding, status=0)
        self.assertRegex(lines[0], r"^No longer fails on sim 1\.0, .*; it was SIGSEGV in execute")

    def test_commands_of_a_case(self):
        tool = self.python("tool", "os.abort() if sys.argv[1] == '9' else print('fine')\n")
        case = self.case("steps", {"steps": [{"phase": "compile", "argv": ["./tool", "{n}"]}]}, [{"name": "n", "ordered": [1, 9]}],
                         failing={"n": 9})
        finding = self.isolate(case)
        elsewhere = self.path("elsewhere")
        os.mkdir(elsewhere)

        def retest(status):
            return self.trapline("report", finding, "--retest", status=status, cwd=elsewhere)

        self.assertRegex(retest(1).stdout, r"^Fails as before on command, .*: SIGABRT in 3 of 3 runs; the control \(`n=1`\) passed in 3 of 3\.\n$")
        self.python("tool", "print('fine')\n")
        self.assertRegex(retest(0).stdout, r"^No longer fails on command, .*: passed in 3 of 3 runs; it was SIGABRT in compile")
        self.python("tool", "sys.exit('no such width') if sys.argv[1] == '9' else print('fine')\n")
        self.assertRegex(retest(1).stdout, r"^No longer fails as reported on command, .*, but is refused: .*no such width")
        # What both sides end in, where the control passed before, tells nothing.
        self.python("tool", "sys.exit('no such library')\n")
        both = retest(2)
        self.assertRegex(both.stdout, r"^Could not be judged on command, .*no such library.*; the control .* failed too, in 3 of 3")
        self.assertIn("nothing is known of the failure", both.stderr)
        self.python("tool", "os.abort()\n")
        self.assertRegex(retest(1).stdout, r"the control \(`n=1`\) failed too, in 3 of 3: SIGABRT in compile")
        # A program that is gone is no verdict.
        os.unlink(tool)
        gone = retest(2)
        self.assertEqual(gone.stdout, "")
        self.assertIn("tool", gone.stderr)
        self.python("tool", "print('fine')\n")
        os.unlink(case)
        self.assertIn("No longer fails", retest(0).stdout, "the text of a case file is in the database")

    def test_files_of_a_case_that_changed(self):
        """A model that is another one is another case."""
        self.write("model.bin", "MODEL")
        case = self.case("file", {"file": "model.bin"}, [{"name": "n", "ordered": [1, 9]}], failing={"n": 9})
        runner = self.python_runner("runner", {"name": "made", "axes": ["n"]}, """
say({"phase": "execute"})
if request["variant"]["n"] == 9:
    os.abort()
say({"result": {"outputs": []}})
""")
        finding = self.isolate(case, "-u", runner + ":cpu")
        self.trapline("report", finding, "--retest", status=1)
        self.write("model.bin", "another")
        done = self.trapline("report", finding, "--retest", status=2)
        self.assertIn("the case is not what it was", done.stderr)
        os.unlink(self.path("model.bin"))
        done = self.trapline("report", finding, "--retest", status=2)
        self.assertIn("model.bin", done.stderr)
        self.assertIn("not where they were", done.stderr)

    def test_misuse(self):
        case, finding = self.simulated()
        for arguments, said in (((finding, "--retest", "-u", "sim@1.0:gpu", "--build", "1.0"), "two ways"),
                                ((finding, "-u", "sim@1.0:gpu"), "go with --retest"),
                                ((finding, "--retest", "--bundle", self.path("b")), "different things"),
                                ((finding, "--retest", "--format", "md"), "--format goes neither"),
                                ((finding, "--retest", "-u", "onnxruntime@0.0.1:cpu"), "builds fetch"),
                                ((finding, "--retest", "-u", "nosuch:cpu"), "no such runner"),
                                ((finding, "--retest", "-u", "selftest:cpu"), "found with the runner sim"),
                                (("ffff", "--retest"), "ffff")):
            done = self.trapline("report", *arguments, status=2)
            self.assertEqual(done.stdout, "", arguments)
            self.assertIn(said, done.stderr, arguments)
        self.profile("1.0")
        passing = json.loads(self.trapline("isolate", case, "-u", "sim@1.0:gpu", "--json").stdout)
        if passing.get("finding"):
            self.assertIn("no failure to try again", self.trapline("report", passing["finding"], "--retest", status=2).stderr)

    def test_an_interruption(self):
        self.python("tool", "os.abort() if sys.argv[1] == '9' else print('fine')\n")
        case = self.case("steps", {"steps": [{"phase": "compile", "argv": ["./tool", "{n}"]}]}, [{"name": "n", "ordered": [1, 9]}],
                         failing={"n": 9})
        finding = self.isolate(case)
        self.python("tool", "open(sys.argv[0] + '.runs', 'a').write('x'); time.sleep(60)\n")
        child = subprocess.Popen(self.command("report", finding, "--retest"), env=self.env, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + PATIENCE
        while not os.path.exists(self.path("tool.runs")) and time.monotonic() < end:
            time.sleep(0.02)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=PATIENCE)
        self.assertEqual((child.returncode, out), (130, ""), err)
        self.assertIn("interrupted", err)
        self.trapline("db", "check", status=0)


class IssueForms(UpstreamTest):
    def test_with_a_bundle(self):
        """The text names what is to be attached, and says what its program was seen to do."""
        _, finding = self.simulated()
        for project in ("onnxruntime", "coreai-models"):
            done = self.trapline("report", finding, "--for", project, "--bundle", self.path("b"), "--zip", "--force", status=0)
            self.assertTrue(os.path.exists(self.path("b.zip")))
            text = " ".join(done.stdout.split())
            self.assertIn("With the attached files (`b.zip`)", text)
            self.assertIn("attach `b.zip`", text)
            self.assertIn("`repro.sh` died of SIGSEGV in 3 of 3 runs here; with `--control` it exited with 0 in 3 of 3", text)
            self.assertNotIn("--bundle", text)
            self.assertNotIn("cannot be attached", done.stderr)
        done = self.trapline("report", finding, "--for", "onnxruntime", "--bundle", self.path("d"), "--json", status=0)
        form = json.loads(done.stdout)
        self.assertEqual(form["bundle"], self.path("d"))
        self.assertIn("cannot be attached", " ".join(form["warnings"]))
        self.assertEqual([p["as_reported"] for p in form["proved"]], [3, 3])

    def test_every_project(self):
        _, finding = self.simulated()
        title = json.loads(self.trapline("report", finding, "--json", status=0).stdout)["title"]
        for project, label in (("onnxruntime", "### Describe the issue"), ("llama.cpp", "### Name and Version"),
                               ("coreai-models", "### Model name"), ("coremltools", "## 🐞Describing the bug"),
                               ("pytorch", "### 🐛 Describe the bug")):
            done = self.trapline("report", finding, "--for", project, status=0)
            lines = done.stdout.splitlines()
            # As plain text: the field of the form for it shows a backslash as one.
            self.assertTrue(lines[0].endswith(title) and not lines[0].startswith("#"), lines[0])
            self.assertEqual(lines[2], label)
            self.assertIn("trapline: warning: this finding is of sim@1.0:gpu", done.stderr)
            self.assertIn("trapline: for https://github.com/", done.stderr)
            by_hand = re.findall(r"^trapline: by hand: (.*)$", done.stderr, re.M)
            self.assertEqual(bool(by_hand), "(To be filled in by hand: " in done.stdout)
            form = json.loads(self.trapline("report", finding, "--for", project, "--json", status=0).stdout)
            self.assertEqual("\n".join(lines[2:]) + "\n", form["body"])
            self.assertEqual(form["project"], project)
            self.assertLess(len(form["body"]), 65536)

    def test_misuse(self):
        for arguments in (("0", "--for", "nosuch"), ("0", "--for"), ("--for", ""), ("0", "--for", "list")):
            done = self.trapline("report", *arguments, status=2, db=False)
            self.assertIn("onnxruntime, llama.cpp, coreai-models, coremltools, pytorch", done.stderr, arguments)
            self.assertEqual(done.stdout, "")
        done = self.trapline("report", "0", "--for", "pytorch", "--format", "html", status=2)
        self.assertIn("--format goes neither", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)

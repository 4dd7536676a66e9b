"""How a finding is said: the wide answer and its places, one figure for one variant in every format, what is evidence,
what was stored, and axes that nothing reads."""
import json
import os
import re
import unittest
import urllib.parse

from program import HERE, ProgramTest

CASES = os.path.join(os.path.dirname(os.path.dirname(HERE)), "cases", "selftest")
DIES = ["/bin/sh", "-c", 'test "$1" -lt 3 || kill -SEGV $$', "sh", "{n}"]


class WordsTest(ProgramTest):
    def isolate(self, *arguments, status=1):
        done = self.trapline("isolate", *arguments, "--json", status=status)
        return json.loads(done.stdout), done.stderr

    def report(self, finding, form="md"):
        return self.trapline("report", finding["finding"], "--format", form, *([] if form == "junit" else ["--full"]), status=0).stdout

    def section(self, text, heading):
        return text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0] if f"\n## {heading}\n" in text else ""

    def steps(self, name, axes, argv=None, **more):
        step = {"phase": "execute", "argv": argv or DIES, **more.pop("step", {})}
        return self.case(name, {"steps": [step]}, [{"name": "n", "range": [1, 6]}, *axes],
                         **{"failing": {"n": 6, **{a["name"]: a["choices"][-1] for a in axes}}, **more})


class PlacesTest(WordsTest):
    def test_the_wide_answer_and_its_places(self):
        """The thread chooses the stack: it is in no trigger, and the place it leads to is named with it."""
        done = self.trapline("isolate", os.path.join(CASES, "threshold.json"), "-u", "selftest:cpu", status=1)
        finding = {"finding": re.search(r"^finding (\S+)", done.stdout, re.M).group(1)}
        self.assertIn("any SIGSEGV in execute needs only that; it shows at 2 places in the code", done.stdout)
        self.assertIn("this place was seen only with thread=other", done.stdout)
        text = self.report(finding)
        self.assertRegex(text, r"^# selftest CPU: SIGSEGV in \w+ with null_read behaviour, layers ≥ 17\n")
        self.assertIn("It shows at 2 places in the code: any SIGSEGV in execute needs only `behaviour=null_read` and "
                      "`layers ≥ 17`, and the place that was isolated first was seen only with `thread=other`.", text)
        places = self.section(text, "Places in the code")
        self.assertEqual(len(re.findall(r"^\| `", places, re.M)), 2)
        self.assertIn("The innermost frame that all of them share: `tl_selftest_null_read`", places)
        for form in ("html", "junit"):
            self.assertIn("was seen only with", self.report(finding, form))


# Two mistakes that one check finds, and an assertion that is the same for both.
VERIFIES = r"""die() { echo "loc(\"x\"): error: $1" >&2
  echo "/x/graph.mm:975: failed assertion \`original module failed verification'" >&2; kill -ABRT $$; }
test "$1" != in_graph || die "perm tensor length must equal input tensor rank, 4 != 8"
test "$2" != scale || die "'mps.dequantize' op operand #2 must be tensor of quantized values, but got 'tensor<1xf16>'"
"""
# Two causes of one failure, which shows in two modes of four.
CAPTURES = r"""case $1 in reduce|tune) ;; *) exit 0 ;; esac
test "$2$3" = nono || kill -SEGV $$"""


class CausesTest(WordsTest):
    def shell(self, name, script, axes, zero="sh"):
        argv = ["/bin/sh", "-c", script.replace("{", "{{").replace("}", "}}"), zero, *("{%s}" % a["name"] for a in axes)]
        return self.case(name, {"steps": [{"phase": "load", "argv": argv}]}, axes, failing={a["name"]: a["choices"][-1] for a in axes})

    def test_another_mistake_that_the_same_check_finds(self):
        d, _ = self.isolate(self.shell("verify", VERIFIES, [{"name": "masks", "choices": ["one", "two", "in_graph"]},
                                                            {"name": "weights", "choices": ["fp16", "palette", "scale"]}]), "-u", "command:host")
        self.assertEqual([(t["axis"], t["value"]) for t in d["trigger"]], [("masks", "in_graph")])
        self.assertEqual((d["or"], d["generalises"]["broken"][0], len(d["places"])), ([], 0, 1))
        self.assertEqual([(o["relation"], o["judged_by"], "mps.dequantize" in o["title"]) for o in d["others"]], [("other", "words", True)])
        text = self.report(d)
        self.assertRegex(text, r"^# sh: SIGABRT: perm tensor length must equal")
        self.assertIn("another failure: its message names another cause", text)
        self.assertNotIn("It also fails when", text)

    def test_every_choice_of_a_second_cause(self):
        yes_no = [{"name": n, "choices": ["no", "yes"]} for n in ("protect", "penalty")]
        d, _ = self.isolate(self.shell("captures", CAPTURES, [{"name": "mode", "choices": ["eager", "reduce", "default", "tune"]}, *yes_no]),
                            "-u", "command:host")
        for trigger in (d["trigger"], d["or"][0]["trigger"]):
            mode = next(t for t in trigger if t["axis"] == "mode")
            self.assertEqual((sorted(mode["fails_with"]), sorted(mode["passes_with"])), (["reduce", "tune"], ["default", "eager"]))
        self.assertEqual(len(d["or"]), 1)

    def test_a_signal_that_is_no_crash(self):
        d, _ = self.isolate(self.shell("killed", 'test "$1" = no || kill -KILL $$', [{"name": "big", "choices": ["no", "yes"]}]), "-u", "command:host")
        self.assertEqual((d["outcome"], d["signal"]), ("error", "SIGKILL"))
        text = self.report(d) + self.trapline("show", d["finding"], status=0).stdout
        self.assertIn(" is ended by SIGKILL ", text)
        self.assertIn("ended by SIGKILL in load: ", text)
        self.assertNotRegex(text, "ends with an error|error in load")

    def test_a_home_in_every_spelling(self):
        home = self.path("j\u00f6 doe/Home")
        os.makedirs(home)
        spelled = [urllib.parse.quote(home), urllib.parse.quote(home, safe=""), json.dumps(home), json.dumps(home).replace("/", "\\/"),
                   home.replace("/", "//"), home.replace(" ", "\\ "), home.upper()]
        self.write("said.txt", "\n".join(["error: no " + spelled[0] + "/m", *(s + "/m" for s in spelled), "core::run of onnxruntime/core/x.cc"]))
        case = self.shell("home", 'test "$1" = no || { cat "$0" >&2; kill -ABRT $$; }', [{"name": "big", "choices": ["no", "yes"]}],
                          "{case_dir}/said.txt")
        env = {**self.env, "HOME": home, "USER": "core", "LOGNAME": "core"}
        found = json.loads(self.trapline("isolate", case, "-u", "command:host", "--json", status=1, env=env).stdout)
        for extent in (["--full"], ["--json"]):
            text = self.trapline("report", found["finding"], *extent, status=0, env=env).stdout
            self.assertNotRegex(text, r"(?i)doe\b|doe/|%20doe")
            self.assertIn("onnxruntime/core/x.cc", text)
            self.assertIn("core::run", text)


class FiguresTest(WordsTest):
    def test_one_variant_has_one_figure(self):
        """Of a failure that comes and goes, headline, table, terminal and document count the same runs."""
        case = self.case("often", {"family": "selftest"},
                         [{"name": "behaviour", "choices": ["pass", "null_read"]}, {"name": "chance", "ordered": [0, 30]},
                          {"name": "width", "range": [1, 9]}],
                         failing={"behaviour": "null_read", "chance": 30, "width": 9})
        d, _ = self.isolate(case, "-u", "selftest:cpu", "--max-trials", "400")
        self.assertTrue(d["flaky"], d["rate"])
        told = [p for p in d["path"] if p["variant"] == d["minimal"] and p["outcome"] in ("match", "pass", "other")]
        k, n = sum(p["outcome"] == "match" for p in told), len(told)
        self.assertEqual(d["rate"], [k, n])
        self.assertTrue(0 < d["rate_interval"][0] < k / n < d["rate_interval"][1] < 1)
        text = self.report(d)
        self.assertIn(f": {k} of {n} runs of the minimal variant", text)
        self.assertRegex(self.section(text, "Observed"), rf"\*\*fails in some runs\*\* \| \*\*{k} of {n}\*\* \|")
        self.assertIn(f"Rate: {k} of {n},", text)
        self.assertIn(f"{k} of {n} runs of the minimal variant", self.report(d, "html"))
        self.assertIn(f"  rate: {k} of {n} runs", self.trapline("show", d["finding"], status=0).stdout)
        # Whatever is offered as a way around passed more often than luck would have it.
        for axis, value in re.findall(r"^- `(\w+)=(\w+)` instead of", self.section(text, "Possible workaround"), re.M):
            passes = [p for p in d["path"] if p["outcome"] == "pass" and
                      p["variant"] == {**d["minimal"], axis: type(d["minimal"][axis])(value)}]
            self.assertLess((1 - k / n) ** len(passes), 0.02, (axis, len(passes)))

    def test_a_set_of_values_is_named(self):
        case = self.case("odd", {"steps": [{"phase": "execute", "argv": [
            "/bin/sh", "-c", 'test $(($1 % 2)) = 0 || test "$1" -lt 5 || kill -SEGV $$', "sh", "{n}"]}]},
            [{"name": "n", "range": [1, 16]}, {"name": "m", "choices": ["a", "b"]}], failing={"n": 9, "m": "b"})
        d, _ = self.isolate(case)
        text = self.report(d)
        self.assertRegex(text, r"^# .* with n odd from 5 on\n")
        self.assertIn("when `n in {5, 7, 9, 11, 13, 15} (odd, from 5 on)`", text)

    def test_a_set_of_choices_is_named_in_the_same_way(self):
        script = 'case "$1" in gelu|silu) kill -SEGV $$;; esac'
        case = self.case("act", {"steps": [{"phase": "execute", "argv": ["/bin/sh", "-c", script, "sh", "{act}"]}]},
                         [{"name": "act", "choices": ["none", "relu", "gelu", "silu"]}], failing={"act": "silu"})
        done = self.trapline("isolate", case, status=1)
        self.assertIn("\n    act in {gelu, silu}  (passes with {none, relu})\n", done.stdout)
        finding = {"finding": re.search(r"^finding (\S+)", done.stdout, re.M).group(1)}
        self.assertIn("when `act in {gelu, silu}`", self.report(finding))

    def test_stored_outcomes_are_counted_and_dated(self):
        case = self.steps("stored", [])
        first, _ = self.isolate(case)
        self.assertNotIn("stored outcome", self.report(first))
        again = self.trapline("isolate", case, status=1)
        found = re.search(r"^(\d+) of \1 trials are stored outcomes of runs (?:on|from) (\d{4}-\d\d-\d\d [\d:]{8})(?: to "
                          r"[\d: -]+)?; with --no-cache all are run anew$", again.stdout, re.M)
        self.assertTrue(found, again.stdout)
        self.assertEqual(int(found.group(1)), first["trials"])
        anew, _ = self.isolate(case, "--no-cache")
        self.assertEqual(anew["cached"], 0)
        self.assertNotIn("stored outcome", self.report(anew))


class UnreadTest(WordsTest):
    GHOST = {"name": "ghost", "choices": [0, 1]}

    def unread(self, case, *arguments):
        d, said = self.isolate(case, *arguments)
        self.assertFalse({"ghost"} & set(d["unread"]) and {"ghost"} & set(d["reset"] + d["independent"]))
        self.assertEqual("warning" in said, d["unread"] != [], said)
        return d, said

    def test_an_axis_that_nothing_reads(self):
        case = self.steps("unread", [self.GHOST])
        d, said = self.unread(case)
        self.assertEqual(d["unread"], ["ghost"])
        self.assertIn(f"trapline: warning: {case}: nothing reads ghost: no command or input of the case does, "
                      "and command:host does not list it among the axes that it understands. No answer speaks of its "
                      "values\n", said)
        text = self.report(d)
        self.assertIn("Nothing reads `ghost`", self.section(text, "Independent of"))
        self.assertNotIn("ghost", self.section(text, "Possible workaround"))
        for command in ("run", "matrix"):
            self.assertIn("nothing reads ghost", self.trapline(command, case).stderr)

    def test_naming_it_in_forbid_reads_nothing(self):
        case = self.steps("forbidden", [self.GHOST], forbid=[{"ghost": 1, "n": 1}])
        self.assertEqual(self.unread(case)[0]["unread"], ["ghost"])

    def test_what_is_expected_reads_it(self):
        script = 'echo "$1"; ' + DIES[2]
        case = self.steps("expected", [self.GHOST], argv=["/bin/sh", "-c", script, "sh", "{n}"],
                          step={"expect": {"no_text": ["word{ghost}"]}})
        self.assertEqual(self.unread(case)[0]["unread"], [])

    def test_a_path_reads_it(self):
        for n in (0, 1):
            self.write(f"run{n}.sh", '#!/bin/sh\ntest "$1" -lt 3 || kill -SEGV $$\n', 0o755)
        case = self.steps("path", [self.GHOST], argv=["{case_dir}/run{ghost}.sh", "{n}"])
        self.assertEqual(self.unread(case)[0]["unread"], [])

    def runner(self, **more):
        """A runner that fails from n = 3 on."""
        return self.python_runner("runner.py", {"name": "mine", "serve": False, **more}, """
if request["variant"]["n"] >= 3:
    os.kill(os.getpid(), 11)
say({"result": {"outputs": []}})
""")

    def made(self, name, axes, generate, **more):
        return self.case(name, {"generate": generate}, [{"name": "n", "range": [1, 6]}, *axes],
                         failing={"n": 6, "ghost": 1}, **more)

    def test_a_runner_says_what_it_takes(self):
        copy = ["/bin/cp", "{case_dir}/m.onnx", "{model}"]
        self.write("m.onnx", "no model")
        case = self.made("runner", [self.GHOST], copy)
        for takes, unread in ((["n"], ["ghost"]), (["n", "ghost"], []), (None, [])):
            with self.subTest(axes=takes):
                unit = self.runner(**({} if takes is None else {"axes": takes})) + ":cpu"
                self.db = self.path(f"{takes}.db")
                d, said = self.isolate(case, "-u", unit)
                self.assertEqual(d["unread"], unread)
                self.assertEqual("nothing reads ghost, unless the model has a symbolic dimension of that name" in said,
                                 unread != [], said)

    def test_a_symbolic_dimension_reads_it(self):
        """In ONNX it is a string in the second field of a dimension, which is the first field of a shape."""
        name = b"ghost"
        dimension = b"\x12" + bytes([len(name)]) + name
        unit = self.runner(axes=["n"]) + ":cpu"
        for model, unread in ((b"..\x0a" + bytes([len(dimension)]) + dimension + b"..", []), (b"..ghost..", ["ghost"])):
            with self.subTest(model=model):
                self.db = self.path(f"{len(unread)}.db")
                self.write("m.onnx", model)
                case = self.made("made", [self.GHOST], ["/bin/cp", "{case_dir}/m.onnx", "{model}"])
                self.assertEqual(self.isolate(case, "-u", unit)[0]["unread"], unread)
                case = self.case("file", {"file": "m.onnx"}, [{"name": "n", "range": [1, 6]}, self.GHOST],
                                 failing={"n": 6, "ghost": 1})
                d, said = self.unread(case, "-u", unit)
                self.assertEqual(d["unread"], unread)
                self.assertNotIn("unless", said)

    def test_an_input_reads_it(self):
        self.write("m.onnx", "no model")
        inputs = [{"name": "x", "dtype": "float32", "shape": [1, "{ghost}"], "fill": {"constant": 1}}]
        case = self.made("input", [self.GHOST], ["/bin/cp", "{case_dir}/m.onnx", "{model}"], inputs=inputs)
        self.assertEqual(self.unread(case, "-u", self.runner(axes=["n"]) + ":cpu")[0]["unread"], [])

    def test_a_misspelt_axis_of_the_runner(self):
        case = self.made("typo", [self.GHOST, {"name": "optimisation", "choices": [99, 0]}],
                         ["/bin/cp", "{case_dir}/m.onnx", "{model}"])
        self.write("m.onnx", "no model")
        _, said = self.isolate(case, "-u", self.runner(axes=["n", "ghost"]) + ":cpu")
        self.assertIn("nothing reads optimisation (did you mean optimization?)", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)

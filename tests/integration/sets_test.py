"""Axes whose values are sets, on processes that really die: the elements that matter, what programs and runners get, and
what is stored, listed and reported of them."""
import json
import math
import os
import unittest

from program import ProgramTest

PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "norm"]
# Dies of two elements together, from three layers on. The list comes as a word, and in a file.
NAMES = r"""test "$1" = "$(cat "$2")" || exit 9
case $1 in *'"k_proj"'*'"up_proj"'*) test "$3" -lt 3 || kill -SEGV $$ ;; esac"""
# Dies of three numbers of many.
NUMBERS = r"""list=,$(tr -d '[]\n' <"$1"),
for n in 7 63 401; do case $list in *,$n,*) ;; *) exit 0 ;; esac; done; kill -ABRT $$"""
# Dies of an allocation between two others.
CALLS = r"""case $1 in *'"open"'*'"write"'*'"close"'*) kill -SEGV $$ ;; esac"""
# Dies of one name of 100,000, wherever its list is.
RUNNER = """c = socket.socket(fileno=3)
r = json.loads(c.makefile().readline())
if "describe" in r:
    c.sendall(b'{"name":"taker","version":"1","devices":[{"name":"cpu","usable":true}],"serve":false}\\n')
else:
    got = r["variant"]["weights"]
    names = json.load(open(got["file"])) if isinstance(got, dict) else got
    if "layer.70001.weight" in names:
        os.abort()
    c.sendall(b'{"result":{"outputs":[]}}\\n')
"""


def bound(n, k):
    return 1.2 * math.log2(math.comb(n, k)) + 5


class SetsTest(ProgramTest):
    def steps(self, name, script, words, axes, **more):
        return self.case(name, {"steps": [{"phase": "execute", "argv": ["/bin/sh", "-c", script, "sh", *words]}]}, axes, **more)

    def isolate(self, case, *arguments, status=1):
        return json.loads(self.trapline("isolate", case, *arguments, "--json", "-j", "2", status=status).stdout)

    def test_elements_that_cannot_be_left_out_alone(self):
        """Of pairs that are valid only together two elements matter: nothing is known of their like."""
        paired = r"""list=,$1,; for n in 0 2 4 6 8 10 12 14; do
m=$((n + 1)); case $list in *,$n,*) case $list in *,$m,*) ;; *) exit 3 ;; esac ;; *,$m,*) exit 3 ;; esac; done
case $list in *,4,*) case $list in *,11,*) kill -ABRT $$ ;; esac ;; esac"""
        script = "set -- $(printf %s \"$1\" | tr -d '[] '); " + paired
        case = self.steps("pairs", script, ["{w}"], [{"name": "w", "subset": 16}], failing={"w": "all"})
        finding = self.isolate(case)
        of_set = finding["trigger"][0]
        self.assertTrue({4, 5, 10, 11} <= set(of_set["elements"]), of_set)
        self.assertEqual(of_set["not_shown"]["elements"], of_set["elements"])
        self.assertIn("elements-open", [n["code"] for n in finding["notes"]])
        self.assertIn("**Not shown to be minimal.** Without any one of these elements",
                      " ".join(self.trapline("report", finding["finding"], "--full", status=0).stdout.split()))
        self.assertIn("not shown to be needed", self.trapline("isolate", case, status=1).stdout)

    def test_two_names_and_a_threshold(self):
        case = self.steps("names", NAMES, ["{quantised}", "{quantised@}", "{layers}"],
                          [{"name": "quantised", "subset": PROJECTIONS}, {"name": "layers", "range": [1, 12]}],
                          failing={"quantised": "all", "layers": 12})
        finding = self.isolate(case)
        self.assertTrue(finding["complete"])
        self.assertEqual(finding["minimal"], {"quantised": "k_proj+up_proj", "layers": 3})
        self.assertNotIn("not_shown", finding["trigger"][0])
        quantised, layers = finding["trigger"]
        self.assertEqual((quantised["elements"], quantised["of"]), (["k_proj", "up_proj"], 8))
        self.assertEqual(sorted(quantised["passes_with"]), ["k_proj", "none", "up_proj"])
        self.assertEqual(layers["threshold"], 3)
        pairs = [p["passes"]["quantised"] for p in finding["decisive"] if p["axis"] == "quantised"]
        self.assertEqual(sorted(pairs), ["k_proj", "up_proj"])

        text = self.trapline("report", finding["finding"], "--full", status=0).stdout
        self.assertIn("`quantised=k_proj+up_proj`", text)
        self.assertIn("""printf %s '["k_proj","up_proj"]' > ./quantised.json\n""", text)
        self.assertIn("-s quantised=k_proj+up_proj", text)
        self.assertNotIn("none is known", text)
        self.assertIn("`quantised`: 2 of 8 elements together: `k_proj`, `up_proj`.", text)
        for form in ("html", "junit", "json"):
            self.assertIn("k_proj+up_proj", self.trapline("report", finding["finding"], "--format", form, status=0).stdout)
        bundle = self.path("bundle")
        told = self.trapline("report", finding["finding"], "--bundle", bundle, status=0)
        self.assertRegex(told.stderr, r"repro.sh did as reported in (\d+) of \1 runs")
        self.assertRegex(told.stderr, r"repro.sh --control did pass in (\d+) of \1 runs")
        with open(os.path.join(bundle, "case.json"), encoding="utf-8") as f:
            minimal = json.load(f)
        self.assertEqual((minimal["axes"][0], minimal["failing"]["quantised"]),
                         ({"name": "quantised", "subset": PROJECTIONS}, "k_proj+up_proj"))

        # The sets that stand for all, in a table; any other by its elements. What is stored is found by the set.
        for arguments, rows in ((["--pairs"], {"none", "all"}), (["-s", "quantised=none,up_proj+k_proj,norm", "-s", "layers=3"],
                                                                 {"none", "k_proj+up_proj", "norm"})):
            table = json.loads(self.trapline("matrix", case, *arguments, "--json", status=1).stdout)
            self.assertEqual({row["variant"]["quantised"] for row in table["matrix"][0]["rows"]}, rows)
        trial = self.one(case, "-s", "quantised=up_proj+k_proj", "-s", "layers=3", status=1)
        self.assertEqual((trial["outcome"], trial["variant"]["quantised"]), ("crash", "k_proj+up_proj"))
        self.assertEqual(self.show(trial)["request"]["variant"], {"quantised": ["k_proj", "up_proj"], "layers": 3})
        self.assertIn("k_proj+up_proj", self.trapline("show", trial["id"], status=0).stdout)
        wrong = self.trapline("run", case, "-s", "quantised=k_porj", status=2).stderr
        self.assertIn('did you mean "k_proj"?', wrong)
        suite = self.write("suite.json", json.dumps({"trapline": 1, "suite": "s", "cases": [case], "units": ["command:host"],
                                                     "variants": {"quantised": ["none", "up_proj+k_proj"], "layers": [4]}}))
        night = json.loads(self.trapline("nightly", suite, "--json", status=0).stdout)
        self.assertIn("k_proj+up_proj", json.dumps(night))

    def test_three_of_494(self):
        case = self.steps("numbers", NUMBERS, ["{weights@}"], [{"name": "weights", "subset": 494}], failing={"weights": "all"})
        finding = self.isolate(case)
        self.assertEqual((finding["complete"], finding["trigger"][0]["elements"]), (True, [7, 63, 401]))
        self.assertEqual(finding["minimal"], {"weights": "7+63+401"})
        self.assertLessEqual(finding["by_purpose"]["elements"], bound(494, 3) + 5)
        again = self.isolate(case)
        self.assertEqual(again["trigger"], finding["trigger"])
        self.assertLessEqual(again["trials"] - again["cached"], 4)
        # With a part of it to begin with, and with too few trials.
        some = self.isolate(case, "-s", "weights=0..99+401")
        self.assertEqual(some["minimal"], {"weights": "7+63+401"})
        few = self.isolate(case, "--max-trials", "9", "--no-cache")
        self.assertFalse(few["complete"])
        self.assertIn("budget", [n["code"] for n in few["notes"]])

    def test_calls_in_their_order(self):
        calls = ["open", "read", "seek", "write", "sync", "close"]
        case = self.steps("calls", CALLS, ["{calls}"], [{"name": "calls", "subset": calls, "ordered": True}], failing={"calls": "all"})
        finding = self.isolate(case)
        self.assertEqual(finding["trigger"][0]["elements"], ["open", "write", "close"])
        self.assertTrue(finding["axes"][0]["sequence"])
        self.assertIn("3 of 6 elements, in this order: `open`, `write`, `close`",
                      self.trapline("report", finding["finding"], status=0).stdout)
        self.assertIn("in the order of its list", self.trapline("run", case, "-s", "calls=write+open", status=2).stderr)

    def test_a_hundred_thousand_names_are_no_request(self):
        runner = self.python("taker", RUNNER)
        model = self.write("model.bin", "x")
        names = [f"layer.{i}.weight" for i in range(100000)]
        case = self.case("names", {"file": model}, [{"name": "weights", "subset": names}], failing={"weights": "all"})
        finding = self.isolate(case, "-u", f"{runner}:cpu")
        self.assertEqual(finding["minimal"], {"weights": "layer.70001.weight"})
        self.assertLess(os.path.getsize(self.db), 8 << 20)
        trial = self.one(case, "-u", f"{runner}:cpu", "-s", "weights=#1..99999", status=1)
        self.assertEqual(trial["variant"]["weights"], "#1..99999")
        sent = self.show(trial)["request"]["variant"]["weights"]
        with open(sent["file"], encoding="utf-8") as f:
            self.assertEqual(json.load(f), names[1:])


if __name__ == "__main__":
    unittest.main()

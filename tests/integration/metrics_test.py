"""Metrics of cases: read from what programs write and runners answer, shown, tabled by axis, and no part of signatures."""
import json
import os
import unittest

from program import ProgramTest

# A program that tells a speed and dies as a scratch heap does: the offset grows with the layers, and the number that the
# assertion calls a code is a different one for each.
PROBE = """#!/bin/sh
echo 'prompt 99 tok/s'
echo "decode $((120 / $1)) tok/s"
[ "$1" -gt 4 ] || exit 0
echo "heap: offset $(($1 * 16384)) exceeds total 65536" >&2
echo "Assertion failed: (ok), refused with code $(($1 * 7)), file heap.mm, line 687." >&2
kill -ABRT $$
"""
METRICS = [{"name": "tok_s", "regex": "([0-9.]+) tok/s", "unit": "tok/s"}, {"name": "offset", "regex": "offset ([0-9]+)", "unit": "bytes"},
           {"name": "code", "regex": "with code ([0-9]+)"}, {"name": "never", "regex": "never ([0-9]+)"}]
AXES = [{"name": "layers", "range": [1, 8]}, {"name": "width", "ordered": [1, 2, 4]}]


class MetricsTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.probe = self.write("probe", PROBE, 0o755)
        self.model = {"steps": [{"phase": "execute", "argv": [self.probe, "{layers}", "{width}"]}]}

    def test_of_a_step(self):
        case = self.case("heap", self.model, AXES, metrics=METRICS, failing={"layers": 8, "width": 4})
        good = self.one(case, "-u", "command:host", "-s", "layers=4", status=0)
        self.assertEqual(good["metrics"], {"tok_s": 30})
        bad = self.one(case, "-u", "command:host", "-s", "layers=6", status=1)
        self.assertEqual(bad["metrics"], {"tok_s": 20, "offset": 98304, "code": 42})
        self.assertEqual(self.show(bad)["metrics"], bad["metrics"])
        page = self.trapline("show", bad["id"], status=0).stdout
        self.assertRegex(page, r"(?m)^  metric +tok_s 20 tok/s$")
        self.assertRegex(page, r"(?m)^  metric +offset 98304 bytes$")
        other = self.one(case, "-u", "command:host", "-s", "layers=8", status=1)
        self.assertEqual(other["signature"], bad["signature"], "codes that a metric names tell no failures apart")
        plain = self.case("plain", self.model, AXES)
        titles = {self.one(plain, "-u", "command:host", "-s", f"layers={n}", status=1)["signature"]["title"] for n in (6, 8)}
        self.assertEqual(len(titles), 2, "as they do without one")

    def test_tables(self):
        case = self.case("heap", self.model, AXES, metrics=METRICS, failing={"layers": 8, "width": 4})
        done = self.trapline("isolate", case, "-u", "command:host", "--json", status=1)
        found = json.loads(done.stdout)
        self.assertEqual([(t["axis"], t["threshold"]) for t in found["trigger"]], [("layers", 5)])
        metrics = {m["name"]: m for m in found["metrics"]}
        self.assertEqual([t["axis"] for t in metrics["tok_s"]["by"]], ["layers"], "width makes no difference to it")
        self.assertEqual(set(metrics), {"tok_s", "offset", "code"})
        by_layers = {r["value"]: r for r in next(t for t in metrics["tok_s"]["by"] if t["axis"] == "layers")["values"]}
        self.assertEqual((by_layers[5]["median"], by_layers[5]["failed"], by_layers[5]["trials"] > 2), (24, by_layers[5]["trials"], True))
        self.assertEqual((by_layers[4]["median"], by_layers[4]["failed"], by_layers[4]["min"], by_layers[4]["max"]), (30, 0, 30, 30))
        self.assertEqual(list(by_layers), sorted(by_layers), "in the order of the axis")
        self.assertEqual(metrics["offset"]["minimal"]["median"], 81920)
        text = self.trapline("isolate", case, "-u", "command:host", status=1).stdout
        self.assertRegex(text, r"(?m)^  tok_s \(tok/s\) by layers: .*4: 30, 5: 24")
        report = self.trapline("report", found["finding"], "--full", status=0).stdout
        self.assertIn("## Metrics", report)
        self.assertRegex(report, r"(?m)^\| `tok_s`, tok/s \| `layers=5` \| 24 \| 24 \| 24 \| (\d+) \| \1 \|$")
        # A metric that is written down later is there for what ran before.
        with open(case, encoding="utf-8") as f:
            document = json.load(f)
        document["metrics"].append({"name": "total", "regex": "exceeds total ([0-9]+)"})
        self.write("heap.json", json.dumps(document))
        again = json.loads(self.trapline("isolate", case, "-u", "command:host", "--json", status=1).stdout)
        self.assertGreater(again["cached"], 0)
        self.assertEqual({m["name"]: m.get("minimal", {}).get("median") for m in again["metrics"]}["total"], 65536)

    def test_of_a_runner(self):
        runner = self.python_runner("runner", {"name": "r", "axes": ["n"]}, """
n = request["variant"]["n"]
print("wrote 5 MB")
say({"phase": "execute"})
say({"result": {"outputs": [], "metrics": {"speed": n * 1.5, "text": "no", "count": 3, "flag": True}}})
""")
        self.write("model.bin", "x")
        case = self.case("r", {"file": "model.bin"}, [{"name": "n", "range": [1, 3]}],
                         metrics=[{"name": "speed", "unit": "GB/s"}, {"name": "wrote", "regex": "wrote ([0-9]+) MB", "unit": "MB"}])
        trial = self.one(case, "-u", runner + ":cpu", "-s", "n=3", status=0)
        self.assertEqual(trial["metrics"], {"speed": 4.5, "wrote": 5, "count": 3})
        self.assertEqual(self.show(trial)["result"]["metric_units"], {"speed": "GB/s", "wrote": "MB"})

    def test_a_flood_and_a_hostile_expression(self):
        flood = self.python("flood.py", "sys.stdout.write('1 ms\\n' + 'a' * 30000000 + '\\n7 ms\\n')\n")
        model = {"steps": [{"phase": "execute", "argv": [flood]}]}
        case = self.case("flood", model, metrics=[{"name": "t", "regex": "^([0-9]+) ms$"}])
        self.assertEqual(self.one(case, "-u", "command:host", status=0)["metrics"], {"t": 7})
        case = self.case("hostile", model, metrics=[{"name": "t", "regex": "(a+)+$"}, {"name": "t", "regex": "("}])
        said = self.trapline("run", case, "-u", "command:host", status=2).stderr
        self.assertIn("$.metrics[0].regex: expected a regular expression that is done with a line soon", said)
        self.assertIn("$.metrics[1].name: expected a name that no metric before it has", said)
        self.assertIn("$.metrics[1].regex: expected a regular expression", said)


if __name__ == "__main__":
    unittest.main()

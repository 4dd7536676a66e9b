"""What a maintainer asks first: the instruction of a fault and what it did, the operator that was in flight, the processor,
the model. All crashes are real ones."""
import json
import os
import re
import sys
import unittest

from onnx_bytes import FLOAT, field, graph, model, node, value
from program import SLOWER, ProgramTest

# A runner that tells of two operators and then does what the variant says in the second.
RUNNER = """
import signal
end = request["variant"]["end"]
say({"phase": "execute", "operator": {"name": "first", "type": "Conv"}})
say({"operator": {"name": "n" * 5000, "type": "<b>Softmax</b>"}})
if end == "after":
    say({"operator": None})
if end == "broken":
    say({"operator": {"name": 7}})
if end in ("crash", "after"):
    os.kill(os.getpid(), signal.SIGSEGV)
if end == "hang":
    time.sleep(100)
if end == "error":
    say({"error": {"domain": "graph", "code": "no", "message": "refused"}})
else:
    say({"result": {"outputs": []}})
"""

MODEL = model(graph([node("Softmax", "x", "y", axis=1)], [value("x", FLOAT, [2, "rows"])], [value("y")])) + field(2, "some hand")


class MachineTest(ProgramTest):
    def graph(self, text):
        return self.python_runner("graph.py", {"name": "graph", "axes": ["end"], "protocol": 1}, text)

    def run_one(self, behaviour, *more):
        names = ["pass", "null_read", "readonly_write", "wild_jump", "data_jump", "stack_overflow", "divide_by_zero",
                 "kill_segv", "abort"]
        case = self.case("faults", {"family": "selftest"}, [{"name": "behaviour", "choices": names},
                                                            {"name": "thread", "choices": ["main", "other"]}],
                         failing={"behaviour": "null_read"})
        return self.one(case, "-u", "selftest:cpu", "-s", f"behaviour={behaviour}", *more, status=1)

    def of(self, behaviour, *more):
        return self.show(self.run_one(behaviour, *more))

    def test_what_the_instruction_did(self):
        """Only what is certain: of a signal that somebody sent there is no instruction."""
        did = {b: self.of(b)["captures"][0]["fault"] for b in ("null_read", "readonly_write", "wild_jump", "data_jump")}
        words = {b: f["did"] for b, f in did.items()}
        self.assertRegex(words["wild_jump"], r"^jump to 0x141414141410: nothing is mapped there")
        self.assertRegex(words["data_jump"], r"^jump to 0x\w+: what is mapped there is not executable$")
        self.assertIsNone(did["data_jump"]["instruction"], "what stands there is none")
        self.assertRegex(did["null_read"]["code"], r"^[0-9a-f]{2}( [0-9a-f]{2}){3,15}$")
        self.assertRegex(words["null_read"], r" at 0x0\b.*: near null$")
        if did["null_read"]["instruction"] is None:
            self.skipTest("this build has no disassembler: capstone was not there")
        self.assertRegex(words["null_read"], r"^read of 4 bytes at 0x0 \(\w+ = 0\): near null$")
        self.assertRegex(words["readonly_write"], r"^write of 1 byte at 0x\w+ \(\w+ = 0x\w+\): a mapping that is read-only$")
        self.assertRegex(self.of("stack_overflow", "-s", "thread=other")["captures"][0]["fault"]["did"],
                         r"^write of .*: the guard page of the stack, which is used up$")
        # Where a processor gives a result the runner sends itself the signal.
        divided = self.of("divide_by_zero")["captures"][0]["fault"]
        self.assertRegex(divided["did"] or "by zero (raised)" if divided else "by zero (raised)", r"by zero \(")
        for sent in ("kill_segv", "abort"):
            self.assertIsNone(self.of(sent)["captures"][0]["fault"], sent)

    def test_addresses_are_in_no_signature(self):
        """They are others in each run."""
        seen = {self.run_one("readonly_write")["signature"]["id"] for _ in range(3)}
        self.assertEqual(len(seen), 1)

    def test_the_processor(self):
        """Kernels are chosen by what it can do."""
        processor = self.of("null_read")["environment"]["machine"]["processor"]
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            can = set(re.search(r"^(?:flags|Features)\s*: (.*)", file.read(), re.M)[1].split())
        self.assertTrue(processor["sets"])
        self.assertLessEqual(set(processor["sets"]), can)
        self.assertEqual("avx2" in can, "avx2" in processor["sets"])

    def test_the_operator_in_flight(self):
        runner = self.graph(RUNNER)
        ends = ["pass", "crash", "hang", "error", "after", "broken"]
        case = self.case("graph", {"file": self.write("m.onnx", MODEL)}, [{"name": "end", "choices": ends}],
                         failing={"end": "crash"}, limits={"timeout_s": 3 * SLOWER})
        told = {end: self.show(self.one(case, "-u", f"{runner}:cpu", "-s", f"end={end}")) for end in ends}
        for end in ("crash", "hang", "error"):
            self.assertEqual(told[end]["result"]["operator"], {"name": "n" * 256, "type": "<b>Softmax</b>"}, end)
        self.assertNotIn("operator", told["pass"]["result"])
        self.assertIsNone(told["after"]["result"], "none was in flight any more")
        self.assertIn("a string that is not empty, got an integer", told["broken"]["message"])
        self.assertIn("in flight      <b>Softmax</b>, node nnn", self.trapline("show", told["crash"]["id"], status=0).stdout)

    def test_the_report(self):
        """It names the model, which may be gone, in a few lines; and the operator, which is certain where there is one only."""
        runner = self.graph(RUNNER.replace('"operator": {"name": "first", "type": "Conv"}', '"more": 1')
                             .replace('say({"operator": {"name": "n"', 'str({"operator": {"name": "n"'))
        model = self.write("m.onnx", MODEL)
        case = self.case("graph", {"file": model}, [{"name": "end", "choices": ["pass", "crash"]}], failing={"end": "crash"})
        finding = json.loads(self.trapline("isolate", case, "-u", f"{runner}:cpu", "--json", status=1).stdout)
        self.assertEqual(finding["model"]["node_count"], 1)
        self.assertTrue(finding["environment"]["processor"]["sets"])
        os.unlink(model)
        text = self.trapline("report", finding["finding"], status=0).stdout
        self.assertIn("**Model:** ONNX, IR version 8, opset 13; made by some hand:", text)
        self.assertIn("\nin     x: float32[2,rows]\n", text)
        self.assertIn("\n- **Instruction sets:** ", text)
        self.assertIn("\nnode   Softmax(x) -> y axis=1\n", text)
        self.assertIn("**Operator in flight:** Softmax, the only operator of the model.", text)
        self.assertNotIn("Faulting instruction", text, "the signal was sent")

    def test_the_instruction_in_a_report(self):
        case = self.case("fault", {"family": "selftest"}, [{"name": "behaviour", "choices": ["pass", "operator_crash"]}],
                         failing={"behaviour": "operator_crash"})
        finding = json.loads(self.trapline("isolate", case, "-u", "selftest:cpu", "--json", status=1).stdout)
        for form in ("md", "html"):
            text = self.trapline("report", finding["finding"], "--format", form, status=0).stdout
            self.assertRegex(text, r"Operator in flight:(\*\*|</strong>) Softmax, node second\.")
            self.assertRegex(text, r"Faulting instruction:(\*\*|</strong>) .*near null\.")
            self.assertRegex(text, r"(?m)(^|<code>)(rax|x0)=0x")
        short = self.trapline("report", finding["finding"], "--short", status=0).stdout
        self.assertIn("near null.", short)
        self.assertNotRegex(short, r"(?m)^(rax|x0)=0x")
        document = json.loads(self.trapline("report", finding["finding"], "--format", "json", status=0).stdout)
        self.assertTrue(document["failing_trial"]["capture"]["fault"]["did"].endswith("near null"))


if __name__ == "__main__":
    if not sys.platform.startswith("linux"):
        sys.exit(77)
    unittest.main(verbosity=2)

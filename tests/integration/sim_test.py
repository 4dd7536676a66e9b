"""The simulated runtime, as trapline drives it, and the cases of the reports that its profile restates: what comes out
of each on each device, and that what makes it fail is what was published and nothing else. What isolation finds of them
stands in isolate_test.py."""
import json
import os
import subprocess
import unittest

from program import HERE, TRAPLINE, ProgramTest
from published import DEVICES, PUBLISHED

SEEDS = os.path.join(os.path.dirname(os.path.dirname(HERE)), "cases", "seeds")
RUNNER = os.path.join(os.path.dirname(TRAPLINE), "..", "..", "runners", "sim", "trapline-sim")


def read(case):
    with open(os.path.join(SEEDS, case + ".json"), encoding="utf-8") as f:
        return json.load(f)


def values_of(axis):
    """All values of an axis, and of a range enough to find its edges."""
    if "range" not in axis:
        return axis.get("ordered") or axis["choices"]
    first, last = axis["range"]
    return sorted({first, first + 1, last, (first + last) // 2} | {v for v in (4, 5, 6, 7) if first <= v <= last})


def written(value):
    return json.dumps(value) if isinstance(value, bool) else str(value)


def settings(variant):
    return [word for axis, value in variant.items() for word in ("-s", f"{axis}={written(value)}")]


def came_of(trial):
    return trial["outcome"], trial["phase"], trial.get("signal")


PASS = ("pass", "done", None)


class SimTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.env.pop("TRAPLINE_PROFILES", None)

    def seed(self, case, devices, variant=None, **more):
        """Runs a published case, failing but for what variant says: device -> trial."""
        variant = {**read(case)["failing"], **(variant or {})}
        units = [word for d in devices for word in ("-u", f"sim@26A5353q:{d}")]
        trials = self.trials(os.path.join(SEEDS, case + ".json"), *units, *settings(variant), **more)
        return {t["unit"].split(":")[1]: t for t in trials}

    def profile(self, *rules, name="mine", **more):
        self.write(name + ".json", json.dumps({"trapline_profile": 1, "name": name, "rules": list(rules), **more}))
        self.env["TRAPLINE_PROFILES"] = self.directory

    def small(self, **more):
        axes = [{"name": "layers", "range": [1, 9]}, {"name": "runs", "range": [1, 9]},
                {"name": "seq", "range": [1, 4]}, {"name": "activation", "choices": ["fp32", "fp16"]},
                {"name": "begin_error", "ordered": [0, 100]}, {"name": "kv_write", "choices": ["concat", "scatter"]},
                {"name": "begin_index", "choices": ["none", "tensor"]}]
        return self.case("small", {"family": "decoder"}, axes, **more)


class PublishedTest(SimTest):
    def test_every_case_on_every_device(self):
        for case, (_, failures) in PUBLISHED.items():
            document = read(case)
            baseline = {a["name"]: values_of(a)[0] for a in document["axes"]}
            for name, variant, expected in (("failing", document["failing"], failures), ("baseline", baseline, {})):
                with self.subTest(case=case, variant=name):
                    trials = self.seed(case, DEVICES, variant)
                    self.assertEqual({d: came_of(t) for d, t in trials.items()},
                                     {d: expected.get(d, PASS) for d in DEVICES})

    def test_failing_variants_are_far_from_the_baseline(self):
        for case in PUBLISHED:
            document = read(case)
            changed = [a["name"] for a in document["axes"] if len(values_of(a)) > 1 and
                       document["failing"].get(a["name"], values_of(a)[0]) != values_of(a)[0]]
            self.assertGreaterEqual(len(changed), 9, case)

    def test_a_runtime_without_a_profile_has_no_defects(self):
        for case in PUBLISHED:
            trial = self.one(os.path.join(SEEDS, case + ".json"), "-u", "sim:gpu", status=0)
            self.assertEqual(came_of(trial), PASS, case)

    def neighbours(self, case, device):
        """From the failing variant one axis at a time, every value: fails, in the same way, as long as the published
        trigger is there, and passes otherwise."""
        trigger, failures = PUBLISHED[case]
        document = read(case)
        known = self.seed(case, [device])[device]
        self.assertEqual(came_of(known), failures[device])
        rest = [(a["name"], document["failing"].get(a["name"], values_of(a)[0])) for a in document["axes"]]
        for axis in document["axes"]:
            self.trapline("matrix", os.path.join(SEEDS, case + ".json"), "-u", f"sim@26A5353q:{device}",
                          "-s", axis["name"] + "=" + ",".join(written(v) for v in values_of(axis)),
                          *settings({n: v for n, v in rest if n != axis["name"]}))
        trials = self.listed("trials", "--limit", "1000000")["trials"]
        for axis in document["axes"]:
            name = axis["name"]
            for value in values_of(axis):
                with self.subTest(case=case, device=device, axis=name, value=value):
                    variant = {**dict(rest), name: value}
                    trial = next((t for t in trials if t["variant"] == variant), None)
                    if not trial:  # the case forbids it
                        self.assertEqual((case, name, value), ("kv-write", "kv_write", "concat"))
                        self.assertEqual(self.seed(case, [device], {name: value})[device]["outcome"], "unsupported")
                        continue
                    wanted = trigger.get(name)
                    held = wanted is None or value == wanted or ("choices" not in axis and value > wanted)
                    self.assertEqual(came_of(trial), failures[device] if held else PASS)
                    if held:
                        self.assertEqual(trial["signature"], known["signature"])

    def test_neighbours_kv_write_gpu(self):
        self.neighbours("kv-write", "gpu")

    def test_neighbours_kv_write_iphone_gpu(self):
        self.neighbours("kv-write", "iphone-gpu")

    def test_neighbours_kv_write_iphone_ane(self):
        self.neighbours("kv-write", "iphone-ane")

    def test_neighbours_int4(self):
        self.neighbours("int4-ane", "ane")

    def test_neighbours_scratch_heap(self):
        self.neighbours("scratch-heap", "gpu")

    def test_neighbours_aot(self):
        self.neighbours("aot-load", "gpu")

    def test_neighbours_sdpa(self):
        self.neighbours("sdpa-export", "cpu")

    def test_neighbours_masks(self):
        self.neighbours("multi-mask", "iphone-ane")

    def test_begin_index(self):
        passes = [("none", "scatter"), ("none", "concat"), ("constant", "scatter"), ("shape", "tensor_scatter"),
                  ("shape", "scatter")]
        for shapes in ("static", "dynamic"):
            for begin, write in passes:
                variant = {"begin_index": begin, "kv_write": write, "shapes": shapes}
                trials = self.seed("kv-write", DEVICES, variant)
                self.assertEqual({came_of(t) for t in trials.values()}, {PASS}, variant)
            crash = self.seed("kv-write", ["gpu"], {"begin_index": "tensor", "kv_write": "scatter", "shapes": shapes})
            self.assertEqual(came_of(crash["gpu"]), ("crash", "execute", "SIGTRAP"))

    def test_the_scratch_heap_says_the_published_numbers(self):
        base = {"layers": 6, "heads": 16, "full_head_dim": 512, "seq": 1}
        trial = self.seed("scratch-heap", ["gpu"], base)["gpu"]
        self.assertEqual(came_of(trial), ("crash", "execute", "SIGABRT"))
        self.assertIn("failed assertion `Failed to acquire the source buffer for the ViewOp'", trial["message"])
        text = json.dumps(self.show(trial))
        self.assertIn("allocateMTLBufferFromMTLHeap: offset 198400 + size 16384 exceeds heap total 212992", text)
        self.assertIn("GPUMemrefOps.mm:687", text)
        self.assertIn("tl_simulated_view_op_source_buffer", text)
        for change in ({"layers": 5}, {"heads": 8}, {"full_head_dim": 256}, {"heads": 8, "layers": 48}):
            self.assertEqual(came_of(self.seed("scratch-heap", ["gpu"], {**base, **change})["gpu"]), PASS, change)
        for change in ({"kv_padding": 0}, {"kv_padding": 64}, {"kv_contiguous": True}, {"kv_contiguous": False},
                       {"attention": "sdpa"}, {"attention": "gqa"}, {"kv_write": "concat"}, {"context": 32}):
            self.assertEqual(self.seed("scratch-heap", ["gpu"], {**base, **change})["gpu"]["signature"],
                             trial["signature"], change)

    def test_int4_dies_in_a_thread_of_the_compiler(self):
        shown = self.show(self.seed("int4-ane", ["ane"])["ane"])
        crashed = [t for c in shown["captures"] for t in c["threads"] if t.get("crashed")]
        self.assertEqual(crashed[0]["name"], "MPSGraphExecutable_queue"[:15])
        self.assertIn("tl_simulated_ane_precompile_binary", shown["signature"]["title"])

    def test_masks_inside_the_graph_fail_in_another_way(self):
        trial = self.seed("multi-mask", ["gpu"], {"masks": "one", "masks_in_graph": True})["gpu"]
        self.assertEqual(came_of(trial), ("error", "compile", None))
        self.assertIn("perm tensor length must equal input tensor rank, 4 != 8", trial["message"])
        self.assertNotEqual(trial["signature"], self.seed("multi-mask", ["gpu"])["gpu"]["signature"])


class ProfileTest(SimTest):
    def run_small(self, *arguments, unit="sim@mine:cpu", status=1, case=None, **more):
        return self.one(case or self.small(), "-u", unit, *arguments, status=status, **more)

    def test_every_signal_is_real(self):
        signals = ["SIGSEGV", "SIGBUS", "SIGILL", "SIGTRAP", "SIGFPE", "SIGABRT"]
        sites = ["attention", "matmul", "slice_update"]
        seen = set()
        for i, signal in enumerate(signals):
            for thread in (None, "worker"):
                rule = {"name": "r", "phase": "execute", "signal": signal, "in": sites[i % 3]}
                if thread:
                    rule["thread"] = thread
                self.profile(rule)
                with self.subTest(signal=signal, thread=thread):
                    trial = self.run_small("--fresh" if thread else "-v")
                    self.assertEqual(came_of(trial), ("crash", "execute", signal))
                    # The innermost function, where it is not libc that raises it.
                    self.assertIn("tl_simulated_" + sites[i % 3], trial["signature"]["title"])
                    seen.add(trial["signature"]["id"])
        self.assertGreaterEqual(len(seen), len(signals))

    def test_phases(self):
        for phase in ("generate", "load", "compile", "execute", "check"):
            self.profile({"name": "r", "phase": phase, "signal": "SIGSEGV"})
            self.assertEqual(came_of(self.run_small()), ("crash", phase, "SIGSEGV"))

    def test_other_ways_to_fail(self):
        self.profile({"name": "r", "phase": "load", "error": {"domain": "D", "code": "7", "message": "{layers} layers"}})
        trial = self.run_small("-s", "layers=3")
        self.assertEqual(came_of(trial), ("error", "load", None))
        self.assertEqual(trial["message"], "[simulated] 3 layers")
        self.profile({"name": "r", "phase": "execute", "exit_status": 3})
        trial = self.run_small()
        self.assertEqual((trial["outcome"], trial["exit_status"]), ("error", 3))
        self.profile({"name": "r", "phase": "execute", "wrong": "nan"})
        self.assertEqual(self.run_small()["outcome"], "wrong")
        self.profile({"name": "r", "phase": "execute", "fallback": "cpu"})
        self.assertEqual(self.run_small(unit="sim@mine:ane")["outcome"], "fallback")
        self.assertEqual(self.run_small(unit="sim@mine:cpu", status=0)["outcome"], "pass")
        self.profile({"name": "r", "phase": "compile", "hang": True, "message": "for ever"})
        trial = self.run_small(case=self.small(limits={"timeout_s": 1}))
        self.assertEqual(came_of(trial)[:2], ("hang", "compile"))

    def test_a_wrong_answer_is_plainly_so(self):
        def first(trial):
            return self.show(trial)["result"]["outputs"][0]["first"]
        self.profile({"name": "r", "phase": "execute", "wrong": 0.5})
        right, off = self.run_small(unit="sim:cpu", status=0), self.run_small(status=None)
        for a, b in zip(first(right), first(off)):
            self.assertAlmostEqual(a + 0.5, b, places=5)

    def test_conditions_of_the_run(self):
        self.profile({"name": "third", "phase": "execute", "signal": "SIGSEGV",
                      "when": {"all": [{"quantity": "run", "is": 3}, {"quantity": "tokens", "is": 1}]}},
                     {"name": "prefill", "phase": "execute", "error": {"domain": "D", "code": "p", "message": "prefill"},
                      "when": {"quantity": "tokens", "more_than": 1}})
        self.assertEqual(self.run_small("-s", "runs=2", status=0)["outcome"], "pass")
        self.assertEqual(self.run_small("-s", "runs=3")["outcome"], "crash")
        self.assertEqual(self.run_small("-s", "seq=2")["outcome"], "error")

    def test_rate_and_delay(self):
        self.profile({"name": "r", "phase": "execute", "rate": 0.5, "exit_status": 9})
        trials = self.trials(self.small(), "-u", "sim@mine:cpu", "--repeat", "100")
        failed = sum(t["outcome"] != "pass" for t in trials)
        self.assertTrue(20 <= failed <= 80, failed)  # outside once in 10^9 times
        self.profile({"name": "r", "phase": "load", "delay_s": 0.3, "exit_status": 9})
        self.assertGreaterEqual(self.run_small()["phases"]["load"], 0.2)

    def test_a_changed_profile_is_another_environment(self):
        case = self.small()
        self.profile({"name": "r", "phase": "load", "exit_status": 9})
        self.assertEqual(self.run_small("--cached", case=case)["cached"], False)
        self.assertEqual(self.run_small("--cached", case=case)["cached"], True)
        self.profile({"name": "r", "phase": "compile", "exit_status": 9})
        trial = self.run_small("--cached", case=case)
        self.assertEqual((trial["cached"], trial["phase"]), (False, "compile"))

    def test_unknown_and_broken_profiles(self):
        self.profile(name="other")
        trial = self.run_small(unit="sim@nosuch:gpu", status=2)
        self.assertEqual(trial["outcome"], "unsupported")
        self.assertIn('there is no profile "nosuch"', trial["message"])
        self.assertIn("26A5353q", trial["message"])
        self.assertIn("other", trial["message"])
        self.write("mine.json", '{"trapline_profile": 1, "name": "mine", "rules": [{"name": "r", "phase": "lod"}]}')
        trial = self.run_small()
        self.assertEqual(trial["outcome"], "error")
        self.assertIn("$.rules[0].phase: expected generate", trial["message"])
        self.assertTrue(trial["signature"]["title"].startswith("sim profile"), trial)
        self.write("mine.json", '{"trapline_profile": 1,\n  rules}')
        self.assertIn("mine.json:2:", self.run_small()["message"])

    def test_what_it_is_not_for(self):
        trial = self.one(self.case("other", {"family": "selftest"}), "-u", "sim:cpu", status=2)
        self.assertEqual(trial["outcome"], "unsupported")
        self.assertEqual(self.trapline("run", self.small(), "-u", "sim:npu").returncode, 2)
        trial = self.run_small("-s", "begin_error=100", "-s", "kv_write=scatter", "-s", "begin_index=tensor",
                               unit="sim:cpu")
        self.assertEqual(trial["outcome"], "error")
        self.assertIn("outside the cache", trial["message"])

    def test_it_says_everywhere_that_it_is_simulated(self):
        self.profile({"name": "r", "phase": "load", "message": ["one", "two"], "exit_status": 0,
                      "when": {"axis": "layers", "is": 9}})
        trial = self.show(self.run_small(status=0))
        self.assertIn("simulated, not a real runtime", trial["result"]["versions"]["sim"])
        failed = self.show(self.run_small("-s", "layers=9"))
        text = json.dumps(failed)
        self.assertIn("[simulated] one\\n[simulated] two", text)
        described = subprocess.run([RUNNER, "--describe"], env=self.env, capture_output=True, text=True, check=True)
        self.assertIn("simulated, not a real runtime", json.loads(described.stdout)["version"])
        self.assertTrue(all(d["simulated"] for d in json.loads(described.stdout)["devices"]))

    def test_outputs_are_stored(self):
        for activation, size in (("fp32", 4), ("fp16", 2)):
            kept = self.path(activation)
            trial = self.run_small("-s", f"activation={activation}", "--keep-outputs", kept, unit="sim:cpu", status=0)
            outputs = self.show(trial)["result"]["outputs"]
            files = sorted(os.path.join(d, f) for d, _, names in os.walk(kept) for f in names if f.endswith(".npy"))
            self.assertEqual(len(files), len(outputs))
            with open(files[0], "rb") as f:
                self.assertEqual(f.read(6), b"\x93NUMPY")
            self.assertEqual(outputs[0]["name"], "y")
            self.assertEqual(outputs[0]["shape"], [1, 1, 32])
            self.assertGreater(os.path.getsize(files[0]), 32 * size)

    def test_the_largest_model_still_fits_a_message(self):
        case = self.case("deep", {"family": "decoder"}, [{"name": "layers", "range": [1, 96]}])
        trial = self.one(case, "-u", "sim:cpu", "-s", "layers=96", status=0)
        self.assertEqual(len(self.show(trial)["result"]["outputs"]), 193)


if __name__ == "__main__":
    unittest.main()

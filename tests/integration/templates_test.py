"""Cases that are there to be copied: they load, all that is in them is read, and their steps run with tools that answer as those
that cannot be had here do. The tools decide from the files and programs that they are given."""
import glob
import json
import os
import subprocess
import sys
import unittest

from program import HERE, ProgramTest

TEMPLATES = os.path.join(os.path.dirname(os.path.dirname(HERE)), "cases", "templates")
NAMES = ["coreai-build-ane", "coreai-llm-runner", "coreml-python", "llama-cpp-metal", "mlx", "pytorch-mps", "swift-run"]

# What runs a program of a project. An export writes what the model is made of.
UV = """
words = sys.argv[1:]
if words[0] != "run":
    print("coreai-core==1.0.0b2"); sys.exit()
if "coreai.llm.export" in words:
    value = lambda name: words[words.index(name) + 1]
    if value("--platform") == "iOS" and value("--compression") == "4bit":
        sys.exit("RuntimeError: macOS quantization preset provided, but platform is iOS")
    os.makedirs(value("--out"), exist_ok=True)
    open(os.environ["EXPORTED"], "a").write(value("--num-layers") + "\\n")
    with open(os.path.join(value("--out"), value("--output-name") + ".aimodel"), "w") as f:
        json.dump({"weights": value("--compression"), "layers": int(value("--num-layers"))}, f)
"""
# Its compiler for the Neural Engine gives up on linear 4-bit weights, and exits with 0.
XCRUN = """
words = sys.argv[2:]
if words[0] == "--version":
    print("coreai-build 1.0"); sys.exit()
with open(words[1]) as f:
    model = json.load(f)
out = os.path.join(words[words.index("--output") + 1], "model.aimodelc")
os.makedirs(out)
if model["weights"] == "4bit":
    sys.stderr.write("Error:\\n\\n ANECCompileOffline() failed: OSStatus=0, aneCompileStatus=1, statusdict={\\n"
                     '    CompiledInputSourceFileName = "/private/var/folders/x/T/model_ANE_region_1_0.bc.mlir";\\n'
                     '    ErrorList =     (\\n        "blockwise weights are not supported"\\n    );\\n}\\n')
else:
    for i in range(model["layers"]):
        open(os.path.join(out, f"model_ANE_region_{i}"), "w").close()
"""
# Runs what the compiler of a project made: the scratch heap of the GPU is too small from the sixth layer on.
SWIFT = """
words = sys.argv[1:]
if "--version" in words:
    print("Swift 7"); sys.exit()
with open(words[words.index("--model") + 1]) as f:
    layers = json.load(f)["layers"]
if layers < 6:
    print(f"decoded {words[words.index('--max-tokens') + 1]} tokens, {100 / layers} tok/s"); sys.exit()
sys.stderr.write(f"allocateMTLBufferFromMTLHeap: offset {182016 + 16384 * (layers - 5)} + size 16384 exceeds heap total 212992\\n"
                 "GPUMemrefOps.mm:687: failed assertion `Failed to acquire the source buffer for the ViewOp'\\n")
sys.stderr.flush()
os.abort()
"""
LLAMA = """
words = sys.argv[1:]
if "--version" in words:
    print("version: 1 (abc)"); sys.exit()
value = lambda name: words[words.index(name) + 1]
if value("-fa") == "off" and value("-ctv") not in ("f32", "f16", "bf16"):
    sys.exit("llama_init_from_model: V cache quantization requires flash_attn")
layers = int(value("-ngl"))
sys.stderr.write(f"load_tensors: offloaded {min(layers, 33)}/33 layers to GPU\\n"
                 "generate: n_ctx = 4096\\nload_tensors: Metal_Mapped model buffer size =  1918.35 MiB\\n"
                 "llama_perf_context_print: prompt eval time =  80.10 ms /  5 tokens ( 16.02 ms per token,  62.42 tokens per second)\\n"
                 "llama_perf_context_print:        eval time = 500.00 ms / 16 runs   ( 31.25 ms per token,  32.00 tokens per second)\\n")
"""


class TemplatesTest(ProgramTest):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("bin"))
        for name, text in (("uv", UV), ("xcrun", XCRUN), ("swift", SWIFT), ("llama-cli", LLAMA), ("xcodebuild", "print('Xcode 27.0')")):
            self.python(os.path.join("bin", name), text)
        self.env["EXPORTED"] = self.path("exports")
        self.env["PATH"] = self.path("bin") + os.pathsep + self.env["PATH"]

    def template(self, name):
        return os.path.join(TEMPLATES, name + ".json")

    def test_all_are_there_and_say_what_a_report_needs(self):
        self.assertEqual(sorted(os.path.splitext(os.path.basename(f))[0] for f in glob.glob(os.path.join(TEMPLATES, "*.json"))), NAMES)
        listed = json.loads(self.trapline("list", "cases", TEMPLATES, "--json", status=0).stdout)
        self.assertEqual(sorted(c["name"] for c in listed["cases"]), ["template-" + n for n in NAMES])
        for name in NAMES:
            with open(self.template(name), encoding="utf-8") as f:
                case = json.load(f)
            with self.subTest(name):
                self.assertTrue(case["versions"])
                self.assertTrue(any("expect" in s for s in case["model"]["steps"]))
                axes = [a["name"] for a in case["axes"]]
                self.assertGreaterEqual(len(axes), 3)
                words = json.dumps(case["model"])
                self.assertEqual([a for a in axes if "{" + a + "}" not in words], [], "axes that nothing reads")
                self.assertEqual([a for a in case["failing"] if a not in axes], [])
                self.assertNotIn("/Users/", words)

    def test_programs_beside_them(self):
        for program in glob.glob(os.path.join(TEMPLATES, "*.py")):
            done = subprocess.run([sys.executable, "-B", program, "--help"], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("it was not run on a Mac", " ".join(done.stdout.split()))

    def test_the_neural_engine(self):
        case = self.template("coreai-build-ane")
        trial = self.one(case, "-u", "command:host", "-s", "compression=none", "-s", "layers=3", status=0)
        self.assertEqual((trial["outcome"], trial["counts"]), ("pass", {"ANE regions": 3}))
        trial = self.one(case, "-u", "command:host", status=1)
        self.assertEqual(trial["outcome"], "fallback", trial)
        self.assertIn("compile", trial["message"])
        self.assertEqual(trial["counts"], {"ANE regions": 0})
        self.trials(case, "-u", "command:host", "-s", "architecture=h16s", "-s", "platform=macOS", "-s", "compression=4bit", "-s", "layers=28", status=1)
        with open(self.path("exports"), encoding="utf-8") as f:
            self.assertEqual(f.read().split(), ["3", "28"], "a model is exported once, whatever it is compiled for")
        self.assertIn('"ANECCompile": blockwise weights are not supported (ANECCompileOffline() failed', trial["signature"]["title"])
        self.assertEqual(self.show(trial)["environment"]["versions"],
                         {"coreai-build": "coreai-build 1.0", "xcode": "Xcode 27.0", "packages": "coreai-core==1.0.0b2"})

    def refuses(self, name, *values):
        """Without what a template forbids, the tool itself refuses these values."""
        with open(self.template(name), encoding="utf-8") as f:
            case = json.load(f)
        self.trapline("run", self.template(name), "-u", "command:host", *values, status=2)
        del case["forbid"]
        with open(self.path("allowed.json"), "w", encoding="utf-8") as f:
            json.dump(case, f)
        return self.one(self.path("allowed.json"), "-u", "command:host", *values, status=1)

    def test_what_the_tools_refuse(self):
        trial = self.refuses("coreai-build-ane", "-s", "platform=iOS", "-s", "compression=4bit")
        self.assertIn("macOS quantization preset", json.dumps(trial))
        self.one(self.template("coreai-build-ane"), "-u", "command:host", "-s", "platform=iOS", "-s", "layers=2",
                 "-s", "compression=4bit_weight_palettized_group32", status=0)
        trial = self.refuses("llama-cpp-metal", "-s", "flash_attention=off", "-s", "kv_type=q4_0")
        self.assertIn("V cache quantization requires flash_attn", json.dumps(trial))
        self.one(self.template("llama-cpp-metal"), "-u", "command:host", "-s", "flash_attention=off", "-s", "kv_type=f16", status=0)

    def test_llm_runner(self):
        case = self.template("coreai-llm-runner")
        trial = self.one(case, "-u", "command:host", "-s", "layers=5", status=0)
        self.assertEqual(trial["metrics"], {"tok_s": 20})
        trial = self.one(case, "-u", "command:host", "-s", "layers=6", status=1)
        self.assertEqual((trial["outcome"], trial["signal"], trial["phase"]), ("crash", "SIGABRT", "execute"))
        self.assertIn("Failed to acquire the source buffer", trial["signature"]["title"])
        self.assertEqual(trial["metrics"], {"heap_offset": 198400, "heap_total": 212992})

    def test_llama_cpp(self):
        trial = self.one(self.template("llama-cpp-metal"), "-u", "command:host", "-s", "gpu_layers=8", status=0)
        self.assertIn("execute", trial["phases"])
        self.assertEqual(trial["metrics"], {"prompt_tok_s": 62.42, "tok_s": 32, "metal_model_mb": 1918.35, "offloaded": 8})

    def test_a_tool_that_is_not_here(self):
        self.env["PATH"] = self.path("bin")
        os.unlink(self.path("bin", "llama-cli"))
        done = self.trapline("run", self.template("llama-cpp-metal"), "-u", "command:host", status=2)
        self.assertIn("llama-cli", done.stderr)


if __name__ == "__main__":
    unittest.main()

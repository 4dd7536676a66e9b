#!/usr/bin/env python3
"""Models that a command judges: a small compiler that reads them itself and really dies of what they hold (toy_compiler.c), and
scripts. Then what is refused before anything is run: other kinds of files, and models that are made to do harm."""
import inspect
import json
import os
import struct
import subprocess
import sys
import time
import unittest

from onnx_bytes import BOOL, FLOAT, INT32, INT64, chain, field, fields, graph, line, model, node, npy, outside, value, varint, vector
from program import SANITIZED, ProgramTest

COMPILER = os.environ["TOY_COMPILER"]


def chain_with(special, length=12, tensors=(), declares=False):
    """Nodes of one input after another, with others at some places: {PLACE: (OPERATOR, FURTHER INPUTS)}."""
    operators = [special.get(i, ("Relu", None))[0] for i in range(length)]
    nodes, last = line(operators, {i: more for i, (_, more) in special.items()})
    known = b"".join(field(13, value("t%d" % i, FLOAT, [4])) for i in range(length - 1)) if declares else b""
    return model(graph(nodes, [value("x", FLOAT, [4])], [value(last, FLOAT, [4])], tensors) + known)


# Fails at a Softmax, in a model whose outputs have a type with a shape.
CHECKS = inspect.getsource(fields) + '''
data = open(sys.argv[1], "rb").read()
graph = dict(fields(data))[7]
for key, v in fields(graph):
    if key == 12 and 2 not in dict(fields(dict(fields(dict(fields(v)).get(2, b""))).get(1, b""))):
        sys.exit("an output has no type")
if b"Softmax" in data:
    print("cannot lower it", file=sys.stderr)
    sys.exit(4)
'''


class JudgeTest(ProgramTest):
    def command(self, *arguments, db=True):
        """Behind -- there are no options any more."""
        at = arguments.index("--") if "--" in arguments else len(arguments)
        return super().command(*arguments[:at], db=db) + list(arguments[at:])


class Judged(JudgeTest):
    def reduce(self, content, *words, options=(), status=1):
        path = self.write("net.onnx", content)
        done = self.trapline("reduce", path, "--json", *options, "--", *words, status=status)
        return json.loads(done.stdout) if status < 2 else done.stderr

    def operators(self, found, which="remaining"):
        return [n["operator"] for n in found[which]]

    def test_an_error_that_no_line_names_is_told_by_the_last_lines(self):
        """All errors of a tool end in the same words and status; and one line tells of the model: that is no part of the failure."""
        for stream, own, ends in (("stderr", "Lowering of Erf with Tanh did not succeed.", "Aborting compilation."),
                                  ("stdout", "E0001 lowering of Erf with Tanh at 0x%x" % id(self), "1 issue in 0.3 s.")):
            judge = self.write("judge.py", ("import sys\ndata = open(sys.argv[1], 'rb').read()\nto = sys.%s\n"
                                            "print('Model with', ''.join('.' * data.count(b'Relu')), 'inside', file=to)\n"
                                            "if b'Erf' in data and b'Tanh' in data: print('%s', '%s', sep='\\n', file=to); sys.exit(2)\n"
                                            "if data.count(b'Relu') < 3: print('The schedule is empty.', '%s', sep='\\n', file=to); sys.exit(2)\n")
                               % (stream, own, ends, ends))
            found = self.reduce(chain_with({4: ("Erf", None), 9: ("Tanh", None)}, 16), sys.executable, judge, "{model}")
            self.assertEqual((sorted(self.operators(found)), found["confirmed"]), (["Erf", "Tanh"], True), stream)
            lines = found["judge"]["lines"]
            self.assertTrue(any("with Tanh" in told for told in lines), lines)
            self.assertFalse(any("Model with" in told for told in lines), lines)

    def test_one_that_fails_in_two_ways_by_turns_is_confirmed_as_the_one_that_is_meant(self):
        """The turns are those of all its runs, so that each kind is met."""
        judge = self.write("judge.py", "import os, sys\nif b'Erf' not in open(sys.argv[1], 'rb').read(): sys.exit(0)\n"
                                       "with open(%r, 'ab') as f:\n    f.write(b'.')\n    n = f.tell()\n"
                                       "print('the race was lost' if n %% 2 else 'the queue gave up', file=sys.stderr)\nsys.exit(1)\n" % self.path("turns"))
        out = self.path("out")
        found = self.reduce(chain_with({4: ("Erf", None)}, 8), sys.executable, judge, "{model}", options=["-o", out, "-j", "1"])
        self.assertEqual((self.operators(found), found["confirmed"]), (["Erf"], True))
        self.assertTrue(os.path.exists(os.path.join(out, "report.md")))

    def test_a_crash_is_reduced_and_its_bundle_shows_it_without_trapline(self):
        content = chain_with({7: ("Gather", "index")}, 40, tensors=[vector("index", INT32, 9), vector("other", INT32, 1)])
        out = self.path("out")
        found = self.reduce(content, COMPILER, "{model}", options=["-o", out])
        self.assertEqual((found["outcome"], found["signal"], found["nodes"]), ("crash", "SIGSEGV", [40, 1]))
        self.assertEqual([n["original"] for n in found["remaining"]], ["layers.7.gather"])
        self.assertIn("look_up", found["signature"]["title"])
        self.assertTrue(found["minimal"] and found["confirmed"])
        # Most indices are beyond the table, so that no value of the original is needed; the neighbour has one that is not.
        self.assertEqual(found["owner_data"], [])
        self.assertEqual(found["neighbour"]["differs"], "values")
        self.assertEqual(found["judge"]["steps"][0]["argv"], [COMPILER, "{model}"])
        self.assertEqual(found["unit"], "command:host")
        self.assertIsNone(found["structural"])
        # What is handed over: no inputs, which the command does not read.
        self.assertFalse(os.path.exists(os.path.join(out, "inputs")))
        done = subprocess.run(["sh", os.path.join(out, "repro.sh")], capture_output=True, env={"PATH": os.environ["PATH"]})
        self.assertEqual(done.returncode, 139, done.stdout + done.stderr)
        self.assertEqual(subprocess.run([COMPILER, out + "/model.onnx"], capture_output=True).returncode, -11)
        self.assertEqual(subprocess.run([COMPILER, out + "/neighbour/model.onnx"], capture_output=True).returncode, 0)
        # The case goes on without the option: its steps judge.
        again = json.loads(self.trapline("reduce", out + "/case.json", "--json", status=1).stdout)
        self.assertEqual((again["nodes"], again["signature"]["title"]), ([1, 1], found["signature"]["title"]))
        # The same command again runs nothing of it again.
        before = len(json.loads(self.trapline("list", "trials", "--json", "--limit", "1000").stdout)["trials"])
        self.assertEqual(self.reduce(content, COMPILER, "{model}")["cached"], found["trials"])
        after = len(json.loads(self.trapline("list", "trials", "--json", "--limit", "1000").stdout)["trials"])
        self.assertEqual(after, before) # nor of the confirmation by fresh processes

    def test_two_nodes_that_only_die_together_and_words_of_an_assertion(self):
        found = self.reduce(chain_with({2: ("Mark", ""), 9: ("Match", "")}), COMPILER, "{model}")
        self.assertEqual(self.operators(found), ["Mark", "Match"])
        self.assertEqual(found["signal"], "SIGABRT")
        self.assertIn("users.size()", found["signature"]["title"])

    def test_a_node_of_weights_alone_leaves_as_others_do(self):
        script = self.write("judge.py", "import sys\nsys.exit(4 if b'Warp' in open(sys.argv[1], 'rb').read() else 0)\n")
        content = model(graph([node("Sub", "a,b", "s"), node("Warp", "x,s", "y")], [value("x", FLOAT, [4])],
                              [value("y", FLOAT, [4])], [vector("a", FLOAT, 1, 2, 3, 4), vector("b", FLOAT, 4, 3, 2, 1)]))
        found = self.reduce(content, sys.executable, "-IS", script, "{model}")
        self.assertEqual((self.operators(found), found["minimal"]), (["Warp"], True))

    def test_a_loop_that_stays_keeps_the_one_state_that_matters(self):
        """Of six states and two values of each iteration: the one that Warp goes round."""
        script = self.write("judge.py", "import sys\nb = open(sys.argv[1], 'rb').read()\n"
                            "sys.exit(4 if b'Warp' in b and b'Loop' in b else 0)\n")
        states = ["s%d" % i for i in range(6)]
        body = graph([node("Identity", "go_in", "go")] +
                     [node("Warp" if i == 3 else "Neg", s + "_in", s + "_out") for i, s in enumerate(states)] +
                     [node("Abs", "s1_in", "p"), node("Abs", "s2_in", "q")],
                     [value("i", INT64, []), value("go_in", BOOL, [])] + [value(s + "_in", FLOAT, [4]) for s in states],
                     [value("go", BOOL, [])] + [value(s + "_out", FLOAT, [4]) for s in states] +
                     [value("p", FLOAT, [4]), value("q", FLOAT, [4])])
        content = model(graph([node("Loop", "n,," + ",".join("x" for _ in states), ",".join(states + ["ps", "qs"]), body=body),
                               node("Add", "s0,s3", "y")],
                              [value("x", FLOAT, [4]), value("n", INT64, [])], [value("y", FLOAT), value("ps", FLOAT), value("qs", FLOAT)]))
        found = self.reduce(content, sys.executable, "-IS", script, "{model}")
        self.assertEqual((sorted(self.operators(found)), found["minimal"]), (["Identity", "Loop", "Warp"], True))
        loop, = [n for n in found["graph"]["nodes"] if n["operator"] == "Loop"]
        # The judge does not even ask for what the state begins with.
        self.assertEqual((len(loop["bodies"][0]["inputs"]), len(loop["bodies"][0]["outputs"]), len(loop["outputs"])), (3, 2, 1))

    def test_the_last_node_is_taken_away_as_well(self):
        """What fails early goes right behind a second node, and fails again behind the last one: only that one hid it."""
        script = self.write("judge.py", "import os, sys\nb = open(sys.argv[1], 'rb').read()\n"
                            "if b'Root' in b and (b'Neg' not in b or b'Exp' in b):\n    os.abort()\n")
        found = self.reduce(chain_with({0: ("Root", ""), 1: ("Neg", ""), 11: ("Exp", "")}), sys.executable, "-IS", script, "{model}")
        self.assertEqual((self.operators(found), found["minimal"]), (["Root"], True))

    def test_exit_status_and_words_tell_failures_apart_and_names_do_not(self):
        # Split, which is refused with another status, is met behind the cut.
        content = chain_with({3: ("Split", "x"), 6: ("Warp", "")})
        found = self.reduce(content, COMPILER, "{model}")
        self.assertEqual((found["outcome"], self.operators(found)), ("error", ["Warp"]))
        self.assertIn("exit 3", found["signature"]["title"])
        self.assertIn("no kernel for Warp", found["signature"]["title"])
        # Numbers are no part of words, and two statuses are two failures all the same.
        script = self.write("judge.py", "import sys\nb = open(sys.argv[1], 'rb').read()\nn = b.count(b'Relu')\n"
                            "if b'Warp' in b:\n    print('error 1: refused', file=sys.stderr)\n    sys.exit(7 if n > 4 else 8)\n")
        found = self.reduce(content, sys.executable, "-IS", script, "{model}")
        with open(found["model"], "rb") as f:
            self.assertEqual(f.read().count(b"Relu"), 5)
        self.assertGreater(sum(s["rejected"] for s in found["steps"]), 0)
        self.assertEqual([o["title"].split(":")[0] for o in found["others"]], ["step exit 8"])

    def test_a_text_is_the_failure_where_that_is_said(self):
        content = chain_with({4: ("Slow", ""), 8: ("Slow", "")})
        self.assertFalse(self.reduce(content, COMPILER, "{model}", status=0)["reproduced"])
        text = ["--failure-text", "is done on the processor"]
        found = self.reduce(content, COMPILER, "{model}", options=text)
        self.assertEqual((self.operators(found), found["judge"]["failure_text"]), (["Slow"], text[1]))
        self.assertTrue(found["minimal"])
        # A crash that does not say it is another failure.
        content = chain_with({2: ("Mark", ""), 5: ("Slow", ""), 9: ("Match", "")})
        found = self.reduce(content, COMPILER, "{model}", options=["--failure-text", "users.size() == 1"])
        self.assertEqual(self.operators(found), ["Mark", "Match"])
        self.assertFalse(self.reduce(content, COMPILER, "{model}", options=["--failure-text", "{x} never"], status=0)["reproduced"])

    def test_a_command_that_writes_to_its_argument_does_not_change_the_original(self):
        content = chain_with({1: ("Warp", "")}, 3)
        script = self.write("judge.sh", "#!/bin/sh\nprintf x >>\"$1\"\nprintf x >\"$1.log\"\nexit 3\n", 0o755)
        self.assertEqual(self.reduce(content, script, "{model}", options=["--max-trials", "5"])["outcome"], "error")
        with open(self.path("net.onnx"), "rb") as f:
            self.assertEqual(f.read(), content)
        self.assertEqual([n for n in os.listdir(self.directory) if n.startswith("net.onnx.")], [])

    def test_a_command_that_works_in_place_gets_a_copy_for_each_run(self):
        """The model becomes garbage, its weights in a file beside it too, and all of it goes."""
        content = chain_with({1: ("Warp", "w")}, 3, tensors=[outside("w", FLOAT, [4], location="net.data", offset=0, length=16)])
        data = struct.pack("<4f", 1, 2, 3, 4)
        self.write("net.data", data)
        script = self.write("judge.py", "import os, shutil, sys\nb = open(sys.argv[1], 'rb').read()\nd = os.path.dirname(sys.argv[1])\n"
                            "for n in os.listdir(d):\n    if os.path.isfile(d + '/' + n):\n        open(d + '/' + n, 'r+b').write(b'garbage!')\n"
                            "made_by = 'export.py'\nsys.exit('error: refused' if b'Warp' in b else 0)\n")
        self.write("export.py", "export('net.onnx', 'net.data')\n") # which the judge itself does not name
        out = self.path("out")
        found = self.reduce(content, sys.executable, "-IS", script, "{model}", options=["-o", out])
        self.assertEqual((found["rate"][0], found["minimal"], self.operators(found)), (found["rate"][1], True, ["Warp"]))
        for name, was in (("net.onnx", content), ("net.data", data)):
            with open(self.path(name), "rb") as f:
                self.assertEqual(f.read(), was)
        for name in ("model.onnx", "model/model.onnx"):
            with open(os.path.join(out, name), "rb") as f:
                self.assertIn(b"Warp", f.read())
        for _ in range(2):
            done = subprocess.run(["sh", os.path.join(out, "repro.sh")], capture_output=True)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        # Nothing of the original is in the bundle, whoever names it; that is said.
        there = {name for _, _, names in os.walk(os.path.join(out, "files")) for name in names}
        self.assertEqual({"export.py", "judge.py", "net.onnx", "net.data"} & there, {"export.py", "judge.py"})
        with open(os.path.join(out, "report.md")) as f:
            self.assertIn("net.onnx: it is of the model that was reduced", " ".join(f.read().split()))

    def test_what_a_command_writes_is_no_other_command_after_a_kill_and_what_changed_is_said(self):
        """A file that the runs write to is named by a script beside the judge; trapline is killed in the sixth, which waits for it."""
        log, judge = self.path("elsewhere", "log"), os.path.join("judge", "judge.sh")
        os.mkdir(self.path("judge"))
        os.mkdir(self.path("elsewhere"))
        self.write(os.path.join("judge", "driver.py"), "print(open(%r).read())\n" % log)
        path = self.write(judge, '#!/bin/sh\necho run >>"$LOG"\n[ $(wc -l <"$LOG") -ne 6 ] || exec sleep 10\n! grep -q Left "$1" || ! grep -q Right "$1"\n', 0o755)
        self.env["LOG"] = log
        arguments = ("reduce", self.write("net.onnx", chain_with({3: ("Left", None), 9: ("Right", None)})), "--json")
        running = self.start(*arguments, "--", path, "{model}")
        while not os.path.exists(log) or os.path.getsize(log) < 6 * len("run\n"):
            time.sleep(0.01)
        # What ended just before may not have been stored yet: trials are committed in groups.
        time.sleep(0.5)
        running.kill()
        running.wait()
        done = self.trapline(*arguments, "--", path, "{model}", status=1)
        found = json.loads(done.stdout)
        self.assertEqual((found["nodes"], found["confirmed"]), ([12, 2], True))
        self.assertGreaterEqual(found["cached"], 2)
        self.assertNotIn("not used", done.stderr)
        with open(path, "a", encoding="utf-8") as f:
            f.write("# as before\n")
        done = self.trapline(*arguments, "--max-trials", "1", "--", path, "{model}", status=1)
        self.assertRegex(done.stderr, r"\d+ trials of an earlier run of this reduction are not used: \S*judge.sh is another one")

    def test_weights_beside_a_model_have_to_be_files(self):
        for location, make, words in (("pipe", os.mkfifo, "no regular file"), ("dir", os.mkdir, "no regular file"),
                                      ("gone", None, "has to stand beside it"), ("n" * 300, None, "too long")):
            if make:
                make(self.path(location))
            content = chain_with({1: ("Warp", "w")}, 3, tensors=[outside("w", FLOAT, [4], location=location)])
            self.assertIn(words, self.reduce(content, "true", "{model}", status=2))

    def test_what_fails_whatever_it_is_given_accuses_nobody(self):
        path = self.write("net.onnx", chain_with({1: ("Warp", "")}, 2))
        self.assertIn("no model was seen to pass: the command may fail with any", self.trapline("reduce", path, "--", "false", "{model}", status=1).stdout)

    def test_paths_that_are_no_text(self):
        content = chain_with({1: ("Warp", "")}, 2)
        for name in (b"a\xff.onnx", b"b\n.onnx"):
            path = os.path.join(os.fsencode(self.directory), name)
            try:
                with open(path, "wb") as f:
                    f.write(content)
            except OSError:
                continue # a file system that wants UTF-8
            done = self.trapline("reduce", os.fsdecode(path), "-u", "onnxruntime@1.22.0:cpu", status=2)
            self.assertIn("its path is no text of UTF-8 without control characters", done.stderr)

    def test_what_a_command_could_not_judge_is_no_failure(self):
        script = self.write("judge.sh", "#!/bin/sh\n\"$1\" \"$2\"\ns=$?\n[ $s -eq 0 ] && exit ${3:-127}\n[ $s -eq 4 ] && exit 126\n"
                            "exit 9\n", 0o755)
        content = chain_with({2: ("Mark", ""), 5: ("Split", ""), 9: ("Match", "")}, 10)
        found = self.reduce(chain_with({4: ("Warp", "")}, 8), script, COMPILER, "{model}")
        self.assertEqual((self.operators(found), found["others"]), (["Warp"], []))
        self.assertGreater(sum(s["invalid"] for s in found["steps"]), 0)
        for status in ("125", "126", "127"):
            said = self.reduce(chain([ "Relu"]), script, COMPILER, "{model}", status, status=2)
            self.assertIn("status %s" % status, said)
            self.assertIn("125, 126 and 127", said)
        self.assertIn("status 126", self.reduce(content, script, COMPILER, "{model}", status=2))

    def test_limits_make_targets_of_hangs_and_memory(self):
        found = self.reduce(chain(["Spin"]), COMPILER, "{model}", options=["--timeout", "1", "--max-trials", "3"])
        self.assertEqual((found["outcome"], found["nodes"][1]), ("hang", 1))
        with open(os.path.join(found["directory"], "case.json"), encoding="utf-8") as f:
            self.assertEqual(json.load(f)["limits"], {"timeout_s": 1})
        if SANITIZED:
            return # runners have no limit of memory then
        found = self.reduce(chain(["Relu", "Grow", "Relu"]), COMPILER, "{model}", options=["--memory", "64"])
        self.assertEqual((found["outcome"], self.operators(found)), ("oom", ["Grow"]))

    def test_types_that_are_declared_let_a_node_stand_alone(self):
        # A Conv-like node that hands on nothing of its own type: without declared types nothing could be put in its place.
        found = self.reduce(chain_with({7: ("Warp", "")}, 30, declares=True), COMPILER, "{model}")
        self.assertEqual(found["nodes"], [30, 1])
        began = [s for s in found["steps"] if s["step"] == "begin"][0]
        self.assertEqual((began["trials"], "why" in began), (1, False))
        self.assertEqual(found["recorded_inputs"], [])

    def test_inputs_as_files_and_as_a_list(self):
        content = chain_with({2: ("Same", "")}, 4)
        x = self.write("x.npy", npy(INT32, [4], [7, 7, 7, 7]).replace(b"<i4", b"<f4"))
        given = ["--inputs", "x=" + x]
        out = self.path("out")
        found = self.reduce(content, COMPILER, "{model}", "{x.npy}", options=given + ["-o", out])
        self.assertEqual(self.operators(found), ["Same"])
        self.assertEqual(found["inputs"][0]["name"], "x") # the command knows it by that name
        with open(os.path.join(out, found["inputs"][0]["npy"]), "rb") as f:
            self.assertEqual(f.read()[-4], 7)
        self.assertEqual(found["neighbour"]["differs"], "values")
        done = subprocess.run(["sh", out + "/repro.sh"], capture_output=True)
        self.assertEqual(done.returncode, 139, done.stdout + done.stderr)
        # As a list, each of them a file whatever the model declares; a script that reads the list finds them.
        script = self.write("judge.py", "import json, subprocess, sys\nfor x in json.load(open(sys.argv[3])):\n"
                            "    s = subprocess.run([sys.argv[1], sys.argv[2], x['npy']]).returncode\n    sys.exit(5 if s else 0)\n")
        found = self.reduce(content, sys.executable, "-IS", script, COMPILER, "{model}", "{inputs}",
                            options=given + ["--max-trials", "12"])
        self.assertEqual((self.operators(found), found["outcome"]), (["Same"], "crash"))
        # Without the file it is made from the declared type, and holds no sevens.
        self.assertFalse(self.reduce(content, COMPILER, "{model}", "{x.npy}", status=0)["reproduced"])

    def test_a_smaller_size_that_passes_is_what_is_next_to_it(self):
        script = self.write("sized.py", "import json, sys\nsys.exit(json.load(open(sys.argv[2]))[0]['shape'][0] >= 18)\n")
        content = model(graph([node("Relu", "x", "a"), node("Neg", "a", "y")], [value("x", FLOAT, ["n"])], [value("y", FLOAT, ["n"])]))
        found = self.reduce(content, sys.executable, "-IS", script, "{model}", "{inputs}", options=["-s", "n=64", "-o", self.path("sized")])
        self.assertEqual(found["sizes"], [{"size": 64, "to": 18, "below": "passes"}])
        self.assertEqual((found["neighbour"]["differs"], found["neighbour"]["with"]), ("size", "a size of 17 in the place of 18"))
        self.assertTrue(os.path.exists(self.path("sized", "neighbour", "model.onnx")))

    def test_a_runtime_records_for_a_command(self):
        self.need_builds("1.22.0")
        self.use_builds("1.22.0")
        nodes = [node("Relu" if i else "Abs", "t%d" % i, "t%d" % (i + 1), "n%d" % i) for i in range(20)]
        nodes += [node("Shape", "t20", "s"), node("Gather", "s,index", "g"), node("Cast", "g", "c", to=FLOAT)]
        content = model(graph(nodes, [value("t0", FLOAT, [2, 3])], [value("c", FLOAT, [1])], [vector("index", INT32, 9)]))
        # The runtime refuses that index, and the part before it runs.
        found = self.reduce(content, COMPILER, "{model}", options=["-u", "onnxruntime@1.22.0:cpu"])
        self.assertEqual((found["nodes"], self.operators(found)), ([23, 1], ["Gather"]))
        self.assertEqual(found["judge"]["recorded_on"], "onnxruntime@1.22.0:cpu")
        self.assertEqual([s["trials"] for s in found["steps"] if s["step"] == "begin"], [2])
        # Shape makes another type than it reads, so that it leaves the structural model when types are plain; what is recorded is
        # not kept, as the command reads no inputs.
        self.assertEqual(self.operators(found, "structural_remaining"), ["Gather"])
        self.assertEqual(found["recorded_inputs"], [])
        kept = [name for _, _, names in os.walk(self.db + "-reductions") for name in names]
        self.assertTrue(kept)
        self.assertEqual([name for name in kept if name.endswith(".npy")], [])
        # Without -u that is the one build that is there.
        done = self.trapline("reduce", self.write("net.onnx", content), "--json", "--max-trials", "3")
        self.assertIn("-u onnxruntime@1.22.0:cpu", done.stderr)
        os.rename(self.path("cache", "trapline", "builds", "onnxruntime", "1.22.0"), self.path("kept"))
        done = self.trapline("reduce", self.path("net.onnx"), status=2)
        self.assertIn("trapline builds fetch", done.stderr)

    def test_a_command_that_wants_outputs_to_have_a_type(self):
        """As converters that check a model first: what they refuse so says nothing of the nodes that were taken away."""
        checks = self.write("checks", "#!%s -IS\nimport sys\n" % sys.executable + CHECKS, 0o755)
        content = chain_with({3: ("Softmax", None)}, 6)
        found = self.reduce(content, checks, "{model}")
        self.assertEqual(self.operators(found)[0], "Softmax")
        self.assertGreater(found["untold_refused"], 0)
        self.assertFalse(found["minimal"] or any(n.get("marked") for n in found["graph"]["nodes"]))
        told = self.reduce(chain_with({3: ("Softmax", None)}, 6, declares=True), checks, "{model}")
        self.assertEqual((self.operators(told), told["minimal"], told.get("untold_refused")), (["Softmax"], True, None))
        unit = self.real_unit("1.22.0")
        found = self.reduce(content, checks, "{model}", options=["-u", unit])
        self.assertEqual((self.operators(found), found["minimal"], found.get("untold_refused")), (["Softmax"], True, None))

    def test_commands_that_cannot_judge_are_refused_with_what_was_expected(self):
        content = chain(["Relu"])
        script = self.write("not-executable", "x")
        for words, part in (([COMPILER], "{model} was expected"), ([COMPILER, "{modle}"], "{model} was expected"),
                            ([COMPILER, "{model}", "{modle}"], "did you mean {model}"),
                            ([COMPILER, "{model}", "{y.npy}"], "the file of an input"),
                            (["no-such-program", "{model}"], "not in PATH"), ([script, "{model}"], "executable"),
                            ([], "a command was expected")):
            self.assertIn(part, self.reduce(content, *words, status=2), words)
        path = self.path("net.onnx")
        for arguments, part in (([path, path, "--", "true", "{model}"], "one model was expected"),
                                ([path, "--failure-text", "x"], "goes with"), ([path, "-u", "a:b", "-u", "c:d"], "one -u"),
                                ([path, "-u", "nothing:cpu", "--", "true", "{model}"], "nothing"),
                                ([path], "builds fetch")):
            self.assertIn(part, self.trapline("reduce", *arguments, status=2).stderr, arguments)
        # Braces that are no name are braces, and paths are those of where trapline was started.
        self.write("judge.py", "import sys\nsys.exit(0 if sys.argv[2:] == ['{ x }', '{}', '{y}'] else 3)\n")
        done = self.trapline("reduce", "net.onnx", "--json", "--", sys.executable, "-IS", "./judge.py", "{model}", "{ x }", "{}",
                             "{{y}}", status=0, cwd=self.directory)
        self.assertFalse(json.loads(done.stdout)["reproduced"])


def nested(depth):
    """Bodies in bodies, put together from the inside without copying each of them again and again."""
    before, after, size = [], [], 0
    innermost = graph([node("Relu", "x", "y")], [], [value("y", FLOAT, [1])])
    output, size = field(2, "g") + field(12, value("y", FLOAT, [1])), len(innermost)
    for _ in range(depth):
        attribute = field(1, "then_branch") + varint(6 << 3 | 2) + varint(size)
        size += len(attribute) + 3
        head = field(1, "c") + field(2, "y") + field(4, "If") + varint(5 << 3 | 2) + varint(size)
        size += len(head)
        start = varint(1 << 3 | 2) + varint(size)
        size += len(start) + len(output)
        before.append(start + head + attribute)
        after.append(field(20, 5) + output)
    return model(b"".join(reversed(before)) + innermost + b"".join(after) + field(11, value("x", FLOAT, [1])) +
                 field(11, value("c", BOOL, [1])))


def text(s):
    return struct.pack("<Q", len(s)) + s


def gguf(entries, tensors=b"", n_tensors=0, version=3):
    return b"GGUF" + struct.pack("<IQQ", version, n_tensors, len(entries)) + b"".join(entries) + tensors + bytes(64)


class Refused(JudgeTest):
    """Nothing is run, nothing is written, and trapline does not die."""

    def refused(self, path, *parts):
        done = self.trapline("reduce", path, "--", "true", "{model}", status=2)
        for part in (os.path.basename(path), *parts):
            self.assertIn(part, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertFalse(os.path.exists(self.db))

    def test_bodies_in_bodies_are_reduced_as_deep_as_they_are_read(self):
        path = self.write("deep.onnx", nested(97))
        done = self.trapline("reduce", path, "--", "true", "{model}", status=0)
        self.assertIn("nothing to reduce", done.stdout)
        self.assertIn("300 messages", self.trapline("reduce", self.write("deep.onnx", nested(98)), "--", "true", "{model}", status=2).stderr)

    def test_models_that_are_made_to_do_harm(self):
        good = chain(["Relu"] * 12)
        cases = {
            "nested": (nested(20000), "at byte", "graph.node[0].attribute[0].g", "300 messages deep"),
            "cut": (good[:200], "at byte 2 (graph)", "cut off"),
            "damaged": (good[:100] + b"\xff" * 20 + good[120:], "at byte 99 (graph.node[", "cut off"),
            "liar": (good[:2] + b"\x3a\xff\xff\xff\xff\x0f" + good[5:], "at byte 2 (graph)", "longer than what it stands in"),
            "names": (model(graph([node("Relu", "nowhere", "y")], [], [value("y", FLOAT, [1])])), "at byte", "graph.node[0].input[0]",
                      "nowhere"),
            "cycle": (model(graph([node("Add", "x,b", "a"), node("Relu", "a", "b")], [value("x", FLOAT, [1])], [value("b", FLOAT, [1])])),
                      "cycle"),
            "no-node": (model(graph([], [value("x", FLOAT, [1])], [value("x", FLOAT, [1])])), "no node"),
            "no-graph": (field(1, 8), "no graph"),
            "wide": (model(graph([], [value("x", FLOAT, [1])], []) + field(1, b"") * 3000000), "memory"),
        }
        for name, (content, *parts) in cases.items():
            with self.subTest(name):
                self.refused(self.write(name + ".onnx", content), *parts)

    def test_other_kinds_of_files_are_told_by_what_they_are(self):
        os.makedirs(self.path("net.mlpackage"))
        self.write("net.mlpackage/Manifest.json", "{}")
        os.mkfifo(self.path("pipe"))
        os.symlink("/dev/zero", self.path("device"))
        kinds = {
            "w.safetensors": (struct.pack("<Q", 30) + b'{"a":{}}'.ljust(30) + b"xx", "safetensors"),
            "net.tflite": (b"\x1c\0\0\0TFL3" + bytes(64), "TensorFlow Lite"), "net.pt": (b"PK\3\4" + bytes(30), "ZIP"),
            "net.h5": (b"\x89HDF\r\n\x1a\n" + bytes(64), "HDF5"), "x.npy": (npy(INT32, [1], [1]), "--inputs"), "empty": (b"", "it is empty"),
            "note.txt": (b"a note\n", "text file"), "judge.sh": (b"#!/bin/sh\n", "behind --"),
            "pointer": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
            "net.mlpackage": (None, "Core ML"), "pipe": (None, "a pipe"), "device": (None, "a device"), "tmp": (None, "a directory"),
            "missing": (None, "No such file"),
        }
        for name, (content, part) in kinds.items():
            with self.subTest(name):
                path = self.path(name) if content is None else self.write(name, content)
                self.refused(path, part)

    def test_gguf_is_read_and_refused_with_words(self):
        entry = text(b"general.architecture") + struct.pack("<I", 8) + text(b"llama\x1b[31m")
        words = text(b"tokens") + struct.pack("<IIQ", 9, 8, 2) + text(b"a") + text(b"b")
        tensors = b"".join(text(b"blk.%d.ffn.weight" % i) + struct.pack("<IQQIQ", 2, 4, 4, 0, 0) for i in range(3))
        kinds = {
            "whole": (gguf([entry, words], tensors, 3), "version 3, architecture llama", "3 tensors in 3 blocks", "no graph"),
            "cut": (gguf([entry, words], tensors, 3)[:100], "at byte 96", "cut off"),
            "many": (b"GGUF" + struct.pack("<IQQ", 3, 2 ** 60, 2 ** 61) + bytes(64), "at byte 8", "more tensors than"),
            "array": (gguf([text(b"a") + struct.pack("<IIQ", 9, 5, 2 ** 62)]), "at byte", "longer than the file"),
            "type": (gguf([text(b"a") + struct.pack("<I", 99)]), "at byte", "a type that GGUF does not have"),
            "future": (gguf([], version=9), "at byte 4", "2 or 3 was expected"), "magic": (b"GGUF", "at byte 4", "cut off"),
        }
        for name, (content, *parts) in kinds.items():
            with self.subTest(name):
                self.refused(self.write(name + ".gguf", content), *parts)


if __name__ == "__main__":
    unittest.main()

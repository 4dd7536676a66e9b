"""Text from elsewhere commands no terminal and turns no line: every field that a runner, a model, a database, a case, a name of a
file or the environment can fill is filled with what does, and every output is looked at."""
import fcntl
import json
import os
import pty
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import termios
import time
import unittest
import zipfile

import onnx_bytes as o
import program
import reduce_against_test as played
from program import CASES, HERE, ProgramTest

# Escapes, C1 as a character, turns of direction and their invisible marks, ends of lines.
BAD = "\x1b]0;owned\x07\x1b[31mred\x9b2J\u202eturned\u2066\u2069\u200f\u061c\r\nFORGED: line\x7f\x85"
TURN = "\u202eturned\u2066\u2069\u200f\u061c"
NAME = BAD.replace("\r\n", "\n")  # of a file: what no slash and no NUL is in
HARM = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
SHOW = os.environ.get("SHOW")
FORGED = re.compile(r"^ {0,8}FORGED", re.M)
QUOTED = re.compile(r"^(`{3,}).*?^\1$|^(stderr|stdout), .*?^$", re.M | re.S)  # what a program wrote, as it wrote it

RUNNER = r"""
BAD = %r
field = os.environ.get("FIELD") or request["variant"].get("field")
def put(name, usual):
    return BAD if field == name else usual
say({"phase": put("phase", "load")})
if field == "streams":
    sys.stdout.buffer.write(BAD.encode() + b"\n\x9b31m\xff\n")
    sys.stderr.buffer.write(b"error: " + BAD.encode() + b"\nfatal error: \x9b31m\xff\n")
    sys.exit(3)
if field == "assertion":
    sys.stderr.write("x.c:1: main: Assertion `%%s' failed.\n" %% BAD)
    sys.stderr.flush()
    os.abort()
if field == "line":
    channel.sendall(BAD.encode() + b"\n")
    sys.exit(0)
if field == "error":
    say({"error": {"domain": BAD, "code": BAD, "message": BAD}})
    sys.exit(0)
if field == "unsupported":
    say({"unsupported": BAD})
    sys.exit(0)
if field == "operator":
    say({"operator": {"name": BAD, "type": BAD}})
    os.abort()
y = {"name": put("output", "y"), "dtype": put("dtype", "float32"), "shape": [2], "hash": put("hash", "%%032x" %% 7),
     "finite": field != "output", "min": 0, "max": 1, "mean": 0.5, "first": [put("first", 0.0), 1.0]}
say({"result": {"outputs": [y], "observed": put("observed", "cpu"), "versions": {put("version", "rt"): put("version", "1")}}})
""" % BAD
FIELDS = ["phase", "streams", "assertion", "line", "error", "unsupported", "operator", "output", "dtype", "hash", "first", "observed",
          "version"]


class HostileTextTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.faults = []
        self.addCleanup(lambda: self.faults and self.fail("\n".join(self.faults)))

    def clean(self, text, of, lines=True):
        """No character of it is obeyed, and no line is another's."""
        if isinstance(text, bytes):
            try:
                text = text.decode("utf-8")
            except UnicodeDecodeError as e:
                return self.faults.append("%s: %s: %r" % (of, e, text[max(0, e.start - 60):e.end + 20]))
        found = HARM.search(text)
        if found:
            self.faults.append("%s: %s" % (of, ascii(text[max(0, found.start() - 80):found.end() + 40])))
        text = QUOTED.sub("", text) if lines else text
        forged = lines and FORGED.search(text)
        if forged:
            self.faults.append("%s: a forged line: %s" % (of, ascii(text[max(0, forged.start() - 80):forged.end() + 20])))

    def said(self, *arguments, db=True, lines=True, **more):
        """Runs a command, whatever it comes to, and looks at all that it prints."""
        if SHOW:
            print(*map(ascii, arguments), file=sys.stderr)
        done = self.trapline(*arguments, db=db, cwd=self.directory, **more)
        self.assertIn(done.returncode, (0, 1, 2, 3), done.stderr)
        for stream in (done.stdout, done.stderr):
            self.assertNotIn("\ufffd", stream, arguments)
            self.clean(stream, " ".join(ascii(a)[-40:] for a in arguments), lines)
        return done

    def files(self, directory, lines=True):
        """Every file below a directory, and every name but those of somebody's own files, by which scripts call them."""
        n = 0
        for at, directories, names in os.walk(directory):
            own = os.path.relpath(at, directory).split(os.sep)[0] == "files"
            for name in [] if own else directories + names:
                self.clean(name, "a name in " + directory)
            for name in names:
                with open(os.path.join(at, name), "rb") as f:
                    data = f.read()
                if not data.startswith((b"\x93NUMPY", b"\x89PNG", b"PK")) and not name.endswith((".onnx", ".gz", ".zst")):
                    self.clean(data, name, lines and not name.endswith((".html", ".xml", ".md")))
                    n += 1
        return n

    def everything(self):
        """All that is printed and written of what the database holds."""
        for what in ("trials", "findings", "signatures"):
            self.said("list", what)
        told = {}
        for trial in json.loads(self.said("list", "trials", "--json").stdout)["trials"]:
            told.setdefault((trial["outcome"], (trial["variant"] or {}).get("field") if isinstance(trial["variant"], dict) else 0), trial["id"])
        for i, trial in enumerate(sorted(told.values())):
            self.said("show", trial, "--stacks")
            for form in ("md", "html", "junit", "json") if i < 2 else ("md",):
                self.said("report", trial, "--format", form, lines=form == "json")
        for finding in json.loads(self.said("list", "findings", "--json").stdout)["findings"][:1]:
            for form in ("md", "html", "junit", "json"):
                self.said("report", finding["finding"], "--format", form, lines=form == "json")
            self.said("report", finding["finding"], "--bundle", self.path("bundle-" + finding["finding"]))
            if os.path.isdir(self.path("bundle-" + finding["finding"])):
                self.assertGreater(self.files(self.path("bundle-" + finding["finding"])), 3)
            self.said("report", finding["finding"], "--retest")
            self.said("show", finding["finding"])
            self.said("known", finding["finding"], "--as", "it")
        for trial in told.values():
            self.said("known", trial, "--as", "that", "--note", "said of it")
        self.said("known", "list")
        self.said("db", "check")
        self.said("import", self.spoilt_report())
        self.said("compare", "--by", "unit")
        self.said("report", "--site", self.path("site"), status=0)
        self.assertGreater(self.files(self.path("site")), 3)

    def spoilt_report(self):
        """What a Mac writes when a program crashes, in which each text is another one."""
        return self.report("spoilt.ips", self.spoilt)

    def report(self, name, change, **body):
        with open(os.path.join(HERE, "pages", "Python-2031-02-03-102031.ips"), encoding="utf-8") as f:
            head, rest = (json.loads(part) for part in f.read().split("\n", 1))
        return self.write(name, "\n".join(json.dumps(change(part)) for part in (head, dict(rest, **body))))

    def on_a_terminal(self, *arguments):
        """Runs a command as somebody sees it who looks on: only a terminal is told at once what goes on."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 1000, 0, 0))
        running = subprocess.Popen(self.command(*arguments), env=dict(self.env, TERM="xterm"), stdout=subprocess.DEVNULL, stderr=slave)
        os.close(slave)
        text = b""
        try:
            while part := os.read(master, 65536):
                text += part
        except OSError: # it has ended
            pass
        os.close(master)
        self.assertIn(running.wait(timeout=60), (0, 1, 2, 3), text)
        return text.decode("utf-8")

    def test_what_a_runner_says(self):
        runner = self.python_runner("liar.py", {"name": "liar", "version": BAD, "axes": ["field"], "devices": [
            {"name": "cpu", "usable": True}, {"name": BAD, "usable": False, "why": BAD}]}, RUNNER, bare=True)
        self.write("m.json", "{}")
        case = self.case("liar", {"file": "m.json"}, [{"name": "field", "choices": ["none"] + FIELDS}])
        self.said("matrix", case, "-u", runner + ":cpu", "-s", "field=*")
        self.said("run", case, "-u", runner + ":cpu", "-s", "field=error", "--json")
        self.said("isolate", case, "-u", runner + ":cpu", "-s", "field=error", "--quick")
        suite = self.write("suite.json", json.dumps({"trapline": 1, "suite": "s", "cases": [case], "units": [runner + ":cpu"],
                                                     "variants": {"field": ["none", "error"]}}))
        self.said("nightly", suite, "--format", "md", "--junit", self.path("junit.xml"), lines=False)
        with open(self.path("junit.xml"), "rb") as f:
            self.clean(f.read(), "junit.xml", lines=False)
        for what in ("cases", "units", "builds"):
            self.said("list", what, "--json")
            self.said("list", what)
        self.everything()

    def test_what_a_model_says(self):
        """Names of nodes and of values, which reductions and differences are told by."""
        runner = self.write("played", "#!%s -IS\nimport json, os, socket, sys\n" % sys.executable + played.RUNNER, 0o755)
        values = ["x" + BAD] + ["t%d%s" % (i, BAD) for i in range(8)]

        def written(name, *operators):
            operators = list(operators) + ["Relu"] * (8 - len(operators))
            nodes = [o.node(op, [values[i]], [values[i + 1]], "" if i == 5 else "n%d%s" % (i, BAD)) for i, op in enumerate(operators)]
            with open(self.path(name), "wb") as f:
                f.write(o.model(o.graph(nodes, [o.value(values[0], o.FLOAT, [4])], [o.value(values[-1], o.FLOAT, [4])])))
            return self.path(name)
        broken = written("broken.onnx", "Relu", "Rough", "Rough", "Broken", "Dies")
        fused = written("fused.onnx", "Relu", "Relu", "First", "Second")
        steep = written("steep.onnx", "Relu", "Rough", "Rough", "Steep", "Relu", "Broken")
        sound = written("sound.onnx")
        bad, good = (runner + ":" + device for device in ("bad", "good"))
        self.said("reduce", fused, "-u", bad, "--against", "same,optimization=0", status=1)
        self.said("reduce", fused, "-u", bad, "--first-difference", status=1)
        self.said("reduce", steep, "-u", bad, "--against", good, status=1)
        self.said("reduce", steep, "-u", bad, "--against", good, "--first-difference", status=1)
        self.said("reduce", sound, "-u", bad, "--against", good, status=0)
        self.said("reduce", broken, "-u", bad, "-o", self.path("out" + NAME), status=1) # which dies
        judge = self.python("judge.py", "sys.stderr.write('error: ' + %r)\nsys.exit(4 if b'Broken' in open(sys.argv[1], 'rb').read() else 0)\n" % BAD)
        found = self.said("reduce", broken, "--", judge, "{model}", status=1)
        self.assertIn("Broken", found.stdout)
        self.everything()

    def test_what_a_case_says(self):
        runner = self.python_runner("answers.py", {"name": "answers", "axes": [BAD, "a", "b"]},
                                    "say({'error': {'domain': 'd', 'code': 'c', 'message': 'm'}} if request['variant']['a'] != 'x' "
                                    "else {'result': {'outputs': [], 'observed': 'cpu'}})\n", bare=True)
        self.write("m.json", "{}")
        document = {"trapline": 1, "name": BAD, "title": BAD, "source": BAD, "model": {"file": "m.json"},
                    "axes": [{"name": "a", "choices": ["x", BAD], "about": BAD}, {"name": BAD, "choices": ["1", BAD]}],
                    "environment": {"SETTING": BAD}, "limits": {"timeout_s": 60}}
        case = self.write("hostile.json", json.dumps(document))
        for key in ("name", "axes", "model"):
            wrong = dict(document, **{key: {BAD: BAD}, BAD: BAD})
            self.said("run", self.write("wrong.json", json.dumps(wrong)), "-u", runner + ":cpu", status=2)
        self.said("run", self.write("broken.json", '{"' + BAD), "-u", runner + ":cpu", status=2)
        # Control characters are refused; what turns the direction of text is a character as any other.
        document = json.loads(json.dumps(document).replace(json.dumps(BAD), json.dumps(TURN)))
        document["axes"][1]["name"] = "b"
        document["name"] = "hostile"
        case = self.write("hostile.json", json.dumps(document))
        self.said("run", case, "-u", runner + ":cpu", "-s", "a=" + TURN)
        self.said("run", case, "-u", runner + ":cpu", "-s", BAD + "=x", status=2)
        self.said("run", case, "-u", runner + ":" + BAD, status=2)
        self.said("matrix", case, "-u", runner + ":cpu", "-s", "a=*", "-s", "b=*")
        self.said("isolate", case, "-u", runner + ":cpu", "-s", "a=" + TURN, "-s", "b=" + TURN, "--quick")
        expected = dict(document, expected=[{"when": {"a": [TURN]}, "outcome": "error", "message": TURN + "\u2028FORGED: line"}])
        said = self.said("run", self.write("expected.json", json.dumps(expected)), "-u", runner + ":cpu", "-s", "a=" + TURN)
        self.assertIn("was expected", said.stdout, said.stderr)
        self.assertNotIn("\u2028", said.stdout)
        self.everything()

    def test_names_of_files_and_the_environment(self):
        here = self.path("dir" + NAME)
        os.mkdir(here)
        runner = os.path.join(here, "run" + NAME)
        trial = ("if request['variant'].get('a') != 'x':\n    sys.stderr.write('error: ' + __file__)\n    sys.exit(4)\n"
                 "say({'result': {'outputs': [], 'observed': 'cpu'}})\n")
        os.rename(self.python_runner("plain.py", {"name": "plain", "axes": ["a"]}, trial, bare=True), runner)
        model = os.path.join(here, "model" + NAME + ".onnx")
        with open(model, "wb") as f:
            f.write(o.model(o.graph([o.node("Relu", ["x" + BAD], ["y" + BAD], name=BAD)], [o.value("x" + BAD, 1, [2])],
                                    [o.value("y" + BAD, 1, [2])])))
        case = os.path.join(here, "case" + NAME + ".json")
        for name, status in ((os.path.basename(model), 2), ("model.onnx", 1)): # a case may not name the one
            with open(case, "w", encoding="utf-8") as f:
                json.dump({"trapline": 1, "name": "c", "model": {"file": name}, "axes": [{"name": "a", "choices": ["x", "y"]}]}, f)
            shutil.copy(model, os.path.join(here, "model.onnx"))
            self.said("run", case, "-u", runner + ":cpu", "-s", "a=y", status=status)
        self.said("isolate", case, "-u", runner + ":cpu", "-s", "a=y", "--quick", status=1)
        seen = self.on_a_terminal("isolate", case, "-u", runner + ":cpu", "-s", "a=y", "--no-cache")
        self.assertIn("at most", seen) # what it will take, which is said
        self.assertIn(" so far; ", seen) # and what goes on, which is shown
        self.assertFalse(FORGED.search(seen), ascii(seen))
        self.said("reduce", model, "-u", runner + ":cpu", "-o", os.path.join(here, "out"))
        self.said("init", model, "-o", os.path.join(here, "first"), "-u", runner + ":cpu")
        self.said("init", "-o", os.path.join(here, "second"), "--", "false", "--n=" + BAD, model)
        self.said("run", os.path.join(here, "none" + NAME), status=2)
        self.said("report", "last", "--bundle", os.path.join(here, "b" + NAME))
        self.said("report", "--site", os.path.join(here, "s" + NAME))
        self.said("nightly", os.path.join(here, "suite" + NAME), status=2)
        self.said("db", "check", db=False, env=dict(self.env, TRAPLINE_DB=os.path.join(here, "db" + NAME)))
        for name in ("TRAPLINE_DB", "TRAPLINE_UNITS", "TRAPLINE_JOBS", "TRAPLINE_COLOR", "TRAPLINE_REDACT", "TRAPLINE_RUNNERS", "TMPDIR",
                     "XDG_CACHE_HOME", "XDG_STATE_HOME", "HOME", "PATH", "LANG", "COLUMNS"):
            env = dict(self.env, **{name: BAD})
            self.said("run", os.path.join(CASES, "misbehave.json"), "-u", "selftest:cpu", db=False, env=env)
            self.said("config", db=False, env=env)
        for words in (["run", BAD], [BAD], ["run", "--" + BAD], ["show", BAD], ["list", BAD], ["known", BAD, "--as", BAD],
                      ["builds", "add", BAD], ["compare", "--by", BAD], ["report", BAD, "--format", BAD], ["import", model]):
            self.said(*words)
        self.everything()

    def test_what_a_database_says(self):
        """One that somebody sent: every text in it is another one."""
        # A schema says what values of trapline's own are, and these are somebody else's.
        self.addCleanup(setattr, program, "KEPT", program.KEPT)
        program.KEPT = None
        self.write("m.json", "{}")
        pair = self.python_runner("pair.py", {"name": "pair", "devices": ["cpu", "two"]}, "if request['device'] == 'cpu':\n"
                                  "    say({'error': {'domain': 'd', 'code': 'c', 'message': 'm'}})\n    sys.exit(0)\n"
                                  "say({'result': {'outputs': [], 'observed': request['device']}})\n", bare=True)
        self.said("matrix", self.case("pair", {"file": "m.json"}), "-u", pair + ":cpu", "-u", pair + ":two")
        self.said("isolate", os.path.join(CASES, "misbehave.json"), "-u", "selftest:cpu", "-s", "behaviour=null_read", "-s", "thread=other", "--quick")
        trial = self.show(json.loads(self.said("list", "trials", "--json").stdout)["trials"][0])
        keep = re.compile("(^|_)(id|hash|outcome|phase|uuid|key)$|environment|^at$|_us$")
        db = sqlite3.connect(self.db)
        changed = 0
        tables = [name for name, in db.execute("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'")]
        for table in tables:
            for _, column, kind, *_ in list(db.execute("pragma table_info(%s)" % table)):
                if keep.search(column) or "TEXT" not in kind.upper() or table in ("meta", "schema"):
                    continue
                for value, in list(db.execute("select distinct %s from %s where typeof(%s) = 'text'" % (column, table, column))):
                    try:
                        new = json.dumps(self.spoilt(json.loads(value)), ensure_ascii=False)
                    except ValueError:
                        new = value + BAD
                    try:
                        db.execute("update %s set %s = ? where %s = ?" % (table, column, column), (new, value))
                        changed += 1
                    except sqlite3.Error:
                        pass # a column that holds one of a few words
        db.commit()
        db.close()
        self.assertGreater(changed, 20)
        self.everything()
        self.reports_of(trial)
        self.change("update tally set trials = trials + 1")
        said = self.said("db", "check", status=2)
        self.assertIn("tally is wrong for case ", said.stdout)

    def change(self, *statement):
        db = sqlite3.connect(self.db)
        db.execute(*statement)
        db.commit()
        db.close()

    def reports_of(self, trial):
        """What an import says of a trial whose report it is, or would be, and of one that failed as another did."""
        middle = trial["started_us"] + int(trial["wall_s"] * 1e6 / 2)
        then = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(middle // 1000000)) + ".%06d +0000" % (middle % 1000000)
        of_it = {"pid": trial["pids"][0], "captureTime": then, "procLaunch": then, "osVersion": {"train": "macOS 31.1"}}
        for name, system, words in (("own.ips", "macOS 31.1", " belongs to trial "), ("other.ips", "macOS 31.1 (" + BAD + ")", "on another build")):
            head = {"incident_id": name, "timestamp": then, "os_version": system}
            self.assertIn(words, self.said("import", self.report(name, lambda part, head=head: dict(part, **head), **of_it), status=0).stdout)
        self.change("update signature set title = 'inv::SliceUpdate::eval \u2190 inv::run', signal_name = 'SIGSEGV' where outcome = 'crash'")
        said = self.said("import", self.report("same.ips", lambda part: part), status=0)
        self.assertIn("the same failure as in case misbehave", said.stdout)

    def spoilt(self, value):
        if isinstance(value, dict):
            return {k: self.spoilt(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.spoilt(v) for v in value]
        return value + BAD if isinstance(value, str) and not re.fullmatch("[0-9a-f-]{12,}", value) else value


if __name__ == "__main__":
    unittest.main(verbosity=2)

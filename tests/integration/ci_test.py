"""action.yml and ci/gitlab.yml, run as far as they are shell: what GitHub and GitLab do around it is played here."""
import json
import os
import re
import subprocess
import sys
import unittest

from program import HERE, TRAPLINE, ProgramTest

try:
    import yaml
except ImportError:
    yaml = None

TREE = os.path.dirname(os.path.dirname(HERE))
GOOD = "import sys\nsys.stdout.write('compiled')\n"
BAD = "import sys\nsys.exit('internal error: block sizes differ')\n"
# What GitHub's program is asked, one call a line; an earlier comment is there when its number is in the file `earlier`.
GH = f"""#!{sys.executable}
import json, os, sys
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "calls"), "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
earlier = os.path.join(here, "earlier")
if "--paginate" in sys.argv and os.path.exists(earlier):
    text = open(earlier).read()
    sys.exit("gh: HTTP 502") if text == "fails" else print(text)
"""


def load(name):
    with open(os.path.join(TREE, name), encoding="utf-8") as file:
        return yaml.safe_load(file)


class CiTest(ProgramTest):
    def setUp(self):
        super().setUp()
        os.makedirs(self.path("bin"))
        os.makedirs(self.path("repository"))
        os.symlink(TRAPLINE, self.path("bin", "trapline"))
        self.write("bin/gh", GH, 0o755)
        self.env["PATH"] = self.path("bin") + os.pathsep + self.env["PATH"]
        self.env["TRAPLINE_RUNNERS"] = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(TRAPLINE))), "runners")
        self.write("repository/tool.py", GOOD)
        self.write("repository/tool.json", json.dumps({"trapline": 1, "name": "tool", "model": {"steps": [
            {"phase": "compile", "argv": [sys.executable, "{case_dir}/tool.py"]}]}}))
        self.write("repository/suite.json", json.dumps({"trapline": 1, "suite": "models", "cases": ["tool.json"], "units": ["command:host"],
                                                        "repeat": 1, "variants": "baseline", "isolate_new": False}))

    def shell(self, shell, text, env):
        return subprocess.run([*shell, text], cwd=self.path("repository"), env={**self.env, **env}, capture_output=True, text=True, check=False)


@unittest.skipUnless(yaml, "PyYAML is not installed")
class ActionTest(CiTest):
    def action(self, **inputs):
        """Runs the steps as GitHub would; the exit status of the first that fails, what was written, and what it asked of others."""
        action = load("action.yml")
        values = {"inputs." + name: inputs.get(name, one.get("default")) for name, one in action["inputs"].items()}
        values.update({"github.token": "secret", "github.run_id": "9", "github.run_attempt": "1", "github.job": "models", "runner.temp": self.path("temp"),
                       "github.event.pull_request.number": "12"})
        os.makedirs(self.path("temp"), exist_ok=True)
        uses, failed, said = [], 0, ""

        def filled(text):
            return re.sub(r"\$\{\{ ([\w.]+) \}\}", lambda found: str(values[found[1]]), str(text))

        for step in action["runs"]["steps"]:
            condition = step.get("if", "")
            for name in re.findall(r"inputs\.\w+", condition):
                condition = condition if str(values[name]) == "true" else "no"
            if condition == "no" or (failed and "cancelled()" not in condition):
                continue
            if "uses" in step:
                uses.append((step["uses"], {name: filled(value) for name, value in step["with"].items()}))
                continue
            self.write("output", "")
            env = {name: filled(value) for name, value in step.get("env", {}).items()}
            env.update(GITHUB_ACTION_PATH=TREE, GITHUB_OUTPUT=self.path("output"), GITHUB_STEP_SUMMARY=self.path("summary"),
                       GITHUB_PATH=self.path("added"), GITHUB_REPOSITORY="me/models", GITHUB_SERVER_URL="https://github.example", GITHUB_RUN_ID="9")
            self.assertEqual(step["shell"], "bash")
            done = self.shell(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"], step["run"], env)
            said += done.stdout + done.stderr
            failed = failed or done.returncode
            with open(self.path("output"), encoding="utf-8") as file:
                for line in file:
                    name, _, value = line.rstrip("\n").partition("=")
                    values[f"steps.{step['id']}.outputs.{name}"] = value
        return failed, said, uses

    def asked(self):
        """What gh was asked since the last time."""
        path = self.path("bin", "calls")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            calls = [json.loads(line) for line in file]
        os.unlink(path)
        return calls

    def test_pull_requests(self):
        failed, said, uses = self.action(suite="suite.json")
        self.assertEqual(failed, 0, said)
        self.assertIn("trapline 0", said)
        self.assertEqual([name.split("@")[0] for name, _ in uses], ["actions/cache", "actions/upload-artifact"])
        results = uses[1][1]["path"]
        for name in ("junit.xml", "changes.md", "status", "site/index.html"):
            self.assertTrue(os.path.exists(os.path.join(results, name)), name)
        self.assertTrue(os.path.exists(self.path("repository", uses[0][1]["path"])))
        self.assertEqual(len(self.asked()), 1)  # whether there is a comment; there is none, and nothing to say

        self.write("repository/tool.py", BAD)
        failed, said, _ = self.action(suite="suite.json")
        self.assertEqual(failed, 1, said)
        self.assertIn("something is worse", said)
        _, post = self.asked()
        self.assertEqual(post[:4], ["api", "--method", "POST", "repos/me/models/issues/12/comments"])
        with open(os.path.join(results, "comment.md"), encoding="utf-8") as file:
            body = file.read()
        self.assertTrue(body.startswith("<!-- trapline suite.json -->\n"), body)
        self.assertIn("**new failure**: `tool`", body)
        self.assertIn("https://github.example/me/models/actions/runs/9", body)
        with open(self.path("summary"), encoding="utf-8") as file:
            self.assertIn("**new failure**", file.read())
        with open(os.path.join(results, "junit.xml"), encoding="utf-8") as file:
            self.assertIn("<failure", file.read())

        self.write("bin/earlier", "77\n78\n")
        failed, said, _ = self.action(suite="suite.json", fail="never")
        self.assertEqual(failed, 0, said)
        _, patch = self.asked()
        self.assertEqual(patch[:4], ["api", "--method", "PATCH", "repos/me/models/issues/comments/77"])

    def test_comments_that_cannot_be_read(self):
        """None is begun then: it may be there."""
        self.write("repository/tool.py", BAD)
        self.write("bin/earlier", "fails")
        failed, said, _ = self.action(suite="suite.json", fail="never")
        self.assertEqual(failed, 1, said)
        self.assertIn("could not be read", said)
        self.assertEqual(len(self.asked()), 1)

    def test_a_long_comment_is_whole_lines(self):
        os.makedirs(self.path("results"))
        self.write("results/changes.md", "ä" * 50 + "\n" + ("ö" * 400 + "\n") * 100)
        done = self.shell(["sh", "-c"], os.path.join(TREE, "ci", "comment.sh"), {
            "TRAPLINE_RESULTS": self.path("results"), "GITHUB_REPOSITORY": "me/models", "TRAPLINE_PULL_REQUEST": "12", "TRAPLINE_SUITE": "s",
            "GITHUB_SERVER_URL": "https://github.example", "GITHUB_RUN_ID": "9", "TRAPLINE_STATUS": "1"})
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.path("results", "comment.md"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.assertEqual({len(line) for line in lines[2:-2]}, {400})
        self.assertGreater(len(lines), 50)

    def test_mistakes(self):
        """A suite that cannot be read is never well, and uploads are not held up by it."""
        failed, said, uses = self.action(suite="none.json", fail="never", comment="false")
        self.assertEqual(failed, 2, said)
        self.assertIn("none.json", said)
        self.assertEqual(len(uses), 2)
        failed, said, uses = self.action(suite="suite.json", options="--format\nno such format\n", cache="false", upload="false")
        self.assertEqual((failed, uses), (2, []), said)
        self.assertIn("no such format", said)

    def test_its_inputs(self):
        """Each input is used, and no other is."""
        action = load("action.yml")
        used = set(re.findall(r"inputs\.(\w+)", json.dumps(action["runs"])))
        self.assertEqual(used, set(action["inputs"]))


@unittest.skipUnless(yaml, "PyYAML is not installed")
class GitlabTest(CiTest):
    def job(self, **variables):
        job = load("ci/gitlab.yml")[".trapline"]
        if not os.path.lexists(self.path("repository", ".trapline-source")):
            os.symlink(TREE, self.path("repository", ".trapline-source"))
        done = self.shell(["sh", "-ec"], "\n".join(job["before_script"] + job["script"]), {**job["variables"], **variables})
        for path in (*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"], *job["cache"]["paths"]):
            self.assertTrue(os.path.exists(self.path("repository", path)), path)
        return done

    def test_a_pipeline(self):
        done = self.job()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.write("repository/tool.py", BAD)
        done = self.job()
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("**new failure**", done.stdout)
        self.assertEqual(self.job(TRAPLINE_FAIL="never").returncode, 0)


if __name__ == "__main__":
    unittest.main()

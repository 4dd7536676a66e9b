"""Builds that are here: listing them with what they take and when they were used, removing them, and how they are named."""
import hashlib
import json
import os
import sqlite3
import unittest

from program import ProgramTest


class BuildsTest(ProgramTest):
    def setUp(self):
        super().setUp()
        for version in ("1.9.0", "1.10.0", "1.10.2", "1.11.0", "1.12.0-dev.1"):
            self.build(version)

    def place(self, *names):
        return self.path("cache", "trapline", "builds", "onnxruntime", *names)

    def build(self, version):
        """What a build is on disk; this one is no runtime."""
        os.makedirs(self.place(version))
        content = f"not a runtime {version}".encode()
        with open(self.place(version, "libonnxruntime.so"), "wb") as f:
            f.write(content)
        with open(self.place(version, "build.json"), "w") as f:
            json.dump({"trapline": 1, "runner": "onnxruntime", "version": version, "sha256": hashlib.sha256(content).hexdigest(),
                       "size": len(content), "source": "a test", "when": "2026-01-01T00:00:00Z", "when_us": 1}, f)

    def here(self):
        return sorted(os.listdir(self.place()))

    def remove(self, *names, status=0):
        return self.trapline("builds", "remove", *names, status=status, db=False)

    def test_remove(self):
        done = self.remove("onnxruntime@1.10")
        self.assertEqual(done.stdout.splitlines()[0], "removed onnxruntime@1.10.2")
        self.assertEqual(self.here(), ["1.10.0", "1.11.0", "1.12.0-dev.1", "1.9.0"])
        self.remove("1.9.0,1.10..", "1.11.0") # without the runner; one is named twice
        self.assertEqual(self.here(), ["1.12.0-dev.1"])
        self.remove("latest")
        self.assertEqual(self.here(), [])

    def test_nothing_is_removed_by_mistake(self):
        before = self.here()
        for names, words in ((["1.9.0", "2.0"], "it is none of the builds that are here: 1.9.0, 1.10.0"),
                             (["1.9.0", "1.20..1.21"], "no build in that range is here"),
                             (["1.9.0", "coreml@1"], "builds of onnxruntime are meant here"), (["../1.9.0"], "this names no build"),
                             (["1.9.0", ""], "write a version"), (["1.11..1.9"], "from the older version to the newer"),
                             ([], "which builds was expected")):
            with self.subTest(names):
                self.assertIn(words, self.remove(*names, status=2).stderr)
                self.assertEqual(self.here(), before)

    def test_json(self):
        removed = json.loads(self.remove("1.9.0", "--json").stdout)["removed"]
        self.assertEqual([b["build"] for b in removed], ["onnxruntime@1.9.0"])

    def test_list(self):
        with open(self.place("1.9.0", "libonnxruntime_providers_x.so"), "wb") as f:
            f.write(b"x" * 3000000)
        listed = {b["version"]: b for b in json.loads(self.trapline("builds", "list", "--json", db=False).stdout)["builds"]}
        self.assertGreater(listed["1.9.0"]["disk"], 3000000) # with what lies beside the library
        self.assertLess(listed["1.10.0"]["disk"], 3000)
        self.assertIsNone(listed["1.9.0"]["last_used_us"])
        lines = self.trapline("builds", "list", db=False).stdout.splitlines()
        self.assertEqual(lines[-1], "5 builds, 2.9 MiB")

    def test_last_used(self):
        """By the content of the runtime, whatever the unit called it."""
        self.one(self.case("plain", {"family": "selftest"}), "-u", "selftest:cpu")
        with open(self.place("1.10.2", "libonnxruntime.so"), "rb") as f:
            content = hashlib.sha256(f.read()).hexdigest()
        with sqlite3.connect(self.db) as db:
            db.execute("UPDATE environment SET runtime_sha256 = ?", (content,))
            when = db.execute("SELECT MAX(started_us) FROM trial").fetchone()[0]
        listed = {b["version"]: b["last_used_us"] for b in self.listed("builds")["builds"]}
        self.assertEqual(listed.pop("1.10.2"), when)
        self.assertEqual(set(listed.values()), {None})


if __name__ == "__main__":
    unittest.main()

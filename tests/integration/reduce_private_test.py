#!/usr/bin/env python3
"""What is its owner's and no number: texts in attributes and tensors, documentation, names of all kinds. It is not in what is handed
over, or it is said that it is (no build is fetched)."""
import json
import os
import unittest

from onnx_bytes import FLOAT, INT64, STRING, Tensor, field, graph, model, node, opset_import, tensor, value, vector
from program import HERE, ProgramTest


class Private(ProgramTest):
    def reduce(self, content):
        path = self.write("model.onnx", content)
        done = self.trapline("reduce", path, "-u", self.real_unit("1.22.0", "1.21.0"), "--json", status=1)
        found = json.loads(done.stdout)
        self.assertTrue(found["confirmed"])
        return found

    def handed_over(self, found):
        """All files, by name, and the report."""
        files = {"report": self.trapline("report", found["finding"], status=0).stdout.encode()}
        for top, _, names in os.walk(found["directory"]):
            for name in names:
                with open(os.path.join(top, name), "rb") as opened:
                    files[os.path.relpath(os.path.join(top, name), found["directory"])] = opened.read()
        return files

    def encoder(self, values, nodes, **more):
        """A word that is looked up; what stands for it is an index beyond a table of four."""
        encode = node("LabelEncoder", "words", "code", "encode", domain="ai.onnx.ml", keys_strings=["secret eve", "secret bob"], **values)
        g = graph([encode, *nodes, node("Gather", "x,i", "y")], [value("x", FLOAT, [4])], [value("y", FLOAT, [1])],
                  [vector("words", STRING, "secret bob")])
        return self.reduce(model(g, domains={"ai.onnx.ml": 2}, **more))

    def test_equal_texts_of_attributes_and_tensors_stay_equal(self):
        found = self.encoder({"values_int64s": [0, 7]}, [node("Identity", "code", "i")])
        self.assertEqual((found["owner_data"], found["structural_owner_data"]), ([], []))
        files = self.handed_over(found)
        self.assertTrue({b"s1", b"s2"} <= {files["structural.onnx"][i:i + 2] for i in range(len(files["structural.onnx"]))})
        for name, content in files.items():
            self.assertNotIn(b"secret", content, name)

    def test_texts_that_have_to_stay_are_told(self):
        found = self.encoder({"values_strings": ["secret", "31"]}, [node("Cast", "code", "i", to=INT64)])
        self.assertEqual(found["structural_owner_data"], ["values_strings of code"])
        self.assertIn(b"31", self.handed_over(found)["structural.onnx"])

    def test_no_words_of_the_owner_are_in_a_model_of_which_a_function_stays(self):
        props = lambda number: field(number, field(1, "secret key") + field(2, "secret value"))
        marked = lambda name: field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, field(1, field(2, "secret_extent") + field(3, "secret axis")))) +
                                                     field(6, "secret meaning")) + field(3, "secret doc") + props(4)
        inner = node("Flatten", "secret_in", "secret_out", "secret_inner") + field(5, field(1, "axis") + field(20, 2) + field(21, "secret_axis"))
        called = (field(1, "secret_function") + field(4, "secret_in") + field(5, "secret_out") + field(6, "secret_axis") +
                  field(7, inner + field(6, "secret doc") + props(9)) + field(8, "secret doc") + field(9, opset_import("", 13)) +
                  field(10, "secret_domain") + field(12, marked("secret_out")) + field(13, "secret_overload") + props(14))
        call = node("secret_function", "secret_x", "secret_y", "secret_call", domain="secret_domain", secret_axis=1) + field(8, "secret_overload") + props(9)
        g = (graph([call], [], []) + field(10, "secret doc") + field(11, marked("secret_x")) + field(12, marked("secret_y")) + props(16) +
             field(14, field(1, "secret_x") + field(2, field(1, "secret_scale") + field(2, "secret_x"))))
        content = (model(g, [called], domains={"secret_domain": 1}) + field(2, "secret producer") + field(3, "secret version") + field(4, "secret.org") +
                   field(6, "secret doc") + props(14) + field(20, field(1, graph([node("Exp", "secret_a", "secret_b")], [], []))))
        judge = self.write("judge.py", """
import sys
sys.path.insert(0, %r)
from onnx_bytes import fields
with open(sys.argv[1], "rb") as opened:
    sys.exit(any(number == 25 for number, _ in fields(opened.read())))
""" % HERE)
        done = self.trapline("reduce", self.write("model.onnx", content), "--json", "--db", self.db, "--", "python3", "-IS", judge, "{model}",
                             status=1, db=False)
        found = json.loads(done.stdout)
        self.assertEqual((found["confirmed"], found["owner_data"], [n["operator"] for n in found["remaining"]]), (True, [], ["F1", "Flatten"]))
        for name, content in self.handed_over(found).items():
            if name.endswith(".onnx"):
                self.assertNotIn(b"secret", content, name)


if __name__ == "__main__":
    unittest.main()

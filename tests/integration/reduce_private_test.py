#!/usr/bin/env python3
"""What is its owner's and no number: texts in attributes and tensors, documentation, names of all kinds. It is not in what is handed
over, or it is said that it is (no build is fetched)."""
import json
import os
import unittest

from onnx_bytes import FLOAT, INT64, STRING, Tensor, field, graph, model, node, opset_import, tensor, value, vector
from program import ProgramTest


class Private(ProgramTest):
    def setUp(self):
        super().setUp()
        self.unit = self.real_unit("1.22.0", "1.21.0")

    def reduce(self, content):
        path = self.write("model.onnx", content)
        done = self.trapline("reduce", path, "-u", self.unit, "--json", status=1)
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


if __name__ == "__main__":
    unittest.main()

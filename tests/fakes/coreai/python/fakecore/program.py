"""Programs: lists of operators, each with the numbers of those before it that it reads.

A number in an attribute may be an expression over the sizes of inputs: ["size", INPUT, DIMENSION], ["+", A, B], or
["-", A, B]. What reads such a size reads no data of the input."""
import json
import os

import numpy as np

from fakecore.ops import OPS


class Program:
    def __init__(self):
        self.nodes = []  # {"op", "in": [numbers], "attr": {}, "shape": sizes, a name in place of one that may vary}
        self.inputs = []  # {"name", "node", "dtype", "shape"}
        self.states = []  # the same, and "result": the node that it is afterwards
        self.outputs = []  # {"name", "node"}
        self.constants = {}  # node: array

    def add(self, op, inputs=(), /, **attr):
        self.nodes.append({"op": op, "in": list(inputs), "attr": attr, "shape": []})
        return len(self.nodes) - 1

    def constant(self, array):
        number = self.add("constant")
        self.constants[number] = array
        self.nodes[number]["shape"] = list(array.shape)
        return number

    def __str__(self):
        lines = []
        for number, node in enumerate(self.nodes):
            shape = "x".join(map(str, node["shape"]))
            lines.append(f"%{number} = {node['op']}({', '.join(f'%{i}' for i in node['in'])}) {node['attr'] or ''} : {shape}")
        return "\n".join(lines)

    def save(self, path):
        os.makedirs(path)
        document = {"nodes": self.nodes, "inputs": self.inputs, "states": self.states, "outputs": self.outputs}
        with open(os.path.join(path, "main.json"), "w", encoding="utf-8") as file:
            json.dump(document, file)
        np.savez(os.path.join(path, "weights.npz"), **{str(k): v for k, v in self.constants.items()})

    @classmethod
    def load(cls, path):
        program = cls()
        with open(os.path.join(path, "main.json"), encoding="utf-8") as file:
            program.__dict__.update(json.load(file))
        with np.load(os.path.join(path, "weights.npz")) as file:
            program.constants = {int(k): file[k] for k in file.files}
        return program

    # --- what a compiler looks for -----------------------------------------------------------------------------------

    def has(self, op):
        return any(node["op"] == op for node in self.nodes)

    def is_static(self):
        return all(isinstance(d, int) for one in self.inputs + self.states for d in one["shape"])

    def reads_data(self, number):
        """Whether a value depends on the data of an input, and not only on sizes and constants."""
        node = self.nodes[number]
        return node["op"] == "input" or any(self.reads_data(i) for i in node["in"])

    def query_of(self, number):
        """The node of the query of an attention that this node is a part of: of one operator, or of the softmax of one that
        is written out. Else None."""
        node = self.nodes[number]
        if node["op"] == "sdpa":
            return node["in"][0]
        if node["op"] != "softmax":
            return None
        node = self.nodes[node["in"][0]]
        while node["op"] in ("add", "mul_scalar"):
            node = self.nodes[node["in"][0]]
        return node["in"][0] if node["op"] == "matmul" else None

    # --- running -----------------------------------------------------------------------------------------------------

    def run(self, given, states, before=lambda number, values: None):
        """Outputs by name; the arrays of states are changed. before: called with the number of each operator before it runs,
        and the values of those before it."""
        values = {}
        order = [one["name"] for one in self.inputs] + [one["name"] for one in self.states]
        arrays = {**given, **states}
        for one in self.inputs + self.states:
            values[one["node"]] = arrays[one["name"]]

        def size(x):
            if isinstance(x, int):
                return x
            if x[0] == "size":
                return arrays[order[x[1]]].shape[x[2]]
            a, b = size(x[1]), size(x[2])
            return a + b if x[0] == "+" else a - b

        def attribute(x):
            if isinstance(x, list) and x and x[0] in ("size", "+", "-"):
                return size(x)
            return [attribute(v) for v in x] if isinstance(x, list) else x

        for number, node in enumerate(self.nodes):
            if number in values:
                continue
            if number in self.constants:
                values[number] = self.constants[number]
                continue
            before(number, values)
            attr = {k: attribute(v) for k, v in node["attr"].items()}
            values[number] = OPS[node["op"]](*[values[i] for i in node["in"]], **attr)
        for one in self.states:
            states[one["name"]][...] = values[one["result"]]
        return {one["name"]: values[one["node"]] for one in self.outputs}

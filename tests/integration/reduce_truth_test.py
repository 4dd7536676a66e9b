#!/usr/bin/env python3
"""Models whose answer is known (ground_truth.py), reduced on a real ONNX Runtime where a build is in the cache (none is fetched):
the few that are quick, of each kind of graph. tests/bench/reduce_truth.py runs as many as one likes."""
import concurrent.futures
import json
import unittest

import ground_truth
import onnx_bytes as o
from program import ProgramTest

SEARCH = ("constants", "end", "outputs", "begin", "inside", "between", "structural")


def number(name, *values):
    return o.vector(name, o.INT64, *values)


class Truth(ProgramTest):
    def setUp(self):
        super().setUp()
        self.unit = self.real_unit("1.22.0", "1.21.0")

    def reduce(self, name, model, values=(1, 2, 3, 4), more=()):
        path, x = self.write(name + ".onnx", model), self.write(name + ".npy", o.npy(o.INT32, [len(values)], values))
        done = self.trapline("reduce", path, "-u", self.unit, "--inputs", "x=" + x, "--json", "--db", self.path(name + ".db"), *more,
                             status=1, db=False)
        return json.loads(done.stdout)

    def check(self, seed, kind):
        p = ground_truth.problem(seed, kind, 40, decoys=1)
        found = self.reduce("%s-%d" % (kind, seed), p.model)
        names = lambda nodes: [n["original"] for n in nodes]
        structural = found["structural_remaining"] or found["remaining"]
        what = (kind, seed, names(structural))
        self.assertEqual((found["outcome"], found["phase"]), (p.outcome, "execute"), what)
        self.assertIn(names(found["remaining"]), p.causes, what)
        self.assertLessEqual(len(structural), p.structural, what)
        self.assertTrue(any(set(c) <= set(names(structural)) for c in p.causes), what)
        self.assertTrue(found["minimal"] and found["complete"] and found["confirmed"], what)
        # With sizes of one, or with zeros, the node before the cause may be needed no more: that is model.onnx, and said.
        self.assertTrue(len(structural) == 1 or found["structural_minimal"] or found.get("structural_open_since_values"), what)
        self.assertEqual(found["owner_data"], [], what)

    def check_all(self, *problems):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda p: self.check(*p), problems))

    def test_causes_before_and_behind_branches_that_join(self):
        self.check_all((5, "branches"), (2, "either"))

    def test_two_causes_far_apart_where_values_change_on_the_way(self):
        """Of 1000 nodes 300 stand behind the failure, and nearly all others make other values than they read. That one of the two
        operands has only few of them before it is no reason to look for the cause among the many."""
        nodes, dividend, divisor = [], "x", "zero"
        nodes.append(o.node("Sub", ["x", "x"], ["zero"], "zero"))
        for i in range(660):
            nodes.append(o.node("Add", [dividend, "two"], ["a%d" % i], "add%d" % i))
            dividend = "a%d" % i
        for i in range(38):
            nodes.append(o.node(("Neg", "Identity")[i % 2], [divisor], ["z%d" % i], "z%d" % i))
            divisor = "z%d" % i
        nodes.append(o.node("Div", [dividend, divisor], ["q"], "cause"))
        last = "q"
        for i in range(300):
            nodes.append(o.node("Add", [last, "two"], ["b%d" % i], "behind%d" % i))
            last = "b%d" % i
        two = o.tensor("two", o.INT32, [], [2])
        found = self.reduce("moving", o.model(o.graph(nodes, [o.value("x", o.INT32, [4])], [o.value(last, o.INT32, [4])], [two])),
                            more=("--max-trials", "28"))
        self.assertEqual([n["original"] for n in found["remaining"]], ["cause"])
        self.assertEqual(sorted(n["original"] for n in found["structural_remaining"]), ["cause", "zero"])
        self.assertLessEqual(sum(s["trials"] for s in found["steps"] if s["step"] in SEARCH), 25)

    def test_of_many_outputs_those_that_are_not_needed_go_first(self):
        nodes = [o.node("Neg", ["x"], ["o%d" % i], "o%d" % i) for i in range(300)] + [
            o.node("Sub", ["x", "x"], ["zero"], "zero"), o.node("Div", ["x", "zero"], ["q"], "cause")]
        outputs = [o.value("o%d" % i, o.INT32, [4]) for i in range(300)]
        outputs.insert(100, o.value("q", o.INT32, [4]))
        found = self.reduce("outputs", o.model(o.graph(nodes, [o.value("x", o.INT32, [4])], outputs)), more=("--max-trials", "28"))
        self.assertEqual([n["original"] for n in found["remaining"]], ["cause"])
        step = [s for s in found["steps"] if s["step"] not in ("original", "newest build")][0]
        self.assertEqual((step["step"], step["nodes"]), ("outputs", 2))

    def test_causes_in_bodies_and_functions(self):
        self.check_all((10, "nested"), (11, "often"), (13, "row"), (3, "index_inside"))

    def test_one_cause_in_bodies_before_the_other(self):
        self.check_all((15, "before_loop"), (18, "before_nested"))

    def test_nodes_that_change_the_shape_leave_in_pairs_and_a_join_by_the_operand_that_matters(self):
        """Nothing is said of the minimum's first operand, which holds no zero: handed on, nothing would fail."""
        none, two, four = o.tensor("none", o.INT32, [], [0]), o.tensor("two", o.INT64, [2], [2, 2]), o.tensor("four", o.INT64, [1], [4])
        nodes = [o.node("Mul", ["x", "none"], ["a"], "zero"), o.node("Reshape", ["a", "two"], ["b"], "there"),
                 o.node("Neg", ["b"], ["c"], "minus"), o.node("Reshape", ["c", "four"], ["d"], "back"),
                 o.node("Min", ["x", "d"], ["e"], "join"), o.node("Div", ["x", "e"], ["y"], "cause")]
        found = self.reduce("pairs", o.model(o.graph(nodes, [o.value("x", o.INT32, [4])], [o.value("y", o.INT32, [4])],
                                                     [none, two, four])))
        self.assertEqual([n["original"] for n in found["structural_remaining"]], ["zero", "cause"])
        self.assertTrue(found["structural_minimal"])

    def test_a_node_alone_fails_as_late_and_as_early_as_the_original(self):
        """Shapes that nobody says clash when it runs; what is computed of tensors alone fails when the session is made."""
        late = [o.node("Neg", ["x"], ["a"], "minus"), o.node("Slice", ["a", "from", "to"], ["b"], "part"),
                o.node("Add", ["a", "b"], ["c"], "cause"), o.node("Neg", ["c"], ["y"], "back")]
        early = [o.node("Sub", ["from", "from"], ["a"], "zero"), o.node("Div", ["to", "a"], ["b"], "cause"),
                 o.node("Cast", ["b"], ["c"], "cast", to=o.INT32), o.node("Add", ["x", "c"], ["y"], "sum")]
        for name, nodes, phase in (("late", late, "execute"), ("early", early, "compile")):
            with self.subTest(name):
                found = self.reduce(name, o.model(o.graph(nodes, [o.value("x", o.INT32, ["n"])], [o.value("y", o.INT32, ["m"])],
                                                          [number("from", 0), number("to", 3)])))
                self.assertEqual((found["phase"], [n["original"] for n in found["remaining"]]), (phase, ["cause"]))
                self.assertTrue(found["minimal"])

    def test_a_shape_that_is_computed_is_left_with_what_makes_it_and_no_more(self):
        """With the size of the data as it was recorded, that it does not fit would be found before the model runs. That one number
        of the shape follows from the others the runtime knows only where the shape is put together, of as many as it has."""
        nodes = [o.node("Neg", ["x"], ["a"], "minus"), o.node("Reshape", ["a", "all"], ["f"], "flat"), o.node("Shape", ["f"], ["n"], "size"),
                 o.node("Div", ["n", "three"], ["d"], "third"), o.node("Concat", ["seven", "d"], ["s"], "shape", axis=0),
                 o.node("Reshape", ["f", "s"], ["c"], "cause"), o.node("Neg", ["c"], ["y"], "back")]
        found = self.reduce("shape", o.model(o.graph(nodes, [o.value("x", o.INT32, ["n"])], [o.value("y", o.INT32, ["p", "q"])],
                                                     [number("all", -1), number("three", 3), number("seven", 7)])), range(8))
        self.assertEqual((found["phase"], [n["original"] for n in found["remaining"]]), ("execute", ["shape", "cause"]))
        self.assertTrue(found["minimal"])

    def growing(self, *, bound):
        """A loop whose state is a row longer each time, until there are more rows than a table has. bound: no trip count ends it."""
        body = [o.node("Concat", ["state", "state.first"], ["longer"], "longer", axis=0), o.node("Shape", ["longer"], ["rows"]),
                o.node("Gather", ["table", "rows"], ["found"], "cause", axis=0),
                o.node("Less", ["rows", "fifty"], ["less"]), o.node("Squeeze", ["less"], ["on"]),
                o.node("Neg", ["longer"], ["after"])]
        body.insert(0, o.node("Slice", ["state", "from", "to"], ["state.first"]))
        inside = o.graph(body, [o.value("i", o.INT64, []), o.value("go", o.BOOL, []), o.value("state", o.INT32, ["n"])],
                         [o.value("on", o.BOOL, []), o.value("after", o.INT32, ["m"]), o.value("found", o.INT32, [1])])
        nodes = [o.node("Neg", ["x"], ["a"], "minus"),
                 o.node("Loop", ["trips" if bound else "", "" if bound else "true", "a"], ["b", "all"], "loop", body=inside),
                 o.node("Neg", ["b"], ["y"], "back")]
        tensors = [number("from", 0), number("to", 1), number("fifty", 50), o.tensor("table", o.INT32, [9], range(9)),
                   o.tensor("trips", o.INT64, [], [30]), o.tensor("true", o.BOOL, [], [True])]
        return o.model(o.graph(nodes, [o.value("x", o.INT32, [4])], [o.value("y", o.INT32, ["k"])], tensors))

    def test_a_state_that_grows_is_no_reason_to_keep_its_loop(self):
        """The state's shape, once fixed, would let the runtime compute the index while it makes the session."""
        for bound in (True, False):
            with self.subTest(bound=bound):
                found = self.reduce("growing-%d" % bound, self.growing(bound=bound))
                self.assertEqual([n["original"] for n in found["remaining"]], ["cause"])
                self.assertTrue(found["minimal"])

    def test_a_thousand_nodes_take_few_trials(self):
        p = ground_truth.problem(4, "far", 1000, decoys=0)
        found = self.reduce("far", p.model)
        self.assertEqual([n["original"] for n in found["structural_remaining"]], ["zero", "cause"])
        self.assertLessEqual(sum(s["trials"] for s in found["steps"] if s["step"] in SEARCH), 25)


if __name__ == "__main__":
    unittest.main()

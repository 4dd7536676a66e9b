"""Models that fail of nodes that are known, drawn from a seed: what `trapline reduce` has to find in them.

A value that flows through a model is a list of whole numbers from 1 on. All nodes but the cause leave it as it is, in one way or
another: in one node or several, through other shapes and types, branches that join, nodes with several outputs, bodies and
functions. What fails is a division by zero, which ends the process (builds before 1.25.1, x86), or an index that is beyond a
table, which is refused when it runs.

  one      a node fails whatever comes before it
  two      it fails because an earlier node made the value zero: near, far away, or in another branch
  either   there are two nodes that fail by themselves: one of them is the answer

Decoys are nodes that pass, and that fail in another way once the wrong ones are cut."""
import random

import onnx_bytes as o

SHAPE = 4


class Scope:
    """A graph that is being made: that of the model, a body, or a function."""
    def __init__(self, maker, in_function=False):
        self.maker, self.nodes, self.in_function = maker, [], in_function

    def emit(self, op, inputs, outputs=1, name=None, domain="", **attributes):
        m = self.maker
        made = ["v%d" % m.number(1) for _ in range(outputs)]
        m.count += 1
        self.nodes.append(o.node(op, inputs, made, name or "layers.%d.%s" % (m.count, op.lower()), domain, **attributes))
        return made[0] if outputs == 1 else made

    def constant(self, kind, dims, values):
        """A function has no initializers, and bodies in it see none: there it is a node Constant."""
        m = self.maker
        if self.in_function or m.random.random() < m.constant_nodes:
            return self.emit("Constant", [], value=o.Tensor(o.tensor(None, kind, dims, values)))
        key = (kind, tuple(dims), tuple(values))
        if key not in m.tensors:
            name = "w%d" % m.number(1)
            m.tensors[key] = (name, o.tensor(name, kind, dims, values))
        return m.tensors[key][0]

    def whole(self, v):
        return self.constant(o.INT32, [], [v])

    def places(self, *v):
        return self.constant(o.INT64, [len(v)], list(v))


class Maker:
    """What a model is put together from."""
    def __init__(self, seed, constant_nodes=0.0):
        self.random, self.constant_nodes = random.Random(seed), constant_nodes
        self.numbers, self.count, self.tensors, self.functions = 0, 0, {}, []
        self.inputs = []

    def number(self, n):
        self.numbers += n
        return self.numbers

    # --- nodes that change nothing

    def neutral(self, s, v):
        """One or several nodes, behind which the value is what it was."""
        kind = self.random.choice(
            ["mul"] * 6 + ["div", "add", "sub", "max", "min", "abs", "identity", "neg", "reshape", "cast", "split", "unsqueeze",
             "transpose", "where", "gather", "concat", "expand", "pad", "slice", "branches", "diamond"])
        e = s.emit
        if kind in ("mul", "div"):
            return e(kind.capitalize(), [v, s.whole(1)])
        if kind in ("add", "sub"):
            return e(kind.capitalize(), [v, s.whole(0)])
        if kind in ("max", "min"):
            return e(kind.capitalize(), [v, s.whole(0)] if kind == "max" else [v, s.whole(1 << 20)])
        if kind in ("abs", "identity"):
            return e(kind.capitalize(), [v])
        if kind == "neg":
            return e("Neg", [e("Neg", [v])])
        if kind == "reshape":
            return e("Reshape", [e("Reshape", [v, s.places(2, 2)]), s.places(SHAPE)])
        if kind == "cast":
            return e("Cast", [e("Cast", [v], to=o.INT64)], to=o.INT32)
        if kind == "split":
            return e("Concat", e("Split", [v, s.places(1, 3)], 2), axis=0)
        if kind == "unsqueeze":
            axes = s.places(0)
            return e("Squeeze", [e("Unsqueeze", [v, axes]), axes])
        if kind == "transpose":
            square = e("Reshape", [v, s.places(2, 2)])
            return e("Reshape", [e("Transpose", [e("Transpose", [square], perm=[1, 0])], perm=[1, 0]), s.places(SHAPE)])
        if kind == "where":
            return e("Where", [e("Less", [v, s.whole(1 << 20)]), v, s.whole(7)])
        if kind == "gather":
            return e("Gather", [v, s.places(*range(SHAPE))], axis=0)
        if kind == "concat":
            return e("Slice", [e("Concat", [v, v], axis=0), s.places(SHAPE), s.places(2 * SHAPE), s.places(0)])
        if kind == "expand":
            return e("Expand", [v, s.places(SHAPE)])
        if kind == "pad":
            return e("Slice", [e("Pad", [v, s.places(1, 1)]), s.places(1), s.places(SHAPE + 1)])
        if kind == "slice":
            return e("Slice", [v, s.places(0), s.places(1 << 40)])
        if kind == "branches":
            a, b = v, v
            for _ in range(self.random.randint(1, 3)):
                a = e("Mul", [a, s.whole(1)])
            for _ in range(self.random.randint(1, 3)):
                b = e("Add", [b, s.whole(0)])
            return e(self.random.choice(["Min", "Max"]), [a, b])
        a = e("Add", [v, s.whole(1)]) # a diamond: v + 1 - 1, joined with v
        return e("Min", [e("Sub", [a, s.whole(1)]), e("Mul", [v, s.whole(1)])])

    def chain(self, s, v, n):
        end = self.count + n
        while self.count < end:
            v = self.neutral(s, v)
        return v

    def decoy(self, s, v):
        """Fails in another way where the wrong node is cut; joined so that the value stays."""
        e, kind = s.emit, self.random.choice(["error", "crash", "shape"])
        nothing = e("Min", [v, s.whole(0)])
        if kind == "error": # an index that is beyond the table once the Min is gone
            got = e("Gather", [s.constant(o.INT32, [1], [5]), e("Mul", [nothing, s.whole(1)])], axis=0)
            low = e("Min", [got, s.whole(0)])
        elif kind == "crash": # a remainder by zero once the Max is gone
            low = e("Min", [e("Mod", [v, e("Max", [nothing, s.whole(3)])]), s.whole(0)])
        else: # shapes that do not fit once a Slice is gone
            twice = e("Concat", [v, nothing], axis=0)
            half = e("Slice", [twice, s.places(0), s.places(SHAPE)])
            low = e("Min", [e("Sub", [half, v]), s.whole(0)])
        return e("Max", [v, low])

    # --- causes

    def fail(self, s, v, name, how):
        """The node that fails by itself."""
        if how == "index":
            return s.emit("Gather", [v, s.places(*range(SHAPE - 1), 99)], name=name, axis=0)
        return s.emit("Div" if how == "div" else "Mod", [v, s.whole(0)], name=name)

    def make_zero(self, s, v, name):
        op = self.random.choice(["Mul", "Sub", "Min"])
        return s.emit(op, [v, v if op == "Sub" else s.whole(0)], name=name)

    def fail_of_zero(self, s, v, name, dividend=None):
        return s.emit("Div", [dividend or s.whole(3), v], name=name)

    # --- nodes with something inside

    def inside(self, s, v, depth, content, kinds=("if", "loop", "scan", "call"), length=3):
        """What content(scope, value) makes, within nodes with bodies; None as depth: there."""
        if not depth:
            return content(s, v)
        kind = self.random.choice(kinds)
        return getattr(self, "in_" + kind)(s, v, depth, content, kinds, length)

    def body_content(self, s, v, depth, content, kinds, length):
        v = self.chain(s, v, self.random.randint(0, length))
        v = self.inside(s, v, depth - 1, content, kinds, length)
        return self.chain(s, v, self.random.randint(0, length))

    def in_if(self, s, v, depth, content, kinds, length):
        runs, other = Scope(self, s.in_function), Scope(self, s.in_function)
        r = self.body_content(runs, v, depth, content, kinds, length)
        r = runs.emit("Identity", [r]) if r == v else r
        least = s.emit("ReduceMin", [v], keepdims=0)
        then = self.random.random() < 0.5
        c = s.emit("Less", [least, s.whole(1 << 20)] if then else [s.whole(1 << 20), least])
        w = other.emit("Mul", [v, other.whole(1)])
        a, b = (o.graph(g.nodes, [], [o.value(x, o.INT32, [SHAPE])]) for g, x in ((runs, r), (other, w)))
        return s.emit("If", [c], then_branch=a if then else b, else_branch=b if then else a)

    def in_loop(self, s, v, depth, content, kinds, length):
        b, outer = Scope(self, s.in_function), v
        i, go, carried = ("v%d" % self.number(1) for _ in range(3))
        start = self.random.choice([carried, outer]) # what it carries, or what stands around it
        r = self.body_content(b, start, depth, content, kinds, length)
        r = b.emit("Max", [r, b.emit("Min", [carried, b.whole(0)])])
        on = b.emit("Identity", [go])
        g = o.graph(b.nodes, [o.value(i, o.INT64, []), o.value(go, o.BOOL, []), o.value(carried, o.INT32, [SHAPE])],
                    [o.value(on, o.BOOL, []), o.value(r, o.INT32, [SHAPE])])
        n = s.constant(o.INT64, [], [self.random.choice([1, 2, 3, 7, 40])])
        return s.emit("Loop", [n, "", v], body=g)

    def in_scan(self, s, v, depth, content, kinds, length):
        b = Scope(self, s.in_function)
        state, row = ("v%d" % self.number(1) for _ in range(2))
        r = self.body_content(b, row, depth, content, kinds, length)
        r = b.emit("Identity", [r]) if r == row else r
        kept = b.emit("Max", [state, r])
        g = o.graph(b.nodes, [o.value(state, o.INT32, [SHAPE]), o.value(row, o.INT32, [SHAPE])],
                    [o.value(kept, o.INT32, [SHAPE]), o.value(r, o.INT32, [SHAPE])])
        rows = s.emit("Unsqueeze", [v, s.places(0)])
        times = self.random.choice([1, 2, 5])
        if times > 1:
            rows = s.emit("Concat", [rows] * times, axis=0)
        last, each = s.emit("Scan", [v, rows], 2, body=g, num_scan_inputs=1)
        if self.random.random() < 0.5:
            return s.emit("Squeeze", [s.emit("Slice", [each, s.places(times - 1), s.places(times)]), s.places(0)])
        return s.emit("Min", [last, s.emit("ReduceMin", [each], axes=[0], keepdims=0)])

    def in_call(self, s, v, depth, content, kinds, length):
        name = "F%d" % self.number(1)
        b = Scope(self, True)
        given = "v%d" % self.number(1)
        r = self.body_content(b, given, depth, content, kinds, length)
        r = b.emit("Identity", [r]) if r == given else r
        self.functions.append(o.function(name, [given], [r], b.nodes))
        return s.emit(name, [v], domain="own")

    def called_often(self, s, v, name):
        """A function that divides, called several times: one of the calls is given a zero."""
        f, b = "F%d" % self.number(1), Scope(self, True)
        x, y = "v%d" % self.number(1), "v%d" % self.number(1)
        r = self.chain(b, b.emit("Div", [self.chain(b, x, 2), self.chain(b, y, 2)], name=name), 2)
        self.functions.append(o.function(f, [x, y], [r], b.nodes))
        calls = self.random.randint(2, 5)
        bad = self.random.randrange(calls)
        for i in range(calls):
            v = s.emit(f, [v, s.constant(o.INT32, [SHAPE], [0 if i == bad else 1] * SHAPE)], domain="own")
        return v

    def at_iteration(self, s, v, name):
        """A loop that divides by what is zero in one of its iterations."""
        b = Scope(self, s.in_function)
        i, go, carried = ("v%d" % self.number(1) for _ in range(3))
        n = self.random.choice([2, 5, 12, 30])
        k = self.random.randrange(n)
        left = b.emit("Sub", [b.emit("Cast", [i], to=o.INT32), b.whole(k)], name=name + ".sub")
        r = b.emit("Div", [self.chain(b, carried, 2), left], name=name)
        r = b.emit("Max", [self.chain(b, r, 2), carried])
        g = o.graph(b.nodes, [o.value(i, o.INT64, []), o.value(go, o.BOOL, []), o.value(carried, o.INT32, [SHAPE])],
                    [o.value(go, o.BOOL, []), o.value(r, o.INT32, [SHAPE])])
        return s.emit("Loop", [s.constant(o.INT64, [], [n]), "", v], body=g)

    def at_row(self, s, v, name):
        """A Scan that divides by a row, one of which is zero."""
        b = Scope(self, s.in_function)
        state, row = ("v%d" % self.number(1) for _ in range(2))
        n = self.random.choice([2, 3, 6])
        k = self.random.randrange(n)
        r = b.emit("Div", [self.chain(b, state, 2), row], name=name)
        g = o.graph(b.nodes, [o.value(state, o.INT32, [SHAPE]), o.value(row, o.INT32, [SHAPE])],
                    [o.value(b.emit("Max", [self.chain(b, r, 1), state]), o.INT32, [SHAPE])])
        one = s.emit("Unsqueeze", [s.emit("Min", [v, s.whole(1)]), s.places(0)])
        none = s.emit("Mul", [one, s.whole(0)], name=name + ".zero")
        rows = s.emit("Concat", [none if i == k else one for i in range(n)], axis=0)
        return s.emit("Scan", [v, rows], body=g, num_scan_inputs=1)


class Problem:
    """A model, its input, and what is to be found: nodes of the smallest model, of the structural one, and who may be the last."""
    def __init__(self, kind, maker, s, last, causes, structural, symbolic):
        dims = ["N"] if symbolic else [SHAPE]
        opset = maker.opset
        tensors = [t for _, t in maker.tensors.values()]
        g = o.graph(s.nodes, [o.value("x", o.INT32, dims)], [o.value(last, o.INT32, None)], tensors)
        self.kind, self.nodes = kind, maker.count
        self.model = o.model(g, [f.replace(field13(), field13(opset)) for f in maker.functions], opset,
                             domains={"own": 1} if maker.functions else None)
        self.inputs = {"x": o.npy(o.INT32, [SHAPE], [maker.random.randint(1, 9) for _ in range(SHAPE)])}
        self.causes, self.structural = causes, structural
        self.outcome = "crash"


def field13(opset=13):
    return o.field(9, o.field(1, "") + o.field(2, opset))


KINDS = ("one", "index", "either", "index_inside", "near", "far", "branches", "if", "loop", "scan", "call", "nested", "often", "iteration", "row",
         "before_if", "before_loop", "before_scan", "before_call", "before_nested", "across")


def problem(seed, kind=None, length=None, decoys=None):
    """One drawn from a seed, of a kind."""
    r = random.Random(seed)
    kind = kind or r.choice(KINDS)
    m = Maker(seed, r.choice([0.0, 0.0, 0.3, 1.0]))
    m.opset = r.choice([13, 14, 15, 17])
    n = length or r.choice([50, 50, 80, 120, 200])
    decoys = r.randint(0, 3) if decoys is None else decoys
    s = Scope(m)
    at = sorted(r.sample(range(1, 10), 2))
    parts = [n * at[0] // 10, n * (at[1] - at[0]) // 10, n - n * at[1] // 10]
    how = r.choice(["div", "mod"])

    def run(v, length):
        for _ in range(decoys + 1):
            v = m.chain(s, v, max(length // (decoys + 1), 1))
            if decoys:
                v = m.decoy(s, v)
        return v

    v = run("x", parts[0])
    causes, structural = [["cause"]], 1
    if kind in ("one", "index"):
        v = m.fail(s, v, "cause", "index" if kind == "index" else how)
        v = run(v, parts[1] + parts[2])
    elif kind == "either":
        v = m.fail(s, v, "cause", how)
        v = m.fail(s, run(v, parts[1]), "other", how)
        v = run(v, parts[2])
        causes = [["cause"], ["other"]]
    elif kind in ("near", "far"):
        v = m.make_zero(s, v, "zero")
        v = run(v, parts[1]) if kind == "far" else v
        v = m.fail_of_zero(s, v, "cause")
        v = run(v, parts[2])
        structural = 2
    elif kind == "branches":
        a, b = m.make_zero(s, v, "zero"), v
        a, b = run(a, parts[1] // 2), run(b, parts[1] // 2)
        v = run(m.fail_of_zero(s, a, "cause", b), parts[2])
        structural = 2
    elif kind in ("if", "loop", "scan", "call", "nested", "index_inside"):
        depth = r.randint(2, 4) if kind == "nested" else r.randint(1, 3) if kind == "index_inside" else 1
        kinds = (kind,) if kind in ("if", "loop", "scan", "call") else ("if", "loop", "scan", "call")
        how = "index" if kind == "index_inside" else how
        v = m.inside(s, v, depth, lambda t, w: m.fail(t, w, "cause", how), kinds)
        v = run(v, parts[1])
    elif kind == "often":
        v = run(m.called_often(s, v, "cause"), parts[1])
    elif kind == "iteration":
        v = run(m.at_iteration(s, v, "cause"), parts[1])
        structural = 3
    elif kind == "row":
        v = run(m.at_row(s, v, "cause"), parts[1])
        structural = 2
    elif kind.startswith("before_"):
        depth = r.randint(2, 4) if kind == "before_nested" else 1
        kinds = ("if", "loop", "scan", "call") if depth > 1 or kind == "before_nested" else (kind[7:],)
        v = m.inside(s, v, depth, lambda t, w: m.make_zero(t, w, "zero"), kinds)
        v = run(m.fail_of_zero(s, run(v, parts[1]), "cause"), parts[2])
        structural = 2
    else: # across: one in a body, the other in another one
        v = m.inside(s, v, r.randint(1, 2), lambda t, w: m.make_zero(t, w, "zero"))
        v = run(v, parts[1])
        v = m.inside(s, v, r.randint(1, 2), lambda t, w: m.fail_of_zero(t, w, "cause"))
        v = run(v, parts[2])
        structural = 2
    p = Problem(kind, m, s, v, causes, structural, r.random() < 0.4)
    p.outcome = "error" if kind.startswith("index") else "crash"
    return p

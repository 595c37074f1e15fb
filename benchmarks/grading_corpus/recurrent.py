"""Recurrent layers, step by step in time, with all gradients back through time."""

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.grading_corpus.gru import Gru
from benchmarks.grading_corpus.in_time import (
    FormulaAt,
    Lookup,
    at,
    per_step,
    previous,
    question,
    sigmoid,
    stacks,
)
from benchmarks.grading_corpus.sheets import Array, Formula, Key, Mistake, Sheet, Step, gradient, value


def rnn(rng: np.random.Generator, steps: int, d: int, h: int) -> Sheet:
    draw = rng.standard_normal
    known = {
        "x": draw((steps, d)), "w_x": draw((d, h)), "w_h": draw((h, h)), "b": draw(h), "start": np.zeros(h),
    }  # fmt: skip
    upstream = {"output": draw((steps, h))}
    times = range(1, steps + 1)

    def preactivation(t: int) -> Formula:
        return lambda v, g: v["x"][t - 1] @ v["w_x"] + previous(v, "hidden", t) @ v["w_h"] + v["b"]

    def hidden(t: int) -> Formula:
        return lambda v, g: np.tanh(v[at("preactivation", t)])

    def to_hidden(t: int) -> Formula:
        def formula(v: Lookup, g: Lookup) -> Array:
            later = v["w_h"] @ g[at("preactivation", t + 1)] if t < steps else 0.0
            return g["output"][t - 1] + later

        return formula

    def to_preactivation(t: int) -> Formula:
        return lambda v, g: g[at("hidden", t)] * (1 - v[at("hidden", t)] ** 2)

    def summed(term: Callable[[Lookup, Array, int], Array]) -> Formula:
        return lambda v, g: sum(term(v, g[at("preactivation", t)], t) for t in times)

    work: list[Step] = []
    for t in times:
        work.append(Step(value(at("preactivation", t)), preactivation(t)))
        work.append(Step(value(at("hidden", t)), hidden(t)))
    for t in reversed(times):
        work.append(Step(gradient(at("hidden", t)), to_hidden(t)))
        work.append(Step(gradient(at("preactivation", t)), to_preactivation(t)))
    work += [
        Step(gradient("w_x"), summed(lambda v, da, t: np.outer(v["x"][t - 1], da))),
        Step(gradient("w_h"), summed(lambda v, da, t: np.outer(previous(v, "hidden", t), da))),
        Step(gradient("b"), summed(lambda v, da, t: da)),
        Step(gradient("x"), lambda v, g: np.stack([v["w_x"] @ g[at("preactivation", t)] for t in times])),
    ]
    state_constant = Mistake(per_step(steps, gradient, "hidden", lambda t: lambda v, g: g["output"][t - 1]))
    last_term = Mistake(
        {gradient("w_h"): lambda v, g: np.outer(previous(v, "hidden", steps), g[at("preactivation", steps)])}
    )
    not_shifted = Mistake({gradient("w_h"): summed(lambda v, da, t: np.outer(v[at("hidden", t)], da))})
    no_memory = Mistake(
        per_step(steps, value, "preactivation", lambda t: lambda v, g: v["x"][t - 1] @ v["w_x"] + v["b"])
        | per_step(steps, gradient, "hidden", lambda t: lambda v, g: g["output"][t - 1]),
        omitted=(gradient("w_h"),),
    )

    def from_raw(v: Lookup, t: int) -> Array:
        return v[at("preactivation", t - 1)] if t > 1 else np.zeros(h)

    raw_carried = Mistake(
        per_step(
            steps, value, "preactivation",
            lambda t: lambda v, g: v["x"][t - 1] @ v["w_x"] + from_raw(v, t) @ v["w_h"] + v["b"],
        ),
        only=tuple(value(at(name, t)) for t in times for name in ("preactivation", "hidden")),
    )  # fmt: skip
    late = Mistake(
        per_step(
            steps, value, "preactivation",
            lambda t: lambda v, g: (
                (v["x"][t - 2] if t > 1 else np.zeros(d)) @ v["w_x"]
                + previous(v, "hidden", t) @ v["w_h"] + v["b"]
            ),
        ),
        only=tuple(value(at(name, t)) for t in times for name in ("preactivation", "hidden")),
    )  # fmt: skip
    backwards = Mistake(
        per_step(
            steps, value, "preactivation",
            lambda t: lambda v, g: (
                v["x"][steps - t] @ v["w_x"] + previous(v, "hidden", t) @ v["w_h"] + v["b"]
            ),
        ),
        only=tuple(value(at(name, t)) for t in times for name in ("preactivation", "hidden")),
    )  # fmt: skip
    own_loss_left_out = Mistake(
        per_step(
            steps, gradient, "hidden",
            lambda t: lambda v, g: (
                v["w_h"] @ g[at("preactivation", t + 1)] if t < steps else g["output"][t - 1]
            ),
        )
    )  # fmt: skip
    at_preactivation = Mistake(
        per_step(
            steps, gradient, "preactivation",
            lambda t: lambda v, g: g[at("hidden", t)] * (1 - v[at("preactivation", t)] ** 2),
        )
    )  # fmt: skip
    return Sheet(
        "rnn", question("rnn", known, upstream), known, upstream, tuple(work),
        stacks(steps, ("preactivation", "hidden")),
        {
            "rnn.gradient_last_step_only": state_constant,
            "rnn.gradient_last_term_only": last_term,
            "rnn.gradient_state_not_shifted": not_shifted,
            "rnn.no_recurrence": no_memory,
            "rnn.preactivation_carried_on": raw_carried,
            "rnn.inputs_one_late": late,
            "rnn.read_backwards": backwards,
            "rnn.gradient_step_not_accumulated": own_loss_left_out,
            "activation.gradient_at_preactivation": at_preactivation,
        },
    )  # fmt: skip


def lstm(rng: np.random.Generator, steps: int, d: int, h: int) -> Sheet:
    draw = rng.standard_normal
    known = {
        "x": draw((steps, d)), "w_x": draw((d, 4 * h)), "w_h": draw((h, 4 * h)), "b": draw(4 * h),
        "start": np.zeros(h),
    }  # fmt: skip
    upstream = {"output": draw((steps, h))}
    times = range(1, steps + 1)
    a, i, f, n, c, o = "preactivation", "input_gate", "forget_gate", "candidate", "cell", "output_gate"

    def activated(part: str, function: Callable[[Array], Array], order: str = "ifco") -> FormulaAt:
        place = slice(order.index(part) * h, (order.index(part) + 1) * h)
        return lambda t: lambda v, g: function(v[at(a, t)][place])

    def affine(t: int) -> Formula:
        return lambda v, g: v["x"][t - 1] @ v["w_x"] + previous(v, "hidden", t) @ v["w_h"] + v["b"]

    def cell(t: int) -> Formula:
        return lambda v, g: v[at(f, t)] * previous(v, c, t) + v[at(i, t)] * v[at(n, t)]

    def hidden(t: int) -> Formula:
        return lambda v, g: v[at(o, t)] * np.tanh(v[at(c, t)])

    def to_hidden(t: int) -> Formula:
        def formula(v: Lookup, g: Lookup) -> Array:
            return g["output"][t - 1] + (v["w_h"] @ g[at(a, t + 1)] if t < steps else 0.0)

        return formula

    def to_cell(t: int) -> Formula:
        def formula(v: Lookup, g: Lookup) -> Array:
            here = g[at("hidden", t)] * v[at(o, t)] * (1 - np.tanh(v[at(c, t)]) ** 2)
            return here + (g[at(c, t + 1)] * v[at(f, t + 1)] if t < steps else 0.0)

        return formula

    def to_preactivation(t: int) -> Formula:
        def formula(v: Lookup, g: Lookup) -> Array:
            bent = [g[at(name, t)] * v[at(name, t)] * (1 - v[at(name, t)]) for name in (i, f, o)]
            candidate = g[at(n, t)] * (1 - v[at(n, t)] ** 2)
            return np.concatenate([bent[0], bent[1], candidate, bent[2]])

        return formula

    work: list[Step] = []
    for t in times:
        work += [
            Step(value(at(a, t)), affine(t)),
            Step(value(at(i, t)), activated("i", sigmoid)(t)),
            Step(value(at(f, t)), activated("f", sigmoid)(t)),
            Step(value(at(n, t)), activated("c", np.tanh)(t)),
            Step(value(at(c, t)), cell(t)),
            Step(value(at(o, t)), activated("o", sigmoid)(t)),
            Step(value(at("hidden", t)), hidden(t)),
        ]
    for t in reversed(times):
        work += [
            Step(gradient(at("hidden", t)), to_hidden(t)),
            Step(gradient(at(o, t)), _lstm_to_output(t)),
            Step(gradient(at(c, t)), to_cell(t)),
            Step(gradient(at(i, t)), _product(at(c, t), at(n, t))),
            Step(gradient(at(n, t)), _product(at(c, t), at(i, t))),
            Step(gradient(at(f, t)), _lstm_to_forget(t)),
            Step(gradient(at(a, t)), to_preactivation(t)),
        ]
    work += sums_over_time(times)
    forward = tuple(value(at(name, t)) for t in times for name in (a, i, f, n, c, o, "hidden"))
    gates = ((i, "i", sigmoid), (f, "f", sigmoid), (n, "c", np.tanh), (o, "o", sigmoid))
    exchanged = {
        key: formula
        for name, part, function in gates
        for key, formula in per_step(steps, value, name, activated(part, function, "iofc")).items()
    }
    without_forgetting = per_step(
        steps, value, c,
        lambda t: lambda v, g: previous(v, c, t) + v[at(i, t)] * v[at(n, t)],
    )  # fmt: skip
    mistakes = {
        "lstm.cell_added_for_multiplied": _forward(
            steps, c,
            lambda t: lambda v, g: v[at(f, t)] * previous(v, c, t) + v[at(i, t)] + v[at(n, t)],
            forward,
        ),
        "lstm.cell_products_swapped": _forward(
            steps, c,
            lambda t: lambda v, g: v[at(i, t)] * previous(v, c, t) + v[at(f, t)] * v[at(n, t)],
            forward,
        ),
        "lstm.coupled_gates": _forward(steps, f, lambda t: lambda v, g: 1 - v[at(i, t)], forward),
        "lstm.cell_without_tanh": Mistake(
            per_step(steps, value, "hidden", lambda t: lambda v, g: v[at(o, t)] * v[at(c, t)])
            | per_step(steps, gradient, o, lambda t: _product(at("hidden", t), at(c, t)))
            | per_step(steps, gradient, c, _cell_without_tanh(steps))
        ),
        "lstm.forget_gate_left_out": Mistake(without_forgetting, only=forward),
        "lstm.hidden_for_cell": _forward(
            steps, c,
            lambda t: lambda v, g: v[at(f, t)] * previous(v, "hidden", t) + v[at(i, t)] * v[at(n, t)],
            forward,
        ),
        "lstm.gates_in_order_i_o_f_g": Mistake(exchanged, only=forward),
    }  # fmt: skip
    return Sheet(
        "lstm", question("lstm", known, upstream), known, upstream, tuple(work),
        stacks(steps, (a, i, f, n, c, o, "hidden")), mistakes,
    )  # fmt: skip


def _forward(steps: int, name: str, make: FormulaAt, only: tuple[Key, ...]) -> Mistake:
    """A mistake at every step in time, of which only the forward values are written down."""
    return Mistake(per_step(steps, value, name, make), only=only)


def _product(of: str, with_value: str) -> Formula:
    """The gradient of `of` times a value."""
    return lambda v, g: g[of] * v[with_value]


def _lstm_to_output(t: int) -> Formula:
    return lambda v, g: g[at("hidden", t)] * np.tanh(v[at("cell", t)])


def _lstm_to_forget(t: int) -> Formula:
    return lambda v, g: g[at("cell", t)] * previous(v, "cell", t)


def _cell_without_tanh(steps: int) -> FormulaAt:
    def make(t: int) -> Formula:
        def formula(v: Lookup, g: Lookup) -> Array:
            here = g[at("hidden", t)] * v[at("output_gate", t)]
            later = g[at("cell", t + 1)] * v[at("forget_gate", t + 1)] if t < steps else 0.0
            return here + later

        return formula

    return make


def sums_over_time(times: range) -> list[Step]:
    """The gradients of weights, bias and inputs, summed over all steps in time."""
    a = "preactivation"
    return [
        Step(gradient("w_x"), lambda v, g: sum(np.outer(v["x"][t - 1], g[at(a, t)]) for t in times)),
        Step(
            gradient("w_h"), lambda v, g: sum(np.outer(previous(v, "hidden", t), g[at(a, t)]) for t in times)
        ),
        Step(gradient("b"), lambda v, g: sum(g[at(a, t)] for t in times)),
        Step(gradient("x"), lambda v, g: np.stack([v["w_x"] @ g[at(a, t)] for t in times])),
    ]


def sheets(rng: np.random.Generator) -> Iterator[Sheet]:
    for steps, d, h in ((3, 2, 2), (4, 1, 3), (2, 3, 2)):
        yield rnn(rng, steps, d, h)
    for steps, d, h in ((3, 2, 2), (2, 1, 3)):
        yield lstm(rng, steps, d, h)
    for steps, d, h, reset_after in ((3, 2, 2, True), (3, 1, 3, False)):
        yield Gru(steps, h, reset_after).sheet(rng, d)

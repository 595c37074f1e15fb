"""Primitives that compute all steps of a recurrent layer at once, if no single step is requested."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from compute.dimensions import Shape, ShapeError, product, show
from compute.graph.primitive import Cost, Primitive, no_cost
from compute.graph.work import CALL, ENTRY, count_entries
from compute.latex import Formula
from compute.primitives.fused import keeping, kept_gradients
from compute.primitives.scans import ElmanScan, GatedScan, LongShortTermScan


def _check_shapes(terms: Shape, w_h: Shape, start: Shape, gates: int) -> None:
    """Raise ShapeError if the terms, the weights and the initial state do not fit together."""
    if (
        len(terms) < 2
        or len(w_h) != 2
        or w_h[0] != start[-1]
        or terms[-1] != w_h[1]
        or w_h[1] != w_h[0] * gates
    ):
        raise ShapeError(f"the inner sizes of {show(terms)}, {show(w_h)} and {show(start)} differ")
    if start[:-1] != terms[:-2]:
        raise ShapeError(f"the batch axes of {show(start)} and {show(terms)} differ")


def _rnn_shape(terms: Shape, w_h: Shape, start: Shape, running: Shape, **settings: Any) -> Shape:
    _check_shapes(terms, w_h, start, 1)
    return terms


def _scan_rules(
    cost: Callable[..., Cost],
    chain: Callable[..., int],
    forward: int,
    backward: int,
    functions: int,
    kept: int,
) -> dict[str, Any]:
    """Return the rules for cost, depth, work and scratch that all scans share.

    cost: the cost of all steps.
    chain(shapes, settings): the steps of arithmetic from one state to the next, each of which needs the last.

    forward, backward: NumPy calls at each step of either pass.
    functions: the number of functions evaluated for each entry of a state.
    kept: the size of kept values, in quarters of the size of the terms.
    """

    def work(shape: Shape, terms: Shape, w_h: Shape, *others: Shape, **settings: Any) -> int:
        steps, entries = count_entries(terms[-2:-1]), count_entries(terms)
        products = entries * count_entries(w_h[:1])
        return CALL * forward * steps + products + functions * ENTRY * entries

    def gradient_work(
        place: int, shape: Shape, terms: Shape, w_h: Shape, *others: Shape, **settings: Any
    ) -> int:
        """Count half of the backward pass: all gradients share it, and usually at least two are requested."""
        steps, entries = count_entries(terms[-2:-1]), count_entries(terms)
        products = 2 * entries * count_entries(w_h[:1])
        return (CALL * backward * steps + products + 3 * functions * ENTRY * entries) // 2

    def scratch(shape: Shape, terms: Shape, *others: Shape, **settings: Any) -> int:
        return kept * count_entries(terms) // 4

    def gradient_cost(place: int, shape: Shape, *shapes: Shape, **settings: Any) -> Cost:
        """Count the way back through the states as the gradient of the terms; then that of the weights."""
        whole = cost(shape, *shapes, **settings)
        return whole if place == 0 else Cost(whole.multiply_adds) if place == 1 else Cost()

    return {
        "cost": cost,
        "gradient_cost": gradient_cost,
        "depth": lambda shape, *shapes, **settings: chain(shapes, settings) * shapes[0][-2],
        "work": work,
        "gradient_work": gradient_work,
        "scratch": scratch,
        "gradient_scratch": lambda place, shape, terms, *others, **settings: 2 * count_entries(terms),
    }


def _rnn_cost(shape: Shape, terms: Shape, w_h: Shape, *others: Shape, activation: str, reverse: bool) -> Cost:
    entries = product(shape)
    return Cost(entries * w_h[0], entries * (1 if activation == "identity" else 2))


def _rnn_chain(shapes: Sequence[Shape], settings: Mapping[str, Any]) -> int:
    """Count a product, a sum and the activation."""
    return 2 if settings["activation"] == "identity" else 3


def _gru_chain(shapes: Sequence[Shape], settings: Mapping[str, Any]) -> int:
    """Count the reset gate, the candidate and the new state; another product if it is of the reset state."""
    return 8 + bool(shapes[2]) if settings["reset_after"] else 9


def _latex(name: str) -> Callable[..., Formula]:
    def formula(terms: Formula, *others: Formula, **settings: Any) -> Formula:
        return Formula(rf"\operatorname{{{name}}}\left({terms.text},\ {others[0].text}\right)")

    return formula


always_true = Primitive(
    "always_true",
    forward=lambda xp: np.ones((1, 1), dtype=bool),
    shape=lambda: (1, 1),
    latex=lambda: Formula(r"\text{true}"),
    kind="boolean",
    cost=no_cost,
    expects="no operands",
    meaning="The mask of running sequences if every sequence has all steps: (1, 1), true.",
)


rnn_scan = Primitive(
    "rnn_scan",
    forward=lambda xp, terms, w_h, start, running, *, activation, reverse: (
        ElmanScan(xp, terms, w_h, start, running, activation=activation, reverse=reverse).result
    ),
    keeping=keeping(ElmanScan),
    gradients=kept_gradients("terms", "w_h", "start"),
    tangents="complex_step",
    shape=_rnn_shape,
    latex=_latex("rnn"),
    **_scan_rules(_rnn_cost, _rnn_chain, 6, 10, 4, 1),
    operand_kinds={"running": ("boolean",)},
    expects="terms (..., steps, h), weights (h, h) and a first state (..., h)",
)


def _lstm_shape(
    terms: Shape, w_h: Shape, start: Shape, cell: Shape, running: Shape, **settings: Any
) -> Shape:
    _check_shapes(terms, w_h, start, 4)
    _check_shapes(terms, w_h, cell, 4)
    return (2, *terms[:-1], start[-1])


def _lstm_cost(shape: Shape, terms: Shape, w_h: Shape, *others: Shape, **settings: Any) -> Cost:
    return Cost(product(terms) * w_h[0], product(shape[1:]) * 13)


# The hidden states and the cell states, stacked along a new first axis.
lstm_scan = Primitive(
    "lstm_scan",
    forward=lambda xp, terms, w_h, start, cell, running, *, order, reverse: (
        LongShortTermScan(xp, terms, w_h, start, cell, running, order=order, reverse=reverse).result
    ),
    keeping=keeping(LongShortTermScan),
    gradients=kept_gradients("terms", "w_h", "start", "cell"),
    tangents="complex_step",
    shape=_lstm_shape,
    latex=_latex("lstm"),
    **_scan_rules(_lstm_cost, lambda shapes, settings: 7, 25, 40, 4, 5),
    operand_kinds={"running": ("boolean",)},
    expects="terms (..., steps, 4*h), weights (h, 4*h), and a first state and cell (..., h)",
)


def _gru_shape(terms: Shape, w_h: Shape, b_h: Shape, start: Shape, running: Shape, **settings: Any) -> Shape:
    _check_shapes(terms, w_h, start, 3)
    if b_h not in ((), w_h[1:]):
        raise ShapeError(f"the bias {show(b_h)} does not fit the weights {show(w_h)}")
    return (*terms[:-1], start[-1])


def _gru_cost(shape: Shape, terms: Shape, w_h: Shape, b_h: Shape, *others: Shape, **settings: Any) -> Cost:
    return Cost(product(terms) * w_h[0], product(shape) * (14 if b_h else 11))


gru_scan = Primitive(
    "gru_scan",
    forward=lambda xp, terms, w_h, b_h, start, running, *, reset_at, reset_after, reverse: (
        GatedScan(
            xp, terms, w_h, b_h, start, running, reset_at=reset_at, reset_after=reset_after, reverse=reverse
        ).result
    ),
    keeping=keeping(GatedScan),
    gradients=kept_gradients("terms", "w_h", "b_h", "start"),
    tangents="complex_step",
    shape=_gru_shape,
    latex=_latex("gru"),
    **_scan_rules(_gru_cost, _gru_chain, 25, 40, 4, 6),
    operand_kinds={"running": ("boolean",)},
    expects="terms (..., steps, 3*h), weights (h, 3*h), a bias and a first state (..., h)",
)

"""Primitives that take all steps of a recurrent layer at once, where no step is asked for by name."""

from collections.abc import Callable
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, product, show
from compute.graph.primitive import Cost, Primitive, no_cost
from compute.graph.work import CALL, ENTRY, count_entries
from compute.latex import Formula
from compute.primitives.fused import keeping, kept_gradients
from compute.primitives.scans import ElmanScan, GatedScan, LongShortTermScan


def _fits(terms: Shape, w_h: Shape, start: Shape, gates: int) -> None:
    """Raise ShapeError where what comes in, the weights and the first state do not go together."""
    if (
        len(terms) < 2
        or len(w_h) != 2
        or w_h[0] != start[-1]
        or terms[-1] != w_h[1]
        or w_h[1] != w_h[0] * gates
    ):
        raise ShapeError(f"the inner sizes of {show(terms)}, {show(w_h)} and {show(start)} differ")
    if start[:-1] != terms[:-2]:
        raise ShapeError(f"{show(start)} does not begin as {show(terms)} does")


def _rnn_shape(terms: Shape, w_h: Shape, start: Shape, going: Shape, **settings: Any) -> Shape:
    _fits(terms, w_h, start, 1)
    return terms


def _turns(forward: int, back: int, width: int, kept: int) -> dict[str, Any]:
    """What all scans take: so many calls at each step, there and back.

    width: the functions that are taken for each entry of a state; kept: the numbers, in quarters of those
    that come in.
    """

    def work(shape: Shape, terms: Shape, w_h: Shape, *others: Shape, **settings: Any) -> int:
        steps, width_of_all = count_entries(terms[-2:-1]), count_entries(terms)
        products = width_of_all * count_entries(w_h[:1])
        return CALL * forward * steps + products + width * ENTRY * width_of_all

    def gradient_work(
        place: int, shape: Shape, terms: Shape, w_h: Shape, *others: Shape, **settings: Any
    ) -> int:
        """All gradients are found together, and at least two are wanted as a rule."""
        steps, width_of_all = count_entries(terms[-2:-1]), count_entries(terms)
        products = 2 * width_of_all * count_entries(w_h[:1])
        return (CALL * back * steps + products + 3 * width * ENTRY * width_of_all) // 2

    def scratch(shape: Shape, terms: Shape, *others: Shape, **settings: Any) -> int:
        return kept * count_entries(terms) // 4

    return {
        "work": work,
        "gradient_work": gradient_work,
        "scratch": scratch,
        "gradient_scratch": lambda place, shape, terms, *others, **settings: 2 * count_entries(terms),
    }


def _rnn_cost(shape: Shape, terms: Shape, w_h: Shape, *others: Shape, activation: str, reverse: bool) -> Cost:
    entries = product(shape)
    return Cost(entries * w_h[0], entries * (1 if activation == "identity" else 2))


def _latex(name: str) -> Callable[..., Formula]:
    def written(terms: Formula, *others: Formula, **settings: Any) -> Formula:
        return Formula(rf"\operatorname{{{name}}}\left({terms.text},\ {others[0].text}\right)")

    return written


def _all(xp: Arithmetic) -> Array:
    return np.ones((1, 1), dtype=bool)


# That every sequence runs through all steps.
unending = Primitive(
    "unending",
    forward=_all,
    shape=lambda: (1, 1),
    latex=lambda: Formula(r"\text{true}"),
    kind="boolean",
    cost=no_cost,
    expects="no operands",
)


rnn_scan = Primitive(
    "rnn_scan",
    forward=lambda xp, terms, w_h, start, going, *, activation, reverse: (
        ElmanScan(xp, terms, w_h, start, going, activation=activation, reverse=reverse).result
    ),
    keeping=keeping(ElmanScan),
    gradients=kept_gradients("terms", "w_h", "start"),
    tangents="complex_step",
    shape=_rnn_shape,
    latex=_latex("rnn"),
    cost=_rnn_cost,
    **_turns(6, 10, 4, 1),
    operand_kinds={"going": ("boolean",)},
    expects="terms (..., steps, h), weights (h, h) and a first state (..., h)",
)


def _lstm_shape(terms: Shape, w_h: Shape, start: Shape, cell: Shape, going: Shape, **settings: Any) -> Shape:
    _fits(terms, w_h, start, 4)
    _fits(terms, w_h, cell, 4)
    return (2, *terms[:-1], start[-1])


def _lstm_cost(shape: Shape, terms: Shape, w_h: Shape, *others: Shape, **settings: Any) -> Cost:
    return Cost(product(terms) * w_h[0], product(shape[1:]) * 13)


# The hidden states, and the cells.
lstm_scan = Primitive(
    "lstm_scan",
    forward=lambda xp, terms, w_h, start, cell, going, *, order, reverse: (
        LongShortTermScan(xp, terms, w_h, start, cell, going, order=order, reverse=reverse).result
    ),
    keeping=keeping(LongShortTermScan),
    gradients=kept_gradients("terms", "w_h", "start", "cell"),
    tangents="complex_step",
    shape=_lstm_shape,
    latex=_latex("lstm"),
    cost=_lstm_cost,
    **_turns(25, 40, 4, 5),
    operand_kinds={"going": ("boolean",)},
    expects="terms (..., steps, 4*h), weights (h, 4*h), and a first state and cell (..., h)",
)


def _gru_shape(terms: Shape, w_h: Shape, b_h: Shape, start: Shape, going: Shape, **settings: Any) -> Shape:
    _fits(terms, w_h, start, 3)
    if b_h not in ((), w_h[1:]):
        raise ShapeError(f"{show(b_h)} is no bias of {show(w_h)}")
    return (*terms[:-1], start[-1])


def _gru_cost(shape: Shape, terms: Shape, w_h: Shape, b_h: Shape, *others: Shape, **settings: Any) -> Cost:
    return Cost(product(terms) * w_h[0], product(shape) * (14 if b_h else 11))


gru_scan = Primitive(
    "gru_scan",
    forward=lambda xp, terms, w_h, b_h, start, going, *, reset_at, reset_after, reverse: (
        GatedScan(
            xp, terms, w_h, b_h, start, going, reset_at=reset_at, reset_after=reset_after, reverse=reverse
        ).result
    ),
    keeping=keeping(GatedScan),
    gradients=kept_gradients("terms", "w_h", "b_h", "start"),
    tangents="complex_step",
    shape=_gru_shape,
    latex=_latex("gru"),
    cost=_gru_cost,
    **_turns(25, 40, 4, 6),
    operand_kinds={"going": ("boolean",)},
    expects="terms (..., steps, 3*h), weights (h, 3*h), a bias and a first state (..., h)",
)

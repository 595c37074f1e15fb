"""Dropout masks: drawn from a seed, and all masks of a shape."""

import math
from collections.abc import Mapping

import numpy as np

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import Expression
from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, Size, product, show
from compute.graph.primitive import Primitive, no_cost
from compute.latex import Formula, constant_latex
from compute.primitives.draws import BITS, draw_bits

MOST_DROPPED = 12  # the most entries for which all masks are enumerated: 2 to this power


def _draw(
    xp: Arithmetic, *, to: tuple[int, ...], seed: int, expression: Expression, sizes: Mapping[str, Size]
) -> Array:
    """Draw a mask by comparing the generator's bits as integers, which NumPy guarantees for every version."""
    least = math.ceil(evaluate(expression, sizes) * 2**BITS)
    kept: Array = draw_bits(seed, math.prod(to)) >= np.uint64(least)
    return kept.reshape(to)


# True with probability 1 - expression, drawn per entry from a seed; the same in every arithmetic.
bernoulli_mask = Primitive(
    "bernoulli_mask",
    forward=_draw,
    moments="mask",
    shape=lambda to, seed, expression, sizes: to,
    latex=lambda to, seed, expression, sizes: Formula(
        rf"\left[U_{{{seed}}} \ge {constant_latex(expression).text}\right]"
    ),
    scratch=lambda shape, **attributes: product(shape),
    kind="boolean",
    expects="no operands",
    convention={
        "generator": "PCG64 of NumPy, of the seed: an entry, row by row, is kept where the upper 53 of its 64"
        " bits, over 2**53, are at least the rate; np.random.default_rng(seed).random(shape) >= rate"
    },
)

full_mask = Primitive(
    "full_mask",
    forward=lambda xp, *, to: np.ones(to, dtype=np.bool_),
    shape=lambda to: to,
    latex=lambda to: Formula(r"\mathbf{1}"),
    cost=no_cost,
    kind="boolean",
    expects="no operands",
    meaning="True everywhere.",
)


def _enumerate_masks(xp: Arithmetic, *, to: tuple[int, ...]) -> Array:
    entries = math.prod(to)
    places = np.arange(entries)[::-1]
    return ((np.arange(2**entries)[:, None] >> places) & 1).astype(np.bool_).reshape(-1, *to)


def _enumerate_masks_shape(*, to: Shape) -> Shape:
    entries = product(to)
    if not isinstance(entries, int) or entries > MOST_DROPPED:
        raise ShapeError(f"{show(to)} has more than {MOST_DROPPED} entries, and too many masks")
    return (2**entries, *to)


all_masks = Primitive(
    "all_masks",
    forward=_enumerate_masks,
    shape=_enumerate_masks_shape,
    latex=lambda to: Formula(rf"\left\{{0, 1\right\}}^{{{product(to)}}}"),
    cost=no_cost,
    kind="boolean",
    expects="no operands",
    meaning="All masks of a shape along a new first axis, in binary order from all false to all true.",
)

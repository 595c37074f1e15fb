"""Primitives of masks that drop entries: drawn from a seed, all that there are, and masks as numbers."""

import math
from collections.abc import Mapping

import numpy as np

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import Expression
from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, Size, product, show
from compute.errors import UnfitEntries, describe_first_unfit
from compute.graph.primitive import Primitive, no_cost
from compute.latex import PRODUCT, Formula, constant_latex

MOST_DROPPED = 12  # entries of which every mask is made: there are 2 to this power
_BITS = 53  # of a float64's fraction, of the 64 that the generator gives


def _drawn(
    xp: Arithmetic, *, to: tuple[int, ...], seed: int, expression: Expression, sizes: Mapping[str, Size]
) -> Array:
    """Bits are compared as whole numbers: what NumPy guarantees of every version is the generator's bits.

    They are those of which its `Generator.random` makes fractions of 2^53.
    """
    bits = np.random.PCG64(seed).random_raw(math.prod(to))
    least = math.ceil(evaluate(expression, sizes) * 2**_BITS)
    kept: Array = np.right_shift(bits, 64 - _BITS, out=bits) >= np.uint64(least)
    return kept.reshape(to)


# True with probability 1 - expression, entry by entry from a seed: the same in every kind of number.
bernoulli_mask = Primitive(
    "bernoulli_mask",
    forward=_drawn,
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

# True everywhere.
full_mask = Primitive(
    "full_mask",
    forward=lambda xp, *, to: np.ones(to, dtype=np.bool_),
    shape=lambda to: to,
    latex=lambda to: Formula(r"\mathbf{1}"),
    cost=no_cost,
    kind="boolean",
    expects="no operands",
)


def _every(xp: Arithmetic, *, to: tuple[int, ...]) -> Array:
    entries = math.prod(to)
    places = np.arange(entries)[::-1]
    return ((np.arange(2**entries)[:, None] >> places) & 1).astype(np.bool_).reshape(-1, *to)


def _every_shape(*, to: Shape) -> Shape:
    entries = product(to)
    if not isinstance(entries, int) or entries > MOST_DROPPED:
        raise ShapeError(f"{show(to)} has more than {MOST_DROPPED} entries, and too many masks")
    return (2**entries, *to)


# Every mask of a shape, one behind the other: counted in binary from all false to all true.
all_masks = Primitive(
    "all_masks",
    forward=_every,
    shape=_every_shape,
    latex=lambda to: Formula(rf"\left\{{0, 1\right\}}^{{{product(to)}}}"),
    cost=no_cost,
    kind="boolean",
    expects="no operands",
)


def _numbers(xp: Arithmetic, mask: Array) -> Array:
    if mask.dtype == np.bool_:
        return xp.whole(mask.astype(np.intp))
    try:
        xp.places(mask, 1)
    except ValueError:
        raise UnfitEntries(
            "mask",
            "holds a number that is neither 0 nor 1",
            "booleans, or the numbers 0 and 1",
            describe_first_unfit(mask, lambda part: xp.places(part, 1)),
        ) from None
    return mask


# A mask that is true where another is false.
complement = Primitive(
    "complement",
    forward=lambda xp, mask: ~mask if mask.dtype == np.bool_ else xp.places(_numbers(xp, mask), 1) == 0,
    shape=lambda mask: mask,
    latex=lambda mask: Formula(rf"\neg {mask.at(PRODUCT)}", PRODUCT, mask.scalar),
    cost=no_cost,
    operand_kinds={"mask": ("boolean", "real")},
    kind="boolean",
    expects="a mask",
)

# A mask as numbers: 1 where it is true, 0 where it is false. It is not differentiated by.
as_numbers = Primitive(
    "as_numbers",
    forward=_numbers,
    shape=lambda mask: mask,
    latex=lambda mask: Formula(mask.at(PRODUCT), PRODUCT, mask.scalar),
    cost=no_cost,
    operand_kinds={"mask": ("boolean", "real")},
    expects="a mask",
)

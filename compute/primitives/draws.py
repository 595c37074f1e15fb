"""Random numbers drawn from a seed, by arithmetic on the bits of a generator that NumPy guarantees."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from compute.arithmetic.expressions import HALF, parse
from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, product
from compute.graph.primitive import Primitive
from compute.latex import Formula
from compute.primitives.scalars import count

BITS = 53  # the bits of a float64's fraction, out of the generator's 64
TWO_PI = parse("2*pi")
Family = Literal["uniform", "normal"]


def draw_bits(seed: int, entries: int) -> NDArray[np.uint64]:
    """Return the upper 53 bits of each of the generator's first numbers.

    They are the bits from which `Generator.random` makes fractions of 2^53.
    """
    bits: NDArray[np.uint64] = np.random.PCG64(seed).random_raw(entries)
    return np.right_shift(bits, np.uint64(64 - BITS), out=bits)


def _fraction(xp: Arithmetic, numerators: NDArray[np.int64]) -> Array:
    return xp.divide(xp.whole(numerators), count(xp, 2**BITS))


def _draw(xp: Arithmetic, *, to: tuple[int, ...], seed: int, family: Family) -> Array:
    """Draw uniform numbers, or normal ones by the transformation of Box and Muller."""
    entries = math.prod(to)
    if family == "uniform":
        return _fraction(xp, draw_bits(seed, entries).astype(np.int64)).reshape(to)
    pairs = draw_bits(seed, 2 * entries).astype(np.int64).reshape(entries, 2)
    # 1 - u is never 0, in no arithmetic.
    radius = xp.power(xp.multiply(count(xp, -2), xp.log(_fraction(xp, 2**BITS - pairs[:, 0]))), HALF)
    angle = xp.multiply(xp.constant(TWO_PI, {}), _fraction(xp, pairs[:, 1]))
    return xp.multiply(radius, xp.cos(angle)).reshape(to)


def _draw_convention(to: Shape, seed: int, family: Family) -> dict[str, str]:
    uniform = "PCG64 of NumPy, of the seed: u is the upper 53 of the 64 bits of each number, over 2**53"
    if family == "uniform":
        return {"uniform_draws": f"{uniform}; np.random.default_rng(seed).random(shape)"}
    return {"normal_draws": f"{uniform}; entry i, row by row, is sqrt(-2 log(1 - u[2i])) cos(2 pi u[2i + 1])"}


# Uniform on [0, 1), or normal with mean 0 and variance 1.
random_draw = Primitive(
    "random_draw",
    forward=_draw,
    moments="draw",
    shape=lambda to, seed, family: to,
    latex=lambda to, seed, family: Formula(f"{'U' if family == 'uniform' else 'N'}_{{{seed}}}"),
    scratch=lambda shape, **attributes: 4 * product(shape),
    expects="no operands",
    convention=_draw_convention,
)

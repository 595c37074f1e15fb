"""Rows normalized with gain and bias in one step, where no value between is asked for.

The arithmetic is that of the steps one by one, in the same order, so that an answer has the same digits
whichever values are asked for. Some rows are taken at a time, so that caches hold what is worked on.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from compute.arithmetic.expressions import HALF, Expression, number, parse
from compute.arithmetic.namespace import Arithmetic, Array, into, unbroadcast
from compute.dimensions import Shape, ShapeError, Size, product, show
from compute.latex import PRODUCT, SUM, Formula, constant_latex
from compute.primitive import Cost, Primitive
from compute.primitives.entries import count
from compute.primitives.together import Gradients, Together, keeping, kept_gradients

BLOCK = 2**15  # numbers of one block
TWO = number(2)
MINUS_HALF = parse("-1/2")


class Normalized(Together):
    """Rows, normalized, and the means and deviations that their gradients need."""

    def __init__(
        self,
        xp: Arithmetic,
        x: Array,
        gain: Array,
        bias: Array,
        epsilon: Expression,
        sizes: Mapping[str, Size],
        centered: bool,
    ) -> None:
        self.xp, self.shape, self.centered = xp, x.shape, centered
        length = x.shape[-1]
        self.gain_shape, self.bias_shape = gain.shape, bias.shape
        self.x = x.reshape(-1, length)
        self.count = count(xp, length)
        block = min(len(self.x), max(1, BLOCK // length))
        # Memory that is new costs more than arithmetic, so it is kept for the way back. The gain stands once
        # for each row, since a product of arrays of one shape takes half the time of one that broadcasts.
        self.room = np.empty((4, block, length), np.result_type(x, gain, bias))
        self.gains, biases = (
            np.repeat(np.broadcast_to(one, (1, length)), block, axis=0) for one in (gain, bias)
        )
        self.means, self.squares = (np.empty((len(self.x), 1), x.dtype) for _ in range(2))
        self.epsilon = xp.constant(epsilon, dict(sizes))
        self._normalize(biases)

    def _blocks(self) -> Iterator[tuple[slice, Array]]:
        """Some rows at a time, with the room there is for them."""
        block = self.room.shape[1]
        for first in range(0, len(self.x), block):
            last = min(first + block, len(self.x))
            yield slice(first, last), self.room[:, : last - first]

    def _average(self, rows: Array) -> Array:
        return self.xp.divide(self.xp.sum(rows, -1), self.count)

    def _center(self, rows: slice, room: Array) -> Array:
        """The entries less their mean; as they are where nothing is centered."""
        if not self.centered:
            return self.x[rows]
        into(room, self.xp.subtract, self.x[rows], self.means[rows])
        return room

    def _deviations(self, rows: slice) -> Array:
        return self.xp.power(self.xp.add(self.squares[rows], self.epsilon), HALF)

    def _normalize(self, biases: Array) -> None:
        xp, result = self.xp, np.empty(self.x.shape, self.room.dtype)
        for rows, (first, second, *_) in self._blocks():
            if self.centered:
                self.means[rows] = self._average(self.x[rows])
            entries = self._center(rows, first)
            into(second, xp.multiply, entries, entries)
            self.squares[rows] = self._average(second)
            into(first, xp.divide, entries, self._deviations(rows))
            into(first, xp.multiply, first, self.gains[: len(first)])
            into(result[rows], xp.add, first, biases[: len(first)])
        self.result = result.reshape(self.shape)

    def differentiate(self, g: Array) -> Gradients:
        """The gradients of x, gain and bias, along the paths of the steps one by one.

        With c = x - mean, v = mean(c^2), d = sqrt(v + epsilon) and u = g gain, that of x is the sum of u/d
        (directly), 2 c dv/n (through the variance) and minus the mean of both (through the mean), where
        dv = -sum(u c/d^2)/(2 d).
        """
        xp, flat = self.xp, g.reshape(self.x.shape)
        result = np.empty(flat.shape, self.room.dtype)
        for rows, (first, second, *_) in self._blocks():
            into(second, xp.divide, self._center(rows, first), self._deviations(rows))
            into(result[rows], xp.multiply, flat[rows], second)
        to_gain = unbroadcast(xp, result.reshape(self.shape), self.gain_shape).copy()
        half, two = xp.constant(HALF, {}), count(xp, 2)
        for rows, (first, second, third, fourth) in self._blocks():
            entries, deviations = self._center(rows, first), self._deviations(rows)
            into(second, xp.divide, entries, deviations)
            into(third, xp.multiply, flat[rows], self.gains[: len(first)])
            into(second, xp.multiply, third, second)
            into(second, xp.divide, second, deviations)
            to_deviations = xp.negative(xp.sum(second, -1))
            root = xp.power(xp.add(self.squares[rows], self.epsilon), MINUS_HALF)
            to_squares = xp.multiply(to_deviations, xp.multiply(half, root))
            into(second, xp.multiply, entries, two)
            into(second, xp.multiply, second, xp.divide(to_squares, self.count))
            into(third, xp.divide, third, deviations)
            into(fourth, xp.add, third, second)
            if self.centered:
                to_means = xp.negative(xp.add(xp.sum(third, -1), xp.sum(second, -1)))
                into(fourth, xp.add, fourth, xp.divide(to_means, self.count))
            result[rows] = fourth
        return result.reshape(self.shape), to_gain, unbroadcast(xp, g, self.bias_shape)


def _shape(x: Shape, gain: Shape, bias: Shape, **settings: Any) -> Shape:
    for one in (gain, bias):
        if one not in ((), x[-1:]):
            raise ShapeError(f"{show(one)} is not for the last axis of {show(x)}")
    return x


def normalized_latex(
    x: Formula, gain: Formula, bias: Formula, epsilon: Expression, *, centered: bool = True
) -> Formula:
    """The formula of what is normalized, with a gain other than 1 and a bias other than 0."""
    a = x.text
    if centered:
        above = rf"{a} - \operatorname{{mean}}\left({a}\right)"
        square = rf"\operatorname{{var}}\left({a}\right)"
    else:
        above, square = a, rf"\operatorname{{mean}}\left({x.at(PRODUCT)}^{{2}}\right)"
    fraction = rf"\frac{{{above}}}{{\sqrt{{{square} + {constant_latex(epsilon).at(SUM)}}}}}"
    found = Formula(fraction, PRODUCT)
    if gain.text != "1":
        sign = r"\cdot" if gain.scalar else r"\odot"
        found = Formula(rf"{fraction} {sign} {gain.at(PRODUCT)}", PRODUCT)
    return found if bias.text == "0" else Formula(rf"{found.text} + {bias.at(SUM)}", SUM)


# (x - mean(x))/sqrt(var(x) + epsilon) gain + bias over the last axis; if not `centered`, the same with
# mean(x) = 0. Gain and bias are of the shape of that axis, or single numbers.
normalized_rows = Primitive(
    "normalized_rows",
    forward=lambda xp, x, gain, bias, *, epsilon, sizes, centered: (
        Normalized(xp, x, gain, bias, epsilon, sizes, centered).result
    ),
    keeping=keeping(Normalized),
    gradients=kept_gradients("x", "gain", "bias"),
    tangents="complex_step",
    shape=_shape,
    latex=lambda x, gain, bias, epsilon, centered, **settings: normalized_latex(
        x, gain, bias, epsilon, centered=centered
    ),
    cost=lambda shape, x, gain, bias, **settings: Cost(
        elementwise=(7 if settings["centered"] else 5) * product(x)
    ),
    scratch=lambda shape, x, gain, bias, **settings: product(x) + 6 * BLOCK,
    expects="x, and a gain and a bias of the shape of its last axis",
    broadcasts=True,
    spreads=True,
    spreads_back=True,
)

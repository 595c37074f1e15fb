"""Rows normalized with gain and bias in one step, where no value between is asked for.

Each row of the result is a combination of three rows: of the entries times the gain, of the bias and of the
gain; and so is each row of the gradient of x: of the gradient times the gain, of the entries and of ones. One
product of matrices takes all three. Some rows are taken at a time, so that caches hold what is worked on.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from compute.arithmetic.expressions import HALF, Expression
from compute.arithmetic.namespace import Arithmetic, Array, into
from compute.dimensions import Shape, ShapeError, Size, product, show
from compute.latex import PRODUCT, SUM, Formula, constant_latex
from compute.primitive import Cost, Primitive
from compute.primitives.entries import count
from compute.primitives.together import Gradients, Together, keeping, kept_gradients

BLOCK = 2**16  # numbers of one block


class Normalized(Together):
    """Rows, normalized, and what is kept of them for their gradients."""

    def __init__(
        self,
        xp: Arithmetic,
        x: Array,
        gain: Array,
        bias: Array,
        epsilon: Expression,
        sizes: Mapping[str, Size],
        over: int,
        centered: bool,
    ) -> None:
        self.xp, self.shape, self.centered = xp, x.shape, centered
        self.inner = x.shape[x.ndim - over :]
        self.length = math.prod(self.inner)
        self.x = x.reshape(-1, self.length)
        self.count = count(xp, self.length)
        self.gain, shift = (np.broadcast_to(one, self.inner).reshape(-1) for one in (gain, bias))
        # The rows that are combined, one behind the other for all rows of a block. Kept for the way back too,
        # since memory that is new costs more than arithmetic; and the gain once for each row, since a product
        # of arrays of one shape takes half the time of one that broadcasts.
        block = min(len(self.x), max(1, BLOCK // self.length))
        kinds = 3 if centered else 2
        self.room = np.empty((kinds, block, self.length), np.result_type(x, gain, bias))
        self.gains = np.repeat(self.gain[None], block, axis=0)
        self._measure(xp.constant(epsilon, dict(sizes)))
        self._normalize(shift)

    def _blocks(self) -> Iterator[tuple[slice, Array]]:
        """Some rows at a time, with the room there is for them."""
        block = len(self.gains)
        for first in range(0, len(self.x), block):
            last = min(first + block, len(self.x))
            yield slice(first, last), self.room[:, : last - first]

    def _ones(self, *shape: int) -> Array:
        return self.xp.whole(np.ones(shape, dtype=np.intp))

    def _measure(self, epsilon: Array) -> None:
        """The mean of each row, and one over its deviation, as columns."""
        xp = self.xp
        self.one = self._ones(1, 1)
        if self.centered:
            self.means = xp.divide(xp.matmul(self.x, self._ones(self.length, 1)), self.count)
        else:
            self.means = np.broadcast_to(xp.zeros(()), (len(self.x), 1))
        squares = xp.variances(self.x, self.means)
        self.inverses = xp.divide(self.one, xp.power(xp.add(squares, epsilon), HALF))
        self.below = xp.negative(xp.multiply(self.means, self.inverses))

    def _combined(self, columns: list[Array]) -> Array:
        """What the rows that are combined are multiplied by: a matrix of one row for each row."""
        kept = columns if self.centered else columns[:2]
        spread = [np.broadcast_to(one, (len(self.x), 1)) for one in kept]
        return np.stack(spread, axis=-1)

    def _normalize(self, shift: Array) -> None:
        xp, result = self.xp, np.empty(self.x.shape, self.room.dtype)
        weights = self._combined([self.inverses, self.one, self.below])
        self.room[1] = shift
        if self.centered:
            self.room[2] = self.gain
        for rows, room in self._blocks():
            into(room[0], xp.multiply, self.x[rows], self.gains[: room.shape[1]])
            into(result[rows][:, None], xp.matmul, weights[rows], room.swapaxes(0, 1))
        self.result = result.reshape(self.shape)

    def differentiate(self, g: Array) -> Gradients:
        """The gradient of x is r u - (r^3/n) sum(u (x - m)) (x - m) - (r/n) sum(u), for u = g gain.

        n entries are in a row, m is their mean and r one over their deviation. The parts come directly,
        through the deviation, and through the mean.
        """
        g = g.reshape(self.x.shape)
        xp, result = self.xp, np.empty(g.shape, self.room.dtype)
        gain, each = self.gain[:, None], xp.divide(self.inverses, self.count)
        cubes = xp.negative(xp.multiply(each, xp.multiply(self.inverses, self.inverses)))
        weights = self._combined([self.inverses, cubes, cubes])
        to_gain = xp.zeros((1, self.length))
        to_bias = xp.matmul(self._ones(1, len(g)), g)
        if self.centered:
            to_gain = xp.matmul(self.below.T, g)
            totals = xp.matmul(g, gain)
            shares, offsets = xp.multiply(totals, each), xp.multiply(totals, self.means)
            self.room[2] = self.one
        for rows, room in self._blocks():
            first, weight = room[0], weights[rows]
            into(first, xp.multiply, g[rows], self.x[rows])
            to_gain = xp.add(to_gain, xp.matmul(self.inverses[rows].T, first))
            along = xp.matmul(first, gain)
            if self.centered:
                along = xp.subtract(along, offsets[rows])
            curved = xp.multiply(along, cubes[rows])
            weight[:, :, 1] = curved
            if self.centered:
                weight[:, :, 2] = xp.negative(xp.add(xp.multiply(curved, self.means[rows]), shares[rows]))
            into(first, xp.multiply, g[rows], self.gains[: len(first)])
            room[1] = self.x[rows]
            into(result[rows][:, None], xp.matmul, weight, room.swapaxes(0, 1))
        return result.reshape(self.shape), to_gain.reshape(self.inner), to_bias.reshape(self.inner)


def _shape(x: Shape, gain: Shape, bias: Shape, *, over: int, **settings: Any) -> Shape:
    if not 0 < over <= len(x):
        raise ShapeError(f"{show(x)} has no {over} axes")
    for one in (gain, bias):
        if one not in ((), x[len(x) - over :]):
            raise ShapeError(f"{show(one)} is not for the last {over} axes of {show(x)}")
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


# (x - mean(x))/sqrt(var(x) + epsilon) gain + bias over the last axes, `over` of them; if not `centered`, the
# same with mean(x) = 0. Gain and bias are of the shape of these axes, or single numbers.
normalized_rows = Primitive(
    "normalized_rows",
    forward=lambda xp, x, gain, bias, *, epsilon, sizes, over, centered: (
        Normalized(xp, x, gain, bias, epsilon, sizes, over, centered).result
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
    scratch=lambda shape, x, gain, bias, **settings: product(x) + 3 * BLOCK,
    expects="x, and a gain and a bias of the shape of its last axes",
    broadcasts=True,
    spreads=True,
    spreads_back=True,
)

"""Rows normalized with gain and bias in one step, where no value between is asked for.

Each row of the result is a combination of three rows: of the entries times the gain, of the gain and of the
bias; and so is each row of the gradient of x: of the gradient times the gain, of the entries and of ones. One
product of matrices takes all three. Some rows are taken at a time, so that caches hold what is worked on.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from compute.arithmetic.expressions import Expression
from compute.arithmetic.namespace import Arithmetic, Array, into
from compute.dimensions import Shape, ShapeError, product, show
from compute.latex import PRODUCT, SUM, Formula, constant_latex
from compute.primitive import Cost, Primitive
from compute.primitives.elementwise import HALF

BLOCK = 2**16  # numbers of one block


class Normalized:
    """Rows, normalized, and what is kept of them for their gradients, which are found together."""

    result: Array

    def __init__(
        self, xp: Arithmetic, x: Array, gain: Array, bias: Array, epsilon: Array, over: int, centered: bool
    ) -> None:
        self.xp, self.shape, self.centered = xp, x.shape, centered
        self.inner = x.shape[x.ndim - over :]
        self.length = math.prod(self.inner)
        self.x = x.reshape(-1, self.length)
        self.kind = np.result_type(x, gain, bias)
        self.gain = np.broadcast_to(gain, self.inner).reshape(-1)
        self._found: tuple[Array, tuple[Array, Array, Array]] | None = None
        # Three rows for each row of a block. Kept for the way back, since memory that is new costs more than
        # arithmetic.
        step = min(len(self.x), max(1, BLOCK // self.length))
        self.room = np.empty((step, 3, self.length), self.kind)
        self._normalize(np.broadcast_to(bias, self.inner).reshape(-1), epsilon)

    def blocks(self) -> Iterator[slice]:
        """Some rows at a time."""
        step = len(self.room)
        for first in range(0, len(self.x), step):
            yield slice(first, min(first + step, len(self.x)))

    def ones(self, *shape: int) -> Array:
        return self.xp.whole(np.ones(shape, dtype=np.intp))

    def _normalize(self, bias: Array, epsilon: Array) -> None:
        xp = self.xp
        result = np.empty(self.x.shape, self.kind)
        self.means, self.inverses = (np.empty((len(self.x), 1), self.kind) for _ in range(2))
        one, ones = self.ones(1, 1), self.ones(self.length, 1)
        count = xp.whole(np.array(self.length))
        room = self.room
        room[:, 1], room[:, 2] = self.gain, bias
        for rows in self.blocks():
            part = self.x[rows]
            many = len(part)
            if self.centered:
                means = xp.divide(xp.matmul(part, ones), count)
                squares = xp.variances(part, means)
            else:
                means = np.broadcast_to(xp.zeros(()), (many, 1))
                squares = xp.divide(xp.matmul(part[:, None, :], part[:, :, None])[:, 0], count)
            inverses = xp.divide(one, xp.power(xp.add(squares, epsilon), HALF))
            self.means[rows], self.inverses[rows] = means, inverses
            below = xp.negative(xp.multiply(means, inverses))
            weights = np.concatenate([inverses, below, np.broadcast_to(one, (many, 1))], axis=1)
            into(room[:many, 0], xp.multiply, part, self.gain)
            into(result[rows][:, None], xp.matmul, weights[:, None], room[:many])
        self.result = result.reshape(self.shape)

    def gradients(self, g: Array) -> tuple[Array, Array, Array]:
        """The gradients of x, gain and bias."""
        if self._found is None or self._found[0] is not g:
            self._found = g, self._differentiate(g.reshape(-1, self.length))
        return self._found[1]

    def _differentiate(self, g: Array) -> tuple[Array, Array, Array]:
        xp = self.xp
        result, sums, room = np.empty(g.shape, self.kind), xp.zeros((2, self.length)), self.room
        gain, one, count = self.gain[:, None], self.ones(1, 1), xp.whole(np.array(self.length))
        room[:, 2] = one
        for rows in self.blocks():
            part, upstream, means, inverses = self.x[rows], g[rows], self.means[rows], self.inverses[rows]
            many = len(part)
            first, second = room[:many, 0], room[:many, 1]
            into(first, xp.multiply, upstream, part)
            straight, along = xp.matmul(upstream, gain), xp.matmul(first, gain)
            below = xp.multiply(means, inverses)
            # Of the gradients of gain and bias what these rows add.
            both = np.concatenate([xp.negative(below), np.broadcast_to(one, (many, 1))], axis=1)
            sums = xp.add(sums, xp.matmul(both.T, upstream))
            sums[0] = xp.add(sums[0], xp.matmul(inverses.T, first)[0])
            # Of the gradient of x what comes through the deviation, and through the mean.
            each = xp.divide(inverses, count)
            slope = xp.subtract(along, xp.multiply(means, straight)) if self.centered else along
            curved = xp.negative(xp.multiply(xp.multiply(slope, each), xp.multiply(inverses, inverses)))
            level = xp.negative(xp.add(xp.multiply(curved, means), xp.multiply(straight, each)))
            if not self.centered:
                level = means
            weights = np.concatenate([inverses, curved, level], axis=1)
            into(first, xp.multiply, upstream, self.gain)
            second[...] = part
            into(result[rows][:, None], xp.matmul, weights[:, None], room[:many])
        return result.reshape(self.shape), sums[0].reshape(self.inner), sums[1].reshape(self.inner)


def _keeping(
    xp: Arithmetic,
    x: Array,
    gain: Array,
    bias: Array,
    *,
    epsilon: Expression,
    sizes: Any,
    over: int,
    centered: bool,
) -> tuple[Array, Normalized]:
    found = Normalized(xp, x, gain, bias, xp.constant(epsilon, dict(sizes)), over, centered)
    return found.result, found


def _shape(x: Shape, gain: Shape, bias: Shape, *, over: int, **settings: Any) -> Shape:
    if not 0 < over <= len(x):
        raise ShapeError(f"{show(x)} has no {over} axes")
    for one in (gain, bias):
        if one not in ((), x[len(x) - over :]):
            raise ShapeError(f"{show(one)} is not for the last {over} axes of {show(x)}")
    return x


def _latex(x: Formula, gain: Formula, bias: Formula, epsilon: Expression, **settings: Any) -> Formula:
    a = x.text
    if settings["centered"]:
        above = rf"{a} - \operatorname{{mean}}\left({a}\right)"
        square = rf"\operatorname{{var}}\left({a}\right)"
    else:
        above, square = a, rf"\operatorname{{mean}}\left({x.at(PRODUCT)}^{{2}}\right)"
    fraction = rf"\frac{{{above}}}{{\sqrt{{{square} + {constant_latex(epsilon).at(SUM)}}}}}"
    return Formula(rf"{fraction} \odot {gain.at(PRODUCT)} + {bias.at(SUM)}", SUM)


# (x - mean(x))/sqrt(var(x) + epsilon) gain + bias over the last axes, `over` of them; if not `centered`, the
# same with mean(x) = 0. Gain and bias are of the shape of these axes, or single numbers.
normalized_rows = Primitive(
    "normalized_rows",
    forward=lambda xp, x, gain, bias, *, epsilon, sizes, over, centered: _keeping(
        xp, x, gain, bias, epsilon=epsilon, sizes=sizes, over=over, centered=centered
    )[0],
    keeping=_keeping,
    gradients={
        "x": lambda xp, g, kept: kept.gradients(g)[0],
        "gain": lambda xp, g, kept: kept.gradients(g)[1],
        "bias": lambda xp, g, kept: kept.gradients(g)[2],
    },
    tangents="complex_step",
    shape=_shape,
    latex=_latex,
    cost=lambda shape, x, gain, bias, **settings: Cost(
        elementwise=(7 if settings["centered"] else 5) * product(x)
    ),
    scratch=lambda shape, x, gain, bias, **settings: 4 * BLOCK,
    expects="x, and a gain and a bias of the shape of its last axes",
    broadcasts=True,
    spreads=True,
)

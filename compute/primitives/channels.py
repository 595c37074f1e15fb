"""Channels normalized with gain and bias in one step, where no value between is asked for.

Mean and deviation are of all entries of a channel, or of a group of channels of one sample; gain and bias are
one number for each channel. So all that entries are multiplied by, and all that is added, is one number for
each channel of each sample: these are few, and the entries themselves are passed over a block at a time, so
that caches hold what is worked on.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from compute.arithmetic.expressions import HALF, Expression
from compute.arithmetic.namespace import Arithmetic, Array, into
from compute.dimensions import Shape, ShapeError, Size, product, show
from compute.primitive import Cost, Primitive
from compute.primitives.entries import count
from compute.primitives.rows import BLOCK, normalized_latex
from compute.primitives.together import Gradients, Together, keeping, kept_gradients


class Channels(Together):
    """Channels, normalized, and what is kept of them for their gradients.

    The entries are a matrix: with a row for each channel at each place before it; where channels are the last
    axis, with a column for each. `cells`: (samples, 1, channels), one number for each channel of each sample.
    """

    def __init__(
        self,
        xp: Arithmetic,
        x: Array,
        gain: Array,
        bias: Array,
        epsilon: Expression,
        sizes: Mapping[str, Size],
        axis: int,
        groups: int | None,
    ) -> None:
        self.xp, self.shape = xp, x.shape
        self.channels, self.by_columns = x.shape[axis], axis == -1
        self.samples = 1 if groups is None or axis == -x.ndim else x.shape[0]
        self.groups = groups or self.channels
        self.x = x.reshape(-1, self.channels if self.by_columns else math.prod(x.shape[axis + 1 :]))
        self.count = count(xp, x.size // (self.samples * self.groups))
        block = min(len(self.x), max(1, BLOCK // self.x.shape[1]))
        self.room = np.empty((block, self.x.shape[1]), np.result_type(x, gain, bias))
        self.ones = xp.whole(np.ones(block if self.by_columns else self.x.shape[1], dtype=np.intp))
        self.gain, shift = (np.broadcast_to(one, (1, 1, self.channels)) for one in (gain, bias))
        self._measure(xp.constant(epsilon, dict(sizes)))
        self._normalize(shift)

    def _blocks(self) -> Iterator[tuple[slice, Array]]:
        """Some rows of the matrix at a time, with the room there is for them."""
        for first in range(0, len(self.x), len(self.room)):
            last = min(first + len(self.room), len(self.x))
            yield slice(first, last), self.room[: last - first]

    def _totals(self, rule: Callable[[slice, Array], Array]) -> Array:
        """For each cell the sum of what a rule makes of rows, with room for it."""
        xp, parts = self.xp, []
        for rows, room in self._blocks():
            entries = rule(rows, room)
            if self.by_columns:
                parts.append(xp.matmul(self.ones[None, : len(room)], entries))
            else:
                parts.append(xp.matmul(entries, self.ones[:, None]))
        return xp.sum(np.concatenate(parts).reshape(self.samples, -1, self.channels), -2)

    def _average(self, cells: Array) -> Array:
        """What cells have in all in each group, over the number of its entries: for each of its cells."""
        split = cells.reshape(self.samples, self.groups, -1)
        means = self.xp.divide(self.xp.sum(split, -1), self.count)
        return np.broadcast_to(means, split.shape).reshape(cells.shape)

    def _beside(self, cells: Array) -> Array:
        """Cells as they stand beside the matrix."""
        if self.by_columns:
            return np.broadcast_to(cells.reshape(1, -1), self.x.shape)
        places = len(self.x) // (self.samples * self.channels)
        return np.broadcast_to(cells, (self.samples, places, self.channels)).reshape(-1, 1)

    def _measure(self, epsilon: Array) -> None:
        """The mean, and one over the deviation, for each cell."""
        xp = self.xp
        self.means = self._average(self._totals(lambda rows, room: self.x[rows]))
        beside = self._beside(self.means)

        def squares(rows: slice, room: Array) -> Array:
            into(room, xp.subtract, self.x[rows], beside[rows])
            into(room, xp.multiply, room, room)
            return room

        variances = self._average(self._totals(squares))
        self.inverses = xp.divide(count(xp, 1), xp.power(xp.add(variances, epsilon), HALF))
        self.slopes = xp.multiply(self.inverses, self.gain)

    def _normalize(self, bias: Array) -> None:
        xp, result = self.xp, np.empty(self.x.shape, self.room.dtype)
        slopes = self._beside(self.slopes)
        shifts = self._beside(xp.subtract(bias, xp.multiply(self.means, self.slopes)))
        for rows, room in self._blocks():
            into(room, xp.multiply, self.x[rows], slopes[rows])
            into(result[rows], xp.add, room, shifts[rows])
        self.result = result.reshape(self.shape)

    def differentiate(self, g: Array) -> Gradients:
        """The gradient of x is r u - (r^3/n) sum(u (x - m)) (x - m) - (r/n) sum(u), for u = g gain.

        n entries are in a group, m is their mean and r one over their deviation. The parts come directly,
        through the deviation, and through the mean.
        """
        xp, g = self.xp, g.reshape(self.x.shape)

        def products(rows: slice, room: Array) -> Array:
            into(room, xp.multiply, g[rows], self.x[rows])
            return room

        totals = self._totals(lambda rows, room: g[rows])
        along = xp.subtract(self._totals(products), xp.multiply(totals, self.means))
        mean, slant = (self._average(xp.multiply(one, self.gain)) for one in (totals, along))
        cubes = xp.multiply(self.inverses, xp.multiply(self.inverses, self.inverses))
        curved = xp.negative(xp.multiply(cubes, slant))
        rest = xp.negative(xp.add(xp.multiply(self.inverses, mean), xp.multiply(self.means, curved)))
        slopes, curves, shifts = (self._beside(one) for one in (self.slopes, curved, rest))
        result = np.empty(self.x.shape, self.room.dtype)
        for rows, room in self._blocks():
            into(room, xp.multiply, self.x[rows], curves[rows])
            into(room, xp.add, room, shifts[rows])
            into(result[rows], xp.multiply, g[rows], slopes[rows])
            into(result[rows], xp.add, result[rows], room)
        to_gain, to_bias = (
            xp.sum(one, -3).reshape(self.channels) for one in (xp.multiply(along, self.inverses), totals)
        )
        return result.reshape(self.shape), to_gain, to_bias


def _shape(x: Shape, gain: Shape, bias: Shape, *, axis: int, groups: int | None, **settings: Any) -> Shape:
    if not -len(x) <= axis < (0 if groups is None else -1):
        raise ShapeError(f"{show(x)} has no channels along axis {axis}, with positions behind")
    for one in (gain, bias):
        if one not in ((), (x[axis],)):
            raise ShapeError(f"{show(one)} is not one number for each channel of {show(x)}")
    return x


# (x - mean(x))/sqrt(var(x) + epsilon) gain + bias, for each channel along an axis, counted from the last. If
# `groups` is None, over all other axes. If not, over all that one of so many groups of channels has in one
# sample: of those along the first axis, or the only one where that is the channels' own; positions have to be
# behind the channels then.
normalized_channels = Primitive(
    "normalized_channels",
    forward=lambda xp, x, gain, bias, *, epsilon, sizes, axis, groups: (
        Channels(xp, x, gain, bias, epsilon, sizes, axis, groups).result
    ),
    keeping=keeping(Channels),
    gradients=kept_gradients("x", "gain", "bias"),
    tangents="complex_step",
    shape=_shape,
    latex=lambda x, gain, bias, epsilon, **settings: normalized_latex(x, gain, bias, epsilon),
    cost=lambda shape, x, gain, bias, **settings: Cost(elementwise=7 * product(x)),
    scratch=lambda shape, x, gain, bias, **settings: product(x) + BLOCK,
    expects="x, and a gain and a bias of one number for each channel",
    broadcasts=True,
    spreads=True,
    spreads_back=True,
)

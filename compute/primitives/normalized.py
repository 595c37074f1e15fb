"""Normalization with gain and bias in one fused step, if no intermediate value is requested.

The arithmetic is that of the separate steps, in the same order, so that an answer has the same digits
whichever values are requested. Groups are processed in blocks that fit into the cache.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from compute.arithmetic.expressions import HALF, Expression, parse
from compute.arithmetic.namespace import Arithmetic, Array, unbroadcast, write_into
from compute.dimensions import Shape, ShapeError, Size, broadcast, product, show
from compute.graph.axis_windows import Reads, read_aligned, read_all
from compute.graph.primitive import Cost, Primitive
from compute.graph.work import CALL, copy_work
from compute.latex import PRODUCT, SUM, Formula, constant_latex
from compute.primitives.fused import FusedBackward, Gradients, keeping, kept_gradients
from compute.primitives.scalars import count

BLOCK = 2**15  # entries of one block
MINUS_HALF = parse("-1/2")


class Normalized(FusedBackward):
    """Normalized groups of entries, and the means and mean squares that their gradients need.

    Entries are (outer, groups, inner); each group is normalized over the outer and the inner axis. For the
    parameters see `normalized_groups`.
    """

    def __init__(
        self,
        xp: Arithmetic,
        x: Array,
        gain: Array,
        bias: Array,
        epsilon: Expression,
        sizes: Mapping[str, Size],
        cut: tuple[int, ...] | None,
        kept: tuple[int, int],
        centered: bool,
    ) -> None:
        self.xp, self.shape, self.centered = xp, x.shape, centered
        shape = cut or x.shape
        outer, inner = math.prod(shape[: kept[0]]), math.prod(shape[kept[1] :])
        self.gain_shape, self.bias_shape = gain.shape, bias.shape
        self.x = x.reshape(outer, -1, inner)
        self.count = count(xp, outer * inner)
        groups = self.x.shape[1]
        self.gains, self.biases = (self._pattern(parameter) for parameter in (gain, bias))
        block = min(groups, max(1, BLOCK // (outer * inner)))
        longest = max(len(self.gains), len(self.biases))
        self.block = block - block % longest if block > longest else block
        # Allocating memory costs more than the arithmetic, so the backward pass uses the same buffers.
        self.buffers = np.empty((4, outer, self.block, inner), np.result_type(x, gain, bias))
        self.means, self.squares = (np.empty((1, groups, 1), x.dtype) for _ in range(2))
        self.epsilon = xp.constant(epsilon, dict(sizes))
        self._normalize()

    def _pattern(self, parameter: Array) -> Array:
        """Return one period of a gain or bias along the groups: (groups, inner).

        If there is an outer axis, it is one number per group: (groups, 1).
        """
        outer, _, inner = self.x.shape
        if parameter.size == 1:
            return parameter.reshape(1, 1)
        broadcast_parameter = np.broadcast_to(parameter, self.shape)
        if outer > 1:
            return broadcast_parameter.reshape(self.x.shape)[0, :, :1]
        constant_axes = 0  # leading axes along which it does not change
        while (
            broadcast_parameter.strides[constant_axes] == 0
            and math.prod(broadcast_parameter.shape[constant_axes + 1 :]) >= inner
        ):
            constant_axes += 1
        return np.ascontiguousarray(broadcast_parameter[(0,) * constant_axes].reshape(-1, inner))

    def _pattern_rows(self, pattern: Array, first: int, last: int) -> Array:
        """Return the rows of a pattern that belong to the groups first:last."""
        if len(pattern) == 1:
            return pattern
        start = first % len(pattern)
        if start + last - first <= len(pattern):
            return pattern[start : start + last - first]
        return np.take(pattern, np.arange(first, last) % len(pattern), axis=0)

    def _blocks(self) -> Iterator[tuple[slice, Array, Array, Array]]:
        """Yield blocks of groups with their buffers, gains and biases."""
        groups = self.x.shape[1]
        for first in range(0, groups, self.block):
            last = min(first + self.block, groups)
            gains, biases = (
                self._pattern_rows(pattern, first, last) for pattern in (self.gains, self.biases)
            )
            yield slice(first, last), self.buffers[:, :, : last - first], gains, biases

    def _sum(self, entries: Array) -> Array:
        """Return the sum over each group."""
        total = self.xp.sum(entries, -3) if len(entries) > 1 else entries
        return self.xp.sum(total, -1) if entries.shape[-1] > 1 else total

    def _average(self, entries: Array) -> Array:
        return self.xp.divide(self._sum(entries), self.count)

    def _center(self, groups: slice, buffer: Array) -> Array:
        """Return the entries minus their mean, in `buffer`; the entries themselves if not `centered`."""
        if not self.centered:
            return self.x[:, groups]
        write_into(buffer, self.xp.subtract, self.x[:, groups], self.means[:, groups])
        return buffer

    def _deviations(self, groups: slice) -> Array:
        return self.xp.power(self.xp.add(self.squares[:, groups], self.epsilon), HALF)

    def _normalize(self) -> None:
        xp, result = self.xp, np.empty(self.x.shape, self.buffers.dtype)
        for groups, (first, second, *_), gains, biases in self._blocks():
            if self.centered:
                self.means[:, groups] = self._average(self.x[:, groups])
            entries = self._center(groups, first)
            write_into(second, xp.multiply, entries, entries)
            self.squares[:, groups] = self._average(second)
            write_into(first, xp.divide, entries, self._deviations(groups))
            write_into(first, xp.multiply, first, gains)
            write_into(result[:, groups], xp.add, first, biases)
        self.result = result.reshape(self.shape)

    def differentiate(self, g: Array) -> Gradients:
        """Return the gradients of x, gain and bias, along the same paths as the separate steps.

        With c = x - mean, v = mean(c^2), d = sqrt(v + epsilon), u = g gain and dv = -sum(u c/d^2)/(2 d), the
        gradient of x is the sum of u/d (direct), 2 c dv/n (through the variance) and minus the mean of both
        (through the mean).
        """
        xp, flat = self.xp, g.reshape(self.x.shape)
        result = np.empty(flat.shape, self.buffers.dtype)
        for groups, (first, second, *_), *_ in self._blocks():
            write_into(second, xp.divide, self._center(groups, first), self._deviations(groups))
            write_into(result[:, groups], xp.multiply, flat[:, groups], second)
        to_gain = unbroadcast(xp, result.reshape(self.shape), self.gain_shape).copy()
        half, two = xp.constant(HALF, {}), count(xp, 2)
        for groups, (first, second, third, fourth), gains, _ in self._blocks():
            entries, deviations = self._center(groups, first), self._deviations(groups)
            write_into(second, xp.divide, entries, deviations)
            write_into(third, xp.multiply, flat[:, groups], gains)
            write_into(second, xp.multiply, third, second)
            write_into(second, xp.divide, second, deviations)
            to_deviations = xp.negative(self._sum(second))
            root = xp.power(xp.add(self.squares[:, groups], self.epsilon), MINUS_HALF)
            to_squares = xp.multiply(to_deviations, xp.multiply(half, root))
            write_into(second, xp.multiply, entries, two)
            write_into(second, xp.multiply, second, xp.divide(to_squares, self.count))
            write_into(third, xp.divide, third, deviations)
            write_into(fourth, xp.add, third, second)
            if self.centered:
                to_means = xp.negative(xp.add(self._sum(third), self._sum(second)))
                write_into(fourth, xp.add, fourth, xp.divide(to_means, self.count))
            result[:, groups] = fourth
        return result.reshape(self.shape), to_gain, unbroadcast(xp, g, self.bias_shape)


def _shape(x: Shape, gain: Shape, bias: Shape, **settings: Any) -> Shape:
    for parameter in (gain, bias):
        if broadcast(x, parameter) != x:
            raise ShapeError(f"{show(parameter)} does not broadcast to {show(x)}")
    return x


def _work(
    passes: int,
    shape: Shape,
    x: Any,
    *parameters: Shape,
    cut: tuple[int, ...] | None,
    kept: tuple[int, int],
    **settings: Any,
) -> int:
    """Return the work of a number of passes over all entries, each block by block."""
    parts = cut or x
    inside: int = math.prod(parts[: kept[0]]) * math.prod(parts[kept[1] :])
    groups: int = math.prod(parts[kept[0] : kept[1]])
    blocks = -(-groups // max(1, BLOCK // inside))
    return 2 * CALL * passes * blocks + passes * (inside + 4) * groups + copy_work(x)


def normalized_latex(
    x: Formula, gain: Formula, bias: Formula, epsilon: Expression, *, centered: bool = True
) -> Formula:
    """Return the formula of a normalization. A gain of 1 and a bias of 0 are left out."""
    a = x.text
    if centered:
        above = rf"{a} - \operatorname{{mean}}\left({a}\right)"
        square = rf"\operatorname{{var}}\left({a}\right)"
    else:
        above, square = a, rf"\operatorname{{mean}}\left({x.at(PRODUCT)}^{{2}}\right)"
    fraction = rf"\frac{{{above}}}{{\sqrt{{{square} + {constant_latex(epsilon).at(SUM)}}}}}"
    formula = Formula(fraction, PRODUCT)
    if gain.text != "1":
        sign = r"\cdot" if gain.scalar else r"\odot"
        formula = Formula(rf"{fraction} {sign} {gain.at(PRODUCT)}", PRODUCT)
    return formula if bias.text == "0" else Formula(rf"{formula.text} + {bias.at(SUM)}", SUM)


def _reads(place: int, shape: Shape, *shapes: Shape, cut: Shape | None, **settings: Any) -> Reads:
    """Return the reads: along the axes of x that are kept, the same index; along others, everything."""
    if place:
        return read_aligned(shape, shapes[place])
    if cut is not None:
        return read_all(shape)
    first, last = settings["kept"]
    aligned = read_aligned(shape, shapes[0])
    return tuple(window if first <= at < last else None for at, window in enumerate(aligned))


# (x - mean(x))/sqrt(var(x) + epsilon) gain + bias.
# centered: if false, the same with mean(x) = 0.
# cut: the shape that x is reshaped to first; None for its own.
# kept: the range [first, last) of axes of that shape that number the groups; statistics are taken over all
#     other axes.
normalized_groups = Primitive(
    "normalized_groups",
    forward=lambda xp, x, gain, bias, *, epsilon, sizes, cut, kept, centered: (
        Normalized(xp, x, gain, bias, epsilon, sizes, cut, kept, centered).result
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
    work=lambda *shapes, **settings: _work(15, *shapes, **settings),
    gradient_work=lambda place, *shapes, **settings: _work(35, *shapes, **settings) // 2,
    scratch=lambda shape, x, gain, bias, **settings: 5 * product(x) + 6 * BLOCK,
    reads=_reads,
    expects="x, and a gain and a bias that broadcast to it",
    broadcasts=True,
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
)

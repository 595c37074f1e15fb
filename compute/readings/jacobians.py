"""The reading that differentiates one value by another: all entries of the one by all of the other."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from compute.arithmetic.dependence import DEPENDENCE, unknown_numbers
from compute.arithmetic.namespace import Array
from compute.errors import UnfitEntries
from compute.graph.value import Value
from compute.readings.evaluation import Evaluation
from compute.readings.reverse_mode import Differentiation, Source, numeric_shape
from compute.readings.sparsity import Block, ZeroSlices, is_full

FEW = 16  # slices that are looked into one by one


@dataclass(frozen=True, slots=True)
class FoundJacobian:
    """The Jacobian of one value with respect to another, and where it is zero.

    contributions: its parts by path, where they were asked for; zeros, zero_slices: zeros for all numbers;
    accidental_zero_slices: zeros for these numbers alone.
    """

    of: str
    wrt: str
    value: Array
    contributions: dict[str, Array]
    zeros: list[Block]
    zero_slices: list[ZeroSlices]
    accidental_zero_slices: list[ZeroSlices]


def compute_jacobian(
    plan: Differentiation, values: Mapping[int, Array], of: Value, wrt: Value, *, by_path: bool = False
) -> tuple[Array, dict[Source, Array]]:
    """The Jacobian of one value with respect to another, of shape `of.shape + wrt.shape`.

    by_path: whether its parts are returned too, one for each source of the gradient of `wrt`.
    One reverse pass for each entry of `of`, which must be the plan's only seed and `wrt` its target;
    both must have numeric shapes.
    """
    arithmetic = plan.evaluation.arithmetic
    rows, columns = numeric_shape(of.shape), numeric_shape(wrt.shape)
    assert rows is not None and columns is not None
    entries = math.prod(rows)
    result = arithmetic.zeros((entries, *columns))
    parts: dict[Source, Array] = {}
    if wrt.index in plan.cotangents:
        sources = plan.cotangents[wrt.index].sources
        if by_path and len(sources) > 1:
            parts = {source: arithmetic.zeros(result.shape) for source in sources}
        for entry in range(entries):
            seed = arithmetic.one_hot(rows, entry)
            found = plan.run(values, {of.index: seed})
            # The dots put in what a single exact entry is, and not the array that it came in.
            result[entry, ...] = found.totals[wrt.index]
            for source, part in parts.items():
                part[entry, ...] = found.contributions[wrt.index][source]
    shape = (*rows, *columns)
    return result.reshape(shape), {source: part.reshape(shape) for source, part in parts.items()}


class Support:
    """Where a Jacobian may be other than zero: which entries of one value depend on which of another.

    It follows from operations, shapes, settings, masks and places alone. All other numbers may be any: a 0
    among them, or a unit that a relu switches off here, makes no zero of the support.
    """

    def __init__(self, evaluation: Evaluation, of: Value, wrt: Value) -> None:
        self._outlines = evaluation.arithmetic.outlines
        self._of, self._wrt = of, wrt
        self._evaluation = Evaluation(evaluation.graph, DEPENDENCE, evaluation.known)
        self._differentiation = Differentiation(self._evaluation, [of.index], [wrt.index])
        self._is_fixed = _only_chosen_by(evaluation.graph.values)

    def find(self, known: Mapping[int, Array], present: list[Array]) -> list[Array]:
        """Find what the slices of `of` may depend on, for inputs and given values by index.

        present: what they depend on for these numbers, see `reach`; only its zeros need to be looked into.
        """
        found = [one.copy() for one in present]
        if self._wrt.index not in self._differentiation.cotangents:
            return found
        try:
            with np.errstate(all="ignore"):
                values = self._evaluation.run({at: self._dependence(at, one) for at, one in known.items()})
                for axis, slices in enumerate(found):
                    self._complete(values, axis, slices)
        except UnfitEntries:  # places that depend on numbers which may be any
            return [np.ones_like(one) for one in found]
        return found

    def _complete(self, values: Mapping[int, Array], axis: int, slices: Array) -> None:
        """Add to what the slices along an axis depend on for these numbers what they depend on for others.

        Many slices are looked into in groups first. A slice depends on nothing that one of its groups does
        not depend on, and on what a group depends on if no other slice of it can. Mostly that is all.
        """
        doubtful = [index for index, one in enumerate(slices) if not is_full(one)]
        if len(doubtful) > FEW:
            count = len(slices)
            width = math.isqrt(count)
            groups = [range(first, count, width) for first in range(width)]
            groups += [range(first, min(first + width, count)) for first in range(0, count, width)]
            bound, reached = np.ones_like(slices), []
            for group in groups:
                reached.append(self._reached(values, axis, group))
                bound[group] &= reached[-1]
            for group, one in zip(groups, reached, strict=True):
                slices[group] |= bound[group] & (bound[group].sum(axis=0) == 1) & one
            doubtful = [index for index in doubtful if (bound[index] & ~slices[index]).any()]
        for index in doubtful:
            slices[index] |= self._reached(values, axis, range(index, index + 1))

    def _reached(self, values: Mapping[int, Array], axis: int, indices: range) -> Array:
        """Find what any of these slices depends on, in one pass back from all of their entries.

        Seeds are drawn, so that what reaches an entry from several of them does not cancel, and are known, so
        that what cancels for each of them does.
        """
        shape = numeric_shape(self._of.shape) or ()
        at = (slice(None),) * axis + ((slice(indices.start, indices.stop, indices.step),) if shape else ())
        seed = DEPENDENCE.zeros(shape)
        seed[at] = np.random.default_rng(0).uniform(1, 2, seed[at].shape)
        found = self._differentiation.run(values, {self._of.index: seed}).totals[self._wrt.index]
        return np.asarray(np.not_equal(found, 0))

    def _dependence(self, index: int, array: Array) -> Array:
        """An input or a given value, its entries unknown unless they are fixed."""
        if array.dtype == np.bool_:
            return array
        if self._is_fixed[index]:
            return np.asarray(np.vectorize(_number, otypes=[np.float64])(array))
        return unknown_numbers(self._outlines(array))


def _number(entry: Any) -> float:
    """An entry as a float; unknown if symbols are free in it."""
    try:
        return float(entry)
    except TypeError:
        return math.nan


def _only_chosen_by(values: list[Value]) -> list[bool]:
    """For each value, whether steps use it only to choose: as classes, places, lengths or a mask.

    Such numbers are part of the question, as settings are. Numbers that are compared with one another may be
    any.
    """
    smooth = [False] * len(values)
    used = [False] * len(values)
    for value in reversed(values):
        if value.applied is None:
            continue
        for place, operand in enumerate(value.inputs):
            used[operand.index] = True
            compared = value.applied.primitive.kind == "index"
            passes = value.applied.rules[place] is not None
            if compared or (passes and (smooth[value.index] or not used[value.index])):
                smooth[operand.index] = True
    return [one and not other for one, other in zip(used, smooth, strict=True)]

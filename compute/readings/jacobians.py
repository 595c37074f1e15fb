"""Jacobians of one value with respect to another, and which of their entries are always zero."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from compute.arithmetic.dependence import DEPENDENCE, make_unknown
from compute.arithmetic.namespace import Array
from compute.errors import UnfitEntries
from compute.graph.graph import Value
from compute.readings.described import described
from compute.readings.evaluation import Evaluation
from compute.readings.reverse_mode import Differentiation, Source, numeric_shape
from compute.readings.sparsity import ZeroBlock, ZeroSlices, is_full

FEW = 16  # slices that are tested one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Jacobian:
    """The Jacobian of one value with respect to another."""

    of: str
    wrt: str
    value: Array = described("In the shape of `of` followed by the shape of `wrt`.")
    contributions: dict[str, Array] = described(
        "With `by_path`: its parts, by the values that use `wrt`; their sum is the Jacobian.",
        default_factory=dict,
    )
    zeros: list[ZeroBlock] = described(
        "Patterns of zeros that hold for all numbers: they follow from operations, shapes, settings, masks"
        " and indices alone."
    )
    zero_slices: list[ZeroSlices] = described("Indices at which the whole slice is zero, for all numbers.")
    accidental_zero_slices: list[ZeroSlices] = described(
        "Indices at which the whole slice is zero for these numbers, and not for all: a unit that relu"
        " switches off, or a weight that is 0."
    )


def compute_jacobian(
    plan: Differentiation, values: Mapping[int, Array], of: Value, wrt: Value, *, by_path: bool = False
) -> tuple[Array, dict[Source, Array]]:
    """Return the Jacobian of one value with respect to another, of shape `of.shape + wrt.shape`.

    It takes one reverse pass per entry of `of`. `of` must be the plan's only seed and `wrt` its target; both
    must have numeric shapes.
    by_path: whether to return its terms too, one per source of the gradient of `wrt`.
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
            gradients = plan.run(values, {of.index: seed})
            # With the ellipsis, a 0-d array of an exact number assigns the number and not the array.
            result[entry, ...] = gradients.totals[wrt.index]
            for source, part in parts.items():
                part[entry, ...] = gradients.contributions[wrt.index][source]
    shape = (*rows, *columns)
    return result.reshape(shape), {source: part.reshape(shape) for source, part in parts.items()}


class Support:
    """The support of a Jacobian: which entries of one value can depend on which entries of another.

    It follows from operations, shapes, settings, masks and indices only. All other numbers are taken as
    arbitrary: a 0 among them, or a unit that is off in this relu, makes no zero of the support.
    """

    def __init__(self, evaluation: Evaluation, of: Value, wrt: Value) -> None:
        self._outlines = evaluation.arithmetic.outlines
        self._of, self._wrt = of, wrt
        self._evaluation = Evaluation(evaluation.graph, DEPENDENCE, evaluation.known)
        self._differentiation = Differentiation(self._evaluation, [of.index], [wrt.index])
        self._is_fixed = _find_discrete(evaluation.graph.values)

    def find(self, known: Mapping[int, Array], present: list[Array]) -> list[Array]:
        """Return which entries each slice of `of` can depend on.

        known: inputs and given values by index.
        present: which entries they depend on for these numbers, see `reach`; only its zeros are tested.
        """
        support = [slices.copy() for slices in present]
        if self._wrt.index not in self._differentiation.cotangents:
            return support
        try:
            with np.errstate(all="ignore"):
                values = self._evaluation.run({at: self._mark(at, array) for at, array in known.items()})
                for axis, slices in enumerate(support):
                    self._complete(values, axis, slices)
        except UnfitEntries:  # indices that depend on arbitrary numbers
            return [np.ones_like(slices) for slices in support]
        return support

    def _complete(self, values: Mapping[int, Array], axis: int, slices: Array) -> None:
        """Add, in place, the entries that slices along an axis depend on for other numbers.

        Many slices are first tested in groups. A slice depends on no entry that one of its groups does not
        depend on, and it depends on an entry of a group's if no other slice of the group can. Usually that
        decides every slice.
        """
        doubtful = [index for index, entries in enumerate(slices) if not is_full(entries)]
        if len(doubtful) > FEW:
            count = len(slices)
            width = math.isqrt(count)
            groups = [range(first, count, width) for first in range(width)]
            groups += [range(first, min(first + width, count)) for first in range(0, count, width)]
            bound, reached = np.ones_like(slices), []
            for group in groups:
                reached.append(self._find_reached(values, axis, group))
                bound[group] &= reached[-1]
            for group, entries in zip(groups, reached, strict=True):
                slices[group] |= bound[group] & (bound[group].sum(axis=0) == 1) & entries
            doubtful = [index for index in doubtful if (bound[index] & ~slices[index]).any()]
        for index in doubtful:
            slices[index] |= self._find_reached(values, axis, range(index, index + 1))

    def _find_reached(self, values: Mapping[int, Array], axis: int, indices: range) -> Array:
        """Return which entries any of these slices depends on, in one reverse pass from all their entries.

        Seeds are random, so that contributions from several seeds do not cancel by chance, and known numbers,
        so that terms which cancel for every seed do cancel.
        """
        shape = numeric_shape(self._of.shape) or ()
        at = (slice(None),) * axis + ((slice(indices.start, indices.stop, indices.step),) if shape else ())
        seed = DEPENDENCE.zeros(shape)
        seed[at] = np.random.default_rng(0).uniform(1, 2, seed[at].shape)
        gradient = self._differentiation.run(values, {self._of.index: seed}).totals[self._wrt.index]
        return np.asarray(np.not_equal(gradient, 0))

    def _mark(self, index: int, array: Array) -> Array:
        """Return an input or a given value with its entries marked as unknown, unless they are fixed."""
        if array.dtype == np.bool_:
            return array
        if self._is_fixed[index]:
            return np.asarray(np.vectorize(_to_float, otypes=[np.float64])(array))
        return make_unknown(self._outlines(array))


def _to_float(entry: Any) -> float:
    """Return an entry as a float; NaN, which is unknown, if it has free symbols."""
    try:
        return float(entry)
    except TypeError:
        return math.nan


def _find_discrete(values: list[Value]) -> list[bool]:
    """Return, for each value, whether steps use it only as classes, indices, lengths or a mask.

    Such numbers are part of the question, as settings are. Numbers that are compared with one another are
    arbitrary.
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
    return [is_used and not is_smooth for is_used, is_smooth in zip(used, smooth, strict=True)]

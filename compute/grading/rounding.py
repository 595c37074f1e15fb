"""Rounding by hand, as an uncertainty that propagates.

Somebody who shows a rounded value and goes on with the calculator's digits is off by at most half a unit of
the last digit that was shown, times the derivative: to first order the sum of |dv/du| half units over all
entries u. Few entries are varied one by one. Of many the sum is estimated with Cauchy deviates, whose sums
are distributed with the sum of the scales: the number of runs does not grow with the number of entries.

Source: Kreinovich and Ferson, A new Cauchy-based black-box technique for uncertainty in risk analysis (2004).
"""

from collections.abc import Iterator, Mapping

import numpy as np

from compute.arithmetic.namespace import Array
from compute.errors import UnfitEntries
from compute.grading.computations import Computation, Slot

MAX_VARIED = 40  # entries that are varied one by one
DEVIATES = 40  # runs otherwise
SEED = 20


def propagate(
    computation: Computation,
    slot: Slot,
    base: Array,
    replaced: Mapping[Slot, Array],
    uncertain: Mapping[Slot, Array],
) -> Array:
    """Return how far a result may be off through uncertain entries before it, to first order.

    base: the result with these arrays in place; uncertain: the uncertainty of their entries.
    """
    counted = {other: scale for other, scale in uncertain.items() if scale.any()}
    total = sum(int(np.count_nonzero(scale)) for scale in counted.values())
    if not total:
        return np.zeros(base.shape)
    is_varied = total <= MAX_VARIED
    changes = _single_changes(counted) if is_varied else _cauchy_changes(counted)
    effects = []
    for change in changes:
        varied = {**replaced, **{other: replaced[other] + step for other, step in change.items()}}
        try:
            result = computation.expected(slot, varied)
        except UnfitEntries:
            continue
        with np.errstate(all="ignore"):
            effects.append(np.nan_to_num(np.abs(result - base), nan=0.0, posinf=0.0))
    if not effects:
        return np.zeros(base.shape)
    stacked = np.stack(effects)
    # The median of |Cauchy(0, s)| is s.
    return np.asarray(stacked.sum(axis=0) if is_varied else np.median(stacked, axis=0))


def _single_changes(uncertain: Mapping[Slot, Array]) -> Iterator[dict[Slot, Array]]:
    for slot, scale in uncertain.items():
        for at in np.argwhere(scale):
            change = np.zeros(scale.shape)
            change[tuple(at)] = scale[tuple(at)]
            yield {slot: change}


def _cauchy_changes(uncertain: Mapping[Slot, Array]) -> Iterator[dict[Slot, Array]]:
    generator = np.random.default_rng(SEED)
    for _ in range(DEVIATES):
        yield {
            slot: scale * np.clip(generator.standard_cauchy(scale.shape), -50.0, 50.0)
            for slot, scale in uncertain.items()
        }

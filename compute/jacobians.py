"""The reading that differentiates one value by another: all entries of the one by all of the other."""

import math
from collections.abc import Mapping

from compute.arithmetic.namespace import Array
from compute.differentiation import Differentiation, Source, numeric
from compute.value import Value


def jacobian(
    plan: Differentiation, values: Mapping[int, Array], of: Value, wrt: Value, *, by_path: bool = False
) -> tuple[Array, dict[Source, Array]]:
    """The Jacobian of one value with respect to another, of shape `of.shape + wrt.shape`.

    by_path: whether its parts are returned too, one for each source of the gradient of `wrt`.
    One reverse pass for each entry of `of`, which must be the plan's only seed and `wrt` its target;
    both must have numeric shapes.
    """
    arithmetic = plan.evaluation.arithmetic
    rows, columns = numeric(of.shape), numeric(wrt.shape)
    assert rows is not None and columns is not None
    entries = math.prod(rows)
    result = arithmetic.zeros((entries, *columns))
    parts: dict[Source, Array] = {}
    if wrt.index in plan.flows:
        sources = plan.flows[wrt.index].sources
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

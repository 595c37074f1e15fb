"""Another kind of number is another namespace, and not another engine."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from compute.arithmetic.floating import FLOAT64
from compute.arithmetic.namespace import Arithmetic
from compute.graph.spec import Tensor
from compute.operations import CATALOGUE
from compute.operations.framework.build import build
from compute.readings.evaluation import Evaluation
from compute.readings.reverse_mode import Differentiation
from tests.oracles.cases import ATTENTION, SELF_ATTENTION, case
from tests.oracles.decimals import Decimals


def run(arithmetic: Arithmetic, kind: int, seed: int, convert: Any) -> list[tuple[str, Any]]:
    """Every named value and gradient of a case, in this arithmetic."""
    posed = case(kind, seed)
    shapes = {
        name: Tensor(array.shape, "boolean" if array.dtype == np.bool_ else "real")
        for name, array in posed.inputs.items()
    }
    graph = build(CATALOGUE[posed.operation], shapes, posed.attributes)
    known = {
        graph.names[name].index: array if array.dtype == np.bool_ else convert(array)
        for name, array in posed.inputs.items()
    }
    evaluation = Evaluation(graph, arithmetic, known)
    evaluation.request(value.index for value in graph.named_values())
    output = graph.names["output"].index
    plan = Differentiation(evaluation, [output])
    values = evaluation.run(known)
    gradients = plan.run(values, {output: convert(posed.upstream)}).totals
    named = [(f"value {graph.values[index].name}", one) for index, one in sorted(values.items())]
    return named + [(f"gradient {graph.values[index].name}", one) for index, one in sorted(gradients.items())]


def to_decimals(array: Any) -> Any:
    return np.array([Decimal(float(one)) for one in array.flat], dtype=object).reshape(array.shape)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", [ATTENTION, SELF_ATTENTION])
def test_fifty_digits_agree_with_float64(kind: int, seed: int) -> None:
    floats = run(FLOAT64, kind, seed, lambda array: array)
    decimals = run(Decimals(), kind, seed, to_decimals)
    assert [name for name, _ in floats] == [name for name, _ in decimals]
    for (name, one), (_, other) in zip(floats, decimals, strict=True):
        if one.dtype.kind in "bi":
            np.testing.assert_array_equal(one, other)
            continue
        assert all(isinstance(entry, Decimal) for entry in np.asarray(other).flat), name
        exact = np.asarray(other).astype(np.float64)
        size = max(1.0, np.abs(exact[np.isfinite(exact)]).max(initial=0))
        np.testing.assert_allclose(one, exact, rtol=1e-12, atol=1e-13 * size, err_msg=name)

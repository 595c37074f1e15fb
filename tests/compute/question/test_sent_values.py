"""How many numbers an answer sends back is known before they are computed."""

from typing import Any

import numpy as np

from compute.question.declared_readings.jacobian import JacobianPair
from compute.question.sent_values import describe_largest
from tests.compute.asking import answer, plan

X, W = np.ones((3, 2)), np.ones((2, 2))
INPUTS = {"x": X, "w_q": W, "w_k": W}


def test_each_array_counts_once() -> None:
    prepared = plan("self_attention", INPUTS)
    found = answer("self_attention", INPUTS)
    assert list(prepared.sent()) == [(name, array.size) for name, array in found.values.items()]
    assert prepared.predicted.answer == sum(array.size for array in found.values.values())


def test_parts_of_gradients_count_where_there_are_several() -> None:
    upstream = {"output": X}
    found = answer("self_attention", INPUTS, upstream=upstream)
    parts = [one for each in found.contributions.values() for one in each.values()]
    sent = [*found.values.values(), *found.gradients.values(), *parts]
    assert len(found.contributions["x"]) > 1
    assert plan("self_attention", INPUTS, upstream=upstream).predicted.answer == sum(one.size for one in sent)


def test_jacobians_count_with_their_parts() -> None:
    for split in (False, True):
        asked: dict[str, Any] = {
            "jacobian": [JacobianPair("output", "x", by_path=split)], "select": ["output"],
        }  # fmt: skip
        [found] = answer("self_attention", INPUTS, **asked).parts["jacobians"]
        parts = sum(one.size for one in found.contributions.values())
        assert bool(parts) == split
        assert dict(plan("self_attention", INPUTS, **asked).sent()) == {
            "output": 6, "the Jacobian of output by x": found.value.size + parts,
        }  # fmt: skip


def test_places_are_told_together() -> None:
    sent = [
        ("layer[0].a", 600),
        ("layer[1].a", 600),
        ("layer[0].a", 1),
        ("b", 7),
        *((f"c{at}", at) for at in range(9)),
    ]
    assert describe_largest(sent) == "layer[*].a (1,201 for 2 names), c8 (8), b (7), c7 (7), c6 (6)"
    assert describe_largest([]) == ""

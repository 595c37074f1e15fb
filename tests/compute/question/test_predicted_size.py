"""What an answer takes is predicted: loops that shapes and settings alone make long."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from compute.graph.spec import Tensor
from compute.question.limits import Limits
from compute.question.plan import Question, prepare
from tests.compute.asking import readings

SECOND = 1_000_000_000  # operations


def predicted(
    operation: str, shapes: Mapping[str, tuple[int, ...]], upstream: Any = (), **settings: Any
) -> Limits:
    more = {name: settings.pop(name) for name in ("program", "select", "readings") if name in settings}
    inputs = tuple((name, Tensor(shape)) for name, shape in shapes.items())
    seeds = tuple((name, Tensor(shape)) for name, shape in dict(upstream).items())
    return prepare(Question(operation, tuple(settings.items()), inputs, upstream=seeds, **more)).predicted


def test_a_window_is_looked_at_as_far_as_it_sees() -> None:
    """Entries that see nothing but border take no time, and are counted as such."""
    wide = predicted("max_pool1d", {"x": (5,)}, size=2_000_001, padding="same", select=("output",))
    narrow = predicted("max_pool1d", {"x": (5,)}, size=21, padding="same", select=("output",))
    assert wide.work < narrow.work + 20 * 2_000_001


@pytest.mark.parametrize("operation", ["rnn", "gru", "lstm"])
def test_each_step_of_a_scan_counts(operation: str) -> None:
    gates = {"rnn": 1, "gru": 3, "lstm": 4}[operation]
    shapes = {"x": (1_000_000, 1), "w_x": (1, gates), "w_h": (1, gates)}
    assert predicted(operation, shapes, select=("output",)).work > 5 * SECOND


def test_each_turn_of_a_pooling_counts() -> None:
    assert (
        predicted("max_pool1d", {"x": (2_000_000,)}, size=1_000_000, stride=1, select=("output",)).work
        > SECOND
    )


def test_a_gradient_over_the_whole_input_counts() -> None:
    """A transposed convolution of one entry with a large kernel goes over little but zeros."""
    shapes: Any = {"x": (1, 1, 300, 300), "kernel": (1, 1, 200, 200)}
    forward = predicted("conv2d", shapes, select=("output",)).work
    back = predicted("conv2d", shapes, {"output": (1, 1, 101, 101)}, select=("output", "x")).work
    assert back > 5 * forward


def test_verifying_loops_counts_them() -> None:
    shapes = {"x": (300_000,)}
    asked: Any = {"size": 299_998, "stride": 1, "ties": "split", "select": ("output", "x")}
    plain, verified = (
        predicted("max_pool1d", shapes, {"output": (3,)}, readings=readings(verify=one), **asked).work
        for one in (False, True)
    )
    assert verified > 10 * plain > SECOND


def test_gradients_of_many_parts_of_one_value_are_held_at_once() -> None:
    lines = ["a0 = x[0]", *(f"a{at} = a{at - 1} + x[{at}]" for at in range(1, 100))]
    found = predicted("graph", {"x": (1000, 20)}, {"a99": (20,)}, program=tuple(lines))
    assert found.entries > 100 * 1000 * 20


def test_a_product_that_broadcasts_holds_more_than_its_gradients() -> None:
    shapes = {"a": (100, 100), "b": (100, 100, 1)}
    found = predicted("graph", shapes, {"c": (100, 100, 1)}, program=("c = a @ b",))
    assert found.entries > 100**3


def test_what_is_small_stays_small() -> None:
    small = {"x": (3, 2), **dict.fromkeys(("w_q", "w_k", "w_v"), (2, 2))}
    assert predicted("self_attention", small).work < SECOND / 1000
    assert np.isclose(predicted("self_attention", small).entries, 75)

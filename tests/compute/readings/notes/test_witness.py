"""The namespace that watches: it computes the same, and sees every function that can go wrong."""

from typing import Any

import numpy as np
import pytest

from compute.arithmetic.floating import FLOAT64
from compute.arithmetic.namespace import Arithmetic
from compute.readings.notes.witness import MOVING, WATCHED, NonFiniteRecorder

BESIDE = {
    "name",
    "ordered",
    "simplifies",
    "negative_infinity",
    "is_finite",
    "equality",
    "outlines",
    "begin",
    "simplify",
}


def test_every_function_of_the_namespace_is_watched_or_known_to_be_harmless() -> None:
    functions = {name for name in vars(Arithmetic) if not name.startswith("_")}
    assert functions - BESIDE == WATCHED | MOVING | {"entrywise", "along"}
    assert not WATCHED & MOVING


@pytest.mark.parametrize(
    ("function", "operands", "sentence"),
    [
        ("add", ([1, 1e308], [1, 1e308]), "1e+308 + 1e+308 = Infinity"),
        ("subtract", ([1, -1e308], [1, 1e308]), "-1e+308 - 1e+308 = -Infinity"),
        ("divide", ([1, 1], [2, -0.0]), "1 / (-0) = -Infinity"),
        ("difference", ([1, -1e308], [1, 1e308]), "-1e+308 - 1e+308 = -Infinity"),
        ("log", ([1, -0.0],), "log(0) = -Infinity"),
        ("sqrt", ([1, -1],), "sqrt(-1) = NaN"),
        ("exp", ([1, 800],), "exp(800) = Infinity"),
        ("sum", ([1, 1e308, 1e308, -5], -1), "1e+308 + 1e+308 + ... = Infinity"),
        ("sum", ([1e308, 1e308], -1), "1e+308 + 1e+308 = Infinity"),
        ("matmul", ([[1, 1e200]], [[1], [-1e200]]), "1e+200 * (-1e+200) + ... = -Infinity"),
    ],
)
def test_the_first_fault_in_numbers(function: str, operands: tuple[Any, ...], sentence: str) -> None:
    witness: Any = NonFiniteRecorder(FLOAT64)
    arrays = [np.array(one, dtype=float) if isinstance(one, list) else one for one in operands]
    with np.errstate(all="ignore"):
        found = getattr(witness, function)(*arrays)
        expected = getattr(FLOAT64, function)(
            *(np.array(one) if isinstance(one, np.ndarray) else one for one in arrays)
        )
    np.testing.assert_array_equal(found, expected)
    [event] = witness.events
    assert list(witness.fresh_events()) == [event] and not list(witness.nan_events())
    assert event.sentence(tuple(int(one) for one in np.argwhere(event.fresh)[0])) == sentence
    for one, other in zip(arrays, operands, strict=True):
        np.testing.assert_array_equal(one, other)  # it leaves what it is given


def test_infinities_that_come_in_are_no_fault_and_nan_made_of_them_is_a_turn() -> None:
    witness: Any = NonFiniteRecorder(FLOAT64)
    with np.errstate(all="ignore"):
        witness.add(np.array([np.inf, np.nan]), np.array([1.0, np.inf]))
        assert not witness.events and not witness.is_blind
        witness.subtract(np.array([np.inf, np.nan, 1]), np.array([np.inf, np.inf, 1]))
    [event] = witness.nan_events()
    assert not list(witness.fresh_events())
    np.testing.assert_array_equal(event.became_nan, [True, False, False])

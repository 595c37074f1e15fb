"""Which numbers are integers."""

import math
from typing import Any

import pytest

from compute.integers import as_integer, with_integers


@pytest.mark.parametrize(
    ("value", "integer"),
    [
        (2, 2),
        (2.0, 2),
        (-3.0, -3),
        (-0.0, 0),
        (10**30, 10**30),
        (2.0**53 - 1, 2**53 - 1),
        (2.0**53, None),
        (-(2.0**53), None),
        (2.5, None),
        (1e300, None),
        (math.nan, None),
        (math.inf, None),
        (-math.inf, None),
        (True, None),
        (False, None),
        ("2", None),
        (None, None),
        ([2], None),
    ],
)
def test_an_integer_or_nothing(value: Any, integer: int | None) -> None:
    found = as_integer(value)
    assert found == integer
    assert found is None or type(found) is int


def test_lists_are_changed_entry_by_entry_and_the_rest_stays() -> None:
    assert with_integers([2.0, True, 2.5, "n", None]) == [2, True, 2.5, "n", None]
    assert [type(one) for one in with_integers((2.0, True))] == [int, bool]
    nested = [[2.0]]
    assert with_integers(nested)[0] is nested[0]
    assert with_integers({"a": 2.0}) == {"a": 2.0}

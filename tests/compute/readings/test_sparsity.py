"""Where Jacobians are exactly zero."""

from typing import Any

import numpy as np
import pytest

from compute.readings.sparsity import find_accidental_slices, find_blocks, find_zero_slices
from tests.compute.asking import answer

RNG = np.random.default_rng(81)
FULL = np.ones((4, 5), dtype=bool)


@pytest.mark.parametrize(
    ("support", "pattern", "behind", "ahead"),
    [
        (np.eye(4), "diagonal", 0, 0),
        (np.eye(4)[:, :3], "diagonal", 0, 0),
        (np.tri(4), "lower_triangular", 3, 0),
        (np.tri(4, k=-1), "lower_triangular", 3, -1),
        (np.tri(4).T, "upper_triangular", 0, 3),
        (np.tri(4, k=1) * np.tri(4, k=1).T, "banded", 1, 1),
        (np.tri(6, k=1) * np.tri(6, k=2).T, "banded", 2, 1),
        (np.eye(4, k=1), "banded", -1, 1),
    ],
)
def test_patterns(support: Any, pattern: str, behind: int, ahead: int) -> None:
    [block] = find_blocks([support > 0], ("row",), ("column",))
    assert (block.pattern, block.behind, block.ahead) == (pattern, behind, ahead)
    rows, columns = np.nonzero(support)
    assert -block.behind == (columns - rows).min()
    assert block.ahead == (columns - rows).max()
    assert "row" in block.message
    assert "column" in block.message


def test_nothing_to_say_and_nothing_at_all() -> None:
    assert find_blocks([FULL], ("row",), ("column",)) == []
    assert find_blocks([np.ones((1, 3), dtype=bool)], ("row",), ("column",)) == []
    [block] = find_blocks([~FULL], ("row",), ("column",))
    assert block.pattern == "zero"
    assert find_blocks([np.ones(1, dtype=bool)], (), ()) == []


def test_blocks_of_attention() -> None:
    inputs = {
        "x": RNG.standard_normal((2, 4, 4)),
        "w_q": RNG.standard_normal((4, 4)),
        "w_k": RNG.standard_normal((4, 4)),
    }
    pairs = [("scores", "query"), ("output", "x"), ("scaled_scores", "scores")]
    found = answer("self_attention", inputs, {"heads": 2, "causal": True}, jacobian=pairs).parts["jacobians"]
    patterns = [{(one.of_label, one.wrt_label): one.pattern for one in found[at].zeros} for at in range(3)]
    assert patterns[0] == {
        ("batch", "batch"): "diagonal",
        ("heads", "heads"): "diagonal",
        ("query", "query"): "diagonal",
    }
    assert patterns[1] == {("batch", "batch"): "diagonal", ("query", "n"): "lower_triangular"}
    assert patterns[2] == {(one, one): "diagonal" for one in ("batch", "heads", "query", "key")}


def test_slices_that_are_zero_are_no_pattern() -> None:
    causal = np.array([[False, False], [True, True], [True, True]])
    assert find_blocks([causal], ("query",), ("d_k",)) == []
    [empty] = find_zero_slices([causal], ("query",), ("d_k",))
    assert (empty.side, empty.axis, empty.label, empty.indices) == ("of", 0, "query", [0])
    padded = np.zeros((3, 5), dtype=bool)
    padded[:, :2] = True
    assert find_blocks([padded], ("query",), ("key",)) == []
    [empty] = find_zero_slices([padded], ("query",), ("key",))
    assert (empty.side, empty.label, empty.indices) == ("wrt", "key", [2, 3, 4])
    assert find_zero_slices([~FULL], ("row",), ("column",)) == []


def test_slices_that_are_zero_for_these_numbers_alone() -> None:
    support = np.array([[True, True, False], [True, True, False]])
    present = np.array([[False, True, False], [False, True, False]])
    [found] = find_accidental_slices([present], [support], ("row",), ("column",))
    assert (found.side, found.axis, found.label, found.indices) == ("wrt", 0, "column", [0])
    assert find_accidental_slices([support], [support], ("row",), ("column",)) == []
    found, other = find_accidental_slices([present & False], [support], ("row",), ("column",))
    assert (found.indices, other.indices) == ([0, 1], [0, 1])

"""Questions as documents restate them."""

from typing import Any

from compute.operations import CATALOGUE
from service.pages.blocks import Beside, Facts, Math, Program, Table
from service.pages.questions import restate_question, write_summary


def test_recurrences_are_formulas() -> None:
    words, formula, end = write_summary(CATALOGUE["rnn"])
    assert words == "A recurrent layer: "
    assert (
        isinstance(formula, Math) and r"\operatorname{activation}(x_t W_x + h_{t-1} W_h + b)" in formula.latex
    )
    assert end == "."
    assert write_summary(CATALOGUE["linear"]) == ["A linear layer: X W + b, for any number of vectors."]


def test_inputs_stand_side_by_side_below_their_meanings() -> None:
    request: dict[str, Any] = {"x": [[1.0]], "w": [[2.0]], "b": [3.0]}
    facts, beside = restate_question("linear", request, {}).blocks
    assert isinstance(facts, Facts) and len(facts.items) == 3
    assert isinstance(beside, Beside)
    assert all(isinstance(block, Table) for block in beside.blocks)
    assert len(beside.blocks) == 3


def test_programs_keep_their_lines() -> None:
    request: dict[str, Any] = {"program": ["y = x", "z = y"], "inputs": {"x": 1.0}}
    first, *_ = restate_question("graph", request, {}).blocks
    assert first == Program(["y = x", "z = y"])

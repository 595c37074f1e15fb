"""Text in the place of numbers is read once for each document, and not without end."""

import math
from typing import Any

import numpy as np
import pytest

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import parse
from compute.arithmetic.floating import FLOAT64
from compute.errors import QuestionErrors, TooLarge
from service.questions import texts as module
from service.questions.tensors import decode
from service.questions.texts import Texts


@pytest.mark.parametrize("text", ["0", "1.", "0.1", "12345678901234567", "1e5", "1.5E-9", "3.0e+2"])
def test_decimals_are_what_the_parser_says(text: str) -> None:
    assert Texts().number(text) == evaluate(parse(text))


def test_text_that_is_repeated_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def noted(text: str) -> Any:
        read.append(text)
        return parse(text)

    monkeypatch.setattr(module, "parse", noted)
    found = decode([["sqrt(2)", "NaN"], ["NaN", "sqrt(2)"]] * 50, ("x",), FLOAT64, texts=Texts())
    assert read == ["sqrt(2)"]
    np.testing.assert_array_equal(found[:2], [[math.sqrt(2), math.nan], [math.nan, math.sqrt(2)]])


def test_a_document_holds_no_more_expressions_than_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_EXPRESSIONS", 3)
    texts = Texts()
    decode(["1/2", "1/3", "0.25", "0.125", "NaN"], ("x",), FLOAT64, texts=texts)
    decode(["1/3", "1/4"], ("y",), FLOAT64, texts=texts)
    with pytest.raises(QuestionErrors) as caught:
        decode(["1/5"], ("z",), FLOAT64, texts=texts)
    [error] = caught.value.errors
    assert isinstance(error, TooLarge) and error.path == ("z",) and "at most 3" in error.expected


def test_the_first_entry_that_is_no_number_is_told() -> None:
    for entries, index in (
        (["NaN", "1/2", "1/0", "1/3", True], 2),
        (["NaN", None, "1/0"], 1),
        (["1", [2]], 1),
    ):
        with pytest.raises(QuestionErrors) as caught:
            decode(entries, ("x",), FLOAT64)
        assert caught.value.errors[0].path == ("x", index)

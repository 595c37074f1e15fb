"""Every misconception says what a student and a grader need, and has a test."""

from pathlib import Path

import pytest

from compute.operations import CATALOGUE
from compute.operations.framework.misconceptions import Misconception
from compute.operations.misconceptions import MISCONCEPTIONS

TESTS = Path(__file__).parent.parent
NAMED = "".join(path.read_text() for path in TESTS.rglob("test_misconceptions*.py"))


@pytest.mark.parametrize("declared", MISCONCEPTIONS.values(), ids=lambda declared: declared.code)
def test_a_misconception_is_tested_and_described(declared: Misconception) -> None:
    assert f'"{declared.code}"' in NAMED, "no test computes with it"
    assert declared.message.endswith((".", "?"))
    assert not set("0123456789") & set(declared.message.replace("1 -", "").replace("sum to 1", ""))
    assert declared.note
    assert declared.source
    assert declared.operations <= CATALOGUE.keys()

"""Every refusal says what came: no `received` of the source is an empty word."""

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import compute
from compute.errors import describe, describe_entry, describe_first_unfit

ROOT = Path(compute.__file__).parent.parent
REFUSALS = {"at": 3, "QuestionError": 3, "TooLarge": 3, "ProgramFault": 3, "UnfitEntries": 3, "beyond": 1}
# Words that say that something else came, and not what.
EMPTY = {
    "", "a larger one", "a larger shift", "a longer one", "a number", "a setting", "a smaller one",
    "a value", "an axis that does not exist", "an odd number", "an odd one", "an unknown name",
    "an unknown value", "another", "another name", "another one", "another setting", "another word",
    "different entries", "fewer", "invalid", "less", "more", "no number", "none", "one", "one of them",
    "one of them twice", "one that cannot", "one twice", "one without", "other", "other changes",
    "other entries", "other numbers", "other text", "others", "something else", "text", "the other kind",
    "two", "unknown",
}  # fmt: skip
ALLOWED = {("compute/optimizers/run/question.py", "a number")}  # in the place of data with rows


def refusals() -> Iterator[tuple[str, ast.Call, ast.expr]]:
    """The file, the call and the last argument of everything that makes a refusal."""
    for path in sorted([*ROOT.glob("compute/**/*.py"), *ROOT.glob("service/**/*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            place = REFUSALS.get(name)
            if place is not None and len(node.args) > place:
                yield str(path.relative_to(ROOT)), node, node.args[place]


def constants(node: ast.expr) -> Iterator[str]:
    """The texts that an expression may be as a whole."""
    if isinstance(node, ast.IfExp):
        yield from constants(node.body)
        yield from constants(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for one in node.values:
            yield from constants(one)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def test_what_came_is_said() -> None:
    empty, seen = [], 0
    for file, call, received in refusals():
        seen += 1
        empty += [
            f"{file}:{call.lineno}: {text!r}"
            for text in constants(received)
            if text in EMPTY and (file, text) not in ALLOWED
        ]
    assert seen > 200
    assert not empty


def test_what_is_expected_is_named() -> None:
    """No list of names is written out where it may be empty."""
    for file, call, _ in refusals():
        for node in ast.walk(call):
            if isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant):
                assert (
                    node.left.value != "one of: "
                    or "CATALOGUE" in ast.unparse(node.right)
                    or (file == "service/optimizers/reading.py")
                ), f"{file}:{call.lineno}"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "the number 0"), (-0.5, "the number -0.5"), (3.0, "the number 3"), (1e-300, "the number 1e-300"),
        (10**15, "a very large number"), (-1e300, "a very large number"), (float("nan"), "the number NaN"),
        (True, "true"), (None, "nothing"), ("x", "text of 1 character"), ("secret", "text of 6 characters"),
        ((1, 2), "a list of 2"), (np.float64(0.1), "the number 0.1"), (np.zeros((2, 3)), "a tensor"),
    ],
)  # fmt: skip
def test_settings_are_described(value: object, words: str) -> None:
    assert describe(value) == words


def test_the_first_unfit_entry_is_described() -> None:
    entries = np.array([[0.0, 1.0, 2.0], [2.5, -1.0, np.nan]])

    def check(part: np.ndarray) -> None:
        if not ((part >= 0) & (part == np.floor(part))).all():
            raise ValueError

    assert describe_first_unfit(entries, check) == "the entry 2.5 at [1, 0]"
    assert describe_first_unfit(np.array(-1.0), check) == "the entry -1"
    assert describe_entry(entries, entries < 0) == "the entry -1 at [1, 1]"
    assert describe_entry(entries, np.isnan(entries)) == "the entry NaN at [1, 2]"
    assert describe_entry(np.array(["x" * 50], dtype=object), np.array([True])) == "a long expression at [0]"
    for size in range(1, 20):
        for bad in range(size):
            values = np.zeros(size)
            values[bad:] = 0.5
            assert describe_first_unfit(values, check) == f"the entry 0.5 at [{bad}]"

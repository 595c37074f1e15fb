"""One case of the corpus: a request to grade, and the verdicts that it has to get."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.grading_corpus.sheets import Array, Key, Sheet, Written, assemble, follow, items_of, work

RELATIVE, ABSOLUTE = 0.01, 0.001


@dataclass(frozen=True)
class Expected:
    """The verdict on one item.

    verdicts: those allowed; empty for any.
    codes: mistakes of which one has to be named.
    full: whether the item has to have full marks, or must not have them; None if either is right.
    unnamed: whether no mistake may be named.
    """

    verdicts: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    full: bool | None = None
    unnamed: bool = False


@dataclass(frozen=True)
class Case:
    """A request to grade and the verdict on each of its items.

    variant: what was done to the answer, for people.
    codes: the mistakes that were made.
    """

    kind: str
    family: str
    variant: str
    request: dict[str, Any]
    expect: Mapping[Key, Expected]
    codes: tuple[str, ...] = ()


def encode(number: float) -> float | str:
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return float(number)


def nested(array: Array) -> Any:
    """Return an array as nested lists, with numbers that JSON has not as text."""
    if np.ndim(array) == 0:
        return encode(float(array))
    return [nested(row) for row in array]


def request_of(sheet: Sheet, items: Mapping[Key, Any], **fields: Any) -> dict[str, Any]:
    """Return the body of POST /v1/grade with these items, already as JSON."""
    body: dict[str, Any] = {"question": dict(sheet.question)}
    sides: dict[str, dict[str, Any]] = {"value": {}, "gradient": {}}
    for (kind, name), content in items.items():
        sides[kind][name] = content
    body["answer"] = sides["value"]
    if sides["gradient"]:
        body["gradients"] = sides["gradient"]
    return body | fields


def allowances(right: Array, absolute_of: Array | None = None) -> Array:
    """Return the default tolerance of each entry."""
    finite = np.abs(np.where(np.isfinite(right), right, 0))
    largest = np.max(np.abs(np.nan_to_num(absolute_of, posinf=0, neginf=0))) if absolute_of is not None else 0
    largest = max(float(largest), float(finite.max(initial=0)))
    return np.maximum(RELATIVE * finite, ABSOLUTE * largest) + 1e-12 * largest


def distance(found: Array, right: Array, scale_of: Array | None = None) -> float:
    """Return the largest difference in units of the default tolerance."""
    if np.shape(found) != np.shape(right):
        return math.inf
    with np.errstate(all="ignore"):
        apart = np.abs(found - right)
    same = (found == right) | (np.isnan(found) & np.isnan(right))
    apart = np.where(same, 0, np.where(np.isnan(apart), math.inf, apart))
    allowed = allowances(right, scale_of)
    with np.errstate(all="ignore"):
        units = np.where(apart == 0, 0, apart / allowed)
    return float(np.max(units, initial=0))


def differ_clearly(found: Array, other: Array) -> bool:
    """Whether two arrays differ by more than 5 % of the largest entry somewhere."""
    if np.shape(found) != np.shape(other):
        return True
    flat = np.abs(np.nan_to_num(np.asarray(other, float), posinf=0, neginf=0))
    with np.errstate(all="ignore"):
        apart = np.abs(np.asarray(found) - np.asarray(other))
    apart = np.where(np.asarray(found) == np.asarray(other), 0, np.nan_to_num(apart, nan=1e300))
    clear = np.maximum(0.05 * flat, 0.02 * flat.max(initial=0))
    return bool(np.any(apart > np.maximum(clear, 1e-9)))


CORRECT = Expected(frozenset({"correct"}), full=True)
FOLLOWS = Expected(frozenset({"follow_through"}), full=True)
EITHER = Expected(frozenset({"correct", "follow_through"}), full=True)
WRONG = Expected(frozenset({"incorrect"}), full=False)
FULL = Expected(full=True)


class Unclear(Exception):
    """An answer whose verdict the inputs do not determine, so that it is not used."""


@dataclass(frozen=True)
class Judged:
    """The verdict on each item, by the definitions of follow-through."""

    verdicts: Mapping[Key, str]  # correct, either, follows or wrong
    in_place: Written  # each step from the answer's own values before it


def judge(sheet: Sheet, answer: Written, items: Mapping[Key, tuple[Key, ...]]) -> Judged:
    """Judge an answer by the definitions: right, right from all earlier values, or from the wrong ones.

    Raises Unclear if an entry lies between right and wrong.
    """
    right = work(sheet)
    shown = [row for rows in items.values() for row in rows]
    everything = follow(sheet, answer, shown)
    wrong_ones = [key for key in shown if distance(answer[key], right[key]) > 0.7]
    wrong_only = follow(sheet, answer, wrong_ones)
    verdicts: dict[Key, str] = {}
    for item, rows in items.items():
        whole = assemble(right, rows, item) if item not in right else right[item]
        order = [_judge_row(answer[row], right[row], everything[row], wrong_only[row], whole) for row in rows]
        verdicts[item] = max(order, key=["correct", "either", "follows", "wrong"].index)
    return Judged(verdicts, everything)


def _judge_row(found: Array, right: Array, everything: Array, wrong_only: Array, whole: Array) -> str:
    apart = distance(found, right, whole)
    if apart <= 0.6:
        return "correct"
    follows = min(distance(found, everything, whole), distance(found, wrong_only, whole))
    if follows <= 0.6:
        return "follows" if apart > 1.5 else "either"
    if not all(differ_clearly(found, other) for other in (right, everything, wrong_only)):
        raise Unclear
    return "wrong"


EXPECTED = {"correct": CORRECT, "either": EITHER, "follows": FOLLOWS, "wrong": WRONG}


def send(items: Mapping[Key, tuple[Key, ...]], answer: Written) -> dict[Key, Any]:
    return {item: nested(assemble(answer, rows, item)) for item, rows in items.items()}


def select(answer: Written, keys: Collection[Key]) -> Written:
    return {key: array for key, array in answer.items() if key in keys}


__all__ = [
    "CORRECT", "EITHER", "EXPECTED", "FOLLOWS", "FULL", "WRONG", "Case", "Expected", "Judged", "Unclear",
    "assemble", "differ_clearly", "distance", "items_of", "judge", "nested", "request_of", "select", "send",
]  # fmt: skip

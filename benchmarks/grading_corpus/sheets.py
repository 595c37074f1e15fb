"""Worksheets: the steps of a student's calculation, one hand-written formula for each value and gradient."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = Any
Key = tuple[str, str]  # ("value" or "gradient", name)
Formula = Callable[[dict[str, Array], dict[str, Array]], Array]
Written = dict[Key, Array]


def value(name: str) -> Key:
    return ("value", name)


def gradient(name: str) -> Key:
    return ("gradient", name)


@dataclass(frozen=True)
class Step:
    """One named value or gradient, computed by a formula from values and gradients before it."""

    key: Key
    formula: Formula
    counted: bool = False  # made of whole numbers, such as the places of maxima


@dataclass(frozen=True)
class Mistake:
    """A mistake or another convention: other formulas for some steps.

    formulas: the replaced steps.
    omitted: steps that a student who works like this does not write down.
    only: the only steps written down; by default all.
    """

    formulas: Mapping[Key, Formula]
    omitted: Collection[Key] = ()
    only: Collection[Key] = ()


@dataclass(frozen=True)
class Convention:
    """Another convention, and the attributes that `accept` lists for it."""

    attributes: Mapping[str, Any]
    replacement: Mistake
    transposed: Key | None = None


@dataclass(frozen=True)
class Sheet:
    """A question with the steps of its solution.

    family: names the group of questions in figures.
    question: the question as the service takes it.
    known: the inputs; upstream: the gradients that are given.
    steps: in the order of computation.
    stacks: items that hold several steps as rows, as `hidden` holds `hidden[1]` and `hidden[2]`.
    mistakes: by code.
    consistent: pairs of mistakes that are one: a mistaken value and the gradient that belongs to it, or two
        that cancel each other.
    """

    family: str
    question: Mapping[str, Any]
    known: Mapping[str, Array]
    upstream: Mapping[str, Array]
    steps: tuple[Step, ...]
    stacks: Mapping[Key, tuple[Key, ...]] = field(default_factory=dict)
    mistakes: Mapping[str, Mistake] = field(default_factory=dict)
    conventions: tuple[Convention, ...] = ()
    consistent: tuple[set[str], ...] = ()

    def order(self) -> tuple[Key, ...]:
        return tuple(step.key for step in self.steps)

    def counted(self) -> frozenset[Key]:
        return frozenset(step.key for step in self.steps if step.counted)


@dataclass
class Writing:
    """A student's step with a computed value: (used in later steps, written down)."""

    change: Callable[[Key, Array], tuple[Array, Array]]


KEEP = Writing(lambda _key, computed: (computed, computed))


def work(sheet: Sheet, formulas: Mapping[Key, Formula] | None = None, writing: Writing = KEEP) -> Written:
    """Work through a sheet, with some formulas replaced. Return all values as written down."""
    values, gradients = dict(sheet.known), dict(sheet.upstream)
    written: Written = {}
    for step in sheet.steps:
        formula = (formulas or {}).get(step.key, step.formula)
        with np.errstate(all="ignore"):
            computed = np.asarray(formula(values, gradients), dtype=float)
        used, written[step.key] = writing.change(step.key, computed)
        kind, name = step.key
        (values if kind == "value" else gradients)[name] = used
    return written


def follow(
    sheet: Sheet, answer: Written, in_place: Iterable[Key], formulas: Mapping[Key, Formula] | None = None
) -> Written:
    """Compute every step from the answer's values where those are in place, and from right ones elsewhere."""
    found: Written = {}
    places = set(in_place)

    def change(key: Key, computed: Array) -> tuple[Array, Array]:
        found[key] = computed
        return (answer[key] if key in places else computed), computed

    work(sheet, formulas, Writing(change))
    return found


def items_of(sheet: Sheet, answer: Written, stacked: bool = True) -> dict[Key, tuple[Key, ...]]:
    """Return the items to send: those steps that are written down, or stacks in place of their rows."""
    items: dict[Key, tuple[Key, ...]] = {}
    in_stack = {row: stack for stack, rows in sheet.stacks.items() for row in rows} if stacked else {}
    for key in answer:
        stack = in_stack.get(key)
        if stack is None:
            items[key] = (key,)
        elif all(row in answer for row in sheet.stacks[stack]):
            items[stack] = sheet.stacks[stack]
    return items


def assemble(answer: Written, rows: tuple[Key, ...], item: Key) -> Array:
    """Return the array of an item: a step's own, or its rows stacked."""
    return answer[item] if rows == (item,) else np.stack([answer[row] for row in rows])

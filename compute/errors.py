"""Errors in questions, with messages that say how to correct them.

    QuestionError(Exception)        one error, at one place of the question
      TooLarge                      well-formed, but beyond a limit
    QuestionErrors(Exception)       several errors, found together
      UnfitEntries                  entries that a step cannot work on

Messages describe what was received; they never repeat text from the request.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from compute.names.foreign_names import REMARKS
from compute.names.suggestions import suggest_name

Path = tuple[str | int, ...]
LONGEST_ENTRY = 40  # characters
MANY_DIGITS = 10**15
LISTED = 20  # the most errors that are described


class QuestionError(Exception):
    """One error in a question.

    path: its place in the question.
    message: what is wrong; expected, received: what was expected there, and what was received instead.
    """

    def __init__(self, path: Path, message: str, expected: str, received: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message
        self.expected = expected
        self.received = received

    def within(self, *prefix: str | int) -> "QuestionError":
        """Return the error with a prefix before its path."""
        return type(self)((*prefix, *self.path), self.message, self.expected, self.received)


class TooLarge(QuestionError):
    """A well-formed question that asks for more than a limit allows."""


class QuestionErrors(Exception):
    """Several errors found in one pass over the question. total: their number, if not all are listed."""

    def __init__(self, errors: Iterable[QuestionError], total: int = 0) -> None:
        self.errors = list(errors)
        self.total = max(total, len(self.errors))
        super().__init__("; ".join(error.message for error in self.errors))


def place_in_program(line: int, column: int, message: str, argument: str = "") -> str:
    """Return a message that begins with its place. line: from 0; column: from 1; argument: of a call."""
    return f"line {line + 1}, column {column}{argument and f' at {argument}'}: {message}"


class UnfitEntries(QuestionErrors):
    """Entries that a primitive rejects.

    name: of the operand; after `of`, of the value.
    step: the index of the value that the primitive computes, after `of`.
    """

    def __init__(self, name: str, message: str, expected: str, received: str, step: int = -1) -> None:
        super().__init__([QuestionError((name,), message, expected, received)])
        self.name, self.step = name, step

    def of(self, name: str, step: int) -> "UnfitEntries":
        """Return the error for the value of this name, an operand of a step."""
        [error] = self.errors
        return UnfitEntries(name, error.message, error.expected, error.received, step)

    def within(self, *prefix: str | int) -> QuestionErrors:
        """Return the error at the field that holds the tensor."""
        return QuestionErrors([self.errors[0].within(*prefix)])

    def computed(self, *path: str | int, place: tuple[int, int] | None = None) -> QuestionErrors:
        """Return the error for a computed value, which has no field of its own.

        place: the line and the column of a program that compute it.
        """
        [error] = self.errors
        message = f"{self.name} {error.message}"
        if place is not None:
            path, message = (*path, place[0]), place_in_program(*place, message)
        return at(path, message, error.expected, error.received)


def at(path: Path, message: str, expected: str, received: str) -> QuestionErrors:
    """Return a single error as QuestionErrors."""
    return QuestionErrors([QuestionError(path, message, expected, received)])


def describe(value: Any) -> str:
    """Describe a setting in words: a number by its digits, text by its length."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {_number(value)}" if not abs(value) >= MANY_DIGITS else "a very large number"
        case str():
            return f"text of {len(value)} character" + ("s" if len(value) != 1 else "")
        case list() | tuple():
            return f"a list of {len(value)}"
    return "a tensor" if hasattr(value, "shape") else "letters" if hasattr(value, "terms") else "an object"


def describe_entry(entries: Any, unfit: Any) -> str:
    """Describe the first entry of an array where `unfit` is true: `the entry 2.5 at [0, 1]`."""
    return _entry(entries, np.unravel_index(int(np.argmax(unfit)), entries.shape))


def describe_first_unfit(entries: Any, check: Callable[[Any], object]) -> str:
    """Describe the first entry for which `check`, given a part of the entries, raises ValueError."""
    flat = entries.reshape(-1)
    low, high = 0, flat.size
    while high - low > 1:
        middle = (low + high) // 2
        try:
            check(flat[low:middle])
        except ValueError:
            high = middle
        else:
            low = middle
    return _entry(entries, np.unravel_index(low, entries.shape))


def _entry(entries: Any, place: tuple[Any, ...]) -> str:
    entry = entries[place]
    text = _number(float(entry)) if isinstance(entry, np.number) else str(entry)
    where = f" at [{', '.join(map(str, map(int, place)))}]" if place else ""
    return f"the entry {text}{where}" if len(text) <= LONGEST_ENTRY else f"a long expression{where}"


def _number(value: float) -> str:
    """Return a number as a request would hold it."""
    if not np.isfinite(float(value)):
        return "NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return repr(float(value)).removesuffix(".0") if isinstance(value, float) else str(value)


def unknown_name(path: Path, kind: str, name: str, known: Iterable[str]) -> QuestionError:
    """Return the error of using an unknown name, with a suggestion if a known name is similar."""
    choices = list(known)
    listed = ", ".join(choices[:40]) + (", ..." if len(choices) > 40 else "")
    return QuestionError(
        path,
        f"there is no {kind} of this name{hint(name, choices)}",
        f"one of: {listed}" if choices else f"no name, since there is no {kind} here",
        f"an unknown name of {len(name)} character" + ("s" if len(name) != 1 else ""),
    )


def hint(name: str, known: Iterable[str]) -> str:
    """Return the end of a message that suggests a name in place of an unknown one; empty if none fits."""
    choices = list(known)
    suggested = suggest_name(name, choices)
    if suggested is None and (remark := REMARKS.get(name)) is not None and remark[0] in choices:
        return f"; {remark[1]}"
    return f"; did you mean {suggested}?" if suggested else ""

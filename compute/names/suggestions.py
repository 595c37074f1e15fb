"""Suggest a name in place of an unknown one: a similar spelling, or our name for what another library has."""

import re
from collections.abc import Collection, Iterable
from itertools import islice

from compute.budgets.planning import look_through
from compute.names.foreign_names import ELSEWHERE, NOT_HERE, SYNONYMS

LONGEST = 64  # characters of a name that is compared with others
MOST_LOOKED_AT = 2_000  # choices that are considered
MOST_COMPARED = 100  # choices of similar length and the same first letter that are compared
SEARCHED = 8  # passes over the choices
SHORTEST_WORD = 3  # shorter names are symbols
LEAST = 5  # shortest name that may have one error
FOR_TWO = 9  # shortest name that may have two errors

LIBRARIES = {"torch", "nn", "f", "functional", "optim", "np", "numpy", "math", "jax", "jnp", "lax", "flax",
             "linen", "optax", "tf", "keras", "layers", "losses", "optimizers", "activations"}  # fmt: skip
_SEPARATORS = re.compile(r"[\W_]+")
_DIGITS = re.compile(r"\d+")
_TOGETHER = re.compile(r", | or | and ")
_SUFFIXES = ("loss", "layer", "optimizer", "activation", "function", "schedule", "scheduler", "lr")


def _plain(name: str) -> str:
    """Return a name in lower case without separators: leakyrelu for Leaky_ReLU."""
    return _SEPARATORS.sub("", name.lower())


def _index_foreign_names() -> dict[str, list[str]]:
    index: dict[str, list[str]] = {_plain(name): [] for name in NOT_HERE.split()}
    for table in (SYNONYMS, ELSEWHERE):
        for ours, foreign in table.items():
            for name in foreign.split():
                index.setdefault(_plain(name), []).append(ours)
    return index


_FOREIGN = _index_foreign_names()
_SAME: dict[str, list[str]] = {}
for _ours, _names in SYNONYMS.items():
    for _name in _names.split():
        _SAME.setdefault(_plain(_name), []).append(_ours)


def find_synonym(name: str, choices: Collection[str]) -> str | None:
    """Return the choice that means the same as a name: spelt alike, or its name in another library."""
    if not 0 < len(name) <= LONGEST:
        return None
    look_through(len(choices))
    same = _spelt_alike(name, choices)
    if same:
        return same[0] if len(same) == 1 else None
    return next((ours for ours in _SAME.get(_plain(name), ()) if ours in choices), None)


def split_names(joined: str) -> list[str]:
    """Return the names of ours that an entry of the table of foreign names joins."""
    return _TOGETHER.split(joined)


def other_names(name: str) -> tuple[str, ...]:
    """Return the names that libraries and courses have for one of ours, without symbols such as mu."""
    return tuple(other for other in ELSEWHERE.get(name, "").split() if len(other) >= SHORTEST_WORD)


def suggest_name(name: str, choices: Iterable[str]) -> str | None:
    """Return the choice that a name probably means, or None; several choices are joined by "or" or "and".

    A name from another library is translated; any other is compared with the choices for misspellings.
    """
    if not 0 < len(name) <= LONGEST:
        return None
    known = dict.fromkeys(islice(choices, MOST_LOOKED_AT))
    look_through(SEARCHED * len(known))
    scope, _, last = name.rpartition(".")
    prefix = f"{scope}." if scope and not LIBRARIES.issuperset(scope.lower().split(".")) else ""
    for word in (name, *_stems(_plain(last), prefix)):
        same = _spelt_alike(word, known)
        if same:
            return same[0] if len(same) == 1 else None
        foreign = _FOREIGN.get(word.removeprefix(prefix))
        if foreign is not None:
            return _first_known(foreign, prefix, known)
    return _find_nearest(name.lower(), known)


def _stems(word: str, prefix: str) -> Iterable[str]:
    yield prefix + word
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) > len(suffix) + 1:
            yield prefix + word.removesuffix(suffix)


def _spelt_alike(name: str, known: Iterable[str]) -> list[str]:
    """Return the choices that differ from a name only in case and separators."""
    plain = _plain(name)
    if not plain:
        return []
    first, last, least, most = plain[:1], plain[-1:], len(plain), 2 * len(name)
    return [
        choice
        for choice in known
        if least <= len(choice) <= most
        and choice[0].lower() == first
        and choice[-1].lower() == last
        and _plain(choice) == plain
    ]


def _first_known(ours: list[str], prefix: str, known: dict[str, None]) -> str | None:
    for choice in ours:
        if all(prefix + part in known for part in split_names(choice)):
            return _TOGETHER.sub(lambda separator: separator[0] + prefix, prefix + choice)
    return None


def _find_nearest(name: str, choices: Iterable[str]) -> str | None:
    """Return the choice with the fewest edits, if they are few and no other choice has as few."""
    if len(name) < LEAST:
        return None
    most = 2 if len(name) >= FOR_TWO else 1
    shortest, longest, first, digits = len(name) - most, len(name) + most, name[0], _DIGITS.findall(name)
    # Names such as conv2d and conv3d, selu and gelu are different words.
    near = (
        choice
        for choice in choices
        if shortest <= len(choice) <= longest
        and choice[:1].lower() == first
        and _DIGITS.findall(choice) == digits
    )
    nearest: list[str] = []
    for choice in islice(near, MOST_COMPARED):
        distance = edit_distance(name, choice.lower(), most)
        if distance < most:
            most, nearest = distance, []
        if distance == most:
            nearest.append(choice)
    return nearest[0] if len(nearest) == 1 else None


def edit_distance(a: str, b: str, most: int) -> int:
    """Return the number of letters to replace, insert, delete or swap; some number above `most` if larger."""
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    a, b = a[start:], b[start:]
    while a and b and a[-1] == b[-1]:
        a, b = a[:-1], b[:-1]
    if not a or not b:
        return max(len(a), len(b))
    if abs(len(a) - len(b)) > most or (most == 1 and max(len(a), len(b)) > 2):
        return most + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, one in enumerate(a, 1):
        before, last, row = row, before, [i]
        for j, other in enumerate(b, 1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (one != other))
            if i > 1 and j > 1 and one == b[j - 2] and a[i - 2] == other:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most and (not before or min(before) > most):
            return most + 1
    return row[-1]

"""Suggest a name in place of one that does not exist: another spelling of it, or what it is called here."""

import re
from collections.abc import Iterable
from itertools import islice

from compute.budgets.planning import look_through
from compute.names.foreign_names import ELSEWHERE, NOT_HERE

LONGEST = 64  # characters of a name that is compared with others
MOST_LOOKED_AT = 2_000  # choices
MOST_COMPARED = 100  # choices of about the same length and with the same first letter
SEARCHED = 8  # looks at each choice
LEAST = 5  # characters of a name that may be misspelt
FOR_TWO = 9  # characters of a name that may be misspelt twice

LIBRARIES = {"torch", "nn", "f", "functional", "optim", "np", "numpy", "math", "jax", "jnp", "lax", "flax",
             "linen", "optax", "tf", "keras", "layers", "losses", "optimizers", "activations"}  # fmt: skip
_SEPARATORS = re.compile(r"[\W_]+")
_DIGITS = re.compile(r"\d+")
_TOGETHER = re.compile(r", | or | and ")
_SUFFIXES = ("loss", "layer", "optimizer", "activation", "function", "schedule", "scheduler", "lr")


def _plain(name: str) -> str:
    """Return a name in small letters without separators: leakyrelu for Leaky_ReLU."""
    return _SEPARATORS.sub("", name.lower())


def _by_foreign_name() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {_plain(name): [] for name in NOT_HERE.split()}
    for ours, foreign in ELSEWHERE.items():
        for name in foreign.split():
            found.setdefault(_plain(name), []).append(ours)
    return found


_FOREIGN = _by_foreign_name()


def suggest_name(name: str, choices: Iterable[str]) -> str | None:
    """Return the choice that a name stands for, or None. Several choices may be joined by "or" or "and".

    A name that other libraries have for something is taken at its word; any other may be misspelt.
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
    return _misspelt(name.lower(), known)


def _stems(word: str, prefix: str) -> Iterable[str]:
    yield prefix + word
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) > len(suffix) + 1:
            yield prefix + word.removesuffix(suffix)


def _spelt_alike(name: str, known: Iterable[str]) -> list[str]:
    """Return the choices that differ from a name in case and separators alone."""
    plain = _plain(name)
    if not plain:
        return []
    first, last, least, most = plain[:1], plain[-1:], len(plain), 2 * len(name)
    return [
        one
        for one in known
        if least <= len(one) <= most
        and one[0].lower() == first
        and one[-1].lower() == last
        and _plain(one) == plain
    ]


def _first_known(ours: list[str], prefix: str, known: dict[str, None]) -> str | None:
    for one in ours:
        if all(prefix + part in known for part in _TOGETHER.split(one)):
            return _TOGETHER.sub(lambda found: found[0] + prefix, prefix + one)
    return None


def _misspelt(name: str, choices: Iterable[str]) -> str | None:
    """Return the one choice that is nearest to a name, if that is near."""
    if len(name) < LEAST:
        return None
    most = 2 if len(name) >= FOR_TWO else 1
    shortest, longest, first, digits = len(name) - most, len(name) + most, name[0], _DIGITS.findall(name)
    # Names such as conv2d and conv3d, selu and gelu are different words.
    near = (
        one
        for one in choices
        if shortest <= len(one) <= longest and one[:1].lower() == first and _DIGITS.findall(one) == digits
    )
    nearest: list[str] = []
    for one in islice(near, MOST_COMPARED):
        distance = edit_distance(name, one.lower(), most)
        if distance < most:
            most, nearest = distance, []
        if distance == most:
            nearest.append(one)
    return nearest[0] if len(nearest) == 1 else None


def edit_distance(a: str, b: str, most: int) -> int:
    """Return the number of letters to change, add, leave out or swap; any number above `most` if farther."""
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

"""Hostile answers: one item of a right answer replaced by something that cannot be graded."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.grading_corpus.cases import (
    CORRECT,
    Case,
    Expected,
    items_of,
    request_of,
    send,
)
from benchmarks.grading_corpus.sheets import Sheet, work

MARKER = "qzxkv"  # letters that no name has, to see whether a response repeats the text
UNGRADABLE = Expected(frozenset({"ungradable"}), full=False)
REFUSED = Expected(frozenset({"ungradable", "incorrect"}), full=False)
UNICODE = "\u202e\u200b\ufeff\u0660\u2028\u0301√π½∞−·⁄漢\U0001f600"


def _deep(content: Any, levels: int) -> Any:
    for _ in range(levels):
        content = [content]
    return content


def _text(rng: random.Random) -> str:
    return MARKER + "".join(rng.choice("abc xyz(){}[]%$&;'\"\\<>") for _ in range(rng.randrange(60)))


def _tower(rng: random.Random) -> str:
    return "**".join(str(rng.randint(9, 99)) for _ in range(rng.randint(3, 8)))


def _unicode(rng: random.Random) -> str:
    return MARKER + "".join(rng.choice(UNICODE) for _ in range(rng.randint(1, 40)))


def _code(rng: random.Random) -> str:
    calls = ("__import__('os').system('true')", "open('/etc/passwd').read()", "exec('1')", "(lambda: 0)()")
    return f"{rng.choice(calls)} + {MARKER}"


def _ragged(rng: random.Random) -> Any:
    first = rng.randint(1, 4)
    return [[1.0] * first, [1.0] * (first + rng.randint(1, 3)), 1.0][: rng.randint(2, 3)]


def _wrong_kind(rng: random.Random) -> Any:
    return rng.choice([None, True, {}, [[{}]], [[None]], "", " ", [], [[]], {MARKER: 1}, [MARKER, True]])


def _expression(rng: random.Random) -> str:
    return rng.choice(
        [
            "1/0", "0/0", "log(0-1)", f"{MARKER}(2)", "2 2 2", "1,5", "50 %", "3 cm", "≈0.33", "1 1/2",
            "sqrt(0-1)", "1/(2-2)", "nan(", "NaN NaN", "in f", "--", "0x", "²√", "√", "[1 2; 3", "1;;2",
        ]
    )  # fmt: skip


def _long(rng: random.Random) -> str:
    return rng.choice(["1+", "(", "sqrt(", "2*", "-", "[", "√", "9"]) * rng.randint(500, 20_000) + MARKER


MAKERS: dict[str, Callable[[random.Random], Any]] = {
    "text": _text,
    "tower of powers": _tower,
    "unicode": _unicode,
    "code": _code,
    "ragged": _ragged,
    "wrong kind": _wrong_kind,
    "expression": _expression,
    "long text": _long,
    "deep": lambda rng: _deep(1.0, rng.randint(8, 60)),
    "deep text": lambda rng: _deep(_text(rng), rng.randint(1, 30)),
    "text inside": lambda rng: [[1.0, _text(rng)], [2.0, 3.0]],
}


def hostile_cases(sheets: list[Sheet], count: int) -> Iterator[Case]:
    """Yield hostile answers to the worksheets in turn, the same ones each time.

    Of twelve, ten replace an item, one adds a name that the question does not have, and one has a wrong
    shape or a list of 5,000 numbers.
    """
    rng = random.Random(7)
    prepared = [(sheet, work(sheet)) for sheet in sheets]
    for place in range(count):
        sheet, answer = prepared[place % len(prepared)]
        items = items_of(sheet, answer)
        sent = send(items, answer)
        item = rng.choice(list(items))
        expect = dict.fromkeys(items, CORRECT)
        way = place % 12
        if way == 10:
            variant, item = "unknown name", ("value", MARKER + str(rng.randrange(1000)))
            sent[item], expect[item] = [1.0, 2.0], UNGRADABLE
        elif way == 11:
            variant = "wrong shape"
            size = rng.choice([5_000, 7, 11])
            sent[item] = np.linspace(-3, 3, size).reshape(1, 1, 1, size).tolist()
            expect[item] = REFUSED
        else:
            variant = rng.choice(list(MAKERS))
            # A number inside axes of size 1 may be left as it is, and is graded.
            sent[item], expect[item] = MAKERS[variant](rng), REFUSED if variant == "deep" else UNGRADABLE
        # What follows from an item that cannot be read is computed from the right one.
        yield Case("hostile", sheet.family, variant, request_of(sheet, sent), expect)

"""Students: each kind of answer to a worksheet, with the verdicts that it has to get."""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np

from benchmarks.grading_corpus.cases import (
    CORRECT,
    EITHER,
    EXPECTED,
    FULL,
    WRONG,
    Case,
    Expected,
    Unclear,
    assemble,
    differ_clearly,
    distance,
    items_of,
    judge,
    nested,
    request_of,
    select,
    send,
)
from benchmarks.grading_corpus.sheets import (
    Array,
    Convention,
    Formula,
    Key,
    Mistake,
    Sheet,
    Writing,
    Written,
    follow,
    work,
)

Rng = np.random.Generator
LARGEST = 60.0


def fits(answer: Written) -> bool:
    """Whether all numbers are of a size that a student would go on with."""
    for array in answer.values():
        finite = array[np.isfinite(array)]
        if np.isnan(array).any() or np.isposinf(array).any() or np.any(np.abs(finite) > 1e4):
            return False
    return True


def shown_keys(rng: Rng, sheet: Sheet, needed: frozenset[Key] = frozenset(), share: float = 0.6) -> set[Key]:
    """Return a part of all steps, with those that are needed."""
    return {key for key in sheet.order() if key in needed or rng.random() < share}


# Right answers.


def right(rng: Rng, sheet: Sheet) -> Iterator[Case]:
    answer = work(sheet)
    for stacked in (True, False) if sheet.stacks else (True,):
        items = items_of(sheet, answer, stacked)
        sent = send(items, answer)
        expect = dict.fromkeys(items, CORRECT)
        yield Case("right", sheet.family, "rows" if not stacked else "plain", request_of(sheet, sent), expect)
    some = items_of(sheet, select(answer, shown_keys(rng, sheet, frozenset(sheet.order()[-1:]))))
    expect = dict.fromkeys(some, CORRECT)
    yield Case("right", sheet.family, "a part", request_of(sheet, send(some, answer)), expect)
    items = items_of(sheet, answer)
    for variant, form in (("other axes", _other_axes), ("text", _as_text)):
        sent = {item: form(rng, assemble(answer, rows, item)) for item, rows in items.items()}
        yield Case("right", sheet.family, variant, request_of(sheet, sent), dict.fromkeys(items, CORRECT))


def _other_axes(rng: Rng, array: Array) -> Any:
    """Add an axis of size 1, or drop one if there is one."""
    if 1 in np.shape(array) and rng.random() < 0.5:
        return nested(np.squeeze(array))
    if np.ndim(array) > 1:
        return nested(array[None])
    return nested(array[..., None])


def _text_of(rng: Rng, number: float) -> Any:
    if np.isinf(number):
        return str(rng.choice(["-inf", "-∞", "-Infinity"])) if number < 0 else "inf"
    way = rng.integers(6)
    sign = "−" if number < 0 else ""
    size = abs(float(number))
    if way == 0:
        return str(Fraction(float(number)).limit_denominator(10**6))
    if way == 1:
        return f"{sign}√({size * size!r})"
    if way == 2:
        return f"{sign}{size!r}"
    if way == 3:
        return f"{'-' if number < 0 else ''}2*{size / 2!r}"
    if way == 4:
        return f"{float(number):.12e}"
    return f"{sign}{2 * size!r}/2"


def _as_text(rng: Rng, array: Array) -> Any:
    if np.ndim(array) == 0:
        return _text_of(rng, float(array))
    return [_as_text(rng, row) for row in array]


# Rounded answers.


def to_digits(array: Array, digits: int) -> Array:
    """Round every entry to so many significant digits."""
    rounded = np.array(array, dtype=float)
    for place in np.ndindex(rounded.shape):
        if np.isfinite(rounded[place]):
            rounded[place] = float(f"{rounded[place]:.{digits - 1}e}")
    return rounded


def rounded(rng: Rng, sheet: Sheet) -> Iterator[Case]:
    exact = sheet.counted()
    for digits in (3, 4):
        for goes_on_rounded in (True, False):

            def change(
                key: Key, computed: Array, digits: int = digits, goes_on: bool = goes_on_rounded
            ) -> tuple[Array, Array]:
                shown = computed if key in exact else to_digits(computed, digits)
                return (shown if goes_on else computed), shown

            answer = work(sheet, writing=Writing(change))
            items = items_of(sheet, answer)
            variant = f"{digits} digits, {'from rounded' if goes_on_rounded else 'from full'}"
            request = request_of(sheet, send(items, answer))
            yield Case("rounded", sheet.family, variant, request, dict.fromkeys(items, EITHER))


# Mistakes and conventions.


def written_by(rng: Rng, sheet: Sheet, mistake: Mistake, answer: Written, whole: bool) -> Written:
    if mistake.only:
        return select(answer, mistake.only)
    keep = set(sheet.order()) if whole else shown_keys(rng, sheet, frozenset(mistake.formulas))
    return select(answer, keep - set(mistake.omitted))


def same_numbers(sheet: Sheet, answer: Written, shown: Written, charged: tuple[Key, ...]) -> frozenset[str]:
    """Return the codes of all mistakes that give the charged item's numbers."""
    codes = set()
    for code, other in sheet.mistakes.items():
        before = [key for key in shown if key not in charged]
        for base in (work(sheet, other.formulas), follow(sheet, answer, before, other.formulas)):
            if all(distance(answer[key], base[key]) <= 1 for key in charged):
                codes.add(code)
    return frozenset(codes)


def expected_of_mistake(
    sheet: Sheet, answer: Written, shown: Written, items: Mapping[Key, tuple[Key, ...]], code: str
) -> dict[Key, Expected]:
    """Charge the first item that does not follow, and nothing after it. Raises Unclear if there is none."""
    verdicts = judge(sheet, answer, items).verdicts
    wrong = [item for item in items if verdicts[item] == "wrong"]
    if not wrong:
        raise Unclear
    expect = {item: EXPECTED[verdict] for item, verdict in verdicts.items()}
    expect |= dict.fromkeys(wrong, FULL)
    codes = same_numbers(sheet, answer, shown, items[wrong[0]]) | {code}
    return expect | {wrong[0]: Expected(frozenset({"incorrect"}), codes, full=False)}


def mistaken(rng: Rng, sheet: Sheet) -> Iterator[Case]:
    for code, mistake in sheet.mistakes.items():
        answer = work(sheet, mistake.formulas)
        if not fits(answer):
            continue
        for whole in (True, False):
            shown = written_by(rng, sheet, mistake, answer, whole)
            items = items_of(sheet, shown)
            try:
                expect = expected_of_mistake(sheet, answer, shown, items, code)
            except Unclear:
                continue
            variant = "whole" if whole else "a part"
            request = request_of(sheet, send(items, answer))
            yield Case("mistake", sheet.family, variant, request, expect, (code,))
            if mistake.only:
                break


def two_mistaken(rng: Rng, sheet: Sheet) -> Iterator[Case]:
    order = sheet.order()
    pairs = [
        (a, b)
        for a, b in combinations(sheet.mistakes, 2)
        if not set(sheet.mistakes[a].formulas) & set(sheet.mistakes[b].formulas)
        and {a, b} not in sheet.consistent
        and not any(sheet.mistakes[c].only or sheet.mistakes[c].omitted for c in (a, b))
    ]
    rng.shuffle(pairs)
    for pair in pairs[:4]:
        first, second = sorted(
            pair, key=lambda code: min(order.index(key) for key in sheet.mistakes[code].formulas)
        )
        formulas = {**sheet.mistakes[first].formulas, **sheet.mistakes[second].formulas}
        answer = work(sheet, formulas)
        items = items_of(sheet, answer)
        try:
            expect = expected_of_two(sheet, answer, items, (first, second))
        except Unclear:
            continue
        if fits(answer):
            request = request_of(sheet, send(items, answer))
            variant = f"{first}, {second}"
            yield Case("two_mistakes", sheet.family, variant, request, expect, (first, second))


def expected_of_two(
    sheet: Sheet, answer: Written, items: Mapping[Key, tuple[Key, ...]], codes: tuple[str, str]
) -> dict[Key, Expected]:
    """Charge the first item of each mistake."""
    verdicts = judge(sheet, answer, items).verdicts
    expect = {item: EXPECTED[verdict] for item, verdict in verdicts.items()}
    charged: list[Key] = []
    for code in codes:
        touched = set(sheet.mistakes[code].formulas)
        wrong = [item for item, rows in items.items() if verdicts[item] == "wrong" and touched & set(rows)]
        if not wrong or wrong[0] in charged:
            raise Unclear
        charged.append(wrong[0])
        expect |= {item: FULL for item in wrong if item not in charged}
        named = same_numbers(sheet, answer, answer, items[wrong[0]]) | {code}
        expect[wrong[0]] = Expected(frozenset({"incorrect"}), named, full=False)
    return expect


def by_convention(rng: Rng, sheet: Sheet) -> Iterator[Case]:
    for convention in sheet.conventions:
        replacement = convention.replacement
        answer = work(sheet, replacement.formulas)
        if not fits(answer):
            continue
        shown = written_by(rng, sheet, replacement, answer, True)
        items = items_of(sheet, shown)
        try:
            verdicts = judge(sheet, answer, items).verdicts
        except Unclear:
            continue
        wrong = [item for item in items if verdicts[item] == "wrong"]
        if not wrong:
            continue
        expect = {item: EXPECTED[verdict] for item, verdict in verdicts.items()} | dict.fromkeys(wrong, FULL)
        request = request_of(sheet, send(items, answer))
        named = ", ".join(f"{name}={setting}" for name, setting in convention.attributes.items())
        accepted = expect | {wrong[0]: Expected(frozenset({"accepted"}), full=True)}
        listed = request | {"accept": [{**convention.attributes, "credit": 1}]}
        yield Case("convention", sheet.family, f"listed {named}", listed, accepted)
        yield Case("convention", sheet.family, f"not listed {named}", request, expect | {wrong[0]: WRONG})


# Slips.


def _turn_digits(number: float) -> float:
    text = f"{abs(number):.3e}"
    digits = text[0] + text[2:5]
    for place in range(3):
        if digits[place] != digits[place + 1]:
            turned = digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :]
            return float(np.sign(number)) * float(f"{turned[0]}.{turned[1:]}{text[5:]}")
    return number * 10


SLIPS: dict[str, Callable[[Rng, Array, tuple[int, ...]], float]] = {
    "sign": lambda rng, array, at: -array[at],
    "turned digits": lambda rng, array, at: _turn_digits(float(array[at])),
    "factor of ten": lambda rng, array, at: array[at] * float(rng.choice([0.1, 10.0])),
    "neighbour": lambda rng, array, at: array.flat[(np.ravel_multi_index(at, array.shape) + 1) % array.size],
    "arbitrary": lambda rng, array, at: array[at] + _spread(array) * float(rng.uniform(0.4, 1.2)),
}


def _spread(array: Array) -> float:
    finite = array[np.isfinite(array)]
    return float(np.abs(finite).max(initial=0)) or 1.0


def slip_in(rng: Rng, array: Array, kind: str) -> Array | None:
    """Change one entry, clearly; return None if there is none to change."""
    places = [at for at in np.ndindex(array.shape) if np.isfinite(array[at])]
    rng.shuffle(places)
    for at in map(tuple, places):
        changed = np.array(array, dtype=float)
        changed[at] = SLIPS[kind](rng, array, at)
        if distance(changed, array) > 4 and differ_clearly(changed, array) and np.isfinite(changed[at]):
            return changed
    return None


def slip_answer(rng: Rng, sheet: Sheet, at: Key, kind: str, cut: bool) -> Written | None:
    """Slip at one step; go on from the slip, or with cut from the right value."""
    missed = False

    def change(key: Key, computed: Array) -> tuple[Array, Array]:
        nonlocal missed
        if key != at:
            return computed, computed
        slipped = slip_in(rng, computed, kind)
        missed = slipped is None
        shown = computed if slipped is None else slipped
        return (computed if cut else shown), shown

    answer = work(sheet, writing=Writing(change))
    return None if missed or not fits(answer) else answer


def slipped(rng: Rng, sheet: Sheet, count: int = 12) -> Iterator[Case]:
    for place, at in enumerate(_places(rng, sheet, count)):
        kind = list(SLIPS)[place % len(SLIPS)]
        answer = slip_answer(rng, sheet, at, kind, cut=False)
        if answer is None:
            continue
        keys = set(sheet.order()) if place % 3 else shown_keys(rng, sheet, frozenset({at}))
        items = items_of(sheet, select(answer, keys), stacked=place % 4 != 3)
        if not any(at in rows for rows in items.values()):
            continue
        try:
            verdicts = judge(sheet, answer, items).verdicts
        except Unclear:
            continue
        if [item for item in items if verdicts[item] == "wrong"] != [
            i for i, rows in items.items() if at in rows
        ]:
            continue
        expect = {item: EXPECTED[verdict] for item, verdict in verdicts.items()}
        request = request_of(sheet, send(items, answer))
        yield Case("slip", sheet.family, f"{kind} in {at[0]} {at[1]}", request, expect)


def _places(rng: Rng, sheet: Sheet, count: int) -> list[Key]:
    """Choose steps to slip at: spread over all of them, in a random order if there are more than asked."""
    keys = [key for key in sheet.order() if key not in sheet.counted()]
    order = [keys[int(place)] for place in rng.permutation(len(keys))]
    while len(order) < count:
        order += order
    return order[:count]


def slipped_and_cut(rng: Rng, sheet: Sheet, count: int = 4) -> Iterator[Case]:
    for place, at in enumerate(_places(rng, sheet, count)):
        kind = list(SLIPS)[(place * 2 + 1) % len(SLIPS)]
        answer = slip_answer(rng, sheet, at, kind, cut=True)
        if answer is None:
            continue
        items = items_of(sheet, answer)
        right = work(sheet)
        expect: dict[Key, Expected] = {item: WRONG if at in rows else CORRECT for item, rows in items.items()}
        if all(distance(answer[key], right[key]) == 0 for key in answer if key != at):
            variant = f"{kind} in {at[0]} {at[1]}"
            yield Case("slip_cut", sheet.family, variant, request_of(sheet, send(items, answer)), expect)


# Noise and missing answers.


def noise_like(rng: Rng, array: Array) -> Array:
    """Return random numbers of the same shape and size, far from these."""
    for _ in range(50):
        noise = rng.standard_normal(np.shape(array)) * _spread(array)
        noise = np.where(np.isfinite(array), noise, array)
        if differ_clearly(noise, array) and distance(noise, array) > 4:
            return noise
    raise Unclear


def noisy(rng: Rng, sheet: Sheet, count: int = 3) -> Iterator[Case]:
    answer = work(sheet)
    items = items_of(sheet, answer)
    counted = sheet.counted()
    usable = [item for item, rows in items.items() if not counted & set(rows)]
    large = [item for item in usable if np.size(assemble(answer, items[item], item)) >= 4]
    noise = Expected(frozenset({"incorrect"}), full=False, unnamed=True)
    for _ in range(min(count, len(large))):
        item = large[int(rng.integers(len(large)))]
        sent = send(items, answer)
        sent[item] = nested(noise_like(rng, assemble(answer, items[item], item)))
        expect = dict.fromkeys(items, CORRECT) | {item: noise}
        yield Case("noise", sheet.family, f"in {item[0]} {item[1]}", request_of(sheet, sent), expect)
    sent = {
        item: nested(noise_like(rng, assemble(answer, items[item], item)) if item in large else answer[item])
        for item in (large or [])
    }
    if sent:
        expect = dict.fromkeys(sent, noise)
        yield Case("noise", sheet.family, "in all items", request_of(sheet, sent), expect)


def missing(rng: Rng, sheet: Sheet) -> Iterator[Case]:
    """Leave one item out of a right answer, and one out of an answer with a slip before it."""
    answers: list[tuple[str, Written]] = [("of a right answer", work(sheet))]
    early = [key for key in sheet.order()[: max(1, len(sheet.order()) // 2)] if key not in sheet.counted()]
    if early:
        with_slip = slip_answer(rng, sheet, early[int(rng.integers(len(early)))], "arbitrary", cut=False)
        answers += [("after a slip", with_slip)] if with_slip is not None else []
    for variant, answer in answers:
        items = items_of(sheet, answer)
        if len(items) < 2:
            continue
        verdicts = judge(sheet, answer, items).verdicts
        left_out = [item for item in items if verdicts[item] != "wrong"]
        gone = left_out[int(rng.integers(len(left_out)))]
        kept = {item: rows for item, rows in items.items() if item != gone}
        try:
            verdicts = judge(sheet, answer, kept).verdicts
        except Unclear:
            continue
        if sum(verdict == "wrong" for verdict in verdicts.values()) > (variant != "of a right answer"):
            continue
        expect = {item: EXPECTED[verdict] for item, verdict in verdicts.items()}
        expect[gone] = Expected(frozenset({"missing"}), full=False)
        marks = {
            field: {name: 1 for kind, name in items if kind == side}
            for side, field in (("value", "marks"), ("gradient", "gradient_marks"))
        }
        fields = {field: names for field, names in marks.items() if names}
        yield Case("missing", sheet.family, variant, request_of(sheet, send(kept, answer), **fields), expect)


KINDS: dict[str, Callable[[Rng, Sheet], Iterator[Case]]] = {
    "right": right,
    "rounded": rounded,
    "convention": by_convention,
    "mistake": mistaken,
    "two_mistakes": two_mistaken,
    "slip": slipped,
    "slip_cut": slipped_and_cut,
    "noise": noisy,
    "missing": missing,
}

__all__ = ["KINDS", "Convention", "Formula"]

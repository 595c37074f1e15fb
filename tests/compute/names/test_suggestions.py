"""Each name that courses and other libraries use gets the right hint or none, never a different word."""

import re
from typing import Literal, get_args, get_origin

import numpy as np
import pytest

from compute.errors import unknown_name
from compute.names import suggestions
from compute.names.foreign_names import ELSEWHERE, NOT_HERE, SYNONYMS
from compute.names.suggestions import edit_distance, suggest_name
from compute.operations import CATALOGUE
from compute.operations.framework.setting_types import allowed_types
from compute.optimizers import OPTIMIZERS
from compute.optimizers.rules.schedules import SCHEDULES
from compute.programs.functions import FUNCTIONS
from service.endpoints import ENDPOINTS
from service.optimizers.schemas import optimizer_model, schedule_model
from service.schemas.computation import Computation
from tests.compute.foreign_hints import HINTS

CALLS = [*FUNCTIONS, *CATALOGUE]


def words_of(operation: str, setting: str) -> list[str]:
    """The values that a setting may have."""
    annotation = CATALOGUE[operation].attributes[setting].annotation
    return [word for one in allowed_types(annotation) if get_origin(one) is Literal for word in get_args(one)]


def choices_of(place: str) -> list[str]:
    """The names that may stand in a place: of a call, an operation, a field, a value, a setting's value."""
    kind, _, rest = place.partition(" ")
    match kind:
        case "call":
            return CALLS
        case "operation":
            return list(CATALOGUE)
        case "optimizer":
            return list(optimizer_model(rest).model_fields) if rest else list(OPTIMIZERS)
        case "schedule":
            return list(schedule_model(rest).model_fields) if rest else list(SCHEDULES)
        case "field":
            return list(ENDPOINTS[rest].request().model_fields)
        case "value":
            return list(CATALOGUE[rest].values)
        case "argument":
            return [*FUNCTIONS[rest].inputs, *FUNCTIONS[rest].attributes]
        case "word":
            operation, setting = rest.split()
            return words_of(operation, setting)
    return re.split(", ", rest)


@pytest.mark.parametrize("place", HINTS)
def test_foreign_names_get_the_right_hint_or_none(place: str) -> None:
    choices = choices_of(place)
    found = {
        name: suggest_name(name, choices) or "" for hints in HINTS[place].values() for name in hints.split()
    }
    expected = {name: ours for ours, names in HINTS[place].items() for name in names.split()}
    assert found == expected


def test_every_target_is_one_of_our_names() -> None:
    known = {*CALLS, *OPTIMIZERS, *SCHEDULES, *Computation.model_fields}
    for name in OPTIMIZERS:
        known.update(optimizer_model(name).model_fields)
    for name in SCHEDULES:
        known.update(schedule_model(name).model_fields)
    for name in ENDPOINTS:
        model = ENDPOINTS[name].request()
        known.update(getattr(model, "model_fields", ()))
        for one in getattr(model, "model_fields", {}).values():
            known.update(literals(one.annotation))
    for name, declared in CATALOGUE.items():
        known.update(declared.values)
        for setting in declared.attributes:
            known.update(words_of(name, setting))
    for function in FUNCTIONS.values():
        known.update(function.inputs, function.attributes)
    missing = {part for ours in (*SYNONYMS, *ELSEWHERE) for part in re.split(", | or | and ", ours)} - known
    assert not missing


def literals(annotation: object) -> list[str]:
    """The words of a literal type, however deep inside named types and unions."""
    if get_origin(annotation) is Literal:
        return [one for one in get_args(annotation) if isinstance(one, str)]
    inner = getattr(annotation, "__value__", None)
    return [word for one in (inner, *get_args(annotation)) if one is not None for word in literals(one)]


def test_tables_hold_each_foreign_name_once() -> None:
    for ours, names in (*SYNONYMS.items(), *ELSEWHERE.items()):
        words = names.split()
        assert len(set(words)) == len(words), ours
        assert ours not in words
    assert len(set(NOT_HERE.split())) == len(NOT_HERE.split())


def test_no_name_of_numpy_is_taken_for_a_different_word() -> None:
    """A hint for a function of NumPy is in the table, or the same letters: nothing is a lucky misspelling."""
    foreign = {name for table in (SYNONYMS, ELSEWHERE) for names in table.values() for name in names.split()}
    for name in dir(np):
        hint = None if name in CALLS else suggest_name(name, CALLS)
        assert (
            hint is None or name.lower() in foreign or hint.replace("_", "") == name.replace("_", "").lower()
        ), name


@pytest.mark.parametrize(
    "place", ["call", "operation", "optimizer", "field encoder", "field optimizer/trace"]
)
def test_one_slip_of_the_finger_leads_back_or_nowhere(place: str) -> None:
    choices, back = choices_of(place), 0
    for name in choices:
        if len(name) < suggestions.LEAST:
            continue
        slips = {name[:at] + name[at + 1 :] for at in range(1, len(name))}
        slips |= {name[:at] + name[at + 1] + name[at] + name[at + 2 :] for at in range(1, len(name) - 1)}
        slips |= {name[:at] + name[at] + name[at:] for at in range(len(name))}
        for slip in slips - set(choices):
            found = suggest_name(slip, choices)
            assert found in (name, None) or slip in " ".join(ELSEWHERE.values()).split(), (slip, found)
            back += found == name
    assert back > 100


def test_distances_are_those_of_the_full_table() -> None:
    rng = np.random.default_rng(5)
    for _ in range(2_000):
        a, b = ("".join(rng.choice(list("abc"), rng.integers(0, 7))) for _ in range(2))
        full = full_distance(a, b)
        for most in (1, 2):
            bounded = edit_distance(a, b, most)
            assert bounded == full or (full > most and bounded > most), (a, b, most)


def full_distance(a: str, b: str) -> int:
    """The optimal string alignment distance by its recurrence, with no shortcut."""
    if not a or not b:
        return len(a) + len(b)
    found = [full_distance(a[1:], b) + 1, full_distance(a, b[1:]) + 1,
             full_distance(a[1:], b[1:]) + (a[0] != b[0])]  # fmt: skip
    if len(a) > 1 and len(b) > 1 and a[0] == b[1] and a[1] == b[0]:
        found.append(full_distance(a[2:], b[2:]) + 1)
    return min(found)


def test_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def counted(a: str, b: str, most: int) -> int:
        compared.append(b)
        return edit_distance(a, b, most)

    monkeypatch.setattr(suggestions, "edit_distance", counted)
    choices = ["z" + "".join(chr(97 + int(digit)) for digit in f"{at:05d}") for at in range(20_000)]
    assert suggest_name("zzzzzz", choices) is None
    assert len(compared) == suggestions.MOST_COMPARED
    compared.clear()
    assert (
        suggest_name(
            "last", (choices[0] if at < suggestions.MOST_LOOKED_AT else "Last" for at in range(10**9))
        )
        is None
    )
    assert suggest_name("z" * 65, choices) is None
    assert suggest_name("zzz" * 3, choices) is None
    assert not compared


@pytest.mark.parametrize("name", ["", "_", "___", ".", "..", "\0", "\ud800", "é", "İ", "ß", " x", "x."])
def test_odd_names_get_no_hint(name: str) -> None:
    assert suggest_name(name, ["", "_", "alpha", "layer[0].w", "\0\0"]) is None


def test_faults_of_unknown_names_say_what_there_is() -> None:
    error = unknown_name(("select", 0), "value", "outptu", ["weights", "output"])
    assert error.message == "there is no value of this name; did you mean output?"
    assert error.expected == "one of: weights, output"
    assert error.received == "an unknown name of 6 characters"
    nothing = unknown_name(("inputs", "x"), "free name in the program", "x", [])
    assert nothing.expected == "no name, since there is no free name in the program here"

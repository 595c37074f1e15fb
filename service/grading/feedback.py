"""The response of grading: the student's part by level of feedback, and the grader's part."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array
from compute.grading.computations import Slot
from compute.grading.judgements import Found, Judgement
from compute.grading.reports import Fault, Item, Report
from compute.grading.rubrics import Rubric
from compute.grading.scores import add_up, as_number, round_half_up
from service.grading.answers import UNKNOWN, is_name
from service.grading.sheets import QuestionSheet
from service.questions.operations import import_exact
from service.questions.tensors import encode

NO_SUCH_NAME = f"cannot be graded: {UNKNOWN.code}, since the question has no value of this name"
MAX_LISTED = 100  # wrong entries that are listed
SLIPS = {
    "sign": "The sign of one entry is wrong.",
    "turned_digits": "Two digits of one entry are exchanged.",
    "factor_of_ten": "One entry is off by a factor of ten.",
    "last_digit": "The last digit of one entry is off by one.",
    "neighbour": "One entry is that of its neighbour.",
    "entry": "One entry is wrong.",
}
FORMS = {
    "axes": "written with other axes of size 1",
    "heads_side_by_side": "heads side by side",
    "all_pairs": "a matrix of all queries and keys in the place of a band",
    "row_and_column": "rows and columns in the place of indices",
}


def render_report(
    report: Report, sheets: Sequence[QuestionSheet], rubric: Rubric, fields: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a report as the body of the response."""
    level, written = fields["feedback"], _readings(sheets)
    single = sheets[0] if sheets[0].name == "" else None
    body: dict[str, Any] = {
        "operation": "grade",
        "score": as_number(report.score),
        "max_score": as_number(report.max_score),
        "gradable": report.gradable,
        "items": [_student_item(item, level, written) for item in report.items],
    }
    if single is None:
        body["questions"] = [_question_score(sheet.name, report) for sheet in sheets]
    body["charged"] = _charged(report)
    if report.taken_off:
        body["penalties"] = [
            {"when": when, "points": as_number(round_half_up(points))} for when, points in report.taken_off
        ]
    body["conventions"] = _conventions(sheets, rubric, fields)
    body["notes"] = _notes(report)
    body["grader"] = {
        "items": [_graders_item(item) for item in report.items],
        "codes": _summarize(report.items),
    }
    asked = {full: name for sheet in sheets for full, name in sheet.asked_names().items()}
    if asked:
        for item in (*body["items"], *body["charged"], *body["grader"]["items"]):
            _rename(item, asked)
    return body


def render_readings(sheets: Sequence[QuestionSheet]) -> list[dict[str, Any]]:
    """Return what a submission was read as: numbers by name, or the reason why they cannot be read.

    Nothing of it depends on the right values.
    """
    readings: list[dict[str, Any]] = []
    for sheet in sheets:
        asked = sheet.asked_names()
        for slot, written in sheet.written.items():
            reading = _identify(slot)
            if isinstance(written, Fault):
                reading |= {"code": written.code, "message": written.message}
                if written is UNKNOWN:
                    reading["name"] = ""
            else:
                _rename(reading, asked)
                reading["reading"] = _encode(written.array)
            readings.append(reading)
    return readings


def _rename(item: dict[str, Any], asked: Mapping[str, str]) -> None:
    """Use the names of the request in the place of full ones."""
    for field in ("name", "same_as"):
        if field in item:
            item[field] = asked.get(item[field], item[field])
    for field in ("follows_from", "right_in_spite_of"):
        if field in item:
            item[field] = [asked.get(name, name) for name in item[field]]


def _readings(sheets: Iterable[QuestionSheet]) -> dict[Slot, Array]:
    """Return the numbers that text was read as, by slot."""
    return {
        slot: written.array
        for sheet in sheets
        for slot, written in sheet.written.items()
        if not isinstance(written, Fault) and written.was_text
    }


def _identify(slot: Slot, fault: Fault | None = None) -> dict[str, Any]:
    # A key that is no name is text of the student, which is not repeated.
    named = {"name": "" if fault is UNKNOWN and not is_name(slot.name) else slot.name, "of": slot.of}
    return named | ({"question": slot.question} if slot.question else {})


def _student_item(item: Item, level: str, readings: Mapping[Slot, Array]) -> dict[str, Any]:
    body = _identify(item.slot, item.fault)
    if level != "none":
        body["verdict"] = item.verdict
    body["score"] = None if item.score is None else as_number(item.score)
    body["max_score"] = as_number(round_half_up(item.marks))
    if level == "none":
        return body
    if item.fault is not None:
        body |= {"code": item.fault.code, "message": item.fault.message}
    if level in ("location", "full"):
        body["entries"] = _entries(item, is_located=True)
    if level in ("hint", "full"):
        body |= _hint(item, is_located=level == "full")
        if item.slot in readings:
            body["reading"] = _encode(readings[item.slot])
    if level == "full" and item.judgements:
        body["expected"] = _encode(_stacked(item, lambda judgement: judgement.expected))
    return {name: part for name, part in body.items() if part is not None or name == "score"}


def _hint(item: Item, *, is_located: bool) -> dict[str, Any]:
    """Return the idea behind the judgement of an item."""
    body: dict[str, Any] = {}
    flags = _flags(item)
    follows = _names(slot for _, judgement in item.judgements for slot in judgement.follows_from)
    spite = _names(slot for _, judgement in item.judgements for slot in judgement.right_in_spite_of)
    same = [judgement.same_as for _, judgement in item.judgements if judgement.same_as is not None]
    if follows:
        body["follows_from"] = follows
    if spite:
        body["right_in_spite_of"] = spite
    if same:
        body["same_as"] = same[0].name
    if item.verdict == "accepted":
        body["matched"] = next(judgement.matched for _, judgement in item.judgements if judgement.matched)
    if item.verdict == "incorrect":
        found = _misconceptions(item)
        body["misconceptions"] = [_found(each) for each in found]
        if found:
            body["misconception"] = body["misconceptions"][0]
        slip = _slip(item, is_located=is_located)
        if slip is not None:
            body["slip"] = slip
        if not is_located:
            body["entries"] = _entries(item, is_located=False)
    if flags:
        body["flags"] = flags
    if item.fault is None:
        body["message"] = _message(item, follows, flags)
    return body


def _message(item: Item, follows: Sequence[str], flags: Sequence[str]) -> str:
    """Return the sentence for the student."""
    if item.verdict == "missing":
        return "There is no answer."
    if item.verdict == "correct":
        return "Right."
    if item.verdict == "accepted":
        return "Right by another convention, which is accepted here."
    if item.verdict == "follow_through":
        return f"This follows from your own {_join(follows)}, so that nothing is lost here."
    if "precision" in flags:
        return "The numbers are right as far as they go: more digits are needed."
    if "not_followed" in flags:
        return "This follows from your own earlier values, but has to be right by itself."
    found = _misconceptions(item)
    if found:
        return " ".join(mistake.message for mistake in found[0].mistakes)
    if "shape" in flags:
        return "The shape is not that of the answer."
    slips = [judgement.slip for _, judgement in item.judgements if judgement.slip is not None]
    if slips:
        return SLIPS[slips[0].kind]
    return "Not right."


def _join(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _flags(item: Item) -> list[str]:
    flags = dict.fromkeys(
        (*item.flags, *(flag for _, judgement in item.judgements for flag in judgement.flags))
    )
    if any(judgement.right_in_spite_of for _, judgement in item.judgements):
        flags["right_in_spite_of"] = None
    if any(judgement.same_as is not None for _, judgement in item.judgements):
        flags["same_as"] = None
    explained = {"shape", "precision", "not_followed"} & flags.keys()
    recognized = [judgement for _, judgement in item.judgements
                  if judgement.matched or judgement.slip or judgement.misconceptions]  # fmt: skip
    if item.verdict == "incorrect" and item.judgements and not explained and not recognized:
        flags["unrecognized"] = None
    return list(flags)


def _misconceptions(item: Item) -> list[Found]:
    """Return the mistakes that reproduce an item, each once."""
    found: dict[tuple[str, ...], Found] = {}
    for _, judgement in item.judgements:
        for each in judgement.misconceptions:
            found.setdefault(tuple([mistake.code for mistake in each.mistakes]), each)
    return list(found.values())


def _found(found: Found) -> dict[str, Any]:
    first, *others = found.mistakes
    body: dict[str, Any] = {
        "code": first.code,
        "message": " ".join(mistake.message for mistake in found.mistakes),
        "certainty": found.certainty,
    }
    if others:
        body["together_with"] = [mistake.code for mistake in others]
    return body


def _slip(item: Item, *, is_located: bool) -> dict[str, Any] | None:
    for row, (_, judgement) in enumerate(item.judgements):
        if judgement.slip is not None:
            at = [*judgement.slip.at] if len(item.judgements) == 1 else [row, *judgement.slip.at]
            return {"kind": judgement.slip.kind} | ({"at": at} if is_located else {})
    return None


def _stacked(item: Item, part: Any) -> Array:
    arrays = [part(judgement) for _, judgement in item.judgements]
    if len(arrays) == 1:
        return np.asarray(arrays[0])
    return np.stack(arrays, axis=max(arrays[0].ndim - 1, 0))


def _entries(item: Item, *, is_located: bool) -> dict[str, Any] | None:
    if not item.judgements:
        return None
    right = _stacked(item, lambda judgement: judgement.right)
    body: dict[str, Any] = {"right": int(right.sum()), "of": int(right.size)}
    if is_located:
        body["wrong"] = np.argwhere(~right)[:MAX_LISTED].tolist()
    return body


def _names(slots: Iterable[Slot]) -> list[str]:
    return list(dict.fromkeys(slot.name for slot in slots))


def _encode(array: Array) -> Any:
    if array.dtype == object:
        return import_exact("answers").as_text(array)
    return encode(array, "nested")


def _graders_item(item: Item) -> dict[str, Any]:
    """Return the part of an item that is for the grader alone."""
    body = _identify(item.slot, item.fault) | {"verdict": item.verdict, "note": _note(item)}
    if item.verdict == "correct":
        return body
    matched = [judgement.matched for _, judgement in item.judgements if judgement.matched]
    if matched:
        body["matched"] = matched[0]
    found = _misconceptions(item)
    if found:
        body["misconceptions"] = [
            {"code": one.code, "note": one.note, "source": one.source, "certainty": each.certainty}
            for each in found
            for one in each.mistakes
        ]
    slip = _slip(item, is_located=True)
    if slip is not None:
        body["slip"] = slip
    if item.judgements:
        body["entries"] = _entries(item, is_located=True)
        body |= _deviations(item)
        if item.verdict != "ungradable":
            body["expected"] = _encode(_stacked(item, lambda judgement: judgement.expected))
    return body


def _deviations(item: Item) -> dict[str, Any]:
    """Return the largest absolute and relative deviation of an item."""
    absolute = [judgement.largest_absolute for _, judgement in item.judgements]
    relative = [judgement.largest_relative for _, judgement in item.judgements]
    known = {"largest_absolute": _largest(absolute), "largest_relative": _largest(relative)}
    return {name: size for name, size in known.items() if size is not None}


def _largest(sizes: Iterable[float | None]) -> float | None:
    return max((size for size in sizes if size is not None), default=None)


def _note(item: Item) -> str:
    """Return the sentence for the grader."""
    if item.fault is UNKNOWN:
        return NO_SUCH_NAME
    if item.fault is not None:
        return f"cannot be graded: {item.fault.code}"
    forms = [FORMS[flag] for flag in item.flags if flag in FORMS]
    words = [item.verdict.replace("_", " "), *forms]
    for _, judgement in item.judgements[:1]:
        words += _reasons(judgement)
    return "; ".join(words)


def _reasons(judgement: Judgement) -> list[str]:
    words = []
    if judgement.follows_from:
        words.append("follows from " + _join(_names(judgement.follows_from)))
    if judgement.right_in_spite_of:
        words.append("right in spite of " + _join(_names(judgement.right_in_spite_of)))
    if judgement.same_as is not None:
        words.append(f"the same as at {judgement.same_as.name}, where it was charged")
    if judgement.matched:
        settings = ", ".join(f"{name} = {value}" for name, value in judgement.matched.items())
        words.append(f"matches the convention {settings}")
    words += [mistake.note for found in judgement.misconceptions for mistake in found.mistakes]
    if judgement.slip is not None:
        words.append(f"one wrong entry ({judgement.slip.kind})")
    return words


def _summarize(items: Iterable[Item]) -> str:
    """Return a summary of verdicts and codes, free of numbers, for statistics."""
    parts = []
    for item in items:
        codes = [mistake.code for found in _misconceptions(item) for mistake in found.mistakes]
        slips = [judgement.slip.kind for _, judgement in item.judgements if judgement.slip is not None]
        name = _identify(item.slot, item.fault)["name"]
        name = f"gradients.{name}" if item.slot.of == "gradient" else name
        parts.append(":".join([name, item.verdict, *codes, *slips]))
    return " ".join(parts)


def _charged(report: Report) -> list[dict[str, Any]]:
    """Return the slips that cost marks, each once."""
    return [
        _identify(item.slot, item.fault)
        | {"points": as_number(round_half_up(item.marks) - (item.score or 0))}
        for item in report.items
        if item.counts and item.judgements and item.verdict in ("incorrect", "accepted")
        if item.score is not None and item.score < round_half_up(item.marks)
    ]


def _question_score(name: str, report: Report) -> dict[str, Any]:
    counted = [item for item in report.items if item.slot.question == name and item.counts]
    return {
        "name": name,
        "score": as_number(add_up(item.score for item in counted if item.score is not None)),
        "max_score": as_number(round_half_up(add_up(item.marks for item in counted))),
        "gradable": all(item.verdict != "ungradable" or item.marks == 0 for item in counted),
    }


def _conventions(
    sheets: Sequence[QuestionSheet], rubric: Rubric, fields: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the settings of the question and of the grading."""
    tolerances = {slot.name: tolerance.describe() for slot, tolerance in rubric.tolerances.items()}
    distinct = {tuple(each.items()) for each in tolerances.values()}
    stated: dict[str, Any] = {}
    if sheets[0].name == "":
        stated |= sheets[0].subject.conventions
    if len(distinct) == 1:
        stated["tolerance"] = next(iter(tolerances.values()))
    elif tolerances:
        stated["tolerance"] = tolerances
    follow = rubric.rules.follow and {
        "credit": as_number(rubric.rules.follow_credit),
        "trivial": as_number(rubric.rules.trivial_credit),
    }
    return stated | {"partial": rubric.partial, "follow_through": follow, "feedback": fields["feedback"]}


def _notes(report: Report) -> list[dict[str, Any]]:
    notes = []
    shapes = [
        item.slot.name
        for item in report.items
        if any("shape" in judgement.flags for _, judgement in item.judgements)
    ]
    if shapes:
        message = "values of another shape cannot be put in place; what follows is computed without them"
        notes.append({"code": "not_in_place", "at": ", ".join(shapes), "message": message})
    if not report.is_complete:
        message = "the question is so large that not all known mistakes were tried"
        notes.append({"code": "not_all_mistakes", "at": "misconceptions", "message": message})
    return notes

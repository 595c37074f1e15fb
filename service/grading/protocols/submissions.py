"""Submissions to a platform, as the fields of a request for a grade.

Platforms send one value: an object by name, or text. Nothing in it is refused. If it is not clear which
values it has, every name of the rubric is ungradable rather than missing.
"""

import json
from collections.abc import Mapping
from typing import Any

from compute.errors import QuestionErrors, at
from service.grading.answers import PACKED, is_name
from service.http.problems import describe

GRADIENT = "gradients."  # prefix of names of gradients
MOST_LINES = 1000
UNREADABLE: dict[str, Any] = {}  # in the place of a tensor
UNNAMED = ("a submission whose values have no names",)
OF_STUDENTS = ("answer", "gradients")


def fill(rubric: Mapping[str, Any], submitted: Any) -> dict[str, Any]:
    """Return a request for a grade: the rubric's fields, and the answers that were submitted.

    rubric: fields of POST /v1/grade without `answer` and `gradients`; in an exam, of its questions.
    Raises QuestionErrors if the rubric has these.
    """
    questions = rubric.get("questions")
    if not isinstance(questions, list) or not questions:
        return _fill_question(rubric, submitted, ())
    sent = {} if submitted in (None, "") else _read_object(submitted)
    names = [_question_name(question) for question in questions]
    if sent is None or not all(name in names for name in sent):
        sent = dict.fromkeys(names, UNNAMED)
    filled: list[Any] = []
    for place, (question, name) in enumerate(zip(questions, names, strict=True)):
        if isinstance(question, dict):
            filled.append(_fill_question(question, sent.get(name, {}), ("questions", place)))
        else:
            filled.append(question)  # validation says that it should be an object
    return {**rubric, "questions": filled}


def _question_name(question: Any) -> str:
    name = question.get("name") if isinstance(question, dict) else None
    return name if isinstance(name, str) else ""  # validation refuses other names


def _fill_question(rubric: Mapping[str, Any], submitted: Any, path: tuple[str | int, ...]) -> dict[str, Any]:
    for name in OF_STUDENTS:
        if name in rubric:
            raise at(
                (*path, name), "comes from the submission", "a rubric without it", describe(rubric[name])
            )
    named = _name_values(submitted, _rubric_names(rubric))
    gradients = {
        name.removeprefix(GRADIENT): value for name, value in named.items() if name.startswith(GRADIENT)
    }
    answer = {name: value for name, value in named.items() if not name.startswith(GRADIENT)}
    return {**rubric, "answer": answer, "gradients": gradients}


def _rubric_names(rubric: Mapping[str, Any]) -> list[str]:
    """Return the names that have marks, those of gradients with their prefix."""
    marks, gradient_marks = rubric.get("marks"), rubric.get("gradient_marks")
    names = list(marks) if isinstance(marks, dict) else []
    return (
        [*names, *(GRADIENT + name for name in gradient_marks)] if isinstance(gradient_marks, dict) else names
    )


def _name_values(submitted: Any, names: list[str]) -> dict[str, Any]:
    """Return a submission by name. The names of a rubric with one name need not be written."""
    is_tensor = isinstance(submitted, dict) and submitted.keys() == PACKED
    if not is_tensor and (sent := _read_object(submitted)) is not None:
        return sent
    if isinstance(submitted, str) and (lines := _read_lines(submitted)) is not None:
        return lines
    if submitted is None or submitted == "":
        return {}
    if len(names) == 1 and submitted is not UNNAMED:
        return {names[0]: submitted}
    return dict.fromkeys(names, UNREADABLE) or {"": UNREADABLE}


def _read_object(submitted: Any) -> dict[str, Any] | None:
    """Return an object, or the object that text holds as JSON; None for anything else."""
    if isinstance(submitted, dict):
        return submitted
    if isinstance(submitted, str) and submitted.lstrip().startswith("{"):
        try:
            sent = json.loads(submitted)
        except (ValueError, RecursionError):
            return None
        return sent if isinstance(sent, dict) else None
    return None


def _read_lines(text: str) -> dict[str, str] | None:
    """Return lines `name = value` by name; None if a line is not one, or a name comes twice."""
    lines = [line for line in text.splitlines() if line.strip()]
    named: dict[str, str] = {}
    for line in lines[:MOST_LINES]:
        name, equals, value = line.partition("=")
        if not equals or not is_name(name.strip()):
            return None
        named[name.strip()] = value.strip()
    return named if 0 < len(named) == len(lines) else None


def locate(errors: QuestionErrors, *path: str) -> QuestionErrors:
    """Return the errors of a request for a grade at the place where the rubric was sent."""
    return QuestionErrors([error.within(*path) for error in errors.errors], errors.total)

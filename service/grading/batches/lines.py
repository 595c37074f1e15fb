"""The lines of a batch: shared rubrics and submissions."""

import json
from collections.abc import Mapping
from typing import Any

import orjson

from compute.errors import QuestionErrors, at, unknown_name
from service.grading.batches.statistics import Id
from service.http.problems import Problem, describe
from service.http.reader import read_strictly

MAX_ID = 64  # characters
MAX_RUBRICS = 100
MAX_RUBRIC_BYTES = 2**22
ANSWERS = ("answer", "gradients")
SUBMISSION = ("id", "rubric", "answer", "gradients", "questions")


def _raw(text: str) -> orjson.Fragment:
    return orjson.Fragment(text)


def _read_integer(text: str) -> Any:
    return int(text) if len(text) < 16 else _raw(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Problem("unreadable", "an object in the line has the same key twice")
    return found


# Numbers stay text, because a worker reads them again and may need all their digits.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_raw, parse_int=_read_integer, parse_constant=_raw
)


def read_line(line: bytes) -> dict[str, Any]:
    """Return the object of a line, whose numbers keep their digits. Raises Problem 400."""
    return read_strictly(line, _DECODER)


def read_id(document: Mapping[str, Any]) -> Id:
    """Return the id of a submission. Raises QuestionErrors unless it is short text or an integer."""
    found = document.get("id")
    if isinstance(found, str) and 0 < len(found) <= MAX_ID and found.isprintable():
        return found
    if isinstance(found, int) and not isinstance(found, bool):
        return found
    raise at(("id",), "has to identify the line", f"text of 1 to {MAX_ID} characters, or an integer of at"
             " most 15 digits", _describe(found))  # fmt: skip


def _describe(found: Any) -> str:
    """Describe a part of a line, of which numbers are still text."""
    return "a number" if isinstance(found, orjson.Fragment) else describe(found)


class Rubrics:
    """The shared rubrics of one batch, bounded in number and bytes."""

    def __init__(self) -> None:
        self._rubrics: dict[str, dict[str, Any]] = {}
        self._bytes = 0

    def complete(self, document: dict[str, Any], size: int) -> dict[str, Any]:
        """Return the fields of `/v1/grade` for a line; a rubric is kept for later lines.

        size: bytes of the line. Raises QuestionErrors for a line that does not fit.
        """
        name = document.get("rubric")
        rest = {key: part for key, part in document.items() if key not in ("id", "rubric")}
        if "rubric" not in document:
            return rest
        if not isinstance(name, str) or not 0 < len(name) <= MAX_ID:
            raise at(("rubric",), "is not a name", f"text of 1 to {MAX_ID} characters", _describe(name))
        if is_rubric(document):
            self._keep(name, rest, size)
            return rest
        if name not in self._rubrics:
            raise QuestionErrors(
                [unknown_name(("rubric",), "rubric on an earlier line", name, self._rubrics)]
            )
        for key in document:
            if key not in SUBMISSION:
                raise QuestionErrors([unknown_name((key,), "field of a submission", key, SUBMISSION)])
        return self._fill(self._rubrics[name], rest)

    def _keep(self, name: str, rubric: dict[str, Any], size: int) -> None:
        for key in ("answer", "gradients"):
            if key in rubric:
                raise at((key,), "belongs to a submission", "a rubric without answers", "an answer")
        if name in self._rubrics:
            raise at(("rubric",), "is defined twice", "a name of its own", "the name of an earlier rubric")
        if len(self._rubrics) >= MAX_RUBRICS or self._bytes + size > MAX_RUBRIC_BYTES:
            most = f"at most {MAX_RUBRICS} rubrics of {MAX_RUBRIC_BYTES} bytes together"
            received = f"{len(self._rubrics) + 1} of {self._bytes + size} bytes"
            raise at((), "is one rubric too many", most, received)
        self._rubrics[name] = rubric
        self._bytes += size

    def _fill(self, rubric: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
        if "questions" not in sent:
            return {**rubric, **sent}
        answers, questions = sent["questions"], rubric.get("questions")
        if not isinstance(questions, list):
            raise at(("questions",), "does not fit", "the answer to the rubric's one question",
                     "answers to several questions")  # fmt: skip
        if not isinstance(answers, dict):
            raise at(("questions",), "has to be an object", "answers by name of a question",
                     _describe(answers))  # fmt: skip
        models = [question for question in questions if isinstance(question, dict)]
        known = [question["name"] for question in models if isinstance(question.get("name"), str)]
        for name, answer in answers.items():
            path = ("questions", name)
            if name not in known:
                raise QuestionErrors([unknown_name(path, "question", name, known)])
            if not isinstance(answer, dict):
                raise at(path, "has to be an object", "answer and gradients", _describe(answer))
            for key in answer:
                if key not in ANSWERS:
                    raise QuestionErrors([unknown_name((*path, key), "field", key, ANSWERS)])
        return {**rubric, "questions": [{**model, **answers.get(model.get("name"), {})} for model in models]}


def is_rubric(document: Mapping[str, Any]) -> bool:
    """Return whether a line defines a shared rubric."""
    return "rubric" in document and ("question" in document or isinstance(document.get("questions"), list))

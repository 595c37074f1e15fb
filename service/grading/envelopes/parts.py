"""The parts of a grade as platforms show them to a student: a title, points, and a text.

Only the student's part of a grade is read here, apart from the reason why something cannot be graded. No text
that a student wrote is repeated.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from html import escape
from typing import Any

from compute.grading.scores import CENT, add_up, as_number, read_fraction
from service.grading.answers import UNKNOWN
from service.grading.envelopes.declaration import Graded
from service.grading.feedback import NO_SUCH_NAME

NEEDS_A_PERSON = "Part of this answer cannot be graded automatically: a person has to look at it."
NOT_GRADABLE = "This cannot be graded automatically."
UNKNOWN_NAME = "a name that the question does not have"
VERDICTS = {
    "correct": "Right.",
    "accepted": "Right by another convention.",
    "follow_through": "This follows from an earlier value of yours.",
    "incorrect": "Not right.",
    "missing": "There is no answer.",
}
NO_JSON_NUMBERS = ("NaN", "Infinity", "-Infinity")
MOST_INDICES = 10  # wrong entries that a text lists
MOST_CHARACTERS = 400  # of an expected value


@dataclass(frozen=True, slots=True)
class Part:
    """The grade of one name.

    id: its name with the kind and the question, for machines.
    title: the same for people.
    score: points; None if it cannot be graded.
    max_score: the points that it can have, at least `score`.
    text: for the student; empty if the level of feedback reveals nothing.
    item: the item of the grade.
    """

    id: str
    title: str
    score: Fraction | None
    max_score: Fraction
    text: str
    item: Graded

    @property
    def points(self) -> float | int | None:
        """The score as a JSON number."""
        return None if self.score is None else as_number(self.score)

    @property
    def max_points(self) -> float | int:
        """The most points as a JSON number."""
        return as_number(self.max_score)

    @property
    def is_right(self) -> bool | None:
        """Whether it has all its points; without any points, whether its verdict is good, None if hidden."""
        if self.score is None:
            return False
        if self.max_score > 0:
            return self.score == self.max_score
        verdict = self.item.get("verdict")
        return None if verdict is None else verdict not in ("incorrect", "missing")

    @property
    def status(self) -> str | None:
        """Passed or failed, as Gradescope says; None if the level of feedback hides it."""
        return None if self.is_right is None else "passed" if self.is_right else "failed"

    def message(self, separator: str = "\n") -> str:
        """Return the title and the text, if there is one."""
        return self.title + (f":{separator}{self.text}" if self.text else "")


def read_parts(graded: Graded) -> list[Part]:
    """Return the parts of a grade, in order."""
    items = graded["items"]
    scores = [None if item["score"] is None else read_fraction(item["score"]) for item in items]
    return [
        _read_part(item, graders, score, max_score)
        for item, graders, score, max_score in zip(
            items, _graders_items(graded), scores, _fit_maxima(graded, scores), strict=True
        )
    ]


def _fit_maxima(graded: Graded, scores: list[Fraction | None]) -> list[Fraction]:
    """Return the most points of each part, at least its score, so that they add up to those of the grade.

    Scores are rounded so that they add up, and each maximum on its own, so that cents are missing or left.
    A larger difference has another reason: only the best parts count.
    """
    if not scores:
        return []
    got = [score or Fraction(0) for score in scores]
    maxima = [
        max(read_fraction(item["max_score"]), score) for item, score in zip(graded["items"], got, strict=True)
    ]
    left = int((read_fraction(graded["max_score"]) - add_up(maxima)) / CENT)
    if not 0 < abs(left) <= len(maxima):
        return maxima
    # A part whose score is a cent below its maximum by rounding loses that cent first, so that it is right;
    # cents go to parts that have lost points anyway.
    by_gap = sorted(range(len(maxima)), key=lambda at: maxima[at] - got[at], reverse=left > 0)
    can_change = [at for at in by_gap if maxima[at] > (got[at] if left < 0 else 0)]
    for at in can_change[: abs(left)]:
        maxima[at] += CENT if left > 0 else -CENT
    return maxima


def _graders_items(graded: Graded) -> list[Graded]:
    # A backend may have dropped the grader's part before it makes a document.
    empty: Graded = {}
    return graded.get("grader", {}).get("items") or [empty] * len(graded["items"])


def _read_part(item: Graded, graders: Graded, score: Fraction | None, max_score: Fraction) -> Part:
    name, question = _known_name(item, graders), item.get("question", "")
    kind = "gradients." if item["of"] == "gradient" else ""
    label = name or UNKNOWN_NAME
    title = f"gradient of {label}" if kind else label
    return Part(
        id=f"{question}:{kind}{name}" if question else f"{kind}{name}",
        title=f"{question}: {title}" if question else title,
        score=score,
        max_score=max_score,
        text=_student_text(item),
        item=item,
    )


def _known_name(item: Graded, graders: Graded) -> str:
    """Return the name of an item; empty if the question has no such name, since the student wrote it."""
    is_unknown = item.get("message") == UNKNOWN.message or graders.get("note") == NO_SUCH_NAME
    return "" if is_unknown else item["name"]


def _student_text(item: Graded) -> str:
    message = item.get("message", "")
    if item["score"] is None:
        return f"{NOT_GRADABLE} {message}".rstrip()
    if "verdict" not in item:
        return ""
    sentences = [message or VERDICTS[item["verdict"]], *_locations(item), *_expected(item)]
    return " ".join(sentences)


def _locations(item: Graded) -> Iterator[str]:
    wrong = item.get("entries", {}).get("wrong")
    if wrong and item["verdict"] != "correct":
        listed = ", ".join(str(index) for index in wrong[:MOST_INDICES])
        yield f"Wrong entries: {listed}{', ...' if len(wrong) > MOST_INDICES else ''}."


def _expected(item: Graded) -> Iterator[str]:
    if "expected" in item and item["verdict"] not in ("correct", "accepted"):
        yield f"Expected: {describe_tensor(item['expected'])}."


def describe_tensor(tensor: Any) -> str:
    """Return a tensor as short text, with six digits of each number."""
    text = _describe(tensor)
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}..."


def holds_numbers(tensor: Any) -> bool:
    """Return whether a tensor holds numbers alone, and no expressions, which repeat a student's symbols."""
    if isinstance(tensor, list):
        return all(map(holds_numbers, tensor))
    return not isinstance(tensor, str) or tensor in NO_JSON_NUMBERS


def _describe(tensor: Any) -> str:
    if isinstance(tensor, list):
        return f"[{', '.join(map(_describe, tensor))}]"
    if isinstance(tensor, float):
        return f"{tensor:.6g}"
    return str(tensor)


def read_total(graded: Graded) -> Fraction | None:
    """Return the score of a grade; None if a person has to look at a part of it."""
    return read_fraction(graded["score"]) if graded["gradable"] else None


def read_share(graded: Graded) -> Fraction | None:
    """Return the score as a share from 0 to 1; None if there is none. Without any marks it is 0."""
    total, max_score = read_total(graded), read_fraction(graded["max_score"])
    if total is None:
        return None
    return min(max(total / max_score, Fraction(0)), Fraction(1)) if max_score > 0 else Fraction(0)


def read_adjustment(graded: Graded, parts: list[Part]) -> Fraction:
    """Return the difference between the score and the points of all parts, from penalties or choices."""
    return read_fraction(graded["score"]) - add_up(part.score or Fraction(0) for part in parts)


def describe_adjustment(graded: Graded) -> str:
    """Return the reason for a difference between the score and the points of all parts.

    The occasion of a penalty may be a mistake, which only some levels of feedback name.
    """
    penalties = graded.get("penalties", [])
    if not penalties:
        return "Only the best parts count."
    if graded["conventions"]["feedback"] in ("hint", "full"):
        taken = [f"{penalty['points']:g} for {penalty['when']}" for penalty in penalties]
    else:
        taken = [f"{penalty['points']:g}" for penalty in penalties]
    return f"Points taken off: {', '.join(taken)}."


def summarize(graded: Graded, parts: list[Part]) -> str:
    """Return the text of the whole grade for a student, with a line for each part."""
    lines = [] if graded["gradable"] else [NEEDS_A_PERSON]
    lines += [part.message(" ") for part in parts if part.text]
    if graded["gradable"] and read_adjustment(graded, parts):
        lines.append(describe_adjustment(graded))
    return "\n".join(lines)


def escape_lines(text: str, separator: str = "<br>") -> str:
    """Return text as HTML: markup in it is shown as it is written."""
    return separator.join(escape(line, quote=False) for line in text.split("\n"))

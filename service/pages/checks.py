"""Checks of a rubric: each weakness as a sentence, and the change of an input that shows a hidden mistake."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from service.pages.blocks import Block, Callout, Code, Facts, Inline, Page, Section
from service.pages.entries import write_number
from service.pages.notes import join_names
from service.pages.questions import restate

Severity = Literal["wrong", "warning", "note"]
SEVERITIES: Mapping[str, tuple[Severity, str]] = {
    "unknown_name": ("wrong", "Unknown name."),
    "marks_do_not_add_up": ("wrong", "Marks do not add up."),
    "model_answer": ("wrong", "The model answer."),
    "empty_answer": ("wrong", "An empty answer."),
    "vanishing": ("warning", "Nothing to grade."),
    "tolerance_hides_mistake": ("warning", "Too coarse."),
    "hidden_mistake": ("warning", "Hidden mistake."),
    "mistakes_alike": ("note", "Mistakes alike."),
}
NAMELESS = ("marks_do_not_add_up", "empty_answer", "mistakes_alike")  # which are about no one name
GROUPS: Mapping[Severity, str] = {
    "wrong": "To be mended", "warning": "Mistakes that are not seen", "note": "To be known",
}  # fmt: skip


def build_check(request: Mapping[str, Any], answer: Mapping[str, Any]) -> Page:
    """Return a checked rubric: its scores, and its weaknesses, the gravest first."""
    page = Page("A rubric, checked")
    page.blocks.append(Facts(list(_list_scores(answer))))
    findings = answer["findings"]
    if not findings:
        page.blocks.append(Callout("right", "No weakness was found.", []))
    for severity, words in GROUPS.items():
        group = [finding for finding in findings if _grade(finding)[0] == severity]
        if group:
            page.blocks.append(Section([words], list(_show_findings(group))))
    for name, question in _list_questions(request):
        title: list[Inline] = ["The question ", Code(name)] if name else ["The question"]
        page.blocks.append(Section(title, restate(question).blocks, is_folded=True))
    return page


def _list_scores(answer: Mapping[str, Any]) -> Iterator[tuple[Inline, list[Inline]]]:
    most = _write_points(answer["max_score"])
    yield "marks in all", [most]
    model = answer["model_score"]
    yield "the model answer gets", ["none was sent" if model is None else f"{_write_points(model)} of {most}"]
    yield "an empty answer gets", [f"{_write_points(answer['empty_score'])} of {most}"]


def _write_points(points: Any) -> str:
    return f"{points:g}"


def _grade(finding: Mapping[str, Any]) -> tuple[Severity, str]:
    return SEVERITIES.get(finding["code"], ("warning", "Note."))


def _show_findings(findings: Sequence[Mapping[str, Any]]) -> Iterator[Block]:
    """Yield each finding; hidden mistakes that no change of an entry shows have one callout together."""
    fixed = [
        finding for finding in findings if finding["code"] == "hidden_mistake" and "change" not in finding
    ]
    for finding in findings:
        if finding not in fixed:
            severity, word = _grade(finding)
            yield Callout(severity, word, _describe(finding))
    if fixed:
        yield Callout("warning", "Hidden mistakes.", [_write_sentence(fixed[0]["message"])])
        yield Facts([(_name(finding), [_write_sentence(finding.get("note", ""))]) for finding in fixed])


def _describe(finding: Mapping[str, Any]) -> list[Inline]:
    """Return a finding as a sentence with the name it is about, and what shows the mistake."""
    words: list[Inline] = [] if finding["code"] in NAMELESS else [_name(finding), ": "]
    if "note" in finding:
        words.append(f"{finding['note']}. ")
    words.append(_write_sentence(finding["message"]))
    if "codes" in finding:
        words += [" They are ", *join_names(finding["codes"]), "."]
    if "change" in finding:
        change = finding["change"]
        index = ", ".join(map(str, change["at"]))
        entry: list[Inline] = [" entry (", index, ") of "] if index else [" "]
        by = change["by"]
        words += [f" {'Add' if by > 0 else 'Subtract'} {write_number(abs(by))} {'to' if by > 0 else 'from'}"]
        words += [*entry, Code(change["input"]), "."]
    return words


def _name(finding: Mapping[str, Any]) -> Code:
    """Return the name or the mistake that a finding is about, with its question in an exam."""
    name = f"gradient of {finding['at']}" if finding.get("of") == "gradient" else str(finding["at"])
    return Code(f"{finding['question']}: {name}" if "question" in finding else name)


def _write_sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:]}." if message else ""


def _list_questions(request: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if request.get("question"):
        yield "", request["question"]
    for question in request.get("questions", ()):
        yield str(question["name"]), question["question"]

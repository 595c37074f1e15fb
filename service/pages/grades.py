"""A grade as a marked script: the score, each item with its marks and the reason, and the grader's part."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from service.grading.envelopes.parts import (
    MOST_INDICES,
    NEEDS_A_PERSON,
    Part,
    describe_adjustment,
    read_adjustment,
    read_parts,
)
from service.pages.blocks import (
    Beside,
    Block,
    Callout,
    Cell,
    Code,
    Facts,
    Inline,
    Page,
    Paragraph,
    Section,
    Table,
    list_sentences,
)
from service.pages.entries import list_matrices, show_tensor, write_number
from service.pages.notes import join_names, show_conventions, show_note

MOST_LETTERS = 200  # of text that a student wrote
FOLDED_FROM = 20  # items from which each is folded
VERDICTS: Mapping[str, tuple[Any, str]] = {
    "correct": ("right", "Right."),
    "accepted": ("right", "Accepted."),
    "follow_through": ("right", "Follows from your own values."),
    "incorrect": ("wrong", "Not right."),
    "missing": ("wrong", "There is no answer."),
}
NOT_GRADED = "Not graded, which is not zero."
FLAGS = {
    "axes": "It is written with other axes of size 1.",
    "heads_side_by_side": "The heads are written side by side.",
    "all_pairs": "A matrix of all queries and keys stands in the place of a band.",
    "row_and_column": "Rows and columns stand in the place of indices.",
    "shape": "The shape is not that of the answer.",
    "precision": "The digits are too few.",
    "rounded": "It is right up to rounding of earlier values.",
    "trivial": "An earlier slip made it constant, or independent of everything else.",
    "not_a_number": "It follows from earlier values that give no number.",
    "not_followed": "It has to be right by itself.",
    "unrecognized": "No known mistake gives these numbers.",
}


def build_grade(request: Mapping[str, Any], answer: Mapping[str, Any]) -> Page:
    """Return a grade as a marked script.

    The student's part shows only fields that the level of feedback lets the answer hold. The grader's part is
    a section of its own at the end.

    request: the submission. answer: its grade.
    """
    graded = dict(answer)
    parts = read_parts(graded)
    page = Page("A grade")
    page.blocks.extend(_show_score(graded, parts))
    page.blocks.append(Section(["Item by item"], list(_show_items(request, graded, parts))))
    page.blocks.extend([show_note(note) for note in answer["notes"]])
    page.blocks.extend(show_conventions(answer["conventions"]))
    page.blocks.extend(_show_graders_part(answer, parts))
    return page


def _show_score(graded: dict[str, Any], parts: Sequence[Part]) -> Iterator[Block]:
    yield Paragraph(["Score: ", _points(graded["score"]), " of ", _points(graded["max_score"]), "."])
    if not graded["gradable"]:
        yield Callout("warning", NOT_GRADED, [NEEDS_A_PERSON, " The score is that of the other items."])
    elif read_adjustment(graded, list(parts)):
        yield Callout("note", "Note.", [describe_adjustment(graded)])
    rows: list[tuple[Inline, list[Cell]]] = []
    for part in parts:
        verdict = part.item.get("verdict")
        words = "Not graded." if part.score is None else VERDICTS[verdict][1] if verdict else ""
        rows.append((part.title, [Cell(_marks(part)), Cell(words)]))
    yield Table(["Marks"], ["marks", "verdict"], rows, corner="item")
    if "questions" in graded:
        questions: list[tuple[Inline, list[Cell]]] = [
            (
                question["name"],
                [
                    Cell(f"{_points(question['score'])} of {_points(question['max_score'])}"),
                    Cell("yes" if question["gradable"] else "no: a person has to look"),
                ],
            )
            for question in graded["questions"]
        ]
        yield Table(["Questions"], ["marks", "all graded"], questions, corner="question")


def _show_items(
    request: Mapping[str, Any], graded: Mapping[str, Any], parts: Sequence[Part]
) -> Iterator[Block]:
    for part in parts:
        item = part.item
        blocks: list[Block] = [Paragraph([f"Marks: {_marks(part)}."]), *_show_verdict(part)]
        reasons = list(_list_reasons(item))
        blocks += list_sentences(reasons)
        written = _find_written(request, item)
        shown: list[Block] = []
        if written is not None:
            shown += list_matrices(["written"], _as_written(written))
        for field, words in (("reading", "read as"), ("expected", "expected")):
            if field in item:
                shown += list_matrices([words], item[field])
        if shown:
            blocks.append(Beside(shown))
        yield Section([part.title], blocks, is_folded=len(graded["items"]) > FOLDED_FROM)


def _show_verdict(part: Part) -> Iterator[Block]:
    item, message = part.item, part.item.get("message", "")
    if part.score is None:
        yield Callout("warning", NOT_GRADED, [f"A person has to look at it. {message}".rstrip()])
    elif "verdict" in item:
        kind, word = VERDICTS[item["verdict"]]
        yield Callout(kind, word, [] if message == word else [message])


def _list_reasons(item: Mapping[str, Any]) -> Iterator[list[Inline]]:
    entries = item.get("entries")
    if entries is not None and item.get("verdict") == "incorrect":
        yield [f"{entries['right']} of {entries['of']} entries are right."]
    wrong = (entries or {}).get("wrong")
    if wrong:
        yield [f"Wrong entries: {_write_indices(wrong)}."]
    if "at" in item.get("slip", {}):
        yield [f"The slip is at {_write_index(item['slip']['at'])}."]
    first, *others = item.get("misconceptions") or [None]
    if first is not None and first["certainty"] == "possible":
        yield ["Few entries agree with this mistake, so that it may be chance."]
    for found in others:
        yield [f"Another mistake gives the same numbers: {found['message']}"]
    if "matched" in item:
        yield ["Convention: ", *_write_settings(item["matched"]), "."]
    for field, words in (
        ("follows_from", "It follows from the values written for "),
        ("right_in_spite_of", "It would not follow from the wrong values written for "),
    ):
        if field in item:
            yield [words, *join_names(item[field]), "."]
    if "same_as" in item:
        yield ["The same mistake was charged at ", Code(item["same_as"]), ", and is not charged again."]
    for flag in item.get("flags", ()):
        if flag in FLAGS and FLAGS[flag] != item.get("message"):
            yield [FLAGS[flag]]


def _find_written(request: Mapping[str, Any], item: Mapping[str, Any]) -> Any:
    """Return what the student wrote for an item; None if there is nothing."""
    sent = request
    if "question" in item:
        questions = request.get("questions") or ()
        sent = next((each for each in questions if each.get("name") == item["question"]), {})
    field = sent.get("gradients" if item["of"] == "gradient" else "answer")
    return field.get(item["name"]) if isinstance(field, Mapping) else None


def _as_written(written: Any) -> Any:
    """Return what a student wrote with text as it is written, which may be no mathematics at all."""
    if isinstance(written, list):
        return [_as_written(entry) for entry in written]
    if isinstance(written, str):
        return Code(written if len(written) <= MOST_LETTERS else f"{written[:MOST_LETTERS]}…")
    return written


def _show_graders_part(answer: Mapping[str, Any], parts: Sequence[Part]) -> Iterator[Block]:
    grader = answer.get("grader")
    if not grader:
        return
    blocks: list[Block] = [
        Callout(
            "warning", "For the grader.", ["This section shows the right values: it is not for students."]
        )
    ]
    for part, item in zip(parts, grader["items"], strict=True):
        blocks.append(Section([part.title], list(_show_graders_item(item))))
    charged: list[tuple[Inline, list[Inline]]] = [
        (_name_item(slip), [f"{_points(slip['points'])} lost"]) for slip in answer["charged"]
    ]
    if charged:
        blocks.append(Section(["Slips that cost marks"], [Facts(charged)]))
    yield Section(["For the grader alone"], blocks, is_folded=True)


def _show_graders_item(item: Mapping[str, Any]) -> Iterator[Block]:
    yield Paragraph([f"{item['note'][:1].upper()}{item['note'][1:]}."])
    known: list[tuple[Inline, list[Inline]]] = []
    for found in item.get("misconceptions", ()):
        words = f"{found['note']} ({found['certainty']}; {found['source']})"
        known.append((Code(found["code"]), [words]))
    wrong = item.get("entries", {}).get("wrong")
    if wrong:
        known.append(("wrong entries", [_write_indices(wrong)]))
    for field, words in (
        ("largest_absolute", "largest absolute deviation"),
        ("largest_relative", "largest relative deviation"),
    ):
        if field in item:
            known.append((words, [write_number(float(item[field]))]))
    if known:
        yield Facts(known)
    if "expected" in item:
        yield from show_tensor(["compared with"], item["expected"])


def _name_item(item: Mapping[str, Any]) -> Inline:
    title = f"gradient of {item['name']}" if item["of"] == "gradient" else item["name"]
    return f"{item['question']}: {title}" if "question" in item else title


def _marks(part: Part) -> str:
    if part.score is None:
        return f"open, of {_points(part.max_points)}"
    return f"{_points(part.points)} of {_points(part.max_points)}"


def _points(points: Any) -> str:
    return f"{points:g}"


def _write_settings(settings: Mapping[str, Any]) -> list[Inline]:
    written: list[Inline] = []
    for name, setting in settings.items():
        written += [", "] * bool(written) + [Code(name), " = ", Code(str(setting))]
    return written


def _write_indices(indices: Sequence[Sequence[int]]) -> str:
    listed = "; ".join(map(_write_index, indices[:MOST_INDICES]))
    return f"{listed} and more" if len(indices) > MOST_INDICES else listed


def _write_index(index: Sequence[int]) -> str:
    return f"({', '.join(map(str, index))})" if index else "the only entry"

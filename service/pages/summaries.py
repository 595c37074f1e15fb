"""The summary of a class: the distribution of marks, each item, mistakes, and what a person has to grade."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compute.grading.known_mistakes import KNOWN_MISTAKES
from service.pages.blocks import (
    Block,
    Callout,
    Cell,
    Code,
    Facts,
    Inline,
    Listing,
    Page,
    Paragraph,
    Section,
    Table,
)
from service.pages.entries import write_number
from service.pages.pictures.summaries import draw_items, draw_marks, draw_mistakes, name_item, share_of_marks

DISCRIMINATES = 0.3  # from which on an item counts as telling strong answers from weak ones
MOST_ROWS = 200  # of a table
MOST_UNFOLDED = 20  # ids of a list
WORTH = (
    "The discrimination of an item is the correlation of its marks with the rest of the score. Items of"
    f" {write_number(DISCRIMINATES)} or more are said to tell strong answers from weak ones."
)


def build_summary(summary: Mapping[str, Any]) -> Page:
    """Return the summary of graded lines as a page. summary: as the last line of a batch has it."""
    page = Page("The marks of a class")
    page.blocks.append(Facts(list(_list_counts(summary))))
    drawn = draw_marks(summary["scores"])
    if drawn:
        page.blocks.append(Section(["Marks"], [*drawn]))
    if summary["items"]:
        page.blocks.append(Section(["Item by item"], list(_show_items(summary["items"]))))
    if summary["misconceptions"]:
        page.blocks.append(Section(["Mistakes"], list(_show_mistakes(summary["misconceptions"]))))
    if summary["ungradable"]["count"]:
        page.blocks.append(_show_ungradable(summary["ungradable"]))
    return page


def _list_counts(summary: Mapping[str, Any]) -> Iterator[tuple[Inline, list[Inline]]]:
    scores, ungradable = summary["scores"], summary["ungradable"]["count"]
    yield "submissions", [str(summary["count"])]
    if ungradable:
        yield "for a person to grade", [f"{ungradable}, which the marks below leave out"]
    if summary["failed"]:
        yield "lines that failed", [f"{summary['failed']}, which are not among the submissions"]
    if scores["count"]:
        yield "mean", [write_number(scores["mean"])]
    if scores["median"] is not None:
        first, _, third = scores["quartiles"]
        yield "median", [write_number(scores["median"])]
        yield "middle half", [f"from {write_number(first)} to {write_number(third)}"]


def _show_items(items: Sequence[Mapping[str, Any]]) -> Iterator[Block]:
    yield from draw_items(items)
    rows: list[tuple[Inline, list[Cell]]] = []
    for item in items[:MOST_ROWS]:
        share = f"{write_number(round(share_of_marks(item), 1))} %" if item["max_score"] else "–"
        cells = [str(item["count"]), write_number(item["mean"]), write_number(item["max_score"]), share]
        rows.append((name_item(item), [*map(Cell, [*cells, _write_correlation(item["discrimination"])])]))
    columns = ["answers", "mean", "marks", "share", "discrimination"]
    yield Table(["Items"], columns, rows, corner="item")
    yield from _count_more(items)
    known = [item for item in items if item["discrimination"] is not None]
    groups = {
        "They tell strong answers from weak ones: ": [
            item for item in known if item["discrimination"] >= DISCRIMINATES
        ],
        "They tell nothing, as all answers got all of their marks or none: ": [
            item for item in items if item["tells_nothing"] and item["max_score"]
        ],
    }
    if known:
        yield Paragraph([WORTH])
    listed = [[words, *_join_items(group), "."] for words, group in groups.items() if group]
    if listed:
        yield Listing(listed)
    reversed_ = [item for item in known if item["discrimination"] < 0]
    if reversed_:
        words = ["Those with more marks elsewhere did worse here: ", *_join_items(reversed_), "."]
        yield Callout("warning", "Look at them.", words)


def _join_items(items: Sequence[Mapping[str, Any]]) -> list[Inline]:
    more = f" and {len(items) - MOST_UNFOLDED} more" if len(items) > MOST_UNFOLDED else ""
    return [", ".join(map(name_item, items[:MOST_UNFOLDED])), more]


def _show_mistakes(mistakes: Sequence[Mapping[str, Any]]) -> Iterator[Block]:
    yield from draw_mistakes(mistakes)
    rows: list[tuple[Inline, list[Cell]]] = []
    for mistake in mistakes[:MOST_ROWS]:
        known = KNOWN_MISTAKES.get(mistake["code"])
        ids = ", ".join(map(str, mistake["ids"]))
        more = ", …" if mistake["count"] > len(mistake["ids"]) else ""
        cells = [Cell(str(mistake["count"])), Cell(f"{ids}{more}"), Cell("" if known is None else known.note)]
        rows.append((Code(mistake["code"]), cells))
    columns = ["submissions", "such as", "meaning"]
    yield Table(["Mistakes by the submissions that have them"], columns, rows, corner="mistake")
    yield from _count_more(mistakes)


def _count_more(shown: Sequence[Any]) -> Iterator[Block]:
    if len(shown) > MOST_ROWS:
        yield Paragraph([f"{len(shown) - MOST_ROWS} more are left out here: the answer as JSON has them."])


def _show_ungradable(ungradable: Mapping[str, Any]) -> Section:
    ids = ungradable["ids"]
    blocks: list[Block] = [Listing([[Code(str(id_))] for id_ in ids])]
    more = ungradable["count"] - len(ids)
    if more:
        blocks.append(Paragraph([f"and {more} more"]))
    return Section(["For a person to grade"], blocks, is_folded=len(ids) > MOST_UNFOLDED)


def _write_correlation(number: float | None) -> str:
    """Return a correlation with two decimals, which is as many as a class tells."""
    return "–" if number is None else f"{number:.2f}".replace("-", "−")

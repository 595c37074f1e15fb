"""Comparisons: what was changed, and every value before and after it side by side."""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from compute.operations import CATALOGUE
from compute.operations.framework.titles import write_title
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
)
from service.pages.entries import (
    as_array,
    largest_entry,
    list_matrices,
    show_tensor,
    write_entry,
    write_number,
)
from service.pages.notes import join_names, show_note, write_setting
from service.pages.questions import restate_question
from service.questions.edits import is_edit

ROUNDING = 1e-12  # of the largest entry: a change this small is one of rounding
MOST_UNFOLDED = 12  # names that changed above which each is folded
OPERANDS = {"add": "added", "multiply": "factors", "replace": "new entries"}
LONG_QUESTION = 24  # blocks of a question above which it is folded
UNCHANGED = {
    "same": "Unchanged",
    "rest": "Unchanged where slices remain",
    "rounding": "Unchanged up to rounding",
}
PREDICTED = (
    "The Jacobian predicts the change of a value to first order. The error is the largest difference between"
    " that and the change itself."
)


def build_comparison(request: Mapping[str, Any], answer: Mapping[str, Any]) -> Page:
    """Return a comparison: the question, the changes in words, and each value before and after them."""
    name = str(answer["operation"])
    page = Page(f"{write_title(name)}, before and after")
    question = restate_question(name, request, answer["conventions"])
    page.blocks.append(Section(["Question"], question.blocks, is_folded=len(question.blocks) > LONG_QUESTION))
    page.blocks.append(Section(["What is changed"], list(_show_changes(request["changes"], answer))))
    page.blocks.extend(show_note(note) for note in answer["notes"])
    if answer["unknown"]:
        words = ["Without more values these cannot be computed in one of the answers: "]
        page.blocks.append(Callout("note", "Unknown.", [*words, *join_names(answer["unknown"]), "."]))
    aliases = answer["aliases"]
    for title, field in (("What follows", "values"), ("Gradients", "gradients")):
        differences = answer.get(field)
        if differences:
            own = {
                name: one for name, one in differences.items() if aliases.get(name, name) not in differences
                or name not in aliases
            }  # fmt: skip
            page.blocks.append(Section([title], list(_show_differences(own))))
    listed: list[tuple[Inline, list[Inline]]] = [
        (Code(alias), ["is ", Code(name)]) for alias, name in aliases.items() if alias in answer["values"]
    ]
    if listed:
        page.blocks.append(Section(["Other names of the same values"], [Facts(listed)], is_folded=True))
    return page


def _show_changes(changes: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[Block]:
    declared = CATALOGUE[str(answer["operation"])]
    for name, change in changes.items():
        if name in declared.attributes:
            yield Paragraph([Code(name), " is set to ", write_setting(change), "."])
        elif change is None:
            yield Paragraph([Code(name), " is left out."])
        else:
            words = "" if declared.find_input(name) else " It is taken as changed, and not computed."
            yield from (
                _show_edit(name, change, words)
                if is_edit(change)
                else [
                    Paragraph([Code(name), f" is replaced as a whole.{words}"]),
                    *show_tensor([Code(name), ", afterwards"], change),
                ]
            )
    settings = answer["changed_conventions"]
    if settings:
        rows: list[tuple[Inline, list[Cell]]] = [
            (Code(name), [Cell(_write_convention(both[run])) for run in ("before", "after")])
            for name, both in settings.items()
        ]
        yield Table(["Settings that differ"], ["before", "after"], rows, corner="setting")


def _write_convention(setting: Any) -> Inline:
    return "none" if setting is None else write_setting(setting)


def _show_edit(name: str, edit: Mapping[str, Any], words: str) -> Iterator[Block]:
    """Yield an edit of a tensor as a sentence, with the operand as a table if it is no single number."""
    axis = f" along axis {edit.get('axis', 0)}"
    if "permute" in edit:
        order = f"{axis} are put in the order {', '.join(_write_indices(edit['permute']))}.{words}"
        yield Paragraph(["The slices of ", Code(name), order])
        return
    if "remove" in edit:
        removed = _write_indices(edit["remove"])
        slices, verb = ("Slice", "is") if len(removed) == 1 else ("Slices", "are")
        yield Paragraph([f"{slices} {', '.join(removed)} of ", Code(name), f"{axis} {verb} removed.{words}"])
        return
    verb = next(verb for verb in OPERANDS if verb in edit)
    at = edit.get("at") or []
    indices = ["every index" if place is None else f"index {place}" for place in at]
    where: list[Inline] = ["each entry of ", Code(name)] if not at else []
    if at:
        axes = ", ".join(f"{place} of axis {axis}" for axis, place in enumerate(indices))
        where = [Code(name), f" at {axes}"]
    operand = as_array(edit[verb])
    is_number = operand is None or operand.ndim == 0
    number: Inline = write_entry(edit[verb]) if is_number else "The tensor below"
    ways: dict[str, list[Inline]] = {
        "add": [number, " is added to ", *where],
        "multiply": [number, " multiplies ", *where],
        "replace": [number, " takes the place of ", *where],
    }
    yield Paragraph([*ways[verb], f".{words}"])
    if not is_number:
        yield from show_tensor([OPERANDS[verb]], operand)


def _write_indices(indices: Any) -> list[str]:
    array = as_array(indices)
    return [] if array is None else [str(int(index)) for index in array.ravel()]


def _show_differences(differences: Mapping[str, Any]) -> Iterator[Block]:
    groups: dict[str, list[str]] = {"same": [], "rest": [], "rounding": [], "changed": []}
    for name, one in differences.items():
        groups[_judge(one)].append(name)
    changed = {name: differences[name] for name in groups["changed"]}
    if changed:
        yield _show_overview(changed)
        if any("first_order" in one for one in changed.values()):
            yield Paragraph([PREDICTED])
    for group, words in UNCHANGED.items():
        if groups[group]:
            yield Paragraph([f"{words}: ", *join_names(groups[group]), "."])
    for name, one in changed.items():
        yield Section([Code(name)], list(_show_difference(one)), is_folded=len(changed) > MOST_UNFOLDED)


def _judge(one: Mapping[str, Any]) -> str:
    change = one.get("largest_change")
    if not isinstance(change, int | float) or isinstance(change, bool):
        return "changed"
    before, after = as_array(one["before"]), as_array(one["after"])
    if change == 0:
        return "same" if before is None or after is None or before.shape == after.shape else "rest"
    largest = 0.0 if before is None else largest_entry(before)
    return "rounding" if change <= ROUNDING * largest else "changed"


def _show_overview(changed: Mapping[str, Any]) -> Table:
    has_prediction = any("first_order_error" in one for one in changed.values())
    columns: list[Inline] = ["largest change", "at index", "effect"]
    if has_prediction:
        columns.append("error of the prediction")
    rows: list[tuple[Inline, list[Cell]]] = []
    for name, one in changed.items():
        cells = [Cell(write_entry(one["largest_change"]) if "largest_change" in one else "–")]
        cells.append(Cell(_write_index(one["at"]) if one.get("at") else "–"))
        cells.append(Cell(_describe_effect(one)))
        if has_prediction:
            cells.append(Cell(write_entry(one["first_order_error"]) if "first_order_error" in one else "–"))
        rows.append((Code(name), cells))
    return Table(["What changed"], columns, rows, corner="value")


def _describe_effect(one: Mapping[str, Any]) -> str:
    if "before" not in one or "after" not in one:
        return "only after" if "after" in one else "only before"
    if one.get("permutation"):
        return f"permuted along {' and '.join(each['axis'] for each in one['permutation'])}"
    shapes = [array.shape for array in map(as_array, (one["before"], one["after"])) if array is not None]
    return "other shape" if len(set(shapes)) > 1 else "other entries"


def _show_difference(one: Mapping[str, Any]) -> Iterator[Block]:
    if one.get("permutation"):
        orders = [
            f"{each['axis']} in the order {', '.join(map(str, each['order']))}" for each in one["permutation"]
        ]
        words = f"After is before with the slices along {', and along '.join(orders)}."
        yield Callout("right", "A permutation.", [words])
    both = [array for run in ("before", "after") if (array := as_array(one.get(run))) is not None]
    scale = max(map(largest_entry, both), default=0.0)
    shown = [list_matrices([run], one[run], scale=scale) for run in ("before", "after") if run in one]
    for field, words in (("difference", "difference"), ("first_order", "predicted")):
        if field in one:
            shown.append(list_matrices([words], one[field]))
    for matrices in zip_longest(*shown):  # of a tensor of several, each beside its own difference
        yield Beside([block for block in matrices if block is not None])
    if "difference" not in one and "before" in one and "after" in one:
        yield Paragraph(["The entries do not correspond, so that there is no difference."])
    error, change = one.get("first_order_error"), one.get("largest_change")
    if error == 0:
        yield Paragraph(["The prediction is exact."])
    elif isinstance(error, float) and isinstance(change, float) and change:
        share = write_number(100 * error / change)
        words = f"The prediction is off by at most {write_number(error)}, {share} % of the largest change."
        yield Paragraph([words])


def _write_index(index: Any) -> str:
    return f"({', '.join(map(str, index))})"

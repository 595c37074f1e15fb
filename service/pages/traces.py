"""Traces of optimizers: the rule, a row for each step, and the steps with numbers put in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from service.pages.blocks import (
    Block,
    Callout,
    Cell,
    Code,
    Equation,
    Inline,
    Listing,
    Page,
    Paragraph,
    Section,
    Table,
)
from service.pages.entries import (
    COLUMNS,
    ROWS,
    as_array,
    join_entries,
    show_tensor,
    write_entry,
    write_number,
)
from service.pages.notes import join_names, show_note
from service.pages.pictures.traces import draw_trace
from service.pages.questions import restate_optimization, show_rule

SHORT = 3  # entries of a vector that stands in one cell
MOST_COLUMNS = 8  # of one table; more are parted by what they hold
MOST_STEPS, ENDS = 40, 15  # steps that are all shown, and those at either end of a longer trace
GROUPS = {
    "parameters": "parameter", "gradient": "gradient", "used_gradient": "used gradient",
    "state": "", "update": "update", "average": "average",
}  # fmt: skip
STOPPED = {
    "steps": "These are all steps that were asked for.",
    "gradient_norm": "It stopped as the norm of the gradient reached its bound.",
    "loss": "It stopped as the loss reached its bound.",
    "not_finite": "It stopped at a number that is not finite.",
    "size": "It stopped as the exact numbers grew too long.",
}


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the table of steps. group: the part of a step; path: the names that lead to its value."""

    group: str
    path: tuple[str, ...]
    title: Inline

    def read(self, step: Mapping[str, Any]) -> Any:
        """Return the value of a step; None if it has none."""
        found: Any = step
        for name in self.path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found


def build_trace(request: Mapping[str, Any], answer: Mapping[str, Any]) -> Page:
    """Return a trace: the question, the rule, a table with a row for each step, and each step worked out."""
    page = Page("An optimizer step by step")
    conventions = answer["conventions"]
    page.blocks.append(restate_optimization(request, conventions))
    page.blocks.append(show_rule(answer["formulas"], conventions))
    steps = answer["trace"]
    shown = [*steps[:ENDS], *steps[-ENDS:]] if len(steps) > MOST_STEPS else steps
    left_out = len(steps) - len(shown)
    rows = list(_show_steps(shown, left_out))
    if rows:
        page.blocks.append(Section(["Steps"], rows))
    page.blocks.extend(draw_trace(request, answer))
    ascends = bool(conventions.get("maximize"))
    page.blocks.append(Section(["Where it leads"], list(_show_summary(answer["summary"], ascends))))
    page.blocks.extend(show_note(note) for note in answer["notes"])
    worked: list[Block] = []
    for step in shown:
        blocks = list(_show_step(step))
        if blocks:
            worked.append(Section([f"Step {step['step']}"], blocks, is_folded=bool(worked)))
    if worked:
        page.blocks.append(Section(["Each step, with its numbers"], worked))
    if "others" in answer:
        page.blocks.append(_compare(answer))
    if "surface" in answer:
        page.blocks.append(Section(["The loss around the steps"], list(_show_surface(answer["surface"]))))
    return page


def _show_steps(steps: Sequence[Mapping[str, Any]], left_out: int) -> Iterator[Block]:
    columns = list(_list_columns(steps))
    groups: list[list[_Column]] = [columns] if columns else []
    if len(columns) > MOST_COLUMNS:
        names = dict.fromkeys(column.group for column in columns)
        groups = [[column for column in columns if column.group == name] for name in names]
    for group in groups:
        yield _tabulate(_title(group, groups), steps, group, bool(left_out))
    if left_out:
        yield Paragraph([f"{left_out} steps in the middle are left out here: the answer as JSON has them."])


def show_short_steps(caption: str, steps: Sequence[Mapping[str, Any]]) -> Table:
    """Return a table with a row for each step, of the values that fit into a cell."""
    return _tabulate(caption, steps, list(_list_columns(steps)), has_gap=False)


def _tabulate(
    caption: str, steps: Sequence[Mapping[str, Any]], columns: Sequence[_Column], has_gap: bool
) -> Table:
    rows: list[tuple[Inline, list[Cell]]] = []
    for place, step in enumerate(steps):
        if has_gap and place == ENDS:
            rows.append(("…", [Cell("")] * len(columns)))
        written = [_write_short(column.read(step)) for column in columns]
        if any(written):  # the start has no gradients
            rows.append((str(step["step"]), [Cell(text) for text in written]))
    return Table([caption], [column.title for column in columns], rows, corner="step")


def _title(group: Sequence[_Column], groups: Sequence[Sequence[_Column]]) -> str:
    return "Each step" if len(groups) == 1 else f"Each step: {group[0].group.replace('_', ' ')}"


def _list_columns(steps: Sequence[Mapping[str, Any]]) -> Iterator[_Column]:
    """Yield a column for each value that fits into a cell, and the norms of gradients that do not."""
    last = steps[-1]
    several = len(last.get("parameters") or last.get("update") or last.get("gradient") or ()) > 1
    for name, value in last.get("parameters", {}).items():
        if _is_short(value):
            yield _Column("parameters", ("parameters", name), Code(name))
            approximate = last.get("approximations", {}).get("parameters", {}).get(name)
            if _has_decimals(value, approximate):
                yield _Column("parameters", ("approximations", "parameters", name), f"{name} in decimals")
    if "loss" in last:
        yield _Column("parameters", ("loss",), "loss")
        if _has_decimals(last["loss"], last.get("approximations", {}).get("loss")):
            yield _Column("parameters", ("approximations", "loss"), "loss in decimals")
    if "batch" in last:
        yield _Column("parameters", ("batch", "loss"), "loss on the batch")
    rates = [step["learning_rate"] for step in steps if "learning_rate" in step]
    if rates and isinstance(rates[0], Mapping):
        for name in rates[0]:
            yield _Column("parameters", ("learning_rate", name), f"learning rate of {name}")
    elif len(set(map(str, rates))) > 1:
        yield _Column("parameters", ("learning_rate",), "learning rate")
    for group, word in GROUPS.items():
        if group == "parameters":
            continue
        for name, value in last.get(group, {}).items():
            parts = value if group == "state" else {"": value}
            for part, tensor in parts.items():
                if _is_short(tensor):
                    title = word or part.replace("_", " ")
                    path = (group, name, part) if part else (group, name)
                    yield _Column(group, path, f"{title} of {name}" if several else title)


def _is_short(value: Any) -> bool:
    array = as_array(value)
    return array is not None and array.ndim < 2 and array.size <= SHORT


def _has_decimals(value: Any, approximate: Any) -> bool:
    """Return whether decimals tell more than an exact number: whether it has no few digits itself."""
    exact, decimals = as_array(value), as_array(approximate)
    if exact is None or decimals is None or decimals.dtype.kind != "f":
        return False
    return any(not str(entry).lstrip("-").isdigit() for entry in exact.ravel())


def _write_short(value: Any) -> Inline:
    """Return a number, or a short vector in parentheses."""
    array = as_array(value)
    if array is None:
        return ""
    if array.ndim == 0:
        return write_entry(array[()])
    return join_entries([write_entry(entry) for entry in array.tolist()])


def _show_summary(summary: Mapping[str, Any], ascends: bool) -> Iterator[Block]:
    count = summary["steps"]
    made = "One step was made." if count == 1 else f"{count} steps were made."
    items: list[list[Inline]] = [[f"{made} {STOPPED.get(summary['stopped_by'], summary['stopped_by'])}"]]
    if summary["first_loss"] is not None:
        content: list[Inline] = ["The loss is ", _write_maybe(summary["first_loss"]), " at the start"]
        if summary["last_loss"] is not None:
            content += [" and ", _write_maybe(summary["last_loss"]), " at the end"]
        if summary["least_loss"] is not None:
            content += ["; it is least at step ", str(summary["least_loss_at"]), ": "]
            content.append(_write_maybe(summary["least_loss"]))
        items.append([*content, "."])
    if summary["monotone"] is not None:
        verb = "falls" if ascends else "rises"
        rise = f"never {verb}" if summary["monotone"] else f"{verb} first at step {summary['rose_at']}"
        items.append([f"The loss {rise}."])
    if summary["gradient_norm"] is not None:
        items.append(["The norm of the last gradient is ", _write_maybe(summary["gradient_norm"]), "."])
    if summary["oscillating"]:
        items.append(["The last five updates alternate in sign: ", *join_names(summary["oscillating"]), "."])
    yield Listing(items)
    if summary["converged_at"] is not None:
        bound = write_number(summary["tolerance"])
        yield Callout(
            "right",
            "Converged.",
            [f"From step {summary['converged_at']} on the norm of the gradient is at most {bound}."],
        )
    if summary["diverging_from"] is not None:
        best = "largest" if ascends else "least"
        away = f"From step {summary['diverging_from']} on it moves away from the {best} loss."
        yield Callout("warning", "Diverges.", [away])


def _write_maybe(number: Any) -> Inline:
    return write_number(number) if isinstance(number, float) else write_entry(number)


def _show_step(step: Mapping[str, Any]) -> Iterator[Block]:
    """Yield a step with its equations, and the tensors that do not fit into the table of steps."""
    batch = step.get("batch")
    if batch is not None:
        rows = ", ".join(map(str, batch["rows"]))
        yield Paragraph([f"The batch is rows {rows}, with a loss of ", write_entry(batch["loss"]), "."])
    rates = step.get("learning_rate")
    if isinstance(rates, Mapping):
        for name, rate in rates.items():
            yield Paragraph(["The learning rate of ", Code(name), " is ", write_entry(rate), "."])
    elif rates is not None:
        yield Paragraph(["The learning rate is ", write_entry(rates), "."])
    for group in ("gradient", "used_gradient", "state", "parameters", "update", "average"):
        for name, value in step.get(group, {}).items():
            parts = value if group == "state" else {"": value}
            for part, tensor in parts.items():
                if not _is_short(tensor):
                    title = GROUPS[group] or part.replace("_", " ")
                    yield from show_tensor([f"{title}: ", Code(name)], tensor)
    for name, exact in step.get("approximations", {}).get("parameters", {}).items():
        if not _is_short(exact):
            yield from show_tensor(["in decimals: ", Code(name)], exact)
    for name, equations in step.get("formula", {}).items():
        if len(step["formula"]) > 1:
            yield Paragraph(["For ", Code(name), ":"])
        for latex in equations.values():
            yield from (Equation([line]) for line in _flatten(latex))


def _flatten(latex: Any) -> Iterator[str]:
    if isinstance(latex, list):
        for item in latex:
            yield from _flatten(item)
    elif isinstance(latex, np.ndarray):
        yield from map(str, latex.ravel().tolist())
    else:
        yield str(latex)


def _compare(answer: Mapping[str, Any]) -> Section:
    """Return a table of the losses at the end, of this optimizer and the others."""
    summary = answer["summary"]
    rows = [
        (
            str(answer["conventions"]["optimizer"]),
            [summary["steps"], summary["last_loss"], summary["least_loss"]],
        )
    ]
    for name, other in answer["others"].items():
        losses = other.get("approximations") or other["losses"]
        known = [loss for loss in losses if isinstance(loss, int | float)]
        rows.append((name, [other["steps"][-1] - other["steps"][0], losses[-1], min(known, default=None)]))
    return Section(
        ["Beside other optimizers"],
        [
            Table(
                ["Losses from the same start"],
                ["steps", "last loss", "least loss shown"],
                [
                    (name, [Cell("" if entry is None else _write_short(entry)) for entry in cells])
                    for name, cells in rows
                ],
                corner="optimizer",
            )
        ],
    )


def _show_surface(surface: Mapping[str, Any]) -> Iterator[Block]:
    """Yield the least loss on the grid, and the grid as a table if it is small."""
    loss = as_array(surface["loss"])
    points = [as_array(axis) for axis in surface["points"]]
    if loss is None or points[0] is None or points[1] is None:
        return
    first, second = surface["axes"]
    finite = np.where(np.isfinite(loss), loss, np.inf) if loss.dtype.kind == "f" else np.array(np.inf)
    if np.isfinite(finite).any():
        row, column = np.unravel_index(int(finite.argmin()), finite.shape)
        yield Paragraph([
            "On this grid the loss is least, ", write_number(float(finite[row, column])), ", at ",
            Code(first), f" = {write_number(float(points[0][row]))} and ", Code(second),
            f" = {write_number(float(points[1][column]))}.",
        ])  # fmt: skip
    if loss.shape[0] > ROWS or loss.shape[1] > COLUMNS:
        yield from show_tensor(["loss"], loss)
        return
    caption: list[Inline] = ["Loss: rows are values of ", Code(first), ", columns of ", Code(second)]
    [table] = show_tensor(caption, loss)
    if isinstance(table, Table):
        heads = map(write_entry, points[0].tolist())
        rows = [(head, cells) for head, (_, cells) in zip(heads, table.rows, strict=True)]
        yield Table(table.caption, [write_entry(point) for point in points[1].tolist()], rows, Code(first))

"""Worked solutions: the answer of an operation or a program, in the order of computing."""

from collections.abc import Iterator, Mapping
from typing import Any

from compute.operations import CATALOGUE
from compute.operations.framework.titles import write_title
from service.pages.blocks import (
    Beside,
    Block,
    Callout,
    Code,
    Equation,
    Facts,
    Inline,
    Inlines,
    Math,
    Page,
    Paragraph,
    Section,
    Source,
)
from service.pages.costs import show_counts
from service.pages.entries import as_array, as_math, list_matrices, show_tensor, write_entry
from service.pages.notes import show_note
from service.pages.pictures.answers import BACKWARDS, draw_answer
from service.pages.pictures.graphs import show_graph
from service.pages.questions import restate_question, write_summary
from service.pages.readings import show_reading

LONG_STEPS = 60  # steps above which each is folded
SHOWN = frozenset({
    "operation", "conventions", "values", "gradients", "contributions", "workings", "steps", "aliases",
    "cost", "latex", "notes", "unknown", "approximations", "gradient_approximations", "diagram",
})  # fmt: skip
UPSTREAM = (
    "L is the scalar whose gradient is sent as upstream. A value that several steps use gets the sum of what"
    " each of them contributes."
)
PARTS = {
    "jacobians": "Jacobians", "hessian_vector": "Second derivatives",
    "substituted": "With other values in place",
    "claims": "Claims", "limits": "Limits", "evidence": "Evidence", "parameters": "Parameters",
    "common": "Abbreviations",
}  # fmt: skip


def build_solution(request: Mapping[str, Any], answer: Mapping[str, Any]) -> Page:
    """Return the worked solution of an operation or a program.

    request: the document that was sent. answer: its answer, with arrays in the place of packed tensors.
    """
    name = str(answer["operation"])
    operation = CATALOGUE.get(name)
    page = Page("A program" if operation is None else write_title(name))
    if operation is not None:
        page.blocks.append(Paragraph(write_summary(operation)))
    writer = _Writer(answer, draw_answer(request, answer))
    page.blocks.append(restate_question(name, request, answer["conventions"], writer.axes_of))
    page.blocks.extend(writer.show_general_notes())
    if "diagram" in answer:
        page.blocks.append(Section(["Graph"], show_graph(answer["diagram"])))
    page.blocks.append(Section(["Step by step"], list(writer.show_steps())))
    if answer.get("gradients"):
        page.blocks.append(Section(["Backwards"], list(writer.show_gradients())))
    for part in answer:
        if part not in SHOWN and answer[part] not in ([], {}, None):
            title = PARTS.get(part, part.replace("_", " ").capitalize())
            page.blocks.append(Section([title], show_reading(part, answer[part], request)))
    page.blocks.extend(writer.show_end())
    return page


class _Writer:
    def __init__(self, answer: Mapping[str, Any], pictures: Mapping[str, list[Block]]) -> None:
        self._answer = answer
        self._workings: Mapping[str, Any] = answer.get("workings", {"values": {}, "gradients": {}})
        self._aliases: Mapping[str, str] = answer.get("aliases", {})
        self._axes = {step["name"]: step["axes"] for step in answer["steps"]}
        self._notes = list(answer.get("notes", ()))
        self._pictures = pictures

    def show_general_notes(self) -> list[Block]:
        """Return the notes that are about no step."""
        places = {*self._axes, *self._answer.get("gradients", ())}
        return [show_note(note) for note in self._notes if note["at"] not in places]

    def show_steps(self) -> Iterator[Block]:
        """Yield each step: its formula, the formula with numbers, and the result."""
        values, approximations = self._answer["values"], self._answer.get("approximations", {})
        latex = self._answer.get("latex", {}).get("values", {})
        steps = self._answer["steps"]
        for step in steps:
            name, symbol = step["name"], step["formula"].partition(" = ")[0]
            blocks: list[Block] = []
            if step["meaning"]:
                blocks.append(Paragraph([step["meaning"]]))
            numbers = self._workings["values"].get(name)
            blocks.append(Equation([step["formula"], *([f"= {numbers}"] if numbers else [])]))
            if name in latex:
                blocks += show_tensor(
                    [Math(symbol)], as_math(latex[name]), step["axes"], Source("value", name)
                )
            elif name in values:
                blocks += show_tensor([Math(symbol)], values[name], step["axes"], Source("value", name))
            if name in approximations and _differs(values.get(name), approximations[name]):
                blocks += show_tensor([Code(name), ", as decimals"], approximations[name], step["axes"])
            blocks += self._pictures.get(name, [])
            blocks += [show_note(note) for note in self._notes if note["at"] == name]
            yield Section([Code(name)], blocks, is_folded=len(steps) > LONG_STEPS)
        unknown = self._answer.get("unknown")
        if unknown:
            names = ", ".join(unknown)
            yield Callout("note", "Unknown.", [f"Without more values these cannot be computed: {names}."])

    def show_gradients(self) -> Iterator[Block]:
        """Yield each gradient, from the end back: the chain rule, its terms and their sum."""
        gradients = self._answer["gradients"]
        listed = [name for name in gradients if name not in self._aliases]
        order = {name: place for place, name in enumerate(self._axes)}
        listed.sort(key=lambda name: -order.get(name, -1))
        yield Paragraph([UPSTREAM])
        yield from self._pictures.get(BACKWARDS, ())
        for name in listed:
            rule = self._workings["gradients"].get(name)
            blocks: list[Block] = []
            if rule is not None:
                numbers = rule.get("numbers")
                blocks.append(Equation([rule["formula"], *([f"= {numbers}"] if numbers else [])]))
            axes = self.axes_of(name)
            contributions = self._answer.get("contributions", {}).get(name, {})
            shown: list[Block] = []
            if len(contributions) > 1:
                for consumer, tensor in contributions.items():
                    term = None if rule is None else rule["terms"].get(consumer)
                    caption: list[Inline] = ["through ", Code(consumer)]
                    shown += list_matrices(caption + ([": ", Math(term)] if term else []), tensor, axes)
            exact = self._answer.get("latex", {}).get("gradients", {})
            gradient = as_math(exact[name]) if name in exact else gradients[name]
            words = "their sum" if shown else "gradient"
            shown += list_matrices([words], gradient, axes, Source("gradient", name))
            decimals = self._answer.get("gradient_approximations", {}).get(name)
            if decimals is not None and _differs(gradients[name], decimals):
                shown += list_matrices(["as decimals"], decimals, axes)
            blocks += [Beside(shown)] if len(shown) > 1 else shown
            blocks += [
                show_note(note) for note in self._notes if note["at"] == name and name not in self._axes
            ]
            yield Section(["Gradient of ", Code(name)], blocks, is_folded=len(listed) > LONG_STEPS)

    def show_end(self) -> list[Block]:
        """Return other names of the same values, and the cost."""
        blocks: list[Block] = []
        values = {**self._answer["values"], **self._answer.get("gradients", {})}
        aliases: list[tuple[Inline, Inlines]] = [
            (Code(alias), ["is ", Code(name)]) for alias, name in self._aliases.items() if alias in values
        ]
        if aliases:
            blocks.append(Section(["Other names of the same values"], [Facts(aliases)], is_folded=True))
        blocks.append(Section(["Cost"], [show_counts(self._answer["cost"])]))
        return blocks

    def axes_of(self, name: str) -> list[str]:
        """Return the axes of a value, or of the one that it is another name of."""
        found: list[str] = self._axes.get(name) or self._axes.get(self._aliases.get(name, ""), [])
        return found


def _differs(value: Any, approximation: Any) -> bool:
    """Return whether an exact value shows other text than its decimals."""
    exact, decimals = as_array(value), as_array(approximation)
    if exact is None or decimals is None or exact.shape != decimals.shape:
        return True
    pairs = zip(exact.ravel().tolist(), decimals.ravel().tolist(), strict=True)
    return any(_write_digits(entry) != _write_digits(decimal) for entry, decimal in pairs)


def _write_digits(entry: Any) -> str:
    written = write_entry(entry)
    return written.latex.replace("-", "−") if isinstance(written, Math) else str(written)

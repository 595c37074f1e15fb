"""Worked solutions: the answer of an operation or a program, in the order of computing."""

from collections.abc import Iterator, Mapping
from typing import Any

from compute.operations import CATALOGUE
from service.pages.blocks import (
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
)
from service.pages.entries import as_array, as_math, show_tensor
from service.pages.generic import show_value
from service.pages.notes import show_conventions, show_note
from service.pages.pictures.answers import BACKWARDS, draw_answer

LONG_STEPS = 60  # steps above which each is folded
SHOWN = frozenset({
    "operation", "conventions", "values", "gradients", "contributions", "workings", "steps", "aliases",
    "cost", "latex", "notes", "unknown", "approximations",
})  # fmt: skip
UPSTREAM = (
    "L is the scalar whose gradient is sent as upstream. A value that several steps use gets the sum of what"
    " each of them contributes."
)
PARTS = {
    "jacobians": "Jacobians", "hessian_vector": "Second derivatives",
    "substituted": "With other values in place",
    "claims": "Claims", "diagram": "Graph", "evidence": "Evidence", "parameters": "Parameters",
    "common": "Abbreviations",
}  # fmt: skip
COST = {
    "multiply_adds": "multiply-adds", "elementwise": "elementwise operations", "comparisons": "comparisons",
    "parameters": "parameters",
}  # fmt: skip


def build_solution(request: Mapping[str, Any], answer: Mapping[str, Any]) -> Page:
    """Return the worked solution of an operation or a program.

    request: the document that was sent. answer: its answer, with arrays in the place of packed tensors.
    """
    name = str(answer["operation"])
    operation = CATALOGUE.get(name)
    page = Page("A program" if operation is None else name.replace("_", " ").capitalize())
    if operation is not None:
        page.blocks.append(Paragraph([f"{operation.summary.rstrip('.')}."]))
    writer = _Writer(request, answer)
    page.blocks.append(writer.restate_question())
    page.blocks.extend(writer.show_general_notes())
    page.blocks.append(Section(["Step by step"], list(writer.show_steps())))
    if answer.get("gradients"):
        page.blocks.append(Section(["Backwards"], list(writer.show_gradients())))
    for part in answer:
        if part not in SHOWN and answer[part] not in ([], {}, None):
            title = PARTS.get(part, part.replace("_", " ").capitalize())
            page.blocks.append(Section([title], show_value(answer[part])))
    page.blocks.extend(writer.show_end())
    return page


class _Writer:
    def __init__(self, request: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        self._request, self._answer = request, answer
        self._operation = CATALOGUE.get(str(answer["operation"]))
        self._workings: Mapping[str, Any] = answer.get("workings", {"values": {}, "gradients": {}})
        self._aliases: Mapping[str, str] = answer.get("aliases", {})
        self._axes = {step["name"]: step["axes"] for step in answer["steps"]}
        self._notes = list(answer.get("notes", ()))
        self._pictures = draw_answer(request, answer)

    def restate_question(self) -> Section:
        """Return the inputs, and the settings with their meanings."""
        blocks: list[Block] = []
        program = self._request.get("program")
        if program is not None:
            lines = program.splitlines() if isinstance(program, str) else program
            blocks += [Paragraph([Code(str(line))]) for line in lines]
        for name, tensor in self._list_inputs():
            declared = None if self._operation is None else self._operation.find_input(name)
            if declared is None:
                blocks += show_tensor([Code(name)], tensor)
            else:
                blocks.append(Paragraph([Code(name), f": {_sentence(declared.meaning)}"]))
                blocks += show_tensor([Math(declared.symbol)], tensor)
        for field, words in (("given", "given instead of computed"), ("upstream", "upstream gradient")):
            for name, tensor in self._request.get(field, {}).items():
                blocks += show_tensor([Code(name), f": {words}"], tensor, self._axes_of(name))
        blocks += show_conventions(self._answer["conventions"], self._explain)
        return Section(["Question"], blocks)

    def _list_inputs(self) -> Iterator[tuple[str, Any]]:
        sent = self._request.get("inputs", {}) if self._operation is None else self._request
        yield from self._list_tensors("", sent)

    def _list_tensors(self, prefix: str, sent: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Yield the names and tensors of inputs, also those of parts in nested objects."""
        for name, item in sent.items():
            full = f"{prefix}{name}"
            if self._operation is None or self._operation.find_input(full) is not None:
                yield full, item
            elif self._operation is not None and (prefix or name in self._operation.parts):
                places = enumerate(item) if isinstance(item, list) else [("", item)]
                for place, part in places:
                    if isinstance(part, Mapping):
                        index = "" if place == "" else f"[{place}]"
                        yield from self._list_tensors(f"{full}{index}.", part)

    def _explain(self, setting: str) -> str:
        """Return the first sentence of the meaning of a setting."""
        attribute = None if self._operation is None else self._operation.attributes.get(setting)
        return (
            "" if attribute is None else _sentence(attribute.declared.meaning.partition(". ")[0].rstrip("."))
        )

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
                blocks += show_tensor([Math(symbol)], as_math(latex[name]), step["axes"])
            elif name in values:
                blocks += show_tensor([Math(symbol)], values[name], step["axes"])
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
            axes = self._axes_of(name)
            contributions = self._answer.get("contributions", {}).get(name, {})
            if len(contributions) > 1:
                for consumer, tensor in contributions.items():
                    term = None if rule is None else rule["terms"].get(consumer)
                    caption: list[Inline] = ["through ", Code(consumer)]
                    blocks += show_tensor(caption + ([": ", Math(term)] if term else []), tensor, axes)
            exact = self._answer.get("latex", {}).get("gradients", {})
            shown = as_math(exact[name]) if name in exact else gradients[name]
            blocks += show_tensor(["gradient of ", Code(name)], shown, axes)
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
        cost = self._answer["cost"]
        facts = [(COST.get(name, name.replace("_", " ")), [str(count)]) for name, count in cost.items()]
        blocks.append(Section(["Cost"], [Facts(facts)]))
        return blocks

    def _axes_of(self, name: str) -> list[str]:
        found: list[str] = self._axes.get(name) or self._axes.get(self._aliases.get(name, ""), [])
        return found


def _differs(value: Any, approximation: Any) -> bool:
    """Return whether an exact value shows other text than its decimals."""
    exact, decimals = as_array(value), as_array(approximation)
    return (
        exact is None or decimals is None or exact.dtype != decimals.dtype or bool((exact != decimals).any())
    )


def _sentence(meaning: str) -> str:
    return meaning[:1].lower() + meaning[1:] if meaning[1:2].islower() else meaning

"""Questions as they were asked: programs, inputs with their meanings, settings and optimizers."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from compute.operations import CATALOGUE
from compute.operations.framework.declaration import Operation
from compute.optimizers import OPTIMIZERS
from compute.optimizers.rules.declaration import Optimizer, resolve_alias
from compute.optimizers.rules.schedules import SCHEDULES
from service.pages.blocks import (
    Beside,
    Block,
    Code,
    Equation,
    Facts,
    Inline,
    Inlines,
    Math,
    Paragraph,
    Program,
    Section,
    list_sentences,
)
from service.pages.entries import as_array, show_tensor, write_entry
from service.pages.notes import join_names, show_conventions

TRACE = "optimizer/trace"
SYMBOLS: list[Inline] = [
    "Here ", Math("x"), " stands for each parameter, ", Math("g"), " for its gradient and ", Math(r"\eta"),
    " for the learning rate",
]  # fmt: skip
WORD = re.compile("[A-Za-z]{2,}")  # such as a function
MOST_BATCHES, MOST_ROWS = 20, 32  # that are written out
STOPS = {"gradient_norm": "the norm of all gradients together", "loss": "the loss"}
COMMON = {
    "maximize": "whether the loss is maximized",
    "ema_decay": "the decay of a running average of the parameters",
    "ema_bias_correction": "whether the average is corrected for its start at 0",
    "groups": "parameters with settings of their own",
    "learning_rate": "the rate before any schedule",
    "weight_decay": "the coefficient of the weight decay",
    "clip_value": "the largest magnitude of an entry of a gradient",
    "clip_norm": "the largest norm of all gradients together",
}


def restate_question(
    operation: str,
    request: Mapping[str, Any],
    conventions: Mapping[str, Any],
    axes_of: Callable[[str], Sequence[str]] = lambda name: (),
) -> Section:
    """Return the question of an operation or a program: inputs, and the settings with their meanings."""
    declared = CATALOGUE.get(operation)
    blocks = show_program(request)
    meanings: list[tuple[Inline, Inlines]] = []
    shown: list[Block] = []
    for name, tensor in list_inputs(declared, request):
        known = None if declared is None else declared.find_input(name)
        if known is None:
            shown += show_tensor([Code(name)], tensor)
        else:
            meanings.append((Code(name), [lower_first(known.meaning.rstrip("."))]))
            shown += show_tensor(_name_input(name, known.symbol), tensor)
    for field, words in (("given", "given instead of computed"), ("upstream", "upstream gradient")):
        for name, tensor in request.get(field, {}).items():
            shown += show_tensor([Code(name), f": {words}"], tensor, axes_of(name))
    if meanings:
        blocks.append(Facts(meanings))
    if shown:
        blocks.append(Beside(shown))
    blocks += show_conventions(conventions, lambda setting: explain_setting(declared, setting))
    return Section(["Question"], blocks)


def _name_input(name: str, symbol: str) -> list[Inline]:
    """Return the name of an input and its symbol, unless that is the same letters."""
    return [Code(name), ": ", Math(symbol)] if symbol != name else [Math(symbol)]


def write_summary(operation: Operation) -> list[Inline]:
    """Return the summary of an operation as a sentence, with a recurrence as a formula."""
    words, colon, formula = operation.summary.rstrip(".").partition(": ")
    if "_{" not in formula:
        return [f"{words}{colon}{formula}."]
    return [f"{words}: ", Math(WORD.sub(r"\\,\\operatorname{\g<0>}", formula)), "."]


def restate_optimization(
    request: Mapping[str, Any], conventions: Mapping[str, Any], further: Sequence[Block] = ()
) -> Section:
    """Return the question of an optimizer: program, data, start, and the settings with their meanings.

    further: what else is asked, before the settings.
    """
    optimizer = OPTIMIZERS.get(resolve_alias(str(request["optimizer"].get("name"))))
    blocks = show_program(request)
    verb = "Maximize" if conventions.get("maximize") else "Minimize"
    sentence: list[Inline] = ["Apply the gradients that were sent"]
    if "program" in request:
        loss = conventions.get("loss") or request.get("loss")
        sentence = [f"{verb} ", Code(str(loss))] if loss else [f"{verb} the value of the last line"]
    sentence.append(f" by {_name_rule(optimizer)}" if optimizer is not None else "")
    blocks.append(Paragraph([*sentence, *_count_steps(request), "."]))
    data = [show_tensor([Code(name)], tensor) for name, tensor in request.get("inputs", {}).items()]
    start = [show_tensor([Code(name), " at the start"], tensor) for name, tensor in request["start"].items()]
    after = request.get("step", 0)
    buffers = [
        show_tensor([f"{name.replace('_', ' ')} of ", Code(owner), f" after step {after}"], tensor)
        for owner, sent in request.get("state", {}).items()
        for name, tensor in sent.items()
    ]
    groups = (data, start, buffers)
    blocks += [Beside([block for shown in group for block in shown]) for group in groups if group]
    blocks += list_sentences(list(_list_remarks(request)))
    for field in ("substitute", "given"):
        for name, tensor in request.get(field, {}).items():
            blocks += show_tensor([Code(name), ", put in the place of the computed value"], tensor)
    blocks += further
    blocks += show_conventions(conventions, lambda setting: _explain_rule(conventions, setting))
    return Section(["Question"], blocks)


def restate(question: Mapping[str, Any]) -> Section:
    """Return a question of any kind, as requests of grades and variants hold it."""
    operation = str(question["operation"])
    if operation == TRACE:
        return restate_optimization(question, _read_settings(question["optimizer"]))
    declared = CATALOGUE.get(operation)
    settings = {} if declared is None else declared.attributes
    section = restate_question(
        operation, question, {name: question[name] for name in settings if name in question}
    )
    section.blocks.insert(0, Paragraph(["A program."] if declared is None else write_summary(declared)))
    return section


def show_rule(formulas: Sequence[str], conventions: Mapping[str, Any]) -> Section:
    """Return the update rule of an optimizer with the meaning of its letters."""
    optimizer = OPTIMIZERS[conventions["optimizer"]]
    blocks: list[Block] = [Equation([formula]) for formula in formulas]
    letters: list[Inline] = [*SYMBOLS]
    for name, symbol in optimizer.buffers.items():
        if any(f"{symbol}_" in formula for formula in formulas):
            letters += [", ", Math(symbol), f" for the {name.replace('_', ' ')}"]
    blocks += [Paragraph([*letters, "."]), Paragraph([f"Source: {optimizer.source.rstrip('.')}."])]
    return Section(["Update rule"], blocks)


def show_program(request: Mapping[str, Any]) -> list[Block]:
    """Return the lines of a program, if the question has one."""
    program = request.get("program")
    if program is None:
        return []
    lines = program.splitlines() if isinstance(program, str) else program
    return [Program([str(line) for line in lines])]


def list_inputs(operation: Operation | None, request: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the names and tensors of inputs, also those of parts in nested objects.

    operation: None for a program.
    """
    sent = request.get("inputs", {}) if operation is None else request
    yield from _list_tensors(operation, "", sent)


def _list_tensors(
    operation: Operation | None, prefix: str, sent: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    for name, item in sent.items():
        full = f"{prefix}{name}"
        if operation is None or operation.find_input(full) is not None:
            yield full, item
        elif prefix or name in operation.parts:
            places = enumerate(item) if isinstance(item, list) else [("", item)]
            for place, part in places:
                if isinstance(part, Mapping):
                    index = "" if place == "" else f"[{place}]"
                    yield from _list_tensors(operation, f"{full}{index}.", part)


def explain_setting(operation: Operation | None, setting: str) -> list[Inline]:
    """Return the first sentence of the meaning of an operation's setting."""
    attribute = None if operation is None else operation.attributes.get(setting)
    if attribute is None:
        return []
    return [lower_first(attribute.declared.meaning.partition(". ")[0].rstrip("."))]


def _explain_rule(conventions: Mapping[str, Any], setting: str) -> list[Inline]:
    """Return the symbol and the meaning of a setting of an optimizer."""
    if setting == "optimizer":
        optimizer = OPTIMIZERS[conventions["optimizer"]]
        return [optimizer.summary.partition(": ")[2] or _name_rule(optimizer)]
    if setting == "schedule":
        schedule = conventions["schedule"]
        name = schedule["name"] if isinstance(schedule, Mapping) else schedule
        known = SCHEDULES.get(name) if isinstance(name, str) else None
        return ["the rate of each step"] if known is None else [lower_first(known.summary)]
    field = OPTIMIZERS[conventions["optimizer"]].settings.get(setting)
    if field is None:
        return [COMMON[setting]] if setting in COMMON else []
    symbol: list[Inline] = [Math(field.declared.symbol), ", "] if field.declared.symbol else []
    return [*symbol, lower_first(field.declared.meaning.rstrip("."))]


def _name_rule(optimizer: Optimizer) -> str:
    """Return the name of a rule within a sentence; most are proper names."""
    name = optimizer.summary.partition(":")[0]
    return name.replace("Gradient", "gradient", 1)


def _read_settings(optimizer: Mapping[str, Any]) -> dict[str, Any]:
    settings = {name: setting for name, setting in optimizer.items() if name != "name"}
    return {"optimizer": resolve_alias(optimizer["name"]), **settings}


def _count_steps(request: Mapping[str, Any]) -> list[Inline]:
    steps = request.get("steps") or len(request.get("gradients") or ())
    after = f" after step {request['step']}" if request.get("step") else ""
    return [f", {steps} step{'s' if steps > 1 else ''}{after}"] if steps else []


def _list_remarks(request: Mapping[str, Any]) -> Iterator[list[Inline]]:
    """Yield what is asked beside the loss and the rule: batches, when to stop, and which steps are shown."""
    batches = request.get("batches")
    if batches:
        rows = ", ".join(f"({_write_rows(batch)})" for batch in batches["rows"][:MOST_BATCHES])
        more = len(batches["rows"]) - MOST_BATCHES
        more_words = f" and {more} more" if more > 0 else ""
        yield ["Mini-batches of ", *join_names(batches["inputs"]), f": rows {rows}{more_words}, in turn."]
    for name, bound in (request.get("stop_when") or {}).items():
        if bound is not None:
            yield [f"Stop as soon as {STOPS.get(name, name)} is at most ", write_entry(bound), "."]
    if request.get("every", 1) > 1:
        yield [f"Every {request['every']}th step is shown, and the last one."]


def _write_rows(batch: Any) -> str:
    rows = as_array(batch)
    listed = [] if rows is None else [str(int(row)) for row in rows.ravel()[:MOST_ROWS]]
    return ", ".join(listed) + ("…" if rows is not None and rows.size > MOST_ROWS else "")


def lower_first(meaning: str) -> str:
    """Return a sentence within another one: with a small letter in front, unless it is a symbol."""
    return meaning[:1].lower() + meaning[1:] if meaning[1:2].islower() else meaning

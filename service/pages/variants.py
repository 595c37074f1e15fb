"""Variants of a question: each as a question, its solution behind it."""

from collections.abc import Iterator, Mapping
from typing import Any

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
from service.pages.entries import show_tensor, write_number
from service.pages.questions import restate

CONSTRAINTS = {
    "distinct": "it is neither the template nor an earlier variant",
    "accepted": "no step rejects an entry",
    "finite": "every value is finite that is so in the template",
    "friendly": "every value before an exponential, logarithm, softmax or the like has few digits",
    "moves": "every gradient and every step of a parameter is not 0, where it is so in the template",
    "difficulty:digits": "its values have no more digits than the template's",
    "difficulty:size": "its largest value is within a factor of 2 of the template's",
    "difficulty:course": "the loss takes the course that it takes in the template",
    "difficulty:saturation": "nothing is saturated",
    "no_ties": "no maximum has two equal entries, and no rectifier gets 0",
    "no_saturation": "no output of a softmax, sigmoid or tanh is saturated",
}
MEASURES = {
    "entries": "entries", "significant_digits": "most digits", "long": "longer than 6 digits",
    "negative": "negative", "zero": "zero", "largest": "largest magnitude", "smallest": "smallest magnitude",
}  # fmt: skip


def build_variants(request: Mapping[str, Any], answer: Mapping[str, Any]) -> Page:
    """Return the variants of a question, each with its solution, and what they were drawn from."""
    page = Page("Variants of a question")
    variants = answer["variants"]
    count = sum(variant["found"] for variant in variants)
    page.blocks.append(
        Paragraph(
            [f"{count} of {len(variants)} found, from the seed {answer['seed']} and the template below."]
        )
    )
    for variant in variants:
        page.blocks.append(Section([f"Variant {variant['variant']}"], list(_show_variant(variant))))
    template = restate(request["question"])
    blocks: list[Block] = [*template.blocks, _show_difficulty(answer["template"])]
    page.blocks.append(Section(["The template"], blocks, is_folded=True))
    page.blocks.append(Section(["How variants are drawn"], list(_show_drawing(answer)), is_folded=True))
    return page


def _show_variant(variant: Mapping[str, Any]) -> Iterator[Block]:
    tries = variant["tries"]
    if variant["found"]:
        yield from restate(variant["question"]).blocks
        yield Section(["Solution"], list(_show_solution(variant)), is_folded=True)
        words = f"Found at try {tries}." if tries > 1 else "Found at the first try."
    else:
        yield Callout("warning", "Not found.", [f"None of {tries} tries holds every constraint."])
        words = "Tries that failed, by the first constraint that they fail:"
    failed: list[tuple[Inline, list[Inline]]] = [
        (Code(name), [str(times), *explain_constraint(name)]) for name, times in variant["failed"].items()
    ]
    blocks: list[Block] = [Paragraph([words])]
    if failed:
        blocks.append(Facts(failed))
    if variant["found"]:
        yield Section(["Difficulty"], [*blocks, _show_difficulty(variant["difficulty"])], is_folded=True)
    else:
        yield from blocks


def _show_solution(variant: Mapping[str, Any]) -> Iterator[Block]:
    for name, tensor in variant["values"].items():
        yield from show_tensor([Code(name)], tensor)
    for name, tensor in variant.get("gradients", {}).items():
        yield from show_tensor(["gradient of ", Code(name)], tensor)


def _show_difficulty(difficulty: Mapping[str, Any]) -> Table:
    rows: list[tuple[Inline, list[Cell]]] = []
    for part, title in (("inputs", "inputs that vary"), ("values", "named values")):
        measures = difficulty[part]
        rows.append((title, [Cell(_write_measure(measures[name])) for name in MEASURES]))
    return Table(["Difficulty"], list(MEASURES.values()), rows, corner="numbers")


def _write_measure(measure: Any) -> str:
    return write_number(measure) if isinstance(measure, float) else str(measure)


def _show_drawing(answer: Mapping[str, Any]) -> Iterator[Block]:
    yield Paragraph([f"Version {answer['generator']} of the generator."])
    yield Listing(
        [[Code(name), ": ", *_describe_domain(domain)] for name, domain in answer["domains"].items()]
    )
    yield Paragraph(["Every variant holds these constraints, in the order of checks:"])
    yield Listing([[Code(name), *explain_constraint(name)] for name in answer["constraints"]])


def explain_constraint(name: str) -> list[Inline]:
    """Return the meaning of a constraint after a colon; nothing for an unknown one."""
    kind, _, about = name.partition(":")
    if kind == "integer_norms":
        return [": each row of ", Code(about), " has a length that is an integer"]
    if kind == "distinguishes":
        return [": the known mistake ", Code(about), " is told from the right answer"]
    return [f": {CONSTRAINTS[name]}"] if name in CONSTRAINTS else []


def _describe_domain(domain: Mapping[str, Any]) -> list[Inline]:
    """Return the entries that an input is drawn from, in words."""
    low, high, scale = domain["low"], domain["high"], 10 ** domain["decimals"]
    match domain["unit"]:
        case "logarithm":
            words = f"logarithms of integers from {low} to {high}"
        case "root":
            words = f"multiples of the root of {domain['radicand']}, from {low} to {high} times it"
        case _ if domain["decimals"]:
            words = f"numbers with {domain['decimals']} decimals from {low / scale:g} to {high / scale:g}"
        case _:
            words = f"integers from {low} to {high}"
    zero = ", without 0" if domain["nonzero"] else ""
    signs = "; as many negatives and zeros as in the template" if domain["signs"] == "template" else ""
    return [f"{words}{zero}{signs}"]

"""Costs: the totals in words, and a row for each step and each part."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compute.operations import CATALOGUE
from compute.operations.framework.titles import write_title
from service.pages.blocks import Block, Cell, Code, Facts, Inline, Math, Page, Paragraph, Section, Table
from service.pages.entries import as_array, write_number
from service.pages.formulas import write_factor, write_formula, write_growth
from service.pages.notes import show_conventions
from service.pages.questions import explain_setting, list_inputs, lower_first, write_summary

COUNTS = {
    "multiply_adds": "multiply-adds",
    "elementwise": "elementwise operations",
    "comparisons": "comparisons",
    "parameters": "parameters",
}
MEANINGS = {
    "multiply_adds": "pairs of a multiplication and an addition in products",
    "elementwise": "other arithmetic, counted once per entry",
    "comparisons": "scores of a query with a key",
    "all_comparisons": "scores of every query with every key, computed or not",
    "exact_comparisons": "computed scores whose key exists",
    "speedup": "how many times fewer comparisons the window makes",
    "parameters": "trainable numbers among the inputs",
    "bytes": "memory of all inputs and named values in float64",
}
LONG = 60  # rows of a table above which it is folded
AND = ",\N{NO-BREAK SPACE}"  # between axes, which would be one below the other
UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")


def build_cost(request: Mapping[str, Any], answer: Mapping[str, Any]) -> Page:
    """Return the cost of an operation: the shapes, the totals with their growth, and all that they add up."""
    name = str(answer["operation"])
    page = Page(f"{write_title(name)}: the cost")
    page.blocks.append(Paragraph(write_summary(CATALOGUE[name])))
    page.blocks.append(_restate(name, request, answer["conventions"]))
    page.blocks.append(Section(["In all"], list(_show_totals(answer["cost"], answer["big_o"]))))
    if answer["parts"]:
        title = "Part by part"
        page.blocks.append(Section([title], [_show_table("Parts, with their own parts", answer["parts"])]))
    steps = answer["steps"]
    table = _show_table("Steps, in the order of computing", steps)
    page.blocks.append(Section(["Step by step"], [table], is_folded=len(steps) > LONG))
    return page


def write_size(size: Any) -> Inline:
    """Return a count with commas between thousands, or a polynomial as mathematics."""
    text = str(size)
    if isinstance(size, float):
        return write_number(size)
    return f"{int(text):,}" if text.isdecimal() else write_formula(text)


def show_counts(cost: Mapping[str, Any]) -> Facts:
    """Return the counts of a cost by their names, with their meanings."""
    counts: list[tuple[Inline, list[Inline]]] = []
    for name, count in cost.items():
        meaning = f": {MEANINGS[name]}" if name in MEANINGS else ""
        counts.append((COUNTS.get(name, name.replace("_", " ")), [*_write_amount(name, count), meaning]))
    return Facts(counts)


def _write_amount(name: str, count: Any) -> list[Inline]:
    written = write_size(count)
    if name != "bytes" or not isinstance(count, int) or count < 1024:
        return [written]
    unit = min((count.bit_length() - 1) // 10, len(UNITS))
    return [written, f", {write_number(count / 1024**unit)} {UNITS[unit - 1]}"]


def _restate(name: str, request: Mapping[str, Any], conventions: Mapping[str, Any]) -> Section:
    """Return the shapes of the inputs that were sent, and the settings."""
    declared, blocks = CATALOGUE[name], list[Block]()
    rows: list[tuple[Inline, list[Cell]]] = []
    for full, tensor in list_inputs(declared, request):
        known = declared.find_input(full)
        meaning = "" if known is None else lower_first(known.meaning.rstrip("."))
        rows.append((Code(full), [Cell(_join_sizes(_read_shape(tensor))), Cell(meaning)]))
    if rows:
        blocks.append(Table(["Shapes of the inputs"], ["shape", "meaning"], rows, corner="input"))
    blocks += show_conventions(conventions, lambda setting: explain_setting(declared, setting))
    return Section(["Question"], blocks)


def _read_shape(tensor: Any) -> Sequence[Any]:
    if isinstance(tensor, Mapping) and "shape" in tensor:
        return list(tensor["shape"])
    array = as_array(tensor)
    return [] if array is None else array.shape


def _show_totals(cost: Mapping[str, Any], growth: str) -> Iterator[Block]:
    work = "multiply-adds" if cost["multiply_adds"] else "elementwise operations"
    count = write_size(cost["multiply_adds"] or cost["elementwise"])
    grows: list[Inline] = [", which grows as ", write_growth(growth)] if growth != "O(1)" else []
    yield Paragraph([f"The number of {work} is ", count, *grows, "."])
    yield show_counts(cost)


def _show_table(caption: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return a row for each step or part, without the columns that hold nothing."""
    names = [name for name in COUNTS if any(row.get(name) for row in rows)]
    if any(row["times"] != 1 for row in rows):
        names.append("times")
    has_shapes = any("shape" in row for row in rows)
    columns: list[Inline] = ["shape", "axes"] if has_shapes else []
    columns += [COUNTS.get(name, name) for name in names]
    table: list[tuple[Inline, list[Cell]]] = []
    for row in rows:
        cells = [Cell(_join_sizes(row["shape"])), Cell(AND.join(row["axes"]))] if has_shapes else []
        table.append((Code(row["name"]), [*cells, *(Cell(write_size(row[name])) for name in names)]))
    return Table([caption], columns, table, corner="step" if has_shapes else "part")


def _join_sizes(shape: Sequence[Any]) -> Inline:
    """Return a shape as `n × 4 d`."""
    sizes = [write_size(size) for size in shape]
    if all(isinstance(size, str) for size in sizes):
        return " × ".join(map(str, sizes)) or "a single number"
    if any(isinstance(size, Code) for size in sizes):
        return Code(" × ".join(map(str, shape)))
    factors = [
        size if isinstance(size, str) else write_factor(str(asked))
        for size, asked in zip(sizes, shape, strict=True)
    ]
    texts = [factor.latex if isinstance(factor, Math) else str(factor) for factor in factors]
    return Math(r" \times ".join(texts))

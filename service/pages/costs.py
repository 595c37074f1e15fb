"""Costs: the totals in words, and a row for each line, each step and each part."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compute.operations import CATALOGUE
from compute.operations.framework.declaration import Operation
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
    "bytes": "memory of all inputs and named values",
    "activations": "entries of the values that a run keeps",
}
LONG = 60  # rows of a table above which it is folded
AND = ",\N{NO-BREAK SPACE}"  # between axes, which would be one below the other
UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")


def build_cost(request: Mapping[str, Any], answer: Mapping[str, Any]) -> Page:
    """Return the cost of an operation or a program: shapes, totals with their growth, and their terms."""
    if "lines" in answer:
        return _build_table(request, answer)
    name = str(answer["operation"])
    page = Page(f"{write_title(name)}: the cost")
    page.blocks.append(Paragraph(write_summary(CATALOGUE[name])))
    page.blocks.append(_restate(CATALOGUE[name], request, answer["conventions"]))
    page.blocks.append(Section(["In all"], list(_show_totals(answer))))
    page.blocks.extend(_show_fields(answer, []))
    page.blocks.extend(_show_parts(answer["parts"]))
    steps = answer["steps"]
    table = _show_table("Steps, in the order of computing", steps)
    page.blocks.append(Section(["Step by step"], [table], is_folded=len(steps) > LONG))
    return page


def _build_table(request: Mapping[str, Any], answer: Mapping[str, Any]) -> Page:
    """Return the cost of a program: a table of its lines with their sums first, as papers show networks."""
    page = Page("A network: the cost")
    page.blocks.append(Section(["Line by line"], [_show_lines(request["program"], answer)]))
    page.blocks.append(Section(["In all"], list(_show_totals(answer))))
    page.blocks.extend(_show_fields(answer, [line["name"] for line in answer["lines"]]))
    page.blocks.extend(_show_parts([part for line in answer["lines"] for part in line.get("parts", [])]))
    page.blocks.append(_restate(None, request, answer["conventions"]))
    return page


def _show_lines(program: Sequence[str], answer: Mapping[str, Any]) -> Table:
    """Return a row for each line of a program, and one of the sums."""
    lines, counts = answer["lines"], answer["cost"]
    names = [name for name in (*COUNTS, "activations") if any(line[name] for line in lines)]
    names = ["parameters", *(name for name in names if name != "parameters")]
    rows: list[tuple[Inline, list[Cell]]] = []
    for line in lines:
        cells = [Cell(show_right_side(program, line["line"])), Cell(join_sizes(line["shape"]))]
        rows.append((Code(line["name"]), [*cells, *(Cell(write_size(line[name])) for name in names)]))
    sums = [Cell("the sum of all lines"), Cell(""), *(Cell(write_size(counts[name])) for name in names)]
    columns = ["computed as", "output shape", *(COUNTS.get(name, name) for name in names)]
    return Table(["The lines of the network"], columns, [*rows, ("in all", sums)], corner="value")


def _show_fields(answer: Mapping[str, Any], only: Sequence[str]) -> list[Block]:
    """Return the receptive fields of values, or only of some, if they were asked for.

    Axes of the image along which all values have the same fields share their columns.
    """
    shown = [one for one in answer.get("receptive_fields", []) if not only or one["name"] in only]
    if not shown:
        return []
    rows = [(Code(one["name"]), [_write_field(field) for field in one["fields"]]) for one in shown]
    axes = [field["axis"] for field in shown[0]["fields"]]
    if all(fields == fields[:1] * len(axes) for _, fields in rows):
        axes, rows = axes[:1], [(name, fields[:1]) for name, fields in rows]
    columns: list[Inline] = [
        name if len(axes) == 1 else f"{name} along axis {axis}"
        for axis in axes
        for name in ("size", "stride", "start")
    ]
    words = (
        "Entry i of a value depends on as many entries of the image as the size says, from start + stride i"
        " on. A start below 0 lies on the padding."
    )
    cells = [(name, [Cell(written) for field in fields for written in field]) for name, fields in rows]
    table = Table(["Receptive fields"], columns, cells, corner="value")
    return [Section(["Receptive fields"], [Paragraph([words]), table])]


def _write_field(field: Mapping[str, Any]) -> list[Inline]:
    if field.get("everything"):
        return ["everything", "", ""]
    return [write_size(field[name]) for name in ("size", "stride", "start")]


def _show_parts(parts: Sequence[Mapping[str, Any]]) -> list[Block]:
    if not parts:
        return []
    return [Section(["Part by part"], [_show_table("Parts, with their own parts", parts)])]


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


def _restate(
    declared: Operation | None, request: Mapping[str, Any], conventions: Mapping[str, Any]
) -> Section:
    """Return the shapes of the inputs that were sent, and the settings. declared: None for a program."""
    blocks: list[Block] = []
    rows: list[tuple[Inline, list[Cell]]] = []
    for full, tensor in list_inputs(declared, request):
        cells = [Cell(join_sizes(_read_shape(tensor)))]
        if declared is not None:
            known = declared.find_input(full)
            cells.append(Cell("" if known is None else lower_first(known.meaning.rstrip("."))))
        rows.append((Code(full), cells))
    if rows:
        columns = ["shape"] if declared is None else ["shape", "meaning"]
        blocks.append(Table(["Shapes of the inputs"], columns, rows, corner="input"))
    blocks += show_conventions(conventions, lambda setting: explain_setting(declared, setting))
    return Section(["Question"], blocks, is_folded=len(rows) > LONG)


def _read_shape(tensor: Any) -> Sequence[Any]:
    if isinstance(tensor, Mapping) and "shape" in tensor:
        return list(tensor["shape"])
    array = as_array(tensor)
    return [] if array is None else array.shape


def _show_totals(answer: Mapping[str, Any]) -> Iterator[Block]:
    """Yield the counts of all steps together, and what follows from the shapes of the whole."""
    cost, growth = answer["cost"], answer["big_o"]
    work = "multiply-adds" if cost["multiply_adds"] else "elementwise operations"
    count = write_size(cost["multiply_adds"] or cost["elementwise"])
    grows: list[Inline] = [", which grows as ", write_growth(growth)] if growth != "O(1)" else []
    yield Paragraph([f"The number of {work} is ", count, *grows, "."])
    yield Facts([*show_counts(cost).items, *_list_further(answer)])
    if "kv_cache" in answer:
        names = ("times", "batch", "heads", "length", "key_width", "value_width", "bytes")
        caches = answer["kv_cache"]["layers"]
        cells = [(Code(one["name"]), [Cell(write_size(one[name])) for name in names]) for one in caches]
        columns = [name.replace("_", " ") for name in names]
        yield Table(["Keys and values kept for decoding"], columns, cells, corner="layer")


def _list_further(answer: Mapping[str, Any]) -> Iterator[tuple[Inline, list[Inline]]]:
    """Yield the output's shape, the cost of training, the longest chain and the caches, with meanings."""
    training, depth = answer["training"], answer["sequential_depth"]
    yield (
        "output",
        [join_sizes(answer["output"]["shape"]), ": the shape of ", Code(answer["output"]["name"])],
    )
    if training["forward"]:
        backward: list[Inline] = [write_size(training["backward"]), ": multiply-adds of all gradients; "]
        yield "backward pass", [*backward, write_size(training["total"]), " with the forward pass"]
    grows: list[Inline] = [write_size(depth["steps"])]
    if depth["big_o"] != "O(1)":
        grows += [", which grows as ", write_growth(depth["big_o"])]
    yield "sequential depth", [*grows, ": the longest chain of steps that need one another"]
    if "kv_cache" in answer:
        size = _write_amount("bytes", answer["kv_cache"]["bytes"])
        yield "key-value cache", [*size, ": bytes of the keys and values of all attentions"]


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
        cells = [Cell(join_sizes(row["shape"])), Cell(AND.join(row["axes"]))] if has_shapes else []
        table.append((Code(row["name"]), [*cells, *(Cell(write_size(row[name])) for name in names)]))
    return Table([caption], columns, table, corner="step" if has_shapes else "part")


def show_right_side(program: Sequence[str], line: int) -> Code:
    """Return the expression of a line of a program. line: from 1."""
    return Code(program[line - 1].partition("=")[2].strip())


def join_sizes(shape: Sequence[Any]) -> Inline:
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

"""Expectations and variances: a table forward, a table backward, and the rules that they follow from."""

from collections.abc import Mapping, Sequence
from typing import Any

from service.pages.blocks import Block, Cell, Code, Inline, Page, Paragraph, Section, Table
from service.pages.costs import join_sizes, show_right_side
from service.pages.entries import write_number
from service.pages.formulas import write_formula

MOMENTS = {"expectation": "expectation", "variance": "variance", "second_moment": "second moment"}


def build_moments(request: Mapping[str, Any], answer: Mapping[str, Any]) -> Page:
    """Return the moments of a program: values forward, gradients backward, and the reasons of each."""
    program = request["program"]
    page = Page("A network with random inputs: expectations and variances")
    page.blocks.append(
        Section(
            ["Forward"],
            [
                Paragraph(["Every entry of a value has the same expectation and variance."]),
                _show_rows("The values, in the order of computing", answer["values"], program),
            ],
        )
    )
    if answer["gradients"]:
        table = _show_rows("The gradients, from the last line back", answer["gradients"], ())
        page.blocks.append(Section(["Backward"], [table]))
    page.blocks.append(Section(["Why"], [*_show_reasons(answer)]))
    return page


def _show_rows(caption: str, rows: Sequence[Mapping[str, Any]], program: Sequence[str]) -> Table:
    """Return a row for each value, with the line that computes it if the program is shown."""
    cells: list[tuple[Inline, list[Cell]]] = []
    for row in rows:
        computed = show_right_side(program, row["line"]) if program and "line" in row else "input"
        shown = [Cell(computed)] if program else []
        shown.append(Cell(join_sizes(row["shape"])))
        cells.append((Code(row["name"]), [*shown, *(Cell(_write(row[name])) for name in MOMENTS)]))
    columns: list[Inline] = [*(["computed as"] if program else []), "shape", *MOMENTS.values()]
    return Table([caption], columns, cells, corner="value" if program else "gradient of")


def _write(moment: Any) -> Inline:
    return write_formula(moment) if isinstance(moment, str) else write_number(moment)


def _show_reasons(answer: Mapping[str, Any]) -> list[Block]:
    """Return the rules and the assumptions of every row."""
    blocks: list[Block] = []
    for part, caption in (("values", "The rules of the values"), ("gradients", "The rules of the gradients")):
        rows: list[tuple[Inline, list[Cell]]] = [
            (
                Code(row["name"]),
                [Cell("; ".join(row["rules"])), Cell("; ".join(row["assumptions"]) or "none")],
            )
            for row in answer[part]
        ]
        if rows:
            blocks.append(Table([caption], ["rules", "assumptions"], rows, corner="value"))
    return blocks

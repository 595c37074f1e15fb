"""Values without a form of their own."""

from service.pages.blocks import Code, Facts, Listing, Math, Paragraph, Program, Table
from service.pages.generic import show_value


def test_axes_are_words_and_tensors_are_tables() -> None:
    facts, table = show_value({"axes": [0, 1], "matrix": [[0.5, 1.0]]})
    assert facts == Facts([(Code("axes"), ["(0, 1)"])])
    assert isinstance(table, Table)


def test_names_are_listed_and_expressions_are_mathematics() -> None:
    assert show_value(["x", "layer[0].w"]) == [Paragraph([Code("x"), ", ", Code("layer[0].w")])]
    assert show_value([["x", "z"], ["z", "w"]]) == [
        Listing([[Code("x"), ", ", Code("z")], [Code("z"), ", ", Code("w")]])
    ]
    [table] = show_value([["2*p", "0"], ["q", "1/2"]])
    assert isinstance(table, Table)
    assert [[cell.content for cell in cells] for _, cells in table.rows] == [
        [Math("2 p"), Math("0")], [Math("q"), Math(r"\frac{1}{2}")],
    ]  # fmt: skip


def test_like_objects_are_a_table_with_a_caption() -> None:
    [table] = show_value([{"at": [0, 1], "digits": 8}, {"at": [], "digits": 3}], ["Digits"])
    assert isinstance(table, Table)
    assert (table.caption, table.columns) == (["Digits"], ["at", "digits"])
    assert [[cell.content for cell in cells] for _, cells in table.rows] == [["(0, 1)", "8"], ["", "3"]]


def test_lines_stay_lines() -> None:
    assert Program(["a", "b"]) in show_value({"mermaid": "a\nb"})

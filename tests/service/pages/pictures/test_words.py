"""Charts in words, against the numbers."""

import numpy as np

from service.pages.pictures.charts import BarChart, ContourPath, HeatMap, LineChart, Panel, Series
from service.pages.pictures.words import write_words

WEIGHTS = np.array([[0.1, 0.62, 0.28], [0.4, 0.2, 0.4], [0.0, 0.0, 0.0]])
LABELS = ["0", "1", "2"]


def test_rows_name_their_largest_entries() -> None:
    chart = HeatMap("T", "query", "key", LABELS, LABELS, [Panel("head 0", WEIGHTS)], verb="attends most to")
    assert write_words(chart) == (
        "Head 0: query 0 attends most to key 1, 0.62; query 1 attends most to key 0 and key 2, 0.4 each;"
        " query 2 attends to none."
    )


def test_columns_may_lead() -> None:
    chart = HeatMap(
        "T", "key", "query", LABELS, LABELS, [Panel("", WEIGHTS.T)], verb="attends most to", leads="columns"
    )
    assert write_words(chart).startswith("Query 0 attends most to key 1, 0.62; ")


def test_extremes_are_named_where_nothing_leads() -> None:
    values = np.array([[1.0, -3.0], [np.nan, 8.0]])
    chart = HeatMap("T", "row", "column", LABELS[:2], LABELS[:2], [Panel("", values)], remark="Less is drawn")
    assert (
        write_words(chart) == "Largest 8 at row 1, column 1; smallest −3 at row 0, column 1. Less is drawn."
    )


def test_marks_have_their_meaning() -> None:
    panel = Panel("", np.array([[1.0, 7.0]]), {(0, 1): "wins window 0"})
    chart = HeatMap("T", "row", "column", ["0"], LABELS[:2], [panel], mark="a winner")
    assert write_words(chart) == "Row 0, column 1 (7) wins window 0."


def test_long_texts_are_cut() -> None:
    labels = [*map(str, range(48))]
    panels = [Panel(f"head {head}", np.eye(48)) for head in range(8)]
    text = write_words(HeatMap("T", "query", "key", labels, labels, panels, verb="attends most to"))
    assert text.count("attends most to") == 12
    assert "36 more are not written out" in text
    assert text.endswith("7 more are not written out.")


def test_series_have_ends_and_extremes() -> None:
    series = [
        Series("loss", np.arange(4.0), np.array([3.0, 9.0, 1.0, 2.0])),
        Series("gap", np.arange(3.0), np.array([np.nan, 5.0, np.inf])),
        Series("sent", np.array([1.0]), np.array([2.5]), is_scattered=True),
        Series("none", np.array([1.0]), np.array([np.nan])),
    ]
    assert write_words(LineChart("T", "step", "y", series)) == (
        "loss: 3 at step 0, least 1 at step 2, greatest 9 at step 1, 2 at step 3."
        " gap: 5 at step 1; 2 points are not finite."
        " sent: 1 gives 2.5."
        " none is nowhere finite."
    )


def test_bars_are_listed_or_summed_up() -> None:
    few = BarChart("T", "layer", "norm", ["a", "b"], np.array([1.0, 2.0]))
    assert write_words(few) == "Norm by layer: a: 1; b: 2."
    many = BarChart("T", "layer", "norm", [f"l{place}" for place in range(20)], np.arange(20.0))
    assert write_words(many) == "Norm of 20 bars: least, l0: 0; greatest, l19: 19."


def test_a_path_has_ends_and_the_least_value() -> None:
    x = y = np.array([-1.0, 0.0, 2.0])
    values = np.add.outer(x**2, (y - 2) ** 2)
    values[1, 0] = np.nan
    chart = ContourPath("T", "w", "b", "loss", x, y, values, np.array([[1.0, 1.0], [0.5, 1.5]]))
    assert write_words(chart) == (
        "On a grid of 3 × 3 points the loss is least, 0, at w = 0, b = 2. The path has 2 points, from w = 1,"
        " b = 1 to w = 0.5, b = 1.5."
    )

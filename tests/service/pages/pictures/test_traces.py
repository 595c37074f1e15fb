"""The pictures of traces, against the loss itself."""

from typing import Any

import numpy as np
import pytest

from service.pages.pictures import traces
from service.pages.pictures.charts import Chart, ContourPath, LineChart
from service.pages.pictures.svg import write_svg
from service.pages.pictures.traces import draw_trace
from tests.conftest import Client

BOWL = {
    "program": ["f = x**2 + 8 * y**2"],
    "start": {"x": -1.2, "y": 1},
    "optimizer": {"name": "momentum", "learning_rate": 0.05, "momentum": 0.8},
    "steps": 30,
}


def draw(client: Client, fields: dict[str, Any]) -> tuple[list[Chart], dict[str, Any]]:
    answer = client.post("/v1/optimizer/trace", json=fields).json()
    return [picture.chart for picture in draw_trace(fields, answer)], answer


def test_a_path_over_two_numbers(client: Client) -> None:
    [losses, path], answer = draw(client, BOWL)
    assert isinstance(losses, LineChart) and isinstance(path, ContourPath)
    assert losses.series[0].y.tolist() == [step["loss"] for step in answer["trace"]]
    assert losses.has_log_y
    np.testing.assert_allclose(path.values, np.add.outer(path.x**2, 8 * path.y**2))
    expected = [[step["parameters"][name] for name in ("x", "y")] for step in answer["trace"]]
    np.testing.assert_array_equal(path.path, expected)
    assert path.x[0] < path.path[:, 0].min()
    assert path.y[-1] > path.path[:, 1].max()


def test_entries_of_one_parameter(client: Client) -> None:
    fields = {**BOWL, "program": ["f = sum(w**2) + w_0"], "inputs": {"w_0": 1}, "start": {"w": [1, 2]}}
    [_, path], _ = draw(client, fields)
    assert isinstance(path, ContourPath)
    assert (path.x_axis, path.y_axis) == ("w[0]", "w[1]")
    np.testing.assert_allclose(path.values, np.add.outer(path.x**2, path.y**2) + 1)


def test_the_surface_that_was_asked_for_is_used(client: Client) -> None:
    fields = {**BOWL, "surface": {"points": 6}}
    [_, path], answer = draw(client, fields)
    assert isinstance(path, ContourPath)
    np.testing.assert_array_equal(path.values, answer["surface"]["loss"])


def test_a_line_for_one_number(client: Client) -> None:
    fields = {**BOWL, "program": ["f = x**4"], "start": {"x": 1.5}, "steps": 5}
    [_, line], answer = draw(client, fields)
    assert isinstance(line, LineChart)
    curve, steps = line.series
    np.testing.assert_allclose(curve.y, curve.x**4, atol=1e-12)
    assert steps.x.tolist() == [step["parameters"]["x"] for step in answer["trace"]]
    assert set(steps.x) <= set(curve.x)


def test_exact_traces_are_drawn_by_their_decimals(client: Client) -> None:
    fields = {**BOWL, "arithmetic": "exact", "steps": 3,
              "optimizer": {"name": "gradient_descent", "learning_rate": "1/32"}}  # fmt: skip
    charts, answer = draw(client, fields)
    assert isinstance(charts[1], ContourPath)
    assert charts[1].path[1].tolist() == [
        answer["trace"][1]["approximations"]["parameters"][name] for name in ("x", "y")
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"start": {"x": "a", "y": 1}, "arithmetic": "exact", "steps": 1},
        {"select": ["update"]},
        {
            "program": ["f = sum(x**2) + sum(y**2)"],
            "start": {"x": [1, 2], "y": [1, 2]},
            "select": ["parameters"],
        },
    ],
)
def test_traces_without_numbers_have_no_pictures(client: Client, change: dict[str, Any]) -> None:
    fields = {**BOWL, **change, "optimizer": {"name": "gradient_descent", "learning_rate": "1/32"}}
    charts, _ = draw(client, fields)
    assert charts == []


def test_large_programs_have_no_surface(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "MOST_WORK", 10)
    charts, _ = draw(client, BOWL)
    assert [type(chart) for chart in charts] == [LineChart]


def test_long_traces_keep_their_end(client: Client) -> None:
    [losses, path], answer = draw(client, {**BOWL, "steps": 1000, "select": ["loss", "parameters"]})
    assert isinstance(losses, LineChart) and isinstance(path, ContourPath)
    assert len(losses.series[0].x) <= traces.MOST_STEPS + 1
    assert losses.series[0].x[-1] == 1000
    assert path.path[-1].tolist() == [answer["trace"][-1]["parameters"][name] for name in ("x", "y")]


def test_diverging_traces_are_drawn(client: Client) -> None:
    fields = {**BOWL, "optimizer": {"name": "gradient_descent", "learning_rate": 1e20}, "steps": 40}
    charts, _ = draw(client, fields)
    for chart in charts:
        assert "nan" not in write_svg(chart)


def test_the_losses_of_other_optimizers_are_further_lines(client: Client) -> None:
    others = {
        "descent": {"name": "sgd", "learning_rate": 0.05},
        "Adam": {"name": "adam", "learning_rate": 0.1},
    }
    [losses, path], answer = draw(client, {**BOWL, "others": others})
    assert isinstance(losses, LineChart) and isinstance(path, ContourPath)
    assert [series.name for series in losses.series] == ["momentum", "descent", "Adam"]
    for series in losses.series[1:]:
        assert series.y.tolist() == answer["others"][series.name]["losses"]
        assert series.x.tolist() == list(range(31))
    np.testing.assert_array_equal(path.path, draw(client, BOWL)[0][1].path)  # type: ignore[union-attr]


def test_the_losses_of_other_optimizers_in_exact_arithmetic(client: Client) -> None:
    fields = {
        **BOWL,
        "arithmetic": "exact",
        "steps": 2,
        "others": {"sgd": {"name": "sgd", "learning_rate": "1/8"}},
    }
    [losses, _], _ = draw(client, fields)
    assert isinstance(losses, LineChart)
    # x shrinks by 3/4 and y turns over with each step
    assert losses.series[1].y.tolist() == pytest.approx([(1.2 * 0.75**step) ** 2 + 8 for step in range(3)])

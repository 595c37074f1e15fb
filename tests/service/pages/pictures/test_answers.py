"""The pictures of answers, against NumPy."""

import re
from typing import Any

import numpy as np
import pytest

from compute.operations import CATALOGUE
from service.pages.blocks import Block, Paragraph, Picture
from service.pages.pictures.answers import BACKWARDS, MOST, RULES, draw_answer
from service.pages.pictures.charts import BarChart, Chart, HeatMap, LineChart
from service.pages.pictures.words import write_words
from tests.conftest import EXAM, Client
from tests.service.pages.documents import Outline

RANDOM = np.random.default_rng(7)


def draw(client: Client, name: str, **fields: Any) -> tuple[dict[str, list[Block]], dict[str, Any]]:
    answer = client.post(f"/v1/{name}", json=fields).json()
    return draw_answer(fields, answer), answer


def take(blocks: list[Block], place: int = 0) -> Chart:
    picture = blocks[place]
    assert isinstance(picture, Picture)
    return picture.chart


def random(*shape: int) -> Any:
    return RANDOM.normal(size=shape).round(2).tolist()


def test_attention_is_drawn_by_head(client: Client) -> None:
    x, heads = random(4, 6), {name: random(6, 6) for name in ("w_q", "w_k", "w_v")}
    drawn, answer = draw(client, "self_attention", x=x, heads=2, **heads)
    chart = take(drawn["weights"])
    assert isinstance(chart, HeatMap)
    weights = np.array(answer["values"]["weights"])
    assert [panel.name for panel in chart.panels] == ["head 0", "head 1"]
    np.testing.assert_array_equal([panel.values for panel in chart.panels], weights)
    sentence = re.search(r"Head 1: .*query 2 attends most to key (\d), ([\d.]+)", write_words(chart))
    assert sentence is not None
    assert int(sentence[1]) == weights[1, 2].argmax()
    assert float(sentence[2]) == pytest.approx(weights[1, 2].max(), abs=1e-4)


def test_keys_may_be_rows(client: Client) -> None:
    fields = {name: random(3, 2) for name in ("query", "key", "value")}
    drawn, answer = draw(client, "attention", orientation="key_query", **fields)
    chart = take(drawn["weights"])
    weights = np.array(answer["values"]["weights"])
    assert weights.sum(axis=0) == pytest.approx(np.ones(3))
    assert f"Query 0 attends most to key {weights[:, 0].argmax()}" in write_words(chart)


def test_attention_in_programs_is_drawn(client: Client) -> None:
    inputs = {"x": random(3, 2), "w_q": random(2, 2), "w_k": random(2, 2)}
    drawn, _ = draw(client, "graph", program=["h = self_attention(x, w_q, w_k)"], inputs=inputs)
    assert take(drawn["h.weights"]).title == "Attention weights of h"


def test_tokens_are_on_the_axes(client: Client) -> None:
    example = {"tokens": [2, 0, 1], "vocabulary": 3, "d_model": 2}
    answer = {
        "operation": "language_model",
        "steps": [{"name": "encoder.layer[0].attention.weights", "axes": ["query", "key"], "inputs": []}],
        "values": {"encoder.layer[0].attention.weights": [[1.0, 0, 0], [0.5, 0.5, 0], [0.2, 0.3, 0.5]]},
    }
    chart = take(draw_answer(example, answer)["encoder.layer[0].attention.weights"])
    assert isinstance(chart, HeatMap)
    assert chart.rows == chart.columns == ["0 (2)", "1 (0)", "2 (1)"]


@pytest.mark.parametrize("stride", [1, 2])
def test_winners_are_marked_where_numpy_says(client: Client, stride: int) -> None:
    x = np.array(random(2, 6, 5))
    drawn, _ = draw(client, "max_pool2d", x=x.tolist(), size=2, stride=stride)
    chart = take(drawn["winners"])
    assert isinstance(chart, HeatMap)
    for channel, panel in zip(x, chart.panels, strict=True):
        expected: dict[tuple[int, int], list[str]] = {}
        for i, row in enumerate(range(0, 5, stride)):
            for j, column in enumerate(range(0, 4, stride)):
                window = channel[row : row + 2, column : column + 2]
                down, across = np.unravel_index(window.argmax(), (2, 2))
                place = (row + int(down), column + int(across))
                expected.setdefault(place, []).append(f"({i}, {j})")
        assert panel.marks.keys() == expected.keys()
        for place, windows in expected.items():
            assert re.findall(r"\(\d, \d\)", panel.marks[place]) == windows
        np.testing.assert_array_equal(panel.values, channel)


def test_winners_of_a_line_in_a_program(client: Client) -> None:
    program = ["z = x * 2", "u = max_pool1d(z, size=2, stride=1)"]
    drawn, _ = draw(client, "graph", program=program, inputs={"x": [1, 3, 2, 4]})
    chart = take(drawn["u.winners"])
    assert isinstance(chart, HeatMap)
    assert chart.panels[0].marks == {(0, 1): "wins windows 0 and 1", (0, 3): "wins window 2"}
    assert chart.panels[0].values.tolist() == [[2, 6, 4, 8]]


def test_kernels_and_feature_maps_are_drawn(client: Client) -> None:
    x, kernel = random(2, 5, 5), random(3, 2, 2, 2)
    drawn, answer = draw(client, "conv2d", x=x, kernel=kernel)
    kernels, maps = (take(drawn["output"], place) for place in (0, 1))
    assert isinstance(kernels, HeatMap) and isinstance(maps, HeatMap)
    assert [panel.name for panel in kernels.panels][:3] == [
        "filter 0, channel 0", "filter 0, channel 1", "filter 1, channel 0",
    ]  # fmt: skip
    np.testing.assert_array_equal(kernels.panels[3].values, np.array(kernel)[1, 1])
    np.testing.assert_array_equal([panel.values for panel in maps.panels], answer["values"]["output"])
    line, _ = draw(client, "conv1d", x=[1, 2, 3], kernel=[1, -1])
    assert write_words(take(line["output"])) == "Largest 1 at position 0; smallest −1 at position 1."


def test_gates_and_states_are_drawn_over_time(client: Client) -> None:
    fields = {"x": random(5, 2), "w_x": random(2, 4), "w_h": random(1, 4)}
    drawn, answer = draw(client, "lstm", **fields)
    chart = take(drawn["hidden"])
    assert isinstance(chart, LineChart)
    series = {each.name: each for each in chart.series}
    assert series.keys() == {"input gate", "forget gate", "candidate", "output gate", "cell", "hidden"}
    np.testing.assert_array_equal(series["cell"].y, np.ravel(answer["values"]["cell"]))
    assert series["cell"].x.tolist() == [1, 2, 3, 4, 5]


def test_many_units_are_a_heat_map(client: Client) -> None:
    drawn, answer = draw(client, "rnn", x=random(4, 2), w_x=random(2, 9), w_h=random(9, 9))
    chart = take(drawn["hidden"])
    assert isinstance(chart, HeatMap)
    np.testing.assert_array_equal(chart.panels[0].values, np.transpose(answer["values"]["hidden"]))
    assert chart.columns == ["1", "2", "3", "4"]


def test_norms_of_gradients_by_time_step(client: Client) -> None:
    fields = {"x": random(5, 2), "w_x": random(2, 3), "w_h": random(3, 3)}
    drawn, answer = draw(client, "rnn", **fields, upstream={"final_hidden": [1, 0, 0]})
    chart = take(drawn[BACKWARDS])
    assert isinstance(chart, LineChart)
    norms = [np.linalg.norm(answer["gradients"][f"hidden[{step}]"]) for step in range(1, 6)]
    np.testing.assert_allclose(chart.series[0].y, norms)
    assert chart.has_log_y == (max(norms) > 20 * min(norms))


def test_norms_of_gradients_by_layer(client: Client) -> None:
    layer = {
        "attention": {name: random(2, 2) for name in ("w_q", "w_k", "w_v", "w_o")},
        "attention_norm": {"gain": [1, 1]}, "feed_forward_norm": {"gain": [1, 1]},
        "feed_forward": {"w_1": random(2, 3), "w_2": random(3, 2)},
    }  # fmt: skip
    fields: dict[str, Any] = {"x": random(3, 2), "layer": [layer, layer]}
    fields["upstream"] = {"output": random(3, 2)}
    drawn, answer = draw(client, "encoder", **fields)
    chart = take(drawn[BACKWARDS])
    assert isinstance(chart, BarChart)
    for place in range(2):
        prefix = f"layer[{place}]."
        squares = sum(
            np.square(gradient).sum()
            for name, gradient in answer["gradients"].items()
            if re.fullmatch(re.escape(prefix) + r".*\.(w_\w+|gain)", name)
        )
        assert chart.values[place] == pytest.approx(np.sqrt(squares))


def test_an_activation_is_drawn_with_its_derivative(client: Client) -> None:
    x = [[-6.0, 0.5], [1.0, 0.5]]
    drawn, answer = draw(client, "activation", x=x, function="elu", alpha=2)
    chart = take(drawn["output"])
    assert isinstance(chart, LineChart)
    function, derivative, sent = chart.series
    grid = function.x
    np.testing.assert_allclose(function.y, np.where(grid > 0, grid, 2 * np.expm1(grid)), atol=1e-12)
    np.testing.assert_allclose(derivative.y, np.where(grid > 0, 1, 2 * np.exp(grid)), atol=1e-12)
    assert sent.x.tolist() == [-6, 0.5, 1]
    assert sent.y == pytest.approx(np.unique(answer["values"]["output"]))


def test_symbols_have_no_curve(client: Client) -> None:
    drawn, _ = draw(client, "activation", x=["a", 1], function="elu", alpha="b", arithmetic="exact",
                    assumptions={"b": ["positive"]})  # fmt: skip
    assert drawn == {}


def test_exact_answers_are_drawn_by_their_decimals(client: Client) -> None:
    drawn, answer = draw(client, "self_attention", **EXAM, arithmetic="exact")
    chart = take(drawn["weights"])
    assert isinstance(chart, HeatMap)
    np.testing.assert_allclose(chart.panels[0].values, answer["approximations"]["weights"])


def test_encodings_are_drawn(client: Client) -> None:
    drawn, answer = draw(client, "positional_encoding", length=7, dimension=4)
    chart = take(drawn["output"])
    assert isinstance(chart, HeatMap)
    np.testing.assert_array_equal(chart.panels[0].values, answer["values"]["output"])


def test_large_tensors_have_a_sentence(client: Client) -> None:
    drawn, _ = draw(client, "positional_encoding", length=49, dimension=4)
    [block] = drawn["output"]
    assert isinstance(block, Paragraph)
    assert block.content == ["There is no picture of 49 × 4 entries: at most 48 × 48 are drawn."]


def test_many_heads_are_cut() -> None:
    answer = {
        "operation": "attention",
        "steps": [{"name": "weights", "axes": ["heads", "query", "key"], "inputs": []}],
        "values": {"weights": np.full((12, 2, 2), 0.5)},
    }
    chart = take(draw_answer({}, answer)["weights"])
    assert isinstance(chart, HeatMap)
    assert len(chart.panels) == 8
    assert write_words(chart).endswith("The first 8 of 12 matrices are drawn.")


def test_a_document_has_six_pictures() -> None:
    names = [f"layer[{place}].attention.weights" for place in range(9)]
    answer = {
        "operation": "encoder",
        "steps": [{"name": name, "axes": ["query", "key"], "inputs": []} for name in names],
        "values": {name: np.eye(2) for name in names},
    }
    blocks = [block for blocks in draw_answer({}, answer).values() for block in blocks]
    assert [type(block) for block in blocks] == [Picture] * MOST + [Paragraph]


def test_rules_name_values_that_operations_declare() -> None:
    declared = {spec.name for operation in CATALOGUE.values() for spec in operation.values.values()}
    assert RULES.keys() <= declared


def test_a_page_shows_pictures_beside_their_steps(client: Client) -> None:
    response = client.post("/v1/self_attention?format=html", json=EXAM)
    page = Outline(response.text)
    assert page.tags["figure"] == page.tags["svg"] == 1
    assert response.text.index("<figure>") > response.text.index("<h3><code>weights</code></h3>")
    assert response.text.index("<figure>") < response.text.index("<h3><code>output</code></h3>")
    assert not [name for name, _ in page.attributes if name == "style"]
    for form in ("markdown", "tex"):
        text = client.post(f"/v1/self_attention?format={form}", json=EXAM).text
        assert "Query 0 attends most to key 1, 0.9442" in text
        assert "<svg" not in text

"""Traces of optimizers as documents."""

from typing import Any

import numpy as np

from tests.conftest import Ask, Client
from tests.service.pages.documents import Outline

BODY: dict[str, Any] = {
    "program": ["f = x**2 / 4 + y**2"],
    "start": {"x": 1, "y": -1},
    "optimizer": {"name": "momentum", "learning_rate": 0.5},
    "steps": 3,
}


def show(client: Client, body: dict[str, Any], form: str = "html") -> str:
    response = client.post(f"/v1/optimizer/trace?format={form}", json=body)
    assert response.status_code == 200, response.text
    return response.text


def test_a_table_has_a_row_for_each_step(client: Client) -> None:
    one = {**BODY, "program": ["f = x**2 / 4"], "start": {"x": 1}}
    rows = [row for row in Outline(show(client, one)).tables[0] if row]
    x, velocity = 1.0, 0.0
    for row in rows[1:]:
        gradient = x / 2
        velocity = gradient if row is rows[1] else 0.9 * velocity + gradient
        update = -0.5 * velocity
        x += update
        expected = [x, x * x / 4, gradient, velocity, update]
        assert np.allclose([float(cell.replace("−", "-")) for cell in row], expected, rtol=1e-3)
    assert len(rows) == 4


def test_many_columns_are_parted_by_what_they_hold(client: Client) -> None:
    text = show(client, BODY, "markdown")
    for words in ("Each step: parameters", "Each step: gradient", "Each step: state", "Each step: update"):
        assert words in text
    assert "| step | gradient of x | gradient of y |" in text


def test_the_rule_names_its_letters_and_the_steps_have_numbers(client: Client) -> None:
    text = show(client, BODY, "markdown")
    assert "Minimize `f` by gradient descent with momentum, 3 steps." in text
    assert "$V$ for the velocity" in text
    assert r"V_{2} = 0.9 \cdot" in text
    assert "The loss is 1.25 at the start" in text


def test_a_long_trace_shows_its_ends(client: Client) -> None:
    text = show(client, {**BODY, "steps": 100}, "markdown")
    assert "71 steps in the middle are left out here" in text
    assert "### Step 14" in text and "### Step 86" in text
    assert "### Step 15\n" not in text and "### Step 85\n" not in text


def test_every_part_may_be_left_out(client: Client) -> None:
    for part in ("parameters", "loss", "gradient", "state", "update", "formula", "learning_rate"):
        assert "# An optimizer step by step" in show(client, {**BODY, "select": [part]}, "markdown")


def test_tensors_that_fit_into_no_cell_are_in_their_steps(client: Client) -> None:
    body = {
        "gradients": [{"w": [[1, 2], [3, 4]]}],
        "start": {"w": [[0, 0], [0, 0]]},
        "optimizer": {"name": "gradient_descent", "learning_rate": 1},
    }
    page = Outline(show(client, body))
    assert [[1.0, 2.0], [3.0, 4.0]] in page.numbers()
    assert [[-1.0, -2.0], [-3.0, -4.0]] in page.numbers()


def test_conditions_batches_and_substitutes_are_stated(client: Client) -> None:
    body = {
        "program": ["f = mean((w * x - 1)**2)"],
        "inputs": {"x": [1, 2, 3, 4]},
        "start": {"w": 0},
        "optimizer": {"name": "gradient_descent", "learning_rate": 0.1},
        "steps": 2,
        "batches": {"inputs": ["x"], "rows": [[0, 1], [2, 3]]},
        "stop_when": {"gradient_norm": 0.001},
        "substitute": {"trace[1].parameters.w": 0.25},
    }
    text = show(client, body, "markdown")
    assert "Mini-batches of `x`: rows (0, 1), (2, 3), in turn." in text
    assert "Stop as soon as the norm of all gradients together is at most 0.001." in text
    assert "`trace[1].parameters.w`, put in the place of the computed value = 0.25" in text
    assert "The batch is rows 0, 1, with a loss of" in text


def test_divergence_is_a_warning(client: Client) -> None:
    body = {**BODY, "optimizer": {"name": "gradient_descent", "learning_rate": 50}, "steps": 8}
    assert '<p class="warning"><strong>Diverges.</strong>' in show(client, body)


def test_a_grid_has_the_points_as_headers(client: Client) -> None:
    body = {**BODY, "surface": {"points": 3, "ranges": {"x": [-1, 1], "y": [-2, 2]}}}
    text = show(client, body, "markdown")
    assert "| `x` | −2 | 0 | 2 |" in text
    assert "On this grid the loss is least, 0, at `x` = 0 and `y` = 0." in text


def test_a_trace_from_a_state_with_groups_and_an_average(ask: Ask) -> None:
    groups = [{"parameters": ["y"], "learning_rate": 0.2, "momentum": 0.5}]
    optimizer = {"name": "sgdm", "learning_rate": 0.1, "maximize": True, "ema_decay": 0.5, "groups": groups}
    request = {
        "program": ["f = x + y"], "start": {"x": 1, "y": 2}, "steps": 2, "step": 3, "optimizer": optimizer,
        "state": {name: {"velocity": 0.5, "running_average": 1} for name in ("x", "y")},
    }  # fmt: skip
    response = ask("/v1/optimizer/trace?format=markdown", **request)
    assert response.status_code == 200, response.text
    text = response.text.replace("\\", "")
    for words in (
        "Maximize `f`", "2 steps after step 3", "velocity of `x` after step 3", "learning rate of y",
        "average of x",
        "parameters: [y], learning_rate: 0.2, momentum: 0.5", "The loss never falls.",
    ):  # fmt: skip
        assert words in text, words


def test_schedules_inside_schedules_are_written_out(ask: Ask) -> None:
    schedule = {"name": "warm_up", "steps": 2, "then": {"name": "step", "size": 1}}
    request = {"program": ["f = x**2"], "start": {"x": 1}, "steps": 2}
    response = ask(
        "/v1/optimizer/trace?format=markdown", **request, optimizer={"name": "sgd", "schedule": schedule}
    )
    assert response.status_code == 200, response.text
    assert "then: (name: step, size: 1, factor: 0.1)" in response.text.replace("\\", "")


def test_losses_of_other_optimizers_stand_in_a_table(client: Client) -> None:
    fields = {
        "program": ["f = x**2"], "start": {"x": 1}, "steps": 2,
        "optimizer": {"name": "gradient_descent", "learning_rate": 0.25},
        "others": {"<b>twice</b>": {"name": "sgd", "learning_rate": 0.5}},
    }  # fmt: skip
    page = show(client, fields)
    outline = Outline(page)
    assert [["2", "0.0625", "0.0625"], ["2", "0", "0"]] in [
        [[cell for cell in row if cell] for row in table if any(row)] for table in outline.tables
    ]
    assert "b" not in outline.tags
    assert "twice" in page

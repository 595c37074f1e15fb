"""Solved equations of optimizers as documents."""

from typing import Any

from tests.conftest import Client

BODY: dict[str, Any] = {
    "program": ["f = x**2 / 4"],
    "start": {"x": 1},
    "optimizer": {"name": "gradient_descent", "learning_rate": "eta"},
    "steps": 1,
    "unknown": ["eta"],
    "target": {"x": 0},
}


def show(client: Client, body: dict[str, Any], form: str = "markdown") -> str:
    response = client.post(f"/v1/optimizer/solve?format={form}", json=body)
    assert response.status_code == 200, response.text
    return response.text


def test_a_solution_is_mathematics_with_its_check(client: Client) -> None:
    text = show(client, BODY)
    assert r"Find $\eta$ so that the last step ends at the target." in text
    assert r"1 - \frac{\eta}{2} = 0" in text
    assert r"\eta = 2" in text
    assert "With these values the trace ends at the target, checked exactly." in text
    assert r"$0 < \eta < 4$" in text


def test_no_solution_says_why(client: Client) -> None:
    body = {**BODY, "program": ["f = x**2"], "target": {"x": 2}, "start": {"x": 0}}
    answer = client.post("/v1/optimizer/solve", json=body).json()
    assert answer["kind"] == "none"
    text = show(client, body)
    assert "**No solution.**" in text
    assert answer["how"] in text


def test_a_family_is_a_relation_with_free_unknowns(client: Client) -> None:
    rule = {"name": "momentum", "learning_rate": "eta", "momentum": "beta"}
    text = show(client, {**BODY, "optimizer": rule, "steps": 2, "unknown": ["beta", "eta"]})
    assert "**Infinitely many.**" in text
    assert r"$\beta = \frac{\left(\eta - 2\right)^{2}}{2 \eta}$" in text
    assert r"$\eta$ may take any value that this allows." in text


def test_convergence_has_its_matrix_and_best_rates(client: Client) -> None:
    rule = {"name": "momentum", "learning_rate": "eta", "momentum": "1/9"}
    body = {"program": ["f = x**2 / 2 + 2 * y**2"], "start": {"x": 1, "y": 1}, "optimizer": rule}
    text = show(client, body)
    assert r"\begin{pmatrix} -a \eta + 1 & -\frac{\eta}{9} \\ a & \frac{1}{9} \end{pmatrix}" in text
    assert r"$\lambda^{2} - \lambda \left(-a \eta + \frac{10}{9}\right) + \frac{1}{9}$" in text
    assert "### The best learning rate and momentum together" in text
    assert r"learning rates: $0 < \eta < \frac{5}{9}$" in text
    assert '<mtable class="cases">' in show(client, body, "html")


def test_unknown_convergence_says_why(client: Client) -> None:
    body = {"program": ["f = x**4"], "start": {"x": 1}, "optimizer": BODY["optimizer"]}
    answer = client.post("/v1/optimizer/solve", json=body).json()["convergence"]
    text = show(client, body)
    assert not answer["known"]
    assert f"**Not known.** {answer['why']}" in text

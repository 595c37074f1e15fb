"""Steps with numbers put in, and the chain rule as textbooks write it."""

from typing import Any

import compute


def workings_of(operation: str, **fields: Any) -> dict[str, Any]:
    document: dict[str, Any] = compute.answer(operation, workings=True, **fields).document["workings"]
    return document


ATTENTION: dict[str, Any] = {
    "x": [[0, 1], [-1, 1]],
    "w_q": [["2*sqrt(2)"], ["sqrt(2)"]],
    "w_k": [[-2], [-1]],
    "w_v": [[-0.1], [0.3]],
    "scale": 1,
    "upstream": {"output": [[1], [0]]},
}


def test_numbers_are_put_into_each_step() -> None:
    values = workings_of("self_attention", **ATTENTION)["values"]
    x = r"\begin{pmatrix} 0 & 1 \\ -1 & 1 \end{pmatrix}"
    assert values["query"] == x + r" \begin{pmatrix} 2.828 \\ 1.414 \end{pmatrix}"
    scores = r"\begin{pmatrix} 1.414 \\ -1.414 \end{pmatrix} \begin{pmatrix} -1 \\ 1 \end{pmatrix}^{\top}"
    assert values["scores"] == scores


def test_gradients_of_attention_are_those_of_textbooks() -> None:
    """dV = A' dY, dA = dY V', dS = A * (dA - sum of dA * A), dQ = dS K and dK = dS' Q."""
    gradients = workings_of("self_attention", **ATTENTION)["gradients"]

    def d(of: str) -> str:
        return rf"\frac{{\partial L}}{{\partial {of}}}"

    formulas = {name: gradient["formula"] for name, gradient in gradients.items()}
    assert formulas["value"] == rf"{d('V')} = A^{{\top}} {d('Y')}"
    assert formulas["weights"] == rf"{d('A')} = {d('Y')} V^{{\top}}"
    weighted = rf"\left(\sum_{{\text{{rows}}}} {d('A')} \odot A\right)"
    scaled = d(r"S_{\text{scaled}}")
    assert formulas["scaled_scores"] == rf"{scaled} = {d('A')} \odot A - A \odot {weighted}"
    assert formulas["query"] == rf"{d('Q')} = {d('S')} K"
    assert formulas["key"] == rf"{d('K')} = {d('S')}^{{\top}} Q"
    assert set(gradients["x"]["terms"]) == {"query", "key", "value"}
    assert gradients["x"]["terms"]["query"] == d("Q") + r" W_{Q}^{\top}"


def test_a_rule_on_single_entries_is_a_transposed_jacobian() -> None:
    fields = {"x": [[[1.0, 2.0, 3.0]]], "kernel": [[[1.0, -1.0]]], "upstream": {"output": [[[1.0, 1.0]]]}}
    terms = workings_of("conv1d", **fields)["gradients"]["x"]["terms"]
    [term] = terms.values()
    assert term.startswith(r"\left(\frac{\partial ")
    assert r"\right)^{\top}" in term


def test_steps_without_room_are_left_out() -> None:
    fields = {"x": [[float(row + column) for column in range(9)] for row in range(9)]}
    assert workings_of("softmax", **fields)["values"] == {}


def test_exact_numbers_are_put_in_as_mathematics() -> None:
    values = workings_of("softmax", x=[[0, "sqrt(2)"]], arithmetic="exact")["values"]
    [text] = values.values()
    assert r"\begin{pmatrix} 0 & \sqrt{2} \end{pmatrix}" in text

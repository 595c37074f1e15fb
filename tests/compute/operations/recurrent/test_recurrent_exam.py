"""The exam's recurrent layer: states and Jacobians in symbols, for any length too."""

from typing import Any

import numpy as np
import sympy

from compute.dimensions import Polynomial
from compute.graph.spec import Tensor
from compute.question.declared_readings.jacobian import JacobianPair
from compute.question.plan import describe_cost
from tests.compute.asking import answer, plan

EYE = [[1, 0], [0, 1]]
X = np.random.default_rng(7).standard_normal((4, 2))


def test_the_exams_states_are_sums_of_what_came() -> None:
    """004 section 4, with both weights the identity: h_t is x_1 + ... + x_t."""
    x = [["a1", "b1"], ["a2", "b2"], ["a3", "b3"]]
    found = answer(
        "rnn", {"x": x, "w_x": EYE, "w_h": EYE}, {"activation": "identity"}, arithmetic="exact"
    ).values
    for t in (1, 2, 3):
        for column, letter in enumerate("ab"):
            total = sum(sympy.Symbol(f"{letter}{i}", real=True) for i in range(1, t + 1))
            assert sympy.expand(found[f"hidden[{t}]"][column] - total) == 0
    assert (found["hidden"][1] == found["hidden[2]"]).all()


def test_the_exams_jacobian_is_the_sum_of_the_states_before() -> None:
    """004 section 4: the derivative of h_t by W_h is h_0 + ... + h_{t-1}, here as every entry of it."""
    x, start = [["a1", "b1"], ["a2", "b2"], ["a3", "b3"]], ["p", "q"]
    inputs = {"x": x, "w_x": EYE, "w_h": EYE, "h_0": start}
    found = answer(
        "rnn", inputs, {"activation": "identity"}, arithmetic="exact",
        jacobian=[JacobianPair("hidden[3]", "w_h", by_path=True)],
        select=["hidden[1]", "hidden[2]", "h_0"],
    )  # fmt: skip
    [one] = found.parts["jacobians"]
    states = [found.values[name] for name in ("h_0", "hidden[1]", "hidden[2]")]
    for out in range(2):
        for row in range(2):
            for column in range(2):
                expected = sum(state[row] for state in states) if column == out else 0
                assert sympy.expand(one.value[out, row, column] - expected) == 0
    # By path: step i passes h_{i-1}, since every factor between is the identity.
    assert list(one.contributions) == [f"preactivation[{i}]" for i in (1, 2, 3)]
    for i, state in enumerate(states, 1):
        part = one.contributions[f"preactivation[{i}]"]
        assert part[0, :, 0].tolist() == part[1, :, 1].tolist() == state.tolist()


def test_a_linear_layers_jacobian_is_the_textbooks_sum_of_products() -> None:
    """Sum over i of (dh_i/dW_h, other states held) times W_h once for each later step."""
    x, w = [["x1"], ["x2"], ["x3"]], sympy.Symbol("w", real=True)
    pair = ("hidden[3]", "w_h")
    found = answer(
        "rnn", {"x": x, "w_x": [[1]], "w_h": [["w"]], "h_0": ["h0"]}, {"activation": "identity"},
        arithmetic="exact", jacobian=[JacobianPair(*pair, by_path=True)], select=["hidden[*]", "h_0"],
    )  # fmt: skip
    [one] = found.parts["jacobians"]
    whole = found.values["hidden[3]"][0]
    assert sympy.expand(one.value.item() - sympy.diff(whole, w)) == 0
    states = [found.values["h_0"][0], found.values["hidden[1]"][0], found.values["hidden[2]"][0]]
    for i in (1, 2, 3):
        part = one.contributions[f"preactivation[{i}]"].item()
        assert sympy.expand(part - states[i - 1] * w ** (3 - i)) == 0


def test_the_closed_form_is_said_for_every_length() -> None:
    found = plan("rnn", {"x": X, "w_x": EYE, "w_h": EYE}, {"activation": "identity"}).conventions[
        "closed_form"
    ]
    assert "h_0 W_h^{t}" in found["hidden"]
    assert "closed_form" not in plan("rnn", {"x": X, "w_x": EYE, "w_h": EYE}).conventions
    inputs = {"x": Tensor(_letters("T d")), "w_x": Tensor(_letters("d h")), "w_h": Tensor(_letters("h h"))}
    cost, _, conventions = describe_cost("rnn", inputs, {"activation": "identity"})
    assert str(cost.multiply_adds) == "T*d*h + T*h**2"
    assert "closed_form" in conventions


def _letters(text: str) -> Any:
    return tuple(Polynomial.symbol(one) for one in text.split())

"""The formula of each step, in LaTeX."""

import re
from typing import Any

import numpy as np
import pytest

from tests.compute.asking import plan

SQUARE = np.eye(2)
PLAIN: dict[str, Any] = {"x": SQUARE, "w_q": SQUARE, "w_k": SQUARE}


def formulas(inputs: dict[str, Any], **settings: Any) -> dict[str, str]:
    return {step.name: step.formula for step in plan("self_attention", inputs, settings).steps}


def test_one_head_as_textbooks_write_it() -> None:
    assert formulas(PLAIN) == {
        "query": "Q = X W_{Q}",
        "key": "K = X W_{K}",
        "value": "V = X",
        "scores": r"S = Q K^{\top}",
        "scaled_scores": r"S_{\text{scaled}} = \frac{1}{\sqrt{d_{k}}} \cdot S",
        "weights": r"A = \operatorname{softmax}\left(S_{\text{scaled}}\right)",
        "output": "Y = A V",
    }


@pytest.mark.parametrize(
    ("extra", "settings", "name", "formula"),
    [
        ({}, {"layout": "columns"}, "query", "Q = W_{Q} X"),
        ({}, {"layout": "columns"}, "scores", r"S = Q^{\top} K"),
        ({}, {"layout": "columns", "orientation": "key_query"}, "output", "Y = V A"),
        ({}, {"orientation": "key_query"}, "scores", r"S = K Q^{\top}"),
        ({}, {"orientation": "key_query"}, "output", r"Y = A^{\top} V"),
        ({"b_q": [1, 2]}, {}, "query", "Q = X W_{Q} + b_{Q}"),
        ({"positional_encoding": SQUARE}, {}, "input", "X' = X + P"),
        ({"positional_encoding": SQUARE}, {}, "query", "Q = X' W_{Q}"),
        ({}, {"scale": -2}, "scaled_scores", r"S_{\text{scaled}} = \left(-2\right) \cdot S"),
        ({}, {"heads": 2}, "query", r"Q = \operatorname{split}_{2}\left(X W_{Q}\right)"),
        ({"w_o": SQUARE}, {"heads": 2}, "output", r"Y = \operatorname{concat}\left(H\right) W_{O}"),
        ({"mask": [[0.0, 1.0]]}, {}, "masked_scores", r"S_{\text{masked}} = S_{\text{scaled}} + M"),
        (
            {},
            {"softcap": 3},
            "capped_scores",
            r"S_{\text{capped}} = 3 \cdot \tanh \frac{S_{\text{scaled}}}{3}",
        ),
    ],
)
def test_options_show_in_the_formula(
    extra: dict[str, Any], settings: dict[str, Any], name: str, formula: str
) -> None:
    assert formulas(PLAIN | extra, **settings)[name] == formula


def test_symbols_with_a_script_stand_in_braces_before_another_of_its_kind() -> None:
    """TeX stops at a double subscript or superscript."""
    two = {"x": SQUARE, "w_x": np.ones((2, 2, 2)), "w_h": np.ones((2, 2, 2))}
    layers = {"x": SQUARE, "w_x": SQUARE, "w_h": np.ones((2, 2, 2)), "w_x_upper": np.ones((1, 2, 2))}
    gated = {"x": SQUARE, "w_x": np.ones((2, 3)), "w_h": np.ones((1, 3))}
    steps = [
        *plan("lstm", {"x": SQUARE, "w_x": np.ones((2, 4)), "w_h": np.ones((1, 4))}).steps,
        *plan("gru", gated, {"reset_after": False}).steps,
        *plan("rnn", two, {"direction": "both"}).steps,
        *plan("rnn", layers, {"layers": 2, "weights": "out_in"}).steps,
    ]
    found = [step.formula for step in steps]
    assert r"i_{1} = \sigma\left({z_{1}}_{:,0:1}\right)" in found
    assert r"W^{(1)}_{x} = {W_{x}'}_{0}" in found
    assert r"z^{(1)}_{2} = H^{(0)}_{2} {W^{(1)}_{x}}^{\top} + h^{(1)}_{1} {W^{(1)}_{h}}^{\top}" in found
    doubled = re.compile(r"([_^])\{[^{}]*\}\1|([_^])\{[^{}]*\}[_^]\{[^{}]*\}\2")
    assert not [one for one in found if doubled.search(one)]


def test_layers_and_directions_have_symbols_of_their_own() -> None:
    inputs = {"x": SQUARE, "w_x": np.ones((2, 2, 2)), "w_h": np.ones((2, 2, 2))}
    steps = {step.name: step.formula for step in plan("rnn", inputs, {"direction": "both"}).steps}
    assert steps["output"] == (
        r"Y = \operatorname{concat}\left(\left(\overrightarrow{H},\ \overleftarrow{H}\right)\right)"
    )
    assert steps["reverse.hidden[1]"] == r"\overleftarrow{h}_{1} = \tanh \overleftarrow{z}_{1}"
    written = [formula.partition(" = ")[0] for formula in steps.values()]
    assert len(set(written)) == len(written)


@pytest.mark.parametrize(
    ("line", "formula"),
    [
        ("y = x @ (w * w)", r"x \left(w \odot w\right)"),
        ("y = (x * x) @ w", r"\left(x \odot x\right) w"),
        ("y = (x @ w) * w", r"x w \odot w"),
        ("y = x @ w @ w", "x w w"),
        ("y = x @ (2 * w)", r"x \left(2 \cdot w\right)"),
        ("y = x @ (2 * (w * w))", r"x \left(2 \cdot w \odot w\right)"),
    ],
)
def test_products_entry_by_entry_stand_apart_beside_matrices(line: str, formula: str) -> None:
    """x (w * w) would otherwise be read as the product of x w with w."""
    [step] = plan("graph", {"x": SQUARE, "w": SQUARE}, program=(line,)).steps
    assert step.formula == f"y = {formula}"


def test_what_is_written_alike_in_two_parts_has_its_scope_beside_it() -> None:
    rows, gain, square = np.ones((2, 2)), np.ones(2), np.eye(2)
    inputs = {
        "x": rows,
        **{f"attention.{name}": square for name in ("w_q", "w_k", "w_v", "w_o")},
        **{f"feed_forward.{name}": square for name in ("w_1", "w_2")},
        **{f"{name}_norm.gain": gain for name in ("attention", "feed_forward")},
    }
    steps = plan("encoder_layer", inputs, {"norm_placement": "pre"}).steps
    written = {one.name: one.formula for one in steps}
    assert written["attention_residual"] == r"R_{\text{attn}} = X + Y_{\text{attention}}"
    assert written["attention.query"] == r"Q = Y_{\text{attention\_norm}} W_{Q}"
    assert written["attention.scores"] == r"S = Q K^{\top}"  # of its own scope
    assert written["feed_forward_branch"] == r"X_{\text{ff}} = R_{\text{attn}}"  # of the whole

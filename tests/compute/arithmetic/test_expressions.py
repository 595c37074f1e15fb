"""Constant expressions: what they are worth, and everything they may not be."""

import math

import numpy as np
import pytest

from compute.arithmetic.constants import Sizes, evaluate
from compute.arithmetic.expressions import (
    MAX_LENGTH,
    Expression,
    ExpressionError,
    fold,
    number_expression,
    parse,
)
from compute.dimensions import Polynomial
from compute.latex import constant_latex


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2*sqrt(2)", 2 * math.sqrt(2)),
        ("1/3", 1 / 3),
        ("-1/3 + 2", -1 / 3 + 2),
        ("2**3", 8),
        ("2^3", 8),
        ("2^-1", 0.5),
        ("-2^2", -4),
        ("2^3^2", 512),
        (" ( 1 + 2 ) * 3 ", 9),
        ("exp(-1)", math.exp(-1)),
        ("log(e)", 1),
        ("cos(pi)", -1),
        ("abs(-3) + tanh(0) + sin(0)", 3),
        ("1e-3", 1e-3),
        (".5 + 1.", 1.5),
        ("+4", 4),
        ("(" * 90 + "1" + ")" * 90, 1),
        ("1/sqrt(d_k)", 0.5),
        ("d_k*heads", 12),
        ("e", 7),
    ],
)
def test_values(text: str, value: float) -> None:
    sizes = {"d_k": 4, "heads": 3} | ({"e": 7} if text == "e" else {})
    assert evaluate(parse(text), sizes) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "abc", "1+", "1 2", "(1", "1)", "1,2", "()", "sqrt()", "sqrt(1, 2)", "sqrt", "f(1)",
        "__import__('os')", "os.system(1)", "(1).real", "1 .real", "x.__class__", "[1]", "{1}", "{1: 2}",
        "'a'", '"a"', "f'{1}'", "lambda: 1", "lambda x: x", "1 if 1 else 2", "1if 1else 2", "not 1",
        "1 and 2", "1 < 2", "1 == 1", "x := 1", "(x := 1)", "*1", "**1", "1 // 2", "1 % 2", "1 @ 2",
        "1 | 2", "1 & 2", "~1", "1 << 2", "0x10", "0b1", "0o7", "1_000", "1j", "1.5j", "1e", "1.2.3",
        "1..2", "01", "True", "None", "...", "await 1", "yield", "sqrt(x=1)", "sqrt(*1)", "x[0]", "1;2",
        "1\n2", "# 1", "1 #", "\\", "\0", "π", "²", "１", "a" * 300, "9" * 100, "1e400", "9**9**9",
        "exp(1000)", "1/0", "sqrt(-1)", "log(0)", "log(-1)", "(-8)**(1/3)", "0**-1",
        "-" * 150 + "1", "sqrt(" * 35 + "1" + ")" * 35 + "**" * 10,
        "1e308*10", "\ud800",
    ],
)  # fmt: skip
def test_refusals(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(parse(text))
    message = str(caught.value)
    assert message
    assert len(text) < 4 or text not in message


def test_no_text_does_anything_else() -> None:
    rng = np.random.default_rng(31)
    letters = [*"0123456789.eE+-*/^() ,_ad", "sqrt(", "exp(", "**", "pi", "if ", "1e9"]
    read = 0
    for _ in range(4000):
        text = "".join(rng.choice(letters, rng.integers(1, 14)))
        try:
            value = evaluate(parse(text))
        except ExpressionError:
            continue
        assert math.isfinite(value)
        read += 1
    assert read > 100


def test_length_is_bounded() -> None:
    assert evaluate(parse("1" + "+1" * 20)) == 21
    with pytest.raises(ExpressionError, match="longer"):
        parse("1" * (MAX_LENGTH + 1))


@pytest.mark.parametrize("value", [0, 1, -2, 0.1, 1e-300, -2.5e17, 10**20])
def test_json_numbers_keep_their_decimal_text(value: float) -> None:
    expression = number_expression(value)
    assert expression.text == repr(value)
    assert evaluate(expression) == value


def test_symbols() -> None:
    assert parse("1/sqrt(d_k) + n*n").symbols() == {"d_k", "n"}
    assert parse("2").symbols() == set()


@pytest.mark.parametrize(
    ("text", "size"),
    [("4*d", "4*d"), ("d/2", "d/2"), ("n+m", "m + n"), ("n**2 - 1", "-1 + n**2"), ("6/2", "3"), ("n/n", "1")],
)
def test_sizes(text: str, size: str) -> None:
    assert str(fold(parse(text), Sizes())) == size


@pytest.mark.parametrize(
    "text", ["1.5", "n/(n+m)", "5/2", "n**9", "n**n", "n**-1", "sqrt(n)", "((n+m)**8)**8", "((9**8)**8)**8"]
)
def test_no_sizes(text: str) -> None:
    with pytest.raises(ExpressionError):
        fold(parse(text), Sizes())


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("1/sqrt(d_k)", r"\frac{1}{\sqrt{d_{k}}}"),
        ("2*(1+3)", r"2 \cdot \left(1 + 3\right)"),
        ("1-(2-3)", r"1 - \left(2 - 3\right)"),
        ("(1+2)^2", r"\left(1 + 2\right)^{2}"),
        ("-2*3", r"\left(-2\right) \cdot 3"),
        ("exp(-1)", r"\exp\left(-1\right)"),
        ("abs(x)*pi", r"\left|x\right| \cdot \pi"),
        ("1e-9", r"1 \cdot 10^{-9}"),
    ],
)
def test_latex(text: str, latex: str) -> None:
    assert constant_latex(parse(text)).text == latex


def test_an_expression_can_be_kept_in_a_set() -> None:
    assert parse("1/3") == parse(" 1 / 3 ")
    assert len({parse("1/3"), parse("1/3 "), Expression("number", text="1")}) == 2
    assert Polynomial.symbol("n") == fold(parse("n"), Sizes())

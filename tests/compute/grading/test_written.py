"""Tensors as students write them: values, digits, and every reason why one cannot be read."""

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from compute.arithmetic.exact.algebra import Symbols
from compute.grading.exact_texts import ExactTexts
from compute.grading.notation import Notation
from compute.grading.written import (
    MOST_EXPRESSIONS,
    FloatTexts,
    Texts,
    Unreadable,
    Written,
    half_unit,
    half_units,
    read_written,
)
from service.http.reader import Decimal


def floats(decimal: str = ".") -> FloatTexts:
    return FloatTexts(Notation(decimal))


def exact(names: list[str] | None = None) -> ExactTexts:
    return ExactTexts(Notation(), Symbols(), names)


def written(raw: Any, texts: Texts | None = None) -> Written:
    found = read_written(raw, texts or floats())
    assert isinstance(found, Written), found
    assert found.half_units.shape == found.array.shape
    return found


def refused(raw: Any, texts: Texts | None = None) -> Unreadable:
    found = read_written(raw, texts or floats())
    assert isinstance(found, Unreadable), found
    return found


def nested(depth: int) -> Any:
    raw: Any = 1
    for _ in range(depth):
        raw = [raw]
    return raw


@pytest.mark.parametrize(
    ("raw", "half"),
    [
        (3, 0.5), (-3, 0.5), (0, 0.5), (0.3, 0.05), (3.0, 0.05), (1e-05, 5e-6), (2.5e-3, 5e-5), (1e22, 5e21),
        (Decimal("0.30"), 0.005), ("3", 0.5), ("0.30", 0.005), ("-3.0", 0.05), ("−3.0", 0.05),
        ("2.5e-3", 5e-5),
        ("1e3", 500), ("0e9", 0.5), ("0e999999999", 0.5), ("1.38e-1", 5e-4), ("1.38*10^-1", 5e-4),
        ("1.38 × 10⁻¹", 5e-4), ("1.38·10^(-1)", 5e-4), ("007", 0.5), ("0" * 40, 0.5), ("5.", 0.5),
        ("1/3", 0), ("sqrt(2)", 0), ("(0.5)", 0), ("2+1", 0), ("10²", 0), ("inf", 0), ("nan", 0), (True, 0),
        ("true", 0),
    ],
)  # fmt: skip
def test_half_a_unit_of_the_last_digit(raw: Any, half: float) -> None:
    assert float(written(raw).half_units) == half


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("inf", math.inf), ("-inf", -math.inf), ("+INF", math.inf), ("∞", math.inf), ("−∞", -math.inf),
        ("Infinity", math.inf), ("-Infinity", -math.inf), ("np.inf", math.inf), (r"-\infty", -math.inf),
        ("1.38*10^-1", 0.138), ("9" * 40, float("9" * 40)),
    ],
)  # fmt: skip
def test_single_texts(text: str, value: float) -> None:
    found = written(text)
    assert float(found.array) == value
    assert found.was_text


@pytest.mark.parametrize("text", ["nan", "NaN", "NAN", "-nan"])
def test_nan(text: str) -> None:
    assert math.isnan(float(written(text).array))


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        (3, 3), ([1, 2.5], [1, 2.5]), ([[1, 2], [3, 4]], [[1, 2], [3, 4]]), ([[[1.5]]], [[[1.5]]]),
        ([["1/2", 2], [3, "√4"]], [[0.5, 2], [3, 2]]), (nested(8), np.ones((1,) * 8).tolist()),
        (np.array([[1, 2]]), [[1, 2]]), (np.array([1.5], dtype=np.float32), [1.5]),
        (np.array([1.0, 2.0]), [1, 2]),
        ("[[1, 2], [3, 4]]", [[1, 2], [3, 4]]), ("[1 2; 3 4]", [[1, 2], [3, 4]]),
        ("[1, 2; 3, 4]", [[1, 2], [3, 4]]),
        ("[1 2]", [1, 2]), ("[1 -2]", [1, -2]), ("[1 - 2]", [-1]), ("[1 1/2]", [1, 0.5]),
        ("[1;2]", [[1], [2]]),
        ("[[1,2];[3,4]]", [[1, 2], [3, 4]]), ("[[1. 2.]\n [3. 4.]]", [[1, 2], [3, 4]]), ("[1, 2,]", [1, 2]),
        ("array([[1., 2.],\n       [3., 4.]])", [[1, 2], [3, 4]]), ("np.array([1])", [1]),
        ("[(1+2) 3]", [3, 3]),
        ("[max(1, 2), √4]", [2, 2]),
        (r"\begin{pmatrix}1 & 2 \\ 3 & \frac{1}{2}\end{pmatrix}", [[1, 2], [3, 0.5]]),
        (r"\begin{bmatrix} 1 \\ 2 \\ \end{bmatrix}", [[1], [2]]), (r"$\begin{pmatrix}1\end{pmatrix}$", [[1]]),
    ],
)  # fmt: skip
def test_tensors(raw: Any, values: Any) -> None:
    found = written(raw)
    assert found.array.tolist() == values
    assert found.array.dtype == np.float64


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        ("0,5", 0.5), (["0,5", 2], [0.5, 2]), ("[0,5 0,25; 1 2]", [[0.5, 0.25], [1, 2]]), (0.5, 0.5),
        ("[0,5; 0,25]", [0.5, 0.25]), ("[[0,5; 1]; [2; 3]]", [[0.5, 1], [2, 3]]), ("[1, 2]", [1, 2]),
        ("[0,5, 0,25]", [0.5, 0.25]), ("[1, 2; 3, 4]", [[1, 2], [3, 4]]),
    ],
)  # fmt: skip
def test_decimal_commas(raw: Any, values: Any) -> None:
    assert written(raw, floats(",")).array.tolist() == values


def test_booleans() -> None:
    for raw in (True, [[True, False]], ["true", False], np.array([True])):
        assert written(raw).array.dtype == np.bool_
    assert refused([1, True]) == refused([1, "true"])
    assert refused([True, True, 0.5]).at == (2,)


@pytest.mark.parametrize(
    ("raw", "code", "at"),
    [
        (None, "blank", ()), ([1, None], "blank", (1,)), ("", "empty", ()), ([["1", " "]], "empty", (0, 1)),
        ({}, "not_a_number", ()), ([{"a": 1}], "not_a_number", (0,)), ([1, [2]], "not_a_number", (1,)),
        (b"1", "not_a_number", ()), ({1}, "not_a_number", ()), (1j, "not_a_number", ()),
        (np.array(["a"]), "not_a_number", None), (np.array([None]), "not_a_number", None),
        ([1, True], "mixed", (1,)), ([[1, 2], [3]], "ragged", (1,)), ([[1], 2], "ragged", (1,)),
        ([[[1], [2]], [[3], 4]], "ragged", (1, 1)), ([], "no_entries", None), ([[], []], "no_entries", None),
        (np.zeros((0, 2)), "no_entries", None), ("[]", "no_entries", None),
        (nested(9), "too_many_axes", None),
        (np.ones((1,) * 9), "too_many_axes", None),
        (10**400, "too_large", ()), ([1, -(10**5000)], "too_large", (1,)),
        ("1e400", "too_large", ()),
        ("1e999999", "too_large", ()), ("9**9**9", "no_value", ()), ("9**9**9**9", "no_value", ()),
        ("1/0", "no_value", ()), ("sqrt(-1)", "no_value", ()), ("exp(1000)", "no_value", ()),
        ("1" * 201, "too_long", ()), ("1e" + "9" * 60, "too_many_digits", ()),
        ("[1, 1 1/2]", "mixed_number", (1,)), ("[1,,2]", "empty", (1,)), ("[1 2\n3 4]", "separator", None),
        ("[1 + 2 3]", "separator", None), ("[1, 2", "brackets", None), ("[[1] 2]", "brackets", None),
        ("[2 [1]]", "brackets", None), ("[1] 2", "brackets", None), ("[1)]", "brackets", None),
        (["[1]"], "brackets", (0,)),
        ("," * 150, "comma", ()), ("[1, [2]]", "not_a_number", (1,)),
        ("[[1, 2], [3]]", "ragged", (1,)),
    ],
)  # fmt: skip
def test_refusals(raw: Any, code: str, at: tuple[int, ...] | None) -> None:
    found = refused(raw)
    assert (found.code, found.at) == (code, at)


def test_refusals_of_much() -> None:
    assert refused(nested(10_000)).code == "too_many_axes"
    assert refused("[" * 10_000).code == "too_many_axes"
    assert refused("[" + "1," * 200_000 + "1]").code == "too_long"
    assert refused("[" + "," * 100_000 + "]").code == "empty"
    assert refused("," * 100_000).code == "too_long"


@pytest.mark.parametrize("text", ["[1,2]", "[0,5]", "[[1,2], [3,4]]"])
def test_commas_with_two_readings(text: str) -> None:
    assert refused(text, floats(",")).code == "comma"


def test_the_number_of_expressions_is_limited() -> None:
    texts = floats()
    assert refused([f"{number}/7" for number in range(MOST_EXPRESSIONS + 1)], texts) == Unreadable(
        "too_many_expressions",
        "the text is one of more than 20,000 different expressions; send numbers",
        (MOST_EXPRESSIONS,),
    )
    assert written([f"{number}.25" for number in range(MOST_EXPRESSIONS + 1)]).array.size > MOST_EXPRESSIONS
    assert written(["1/7"] * (MOST_EXPRESSIONS + 1)).array[-1] == 1 / 7


def test_half_units_of_many_are_those_of_each() -> None:
    generator = np.random.default_rng(0)
    array = np.concatenate(
        [
            generator.normal(size=500).round(3), generator.normal(size=500),
            10.0 ** generator.integers(-320, 300, 300),
            [0, -0.0, np.nan, np.inf, 1e16, 123456789012345.6, 1e-5, 2.5e-3, 1e22],
        ]
    )  # fmt: skip
    single = np.array([half_unit(repr(entry)) for entry in array.tolist()])
    assert np.allclose(half_units(array), single, rtol=1e-9, atol=1e-14)
    rounded = slice(0, 500)
    assert np.array_equal(half_units(array)[rounded], single[rounded])
    assert np.array_equal(written(array.reshape(1, -1)).half_units[0], half_units(array))


def test_digits_of_arrays() -> None:
    assert written(np.array([1, 2])).half_units.tolist() == [0.5, 0.5]
    assert written(np.array([0.25, 0.5], dtype=np.float32)).half_units.tolist() == [0.005, 0.05]
    assert written(np.array([[0.25, 3.0]])).half_units.tolist() == [[0.005, 0.05]]
    assert written([[1, 0.25], [3, 4.0]]).half_units.tolist() == [[0.5, 0.005], [0.5, 0.05]]


@pytest.mark.parametrize(
    ("raw", "shown", "half"),
    [
        ("1/3", "1/3", 0), (0.1, "1/10", 0.05), (Decimal("0.10"), "1/10", 0.005), (2, "2", 0.5),
        ("0.350", "7/20", 5e-4),
        ("2√2", "2*sqrt(2)", 0), ("δ_1", "delta_1", 0), ("σ(x)", "1/(1 + exp(-x))", 0), ("-∞", "-oo", 0),
        ("nan", "nan", 0), ("where(x > 0, x, 0)", "Max(0, x)", 0), ("2x1 - x₁", "x1", 0),
    ],
)  # fmt: skip
def test_exact_numbers(raw: Any, shown: str, half: float) -> None:
    found = written(raw, exact())
    assert (str(found.array[()]), float(found.half_units)) == (shown, half)
    assert found.array.dtype == object


def test_exact_arrays() -> None:
    assert list(map(str, written(np.array([0.5, np.inf, np.nan]), exact()).array)) == ["1/2", "oo", "nan"]
    assert written([True], exact()).array.dtype == np.bool_
    assert [str(one) for one in written("[x 1/2]", exact()).array] == ["x", "1/2"]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("9**9**9", "too_large"), ("9**9**9**9", "too_large"), ("1e999999", "no_value"),
        (1e308, "readable"), ("1" * 2001, "too_many_digits"), ("1/0", "no_value"),
        ("sqrt(-1)", "no_value"), ("log(0)", "no_value"),
        ("lambda", "unknown_name"), ("if", "unknown_name"), (None, "blank"),
    ],
)  # fmt: skip
def test_refused_exact_numbers(raw: Any, code: str) -> None:
    found = read_written(raw, exact())
    assert (found.code if isinstance(found, Unreadable) else "readable") == code


def test_refusals_of_much_in_exact_arithmetic() -> None:
    assert refused([10**5000], exact()).code == "too_large"
    assert refused("x" * 10_001, exact()).code == "too_long"
    for text in ("(" * 10_000, "-" * 9_999 + "1", "√" * 9_999 + "1"):
        assert refused(text, exact()).code == "too_deep"
    assert refused(f"max({', '.join(f'x{one}' for one in range(17))})", exact()).code == "too_large"
    assert refused("x+" * 4_990 + "x", exact()).code == "not_an_expression"


def test_names_of_a_question() -> None:
    assert str(written("x_1", exact(["x1"])).array[()]) == "x1"
    assert refused("X1", exact(["x1"])).code == "unknown_name"


NASTY = [
    "1", "2.5", "0,5", "x", "δ", "π", "e", "√", "½", "²", "⁻¹", "(", ")", "[", "]", "{", "}", "+", "-", "−",
    "*", "**",
    "^", "/", "·", "×", ",", ";", ".", "...", "…", "%", "≈", "=", "==", "<", " ", "\n", "\0", "\u200b",
    "\u202e", "\ud800",
    "😀", "\\frac", "\\sqrt", "\\begin{pmatrix}", "\\end{pmatrix}", "&", "\\\\", "sqrt", "ln", "σ", "max",
    "where", "and",
    "not", "inf", "nan", "true", "np.", "1e999999", "9**9**9", "__class__", "lambda", "'", '"', "#", "_",
    "$", "|", "１",
    "array(", "e5", "E", "∞", "\t", "\u00a0", "!", "@", ":", "~", "if", "0x1", "1_0", "1j",
]  # fmt: skip
MARKER = "qzqz"


@pytest.mark.parametrize("new_texts", [floats, lambda: floats(","), exact, lambda: exact(["x"])])
def test_no_text_raises_or_is_repeated(new_texts: Callable[[], Texts]) -> None:
    generator = random.Random(7)
    for _ in range(4_000):
        pieces = generator.choices(NASTY, k=generator.randrange(1, 14))
        if generator.random() < 0.5:
            pieces.insert(generator.randrange(len(pieces) + 1), MARKER)
        text = "".join(pieces)
        raw = generator.choice([text, [text], [[1, text], [2, text]], "[" + text + "]", [[text], text]])
        found = read_written(raw, new_texts())
        if isinstance(found, Unreadable):
            assert MARKER not in found.message
            assert found.message.isprintable()
            assert found.code.isidentifier()
        else:
            assert isinstance(found, Written)
            assert found.half_units.shape == found.array.shape
            assert (found.half_units >= 0).all()

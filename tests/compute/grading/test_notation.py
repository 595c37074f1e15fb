"""Text as students write it: what it means, and what has two readings or none."""

import math
from collections.abc import Collection

import pytest
import sympy

from compute.arithmetic.constants import evaluate
from compute.grading.notation import Limits, Notation, UnreadableText, normalize, read_expression

POINT, COMMA = Notation(), Notation(",")


def code_of(text: str, notation: Notation = POINT, names: Collection[str] | None = ()) -> str:
    with pytest.raises(UnreadableText) as refused:
        read_expression(text, notation, names)
    assert str(refused.value).startswith("the text ")
    return refused.value.code


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("−3", -3), ("–3", -3), ("－3", -3), ("3·2", 6), ("3×2", 6), ("3⋅2", 6), ("3∙2", 6), ("6÷2", 3),
        ("√2", math.sqrt(2)), ("√(1+3)", 2), ("2√2", 2 * math.sqrt(2)), ("2·√2", 2 * math.sqrt(2)),
        ("1/√2", 1 / math.sqrt(2)), ("√4/2", 1), ("√4+5", 7), ("√√16", 2), ("√4²", 4), ("√exp(0)", 1),
        ("-√4", -2), ("√ 4", 2), ("(1+√5)/2", (1 + math.sqrt(5)) / 2),
        ("π", math.pi), ("2π", 2 * math.pi), ("2pi", 2 * math.pi), ("pi/2", math.pi / 2),
        ("2 PI", 2 * math.pi),
        ("½", 0.5), ("¼", 0.25), ("¾", 0.75), ("⅓", 1 / 3), ("⅔", 2 / 3), ("⅛", 0.125), ("-½", -0.5),
        ("½√2", math.sqrt(2) / 2), ("1⁄2", 0.5), ("2²", 4), ("2³", 8), ("10⁻³", 1e-3), ("2¹⁰", 1024),
        ("-2²", -4), ("2^3", 8), ("2**3", 8), ("2^-1", 0.5), ("e^2", math.e**2), ("e^{-1}", math.exp(-1)),
        ("ln(2)", math.log(2)), ("Sqrt(4)", 2), ("EXP(0)", 1), ("2sqrt(4)", 4), ("2 sqrt(4)", 4),
        ("2(3)", 6), ("(1+2)(3)", 9), ("(1+2)3", 9), ("2(3)^2", 18), ("sqrt(4)sqrt(9)", 6),
        ("pi(2)", 2 * math.pi),
        ("1/2*4", 2), ("2√4/2", 2), ("2/3*4(3)", 8), ("1/(2√4)", 0.25),
        ("np.sqrt(4)", 2), ("math.exp(0)", 1), ("numpy.pi", math.pi), ("np.maximum(1, 2)", 2),
        ("σ(0)", 0.5), ("sigmoid(0)", 0.5), ("relu(-3)", 0), ("relu(3)", 3), ("log2(8)", 3), ("square(3)", 9),
        (r"\frac{1}{2}", 0.5), (r"\frac{1}{\sqrt{4}}", 0.5), (r"\sqrt{4}", 2),
        (r"2\cdot3", 6), (r"2\pi", 2 * math.pi), (r"\left(1+2\right)\times3", 9), (r"$\frac{1}{4}$", 0.25),
        (r"\ln(e)", 1),
        ("１２", 12), ("𝟏", 1), ("٣", 3), ("１．５", 1.5), ("1\u00a0+\u20092", 3), ("\ufeff1\u200b", 1),
        ("007", 7), (".5", 0.5), ("5.", 5), ("1.5e3", 1500), ("2e-1", 0.2), ("2e", 2 * math.e), ("--2", 2),
        ("1.38*10^-1", 0.138), ("max(1, 2)", 2), ("where(1 < 2, 3, 4)", 3),
        ("indicator(1 ≤ 2 and not 2 < 1)", 1),
    ],
)  # fmt: skip
def test_values(text: str, value: float) -> None:
    assert evaluate(read_expression(text, POINT)) == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize(
    ("text", "value"),
    [("0,5", 0.5), ("1,000", 1), (",5", 0.5), ("1,5e3", 1500), ("2", 2), ("max(0,5; 1)", 1), ("2,5√4", 5)],
)
def test_decimal_commas(text: str, value: float) -> None:
    assert evaluate(read_expression(text, COMMA)) == value


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"), ("  ", "empty"), ("\u200b", "empty"),
        ("1" * 201, "too_long"), ("(" * 101 + "1", "too_deep"), ("-" * 30 + "1", "too_deep"),
        ("2^" * 60 + "1", "too_deep"), ("√" * 30 + "1", "too_deep"), ("1" * 41, "too_many_digits"),
        ("1 1/2", "mixed_number"), ("2½", "mixed_number"), ("2 ½", "mixed_number"), ("1 1⁄2", "mixed_number"),
        ("1 000", "missing_operator"), ("1 2", "missing_operator"), ("2²3", "missing_operator"),
        ("pi 2", "missing_operator"), ("1.2.3", "missing_operator"),
        ("0,5", "comma"), ("1,000", "comma"), ("1,2,3", "comma"), ("(1,2)", "comma"),
        ("1.000,5", "comma"), ("1;2", "separator"),
        ("0.333...", "ellipsis"), ("0.333…", "ellipsis"), ("0.33..", "ellipsis"), ("0.(3)", "ellipsis"),
        ("0.3(3)", "ellipsis"),
        ("≈0.33", "approximate"), ("~0.3", "approximate"), ("0.3±0.1", "approximate"),
        ("50%", "percent"), ("50 %", "percent"),
        ("3 cm", "unit"), ("3cm", "unit"), ("90°", "unit"), ("$3", "unit"), ("2x", "unit"),
        ("x", "unknown_name"), ("banana", "unknown_name"), ("i", "unknown_name"), (r"\foo", "unknown_name"),
        ("f(2)", "unknown_function"), ("tan(1)", "unknown_function"), ("e(2)", "unknown_function"),
        ("__import__('os')", "character"), ("os.system(1)", "unknown_name"),
        ("sin 2", "function_without_brackets"), ("sqrt2", "function_without_brackets"),
        ("ln2", "function_without_brackets"), ("sqrt{2}", "function_without_brackets"),
        ("sin²(2)", "function_without_brackets"),
        ("1/2√2", "ambiguous_product"), ("1/2(3)", "ambiguous_product"), ("e^2pi", "ambiguous_product"),
        ("1/-2π", "ambiguous_product"), ("1/sqrt(4)(3)", "ambiguous_product"),
        ("x=3", "equation"), ("= 3", "equation"), ("1 < 2", "equation"),
        ("inf*2", "not_finite"), ("2∞", "not_finite"), (r"2\infty", "not_finite"), ("nan+1", "not_finite"),
        ("(1", "brackets"), ("1)", "brackets"), ("[1]", "brackets"), ("{1}", "brackets"),
        (r"\frac12", "brackets"),
        (r"\frac{1}", "incomplete"), ("(1}", "brackets"),
        ("2+", "incomplete"), ("*2", "incomplete"), ("2*/3", "incomplete"), ("()", "incomplete"),
        ("-", "incomplete"),
        ("1//2", "incomplete"), ("√", "incomplete"), ("²", "incomplete"), ("√-2", "incomplete"),
        ("2⁻", "incomplete"),
        ("5!", "character"), ("|3|", "character"), ("1_000", "character"), ("1\u200b2", "character"),
        ("\u202e12", "character"), ("1\0", "character"), ("\ud800", "character"), ("😀", "character"),
        (".", "point"),
        ("max(1)", "not_an_expression"), ("indicator(2)", "not_an_expression"),
        ("relu(1, 2)", "not_an_expression"),
    ],
)  # fmt: skip
def test_refusals(text: str, code: str) -> None:
    assert code_of(text) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1.5", "point"), ("1.000", "point"), ("1.000,5", "point"), ("1,000,000", "comma"),
        ("max(1, 2)", "comma"),
        ("max(1,2)", "not_an_expression"), ("1;2", "separator"),
    ],
)  # fmt: skip
def test_refusals_with_decimal_commas(text: str, code: str) -> None:
    assert code_of(text, COMMA) == code


@pytest.mark.parametrize(
    ("text", "names", "normalized"),
    [
        ("δ_1", None, "delta_1"), ("δ1", None, "delta1"), (r"\delta_1", None, "delta_1"),
        ("α", None, "alpha"),
        ("x₁", None, "x1"), ("x_{1}", None, "x_1"), ("2x", None, "2*x"), ("2 α", None, "2*alpha"),
        ("x√2", None, "x*sqrt(2)"), ("x²", None, "x**(2)"), ("Δ", None, "Delta"), ("µ", None, "mu"),
        ("x₁", ["x_1"], "x_1"), ("x_1", ["x1"], "x1"), ("δ1*k₂", ["delta_1", "k_2"], "delta_1*k_2"),
        ("λ_1", None, "lambda_1"), ("σ", None, "sigma"), ("σ(x)", ["x"], "(1/(1+exp(-(x))))"),
    ],
)  # fmt: skip
def test_symbols(text: str, names: list[str] | None, normalized: str) -> None:
    assert normalize(text, POINT, names) == normalized


@pytest.mark.parametrize(
    ("text", "names", "code"),
    [
        ("y", ["x"], "unknown_name"), ("x12", ["x1_2", "x_12"], "unknown_name"), ("3 cm", ["x"], "unit"),
        ("λ", None, "unknown_name"), ("a" * 41, None, "unknown_name"), ("x y", None, "missing_operator"),
        ("αx", None, "missing_operator"), ("k_1(x)", None, "unknown_function"),
        ("x 2", None, "missing_operator"),
        ("1/2x", None, "ambiguous_product"), ("2^3x", None, "ambiguous_product"),
    ],
)  # fmt: skip
def test_refused_symbols(text: str, names: list[str] | None, code: str) -> None:
    assert code_of(text, POINT, names) == code


GREEK = ["x1", "x_2", "delta_1", "delta2", "eta"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("x_1", "x1"), ("x_{1}", "x1"), ("x₁", "x1"), ("x2", "x_2"), ("x₂", "x_2"), ("x_{2}", "x_2"),
        (r"\delta_1", "delta_1"), (r"\delta_{1}", "delta_1"), ("δ1", "delta_1"), ("δ₂", "delta2"),
        ("δ_1 x_1", "delta_1*x1"), ("δ₁ x₁", "delta_1*x1"), (r"\delta_1 x_1", "delta_1*x1"),
        (r"\delta_1\eta", "delta_1*eta"), ("2x_1", "2*x1"), ("2 x_1 x_2", "2*x1*x_2"), ("ηx1", "eta*x1"),
        ("-δ_1 x_1 + 3η x_2²", "-delta_1*x1 + 3*eta*x_2**2"), ("x_1² x_2", "x1**2*x_2"),
        ("(1 - x_1) x_2", "(1 - x1)*x_2"), ("x_1/(δ_1 x_2)", "x1/(delta_1*x_2)"), ("x_1 x_2/2", "x1*x_2/2"),
        ("x1 sqrt(x_2)", "x1*sqrt(x_2)"), ("exp(-η x_1)", "exp(-eta*x1)"), ("w x_1 + c", None),
        ("y_1", "y_1"), ("lr*x_1", "lr*x1"),
    ],
)  # fmt: skip
def test_symbols_of_the_question(text: str, meant: str | None) -> None:
    """SymPy reads what is meant; other names stay what they are, and are never factors."""
    if meant is None:
        with pytest.raises(UnreadableText, match="no sign between a name"):
            normalize(text, POINT, None, known=GREEK)
    else:
        found = sympy.sympify(normalize(text, POINT, None, known=GREEK))
        assert found == sympy.sympify(meant)


@pytest.mark.parametrize(
    ("text", "known", "code", "reason"),
    [
        ("ab", ["a", "b"], "missing_operator", "one name or a product"),
        ("2ab", ["a", "b"], "missing_operator", "one name or a product"),
        ("x_1x_2", ["x1", "x2"], "missing_operator", "one name or a product"),
        ("δ_1x_1", ["delta1", "x1"], "missing_operator", "one name or a product"),
        ("aab", ["a", "b"], "missing_operator", "one name or a product"),
        ("a b", ["a", "b", "ab"], "missing_operator", "one name or a product"),
        ("c a b", ["a", "b", "c", "a_b"], "missing_operator", "one name or a product"),
        ("c a b", ["a", "b", "c", "cab"], "missing_operator", "one name or a product"),
        ("x12", ["x1_2", "x_12"], "unknown_name", "one of several symbols"),
        ("√a b", ["a", "b"], "missing_operator", "no sign between a name"),
        ("a 2", ["a"], "missing_operator", "no sign between a name"),
        ("e a", ["a"], "missing_operator", "no sign between a name"),
        ("1/a b", ["a", "b"], "ambiguous_product", "two ways"),
        ("2^a b", ["a", "b"], "ambiguous_product", "two ways"),
        ("a(b)", ["a", "b"], "unknown_function", "no known function"),
    ],
)
def test_symbols_with_two_readings(text: str, known: list[str], code: str, reason: str) -> None:
    for names, others in ((None, known), (known, ())):  # whether other names may be used or not
        with pytest.raises(UnreadableText, match=reason) as refused:
            normalize(text, POINT, names, known=others)
        if names is None or reason != "no sign between a name":  # then a name is unknown first
            assert refused.value.code == code


@pytest.mark.parametrize("text", ["ab", "abc", "xab", "ba_"])
def test_a_name_of_the_question_is_never_a_product(text: str) -> None:
    known = ["a", "b", "c", "x", text]
    assert normalize(text, POINT, None, known=known) == text


def test_names_in_a_long_run_are_found_quickly() -> None:
    names = ["a" * length for length in range(1, 40)]
    with pytest.raises(UnreadableText, match="one name or a product"):
        normalize("a" * 9_999, POINT, None, Limits(longest=10_000), names)


def test_the_longest_normal_form_is_still_read() -> None:
    for text in ("½+" * 99 + "½", "√π+" * 66 + "1", "σ(1)+" * 39 + "1"):
        read_expression(text, POINT)
    assert code_of("σ(" * 30 + "1" + ")" * 30) == "too_deep"
    read_expression("log10(10)+" * 300 + "1", POINT, limits=Limits(10_000, 2_000, 90))


def test_only_two_decimal_signs() -> None:
    with pytest.raises(ValueError, match="decimal sign"):
        Notation(";")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1.5 e-3", "spaced_exponent"),
        ("1.5e -3", "spaced_exponent"),
        ("1.5e- 3", "spaced_exponent"),
        (r"2\frac{1}{2}", "mixed_number"),
        (r"1 \frac{1}{2}", "mixed_number"),
    ],
)
def test_numbers_that_may_mean_another_one(text: str, code: str) -> None:
    with pytest.raises(UnreadableText) as refused:
        read_expression(text, Notation())
    assert refused.value.code == code

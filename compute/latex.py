"""LaTeX with its binding strength, so that only needed parentheses are written."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from compute.arithmetic.expressions import Expression, fold

CONDITION, SUM, PRODUCT, JOINED, POWER, ATOM = range(-1, 5)
"""JOINED is a matrix product, which binds more strongly than an elementwise one: X W \\odot W is read as the
elementwise product of X W with W.
"""
COMPARISONS = {
    "greater": ">", "greater_equal": r"\ge", "less": "<", "less_equal": r"\le", "equal": "=",
    "unequal": r"\ne",
}  # fmt: skip
INVERSES = {"asin": "arcsin", "acos": "arccos", "atan": "arctan"}
GREEK = frozenset({
    "alpha", "beta", "gamma", "delta", "epsilon", "eta", "theta", "lambda", "mu", "nu", "xi", "rho",
    "sigma", "tau", "phi", "chi", "psi", "omega",
})  # fmt: skip


class Formula(NamedTuple):
    """LaTeX text, the binding strength of its outermost operator, and whether it is a scalar."""

    text: str
    binding: int = ATOM
    scalar: bool = False

    def at(self, binding: int) -> str:
        """Return the text, in parentheses if it binds less strongly than `binding`."""
        return self.text if self.binding >= binding else rf"\left({self.text}\right)"

    def scripted(self, mark: str, script: str, binding: int = ATOM) -> str:
        """Return the text with a subscript (`_`) or a superscript (`^`).

        TeX rejects a second script of a kind: a text that has one is put in braces.
        """
        text = self.at(binding)
        if self.binding >= binding and mark in text:
            text = f"{{{text}}}"
        return f"{text}{mark}{{{script}}}"


def symbol_latex(name: str) -> str:
    r"""Return a name in LaTeX: `d_k` as `d_{k}`, `beta` as `\beta`."""
    head, _, tail = name.partition("_")
    if head in GREEK:
        head = "\\" + head
    elif len(head) > 1:
        head = rf"\mathrm{{{head}}}"
    return head + (f"_{{{tail.replace('_', ',')}}}" if tail else "")


def axes_latex(axes: Sequence[int]) -> str:
    """Return the axes of a reduction as they stand below its sign; the last two count rows and columns."""
    match list(axes):
        case [-1]:
            return r"\text{rows}"
        case [-2]:
            return r"\text{columns}"
        case [axis]:
            return rf"\text{{axis }} {axis}"
        case several:
            return rf"\text{{axes }} {', '.join(map(str, several))}"


def add_latex(a: Formula, b: Formula) -> Formula:
    """Return the sum of two terms; one that starts with a minus sign is subtracted."""
    text = b.at(SUM)
    is_negative = text.startswith("-")
    return Formula(f"{a.text} - {text[1:]}" if is_negative else f"{a.text} + {text}", SUM)


def sum_latex(a: Formula, axes: Sequence[int] | None) -> Formula:
    """Return the sum over axes; None for the sum of all entries."""
    over = "" if axes is None else rf"_{{{axes_latex(axes)}}}"
    return Formula(rf"\sum{over} {a.at(PRODUCT)}", SUM)


def matrix_latex(rows: Iterable[Iterable[str]]) -> Formula:
    """Return a matrix of LaTeX entries, row by row."""
    written = r" \\ ".join(" & ".join(row) for row in rows)
    return Formula(rf"\begin{{pmatrix}} {written} \end{{pmatrix}}")


class Latex:
    """Folds constant expressions into formulas."""

    def number(self, text: str) -> Formula:
        mantissa, _, exponent = text.lower().partition("e")
        if exponent:
            return Formula(rf"{mantissa} \cdot 10^{{{int(exponent)}}}", PRODUCT)
        return Formula(text, SUM if text.startswith("-") else ATOM)

    def symbol(self, name: str) -> Formula:
        return Formula(r"\pi" if name == "pi" else symbol_latex(name))

    def apply(self, head: str, operands: list[Formula]) -> Formula:  # noqa: C901 - a case for each function
        a, b = operands[0], operands[-1]
        match head:
            case "add":
                return Formula(f"{a.text} + {b.at(SUM)}", SUM)
            case "subtract":
                return Formula(f"{a.text} - {b.at(PRODUCT)}", SUM)
            case "multiply":
                return Formula(rf"{a.at(PRODUCT)} \cdot {b.at(PRODUCT)}", PRODUCT)
            case "divide":
                return Formula(rf"\frac{{{a.text}}}{{{b.text}}}", POWER)
            case "power":
                return Formula(f"{a.at(ATOM)}^{{{b.text}}}", POWER)
            case "negative":
                return Formula(f"-{a.at(PRODUCT)}", SUM)
            case "sqrt":
                return Formula(rf"\sqrt{{{a.text}}}")
            case "abs":
                return Formula(rf"\left|{a.text}\right|")
            case "indicator":
                return Formula(rf"\mathbb{{1}}\left\{{{a.text}\right\}}")
            case "where":
                cases = rf"{operands[1].text} & \text{{if }} {a.text} \\ {b.text} & \text{{otherwise}}"
                return Formula(rf"\begin{{cases}} {cases} \end{{cases}}")
            case "not":
                return Formula(rf"\neg {a.at(ATOM)}", PRODUCT)
            case "and" | "or":
                sign = rf" \{'land' if head == 'and' else 'lor'} "
                return Formula(sign.join(operand.at(SUM) for operand in operands), CONDITION)
            case "sign":
                return Formula(rf"\operatorname{{sign}}\left({a.text}\right)")
            case "floor":
                return Formula(rf"\lfloor {a.text} \rfloor")
        if head in COMPARISONS:
            return Formula(f"{a.text} {COMPARISONS[head]} {b.text}", CONDITION)
        head = INVERSES.get(head, head)
        if len(operands) > 1:
            return Formula(rf"\{head}\left({', '.join(operand.text for operand in operands)}\right)")
        return Formula(rf"\{head}\left({a.text}\right)")


def constant_latex(expression: Expression) -> Formula:
    """Return a constant expression as a formula, in its original form."""
    text, binding, _ = fold(expression, Latex())
    return Formula(text, binding, True)


def written_items(items: tuple[Any, ...]) -> str:
    """Return indices and slices (start, stop, step) as in brackets, such as `0,1:3`."""
    texts = [
        str(item)
        if isinstance(item, int)
        else ":".join("" if bound is None else str(bound) for bound in item[: 2 if item[2] is None else 3])
        for item in items
    ]
    return ",".join(texts)

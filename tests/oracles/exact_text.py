"""Evaluation of exact text with mpmath.

The text is Python, except for cases and for numbers, which are read as decimals.
"""

import ast
import math
from collections.abc import Mapping
from typing import Any

import mpmath

DIGITS = 40


def evaluate(text: str, symbols: Mapping[str, float]) -> float:
    """Return the value of text for these values of its symbols."""
    tree = ast.fix_missing_locations(_Cases().visit(ast.parse(text, mode="eval")))
    with mpmath.workdps(DIGITS):
        names = {name: mpmath.mpf(value) for name, value in symbols.items()}
        result = eval(compile(tree, "text", "eval"), _functions() | names)
        return float(result)


class _Cases(ast.NodeTransformer):
    """Rewrites `where` as a conditional, which computes only one case, and numbers as decimal text."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "where":
            return ast.IfExp(*node.args)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Call(ast.Name("number", ast.Load()), [ast.Constant(str(node.value))], [])


def _functions() -> dict[str, Any]:
    return {
        "number": mpmath.mpf, "pi": mpmath.pi, "e": mpmath.e, "Infinity": math.inf, "NaN": math.nan,
        "sqrt": mpmath.sqrt, "exp": mpmath.exp, "log": mpmath.log, "sin": mpmath.sin, "cos": mpmath.cos,
        "tanh": mpmath.tanh, "erf": mpmath.erf, "abs": abs, "max": max, "min": min, "indicator": int,
        "sign": lambda a: int(a > 0) - int(a < 0),
    }  # fmt: skip

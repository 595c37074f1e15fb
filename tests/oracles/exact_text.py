"""Exact text evaluated by mpmath: it is Python, but for cases and for numbers, which are read as decimals."""

import ast
import math
from collections.abc import Mapping
from typing import Any

import mpmath

DIGITS = 40


def evaluate(text: str, symbols: Mapping[str, float]) -> float:
    """The number that text stands for where symbols have these values."""
    tree = ast.fix_missing_locations(_Cases().visit(ast.parse(text, mode="eval")))
    with mpmath.workdps(DIGITS):
        names = {name: mpmath.mpf(worth) for name, worth in symbols.items()}
        found = eval(compile(tree, "text", "eval"), _functions() | names)
        return float(found)


class _Cases(ast.NodeTransformer):
    """`where` as a choice, which computes one case alone; numbers by their decimal text."""

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

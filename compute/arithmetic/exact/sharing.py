"""Names for repeated subexpressions of long exact numbers."""

from collections import Counter
from collections.abc import Collection, Iterable
from itertools import count
from typing import Any

import sympy

from compute.arithmetic.exact.bounds import size

WORTH_NAMING = 8  # operations of a subexpression from which on it gets a name


def named(
    numbers: Iterable[Any], taken: Collection[str] = ()
) -> tuple[list[tuple[Any, Any]], dict[Any, Any]]:
    """Name the repeated subexpressions of these numbers.

    Returns the names with their expressions, in order, and each number in terms of them. Names begin with
    `_`, which symbols of a request cannot: sent without their definitions they are refused. LaTeX omits the
    `_`, so names that would look like a symbol are avoided.
    taken: names of symbols in the answer.
    """
    roots = list(dict.fromkeys(numbers))
    uses = _uses(roots)
    names = (f"_s{at}" for at in count(1) if not {f"s{at}", f"s_{at}"} & {*taken})
    common: list[tuple[Any, Any]] = []
    known: dict[Any, Any] = {}

    def rewrite(one: Any) -> Any:
        result = known.get(one)
        if result is None:
            parts = [rewrite(part) for part in one.args]
            result = one if not parts else _rebuild(one, parts)
            if uses[one] > 1 and isinstance(one, sympy.Expr) and size(result) >= WORTH_NAMING:
                symbol = sympy.Symbol(next(names), real=True)
                common.append((symbol, result))
                result = symbol
            known[one] = result
        return result

    return common, {root: rewrite(root) for root in roots}


def _rebuild(one: Any, parts: list[Any]) -> Any:
    if isinstance(one, sympy.Piecewise):
        return sympy.Piecewise(*parts, evaluate=False)
    return one.func(*parts)


def _uses(roots: list[Any]) -> Counter[Any]:
    """Count how often each subexpression is an operand or a root."""
    uses = Counter(roots)
    pending, seen = list(roots), set(roots)
    while pending:
        for part in pending.pop().args:
            uses[part] += 1
            if part not in seen:
                seen.add(part)
                pending.append(part)
    return uses

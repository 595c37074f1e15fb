"""Names for what repeats in long exact numbers."""

from collections import Counter
from collections.abc import Collection, Iterable
from itertools import count
from typing import Any

import sympy

from compute.arithmetic.exact.bounds import size

WORTH_NAMING = 8  # operations of what gets a name


def named(
    numbers: Iterable[Any], taken: Collection[str] = ()
) -> tuple[list[tuple[Any, Any]], dict[Any, Any]]:
    """Name what repeats in these numbers, in order, and give each number in terms of that.

    taken: names of symbols in the answer. The names begin with `_`, which no symbol that comes from outside
    does: sent again without what defines them they are refused, and not taken for symbols. In LaTeX they are
    written without it, so that none is chosen that a symbol has.
    """
    roots = list(dict.fromkeys(numbers))
    uses = _uses(roots)
    names = (f"_s{at}" for at in count(1) if not {f"s{at}", f"s_{at}"} & {*taken})
    common: list[tuple[Any, Any]] = []
    known: dict[Any, Any] = {}

    def written(one: Any) -> Any:
        found = known.get(one)
        if found is None:
            parts = [written(part) for part in one.args]
            found = one if not parts else _made_of(one, parts)
            if uses[one] > 1 and isinstance(one, sympy.Expr) and size(found) >= WORTH_NAMING:
                symbol = sympy.Symbol(next(names), real=True)
                common.append((symbol, found))
                found = symbol
            known[one] = found
        return found

    return common, {one: written(one) for one in roots}


def _made_of(one: Any, parts: list[Any]) -> Any:
    if isinstance(one, sympy.Piecewise):
        return sympy.Piecewise(*parts, evaluate=False)
    return one.func(*parts)


def _uses(roots: list[Any]) -> Counter[Any]:
    """How often each part is an operand of another, or stands alone."""
    uses = Counter(roots)
    pending, seen = list(roots), set(roots)
    while pending:
        for part in pending.pop().args:
            uses[part] += 1
            if part not in seen:
                seen.add(part)
                pending.append(part)
    return uses

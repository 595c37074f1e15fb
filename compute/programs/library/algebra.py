"""Linear algebra: products, traces, diagonals, determinants, inverses, Einstein's notation."""

import re
from collections.abc import Sequence
from string import ascii_letters

from compute.dimensions import ShapeError, show
from compute.graph.graph import Value, apply
from compute.operations.losses.reductions import flatten
from compute.programs.declaration import function
from compute.programs.library.reductions import sum_
from compute.programs.library.selection import diagonal
from compute.programs.library.shapes import pad

ALGEBRA = "linear algebra"
DOTS = "..."
TERM = r"[a-zA-Z]*(?:\.\.\.)?[a-zA-Z]*"
SPEC = re.compile(rf"{TERM}(?:,{TERM})*(?:->{TERM})?")


@function(ALGEBRA, "y = matmul([[1, 2], [3, 4]], [1, 1])")
def matmul(a: Value, b: Value) -> Value:
    """The matrix product, with vectors on either side: a @ b."""
    if not (a.rank and b.rank):
        raise ShapeError("a number is not a matrix; multiply by a number with *")
    if a.rank > 1 and b.rank > 1:
        return apply("matmul", a, b)
    left = apply("expand_dims", a, axis=-2) if a.rank == 1 else a
    right = apply("expand_dims", b, axis=-1) if b.rank == 1 else b
    if left.shape[-1] != right.shape[-2]:
        raise ShapeError(f"the inner sizes {left.shape[-1]} and {right.shape[-2]} differ")
    product = apply("matmul", left, right)
    rows = () if a.rank == 1 else (product.shape[-2],)
    columns = () if b.rank == 1 else (product.shape[-1],)
    return apply("reshape", product, to=(*product.shape[:-2], *rows, *columns))


@function(ALGEBRA, "y = dot([1, 2], [3, 4])")
def dot(a: Value, b: Value) -> Value:
    """The sums of products over the last axis of a and the last but one of b; a multiple of numbers."""
    if not (a.rank and b.rank):
        return a * b
    if b.rank <= 2:
        return matmul(a, b)
    letters = ascii_letters[: a.rank + b.rank - 1]
    rows, shared, others = letters[: a.rank - 1], letters[a.rank - 1], letters[a.rank :]
    right = others[:-1] + shared + others[-1]
    return apply("contract", a, b, left=rows + shared, right=right, to=rows + others)


@function(ALGEBRA, "y = outer([1, 2], [3, 4])")
def outer(a: Value, b: Value) -> Value:
    """The products of each entry of a with each entry of b."""
    rows, columns = (one if one.rank == 1 else flatten(one) for one in (a, b))
    return apply("expand_dims", rows, axis=-1) * apply("expand_dims", columns, axis=-2)


@function(ALGEBRA, "y = trace([[1, 2], [3, 4]])")
def trace(a: Value) -> Value:
    """The sum of the diagonal of a matrix; of a value with more axes, along the first two."""
    return apply("sum_over", diagonal(a), axis=-1)


@function(ALGEBRA, "y = diag([1, 2])")
def diag(a: Value, offset: int = 0) -> Value:
    """A matrix with this diagonal, or the diagonal of a matrix; an offset above 0 is above the main one."""
    if a.rank > 2:
        raise ShapeError("diag takes a vector or a matrix; diagonal takes more axes")
    if a.rank == 2:
        return diagonal(a, offset)
    above, before = max(-offset, 0), max(offset, 0)
    square = apply("diagonal_matrix", a)
    return pad(square, ((above, before), (before, above))) if offset else square


@function(ALGEBRA, "y = tril([[1, 2], [3, 4]])")
def tril(a: Value, offset: int = 0) -> Value:
    """The entries on and below a diagonal, and zeros above."""
    return apply("triangle", a, lower=True, offset=offset)


@function(ALGEBRA, "y = triu([[1, 2], [3, 4]], 1)")
def triu(a: Value, offset: int = 0) -> Value:
    """The entries on and above a diagonal, and zeros below."""
    return apply("triangle", a, lower=False, offset=offset)


@function(ALGEBRA, "y = det([[1, 2], [3, 4]])")
def det(a: Value) -> Value:
    """The determinant of each matrix of at most 12 rows."""
    return apply("det", a)


@function(ALGEBRA, "y = inv([[1, 2], [3, 4]])")
def inv(a: Value) -> Value:
    """The inverse of each matrix."""
    return apply("inv", a)


@function(ALGEBRA, "y = solve([[1, 2], [3, 4]], [5, 6])")
def solve(a: Value, b: Value) -> Value:
    """The solution x of a @ x = b for a vector or a matrix b."""
    if b.rank == 1:
        return apply("reshape", apply("solve", a, apply("expand_dims", b, axis=-1)), to=b.shape)
    return apply("solve", a, b)


@function(ALGEBRA, "y = einsum('ij,j->i', [[1, 2], [3, 4]], [1, 1])")
def einsum(subscripts: str, *operands: Value) -> Value:
    """The sum of products in Einstein's notation: letters that are not in the result are summed over."""
    text = subscripts.replace(" ", "")
    if DOTS in text:
        text, operands = _name_dots(text, operands)
    terms, to = _read(text, operands)
    values, letters = [*operands], [*terms]
    for at, axes in enumerate(letters):
        others = {*to, *"".join(letters[:at] + letters[at + 1 :])}
        values[at], letters[at] = _sum_alone(*_take_diagonals(values[at], axes), others)
    found, axes = values[0], letters[0]
    for at in range(1, len(values)):
        kept = {*to, *"".join(letters[at + 1 :])}
        together = "".join(one for one in dict.fromkeys(axes + letters[at]) if one in kept)
        target = to if at == len(values) - 1 else together
        found = apply("contract", found, values[at], left=axes, right=letters[at], to=target)
        axes = target
    return found if axes == to else apply("permute", found, axes=tuple(axes.index(one) for one in to))


def _name_dots(text: str, operands: tuple[Value, ...]) -> tuple[str, tuple[Value, ...]]:
    """Return subscripts with letters for the axes that dots stand for, which are broadcast.

    Operands lose those of their axes of size 1 that another operand has with another size.
    """
    left, arrow, to = text.partition("->")
    terms = left.split(",")
    if not SPEC.fullmatch(text) or len(terms) != len(operands):
        return text, operands  # refused where subscripts are read
    counts = [
        one.rank - len(term.replace(DOTS, "")) if DOTS in term else 0
        for term, one in zip(terms, operands, strict=True)
    ]
    free = [letter for letter in ascii_letters if letter not in text][: max(counts)]
    if min(counts) < 0 or len(free) < max(counts):
        return text, operands
    names = ["".join(free[len(free) - count :]) for count in counts]
    spread = [term.replace(DOTS, name) for term, name in zip(terms, names, strict=True)]
    wide = {
        letter
        for term, one in zip(spread, operands, strict=True)
        for letter, size in zip(term, one.shape, strict=True)
        if letter in free and size != 1
    }
    values = []
    for at, (term, one) in enumerate(zip(spread, operands, strict=True)):
        kept = [place for place, letter in enumerate(term) if letter not in wide or one.shape[place] != 1]
        spread[at] = "".join(term[place] for place in kept)
        shape = tuple(one.shape[place] for place in kept)
        values.append(one if len(kept) == one.rank else apply("reshape", one, to=shape))
    if not arrow:
        letters = left.replace(DOTS, "").replace(",", "")
        to = DOTS + "".join(sorted(letter for letter in {*letters} if letters.count(letter) == 1))
    return f"{','.join(spread)}->{to.replace(DOTS, ''.join(free))}", tuple(values)


def _read(text: str, operands: Sequence[Value]) -> tuple[list[str], str]:
    """Return the letters of each operand and of the result. Raises ShapeError."""
    if not SPEC.fullmatch(text):
        raise ShapeError("subscripts are letters such as 'ij,jk->ik'")
    left, arrow, to = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise ShapeError(f"there are subscripts of {len(terms)} operands, but {len(operands)} operands")
    for axes, operand in zip(terms, operands, strict=True):
        if len(axes) != operand.rank:
            raise ShapeError(f"{show(operand.shape)} has {operand.rank} axes, but {len(axes)} letters")
    letters = "".join(terms)
    if not arrow:
        to = "".join(sorted(letter for letter in {*letters} if letters.count(letter) == 1))
    if len({*to}) < len(to) or not {*to} <= {*letters}:
        raise ShapeError("the result has each of its letters once, and only letters of operands")
    return terms, to


def _take_diagonals(a: Value, axes: str) -> tuple[Value, str]:
    """Return an operand without repeated letters: the diagonal of each pair of axes with one letter."""
    while repeated := next((one for one in axes if axes.count(one) > 1), ""):
        first, second = axes.index(repeated), axes.rindex(repeated)
        if a.shape[first] != a.shape[second]:
            raise ShapeError(f"the axis {repeated} has the sizes {a.shape[first]} and {a.shape[second]}")
        rest = [at for at in range(a.rank) if at not in (first, second)]
        a = apply("diagonal", apply("permute", a, axes=(*rest, first, second)))
        axes = "".join(axes[at] for at in rest) + repeated
    return a, axes


def _sum_alone(a: Value, axes: str, needed: set[str]) -> tuple[Value, str]:
    """Return an operand summed over the letters that nothing else needs."""
    alone = tuple(at for at, letter in enumerate(axes) if letter not in needed)
    if not alone:
        return a, axes
    return sum_(a, alone), "".join(letter for letter in axes if letter in needed)

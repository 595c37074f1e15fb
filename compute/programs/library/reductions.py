"""Reductions over any axes: sums, extremes, moments, norms, conditions, indices."""

from typing import Any

from compute.arithmetic.expressions import HALF, Expression, number_expression
from compute.dimensions import ShapeError, product
from compute.graph.graph import Value, apply
from compute.operations.framework.constants import add_literal, add_size
from compute.operations.framework.declaration import Axes
from compute.operations.losses.reductions import flatten
from compute.programs.declaration import Condition, Entries, axes_of, axis_of, function

REDUCTIONS = "reductions"


def reduce(primitive: str, a: Value, axis: Axes | None, keepdims: bool) -> Value:
    """Apply a primitive that removes one axis over several axes, one after the other; all for None.

    keepdims: whether reduced axes stay, with size 1.
    """
    axes = axes_of(axis, a)
    if axis is None or len(axes) == a.rank > 1:
        found = apply(primitive, flatten(a), axis=-1)
        return apply("reshape", found, to=(1,) * a.rank) if keepdims else found
    found = a
    for one in axes:  # the first one first: places counted from the end do not move
        found = apply(primitive, found, axis=one)
    for one in reversed(axes) if keepdims else ():
        found = apply("expand_dims", found, axis=one)
    return found


def count_of(a: Value, axis: Axes | None, less: int = 0) -> Value:
    """Return the number of entries along axes as a value, less a number. Raises ShapeError if none remain."""
    count = product(a.shape[one] for one in axes_of(axis, a))
    if isinstance(count, int) and count <= less:
        raise ShapeError(f"{count} entries less {less} leave nothing to divide by")
    return add_size(a.graph, count - less)


@function(REDUCTIONS, "y = sum([[1, 2], [3, 4]], axis=0)", name="sum")
def sum_(a: Value, axis: Axes | None = None, keepdims: bool = False) -> Value:
    """The sum over axes."""
    return reduce("sum_over", a, axis, keepdims)


@function(REDUCTIONS, "y = mean([[1, 2], [3, 4]], axis=1, keepdims=True)")
def mean(a: Value, axis: Axes | None = None, keepdims: bool = False) -> Value:
    """The mean over axes."""
    return sum_(a, axis, keepdims) / count_of(a, axis)


@function(REDUCTIONS, "y = prod([1, 2, 3])")
def prod(a: Value, axis: Axes | None = None, keepdims: bool = False) -> Value:
    """The product over axes."""
    return reduce("product_over", a, axis, keepdims)


@function(REDUCTIONS, "y = max([[1, 5], [3, 4]], axis=1)", name="max")
def max_(a: Value, axis: Axes | None = None, keepdims: bool = False) -> Value:
    """The largest entry over axes; the gradient passes to the first of several."""
    return reduce("max_over", a, axis, keepdims)


@function(REDUCTIONS, "y = min([[1, 5], [3, 4]])", name="min")
def min_(a: Value, axis: Axes | None = None, keepdims: bool = False) -> Value:
    """The smallest entry over axes; the gradient passes to the first of several."""
    return reduce("min_over", a, axis, keepdims)


@function(REDUCTIONS, "y = var([1, 2, 4], ddof=1)", minimum={"ddof": 0})
def var(a: Value, axis: Axes | None = None, ddof: int = 0, keepdims: bool = False) -> Value:
    """The variance over axes: squared deviations from the mean, divided by their number less ddof."""
    deviations = a - mean(a, axis, True)
    return sum_(apply("square", deviations), axis, keepdims) / count_of(a, axis, ddof)


@function(REDUCTIONS, "y = std([1, 2, 4])", minimum={"ddof": 0})
def std(a: Value, axis: Axes | None = None, ddof: int = 0, keepdims: bool = False) -> Value:
    """The standard deviation over axes, the root of the variance."""
    return apply("power", var(a, axis, ddof, keepdims), exponent=HALF)


@function(REDUCTIONS, "y = norm([3, -4])", minimum={"p": 1})
def norm(a: Value, p: int | None = None, axis: Axes | None = None, keepdims: bool = False) -> Value:
    """The root of the sum of squares over axes, all by default; along one also (sum |a|^p)^(1/p)."""
    if p is None:
        p = 2
    elif len(axes_of(axis, a)) > 1:  # NumPy and PyTorch differ: the norm of a linear map, or of all entries
        raise ShapeError("a p-norm is that of one axis; leave p out for the Frobenius norm, or flatten first")
    if p == 1:
        return sum_(apply("absolute", a), axis, keepdims)
    exponent = number_expression(p)
    powers = apply("square", a) if p == 2 else apply("power", apply("absolute", a), exponent=exponent)
    root = Expression("divide", (number_expression(1), exponent))
    return apply("norm_root", sum_(powers, axis, keepdims), exponent=HALF if p == 2 else root)


@function(REDUCTIONS, "y = logsumexp([0, 1, 2])")
def logsumexp(a: Value, axis: Axes | None = None, keepdims: bool = False) -> Value:
    """The logarithm of the sum of exponentials over axes, without overflow."""
    return reduce("logsumexp_over", a, axis, keepdims)


@function(REDUCTIONS, "y = any([1, 2] > 1)", name="any")
def any_(a: Condition, axis: Axes | None = None, keepdims: bool = False) -> Value:
    """Whether any entry over axes is true."""
    return reduce("any_over", a, axis, keepdims)


@function(REDUCTIONS, "y = all([1, 2] > 1)", name="all")
def all_(a: Condition, axis: Axes | None = None, keepdims: bool = False) -> Value:
    """Whether all entries over axes are true."""
    return reduce("all_over", a, axis, keepdims)


def _place(primitive: str, a: Value, axis: int | None, keepdims: bool, **attributes: Any) -> Value:
    """Apply a primitive that finds an index along an axis, or among all entries for None."""
    if axis is None:
        found = apply(primitive, flatten(a), axis=-1, **attributes)
        return apply("reshape", found, to=(1,) * a.rank) if keepdims else found
    at = axis_of(axis, a)
    found = apply(primitive, a, axis=at, **attributes)
    return apply("expand_dims", found, axis=at) if keepdims else found


@function(REDUCTIONS, "y = argmax([[1, 5], [3, 4]], axis=1)")
def argmax(a: Value, axis: int | None = None, keepdims: bool = False) -> Value:
    """The index of the largest entry along an axis, or among all entries row by row."""
    return _place("argmax", a, axis, keepdims, left=None)


@function(REDUCTIONS, "y = argmin([3, 1, 2])")
def argmin(a: Value, axis: int | None = None, keepdims: bool = False) -> Value:
    """The index of the smallest entry along an axis, or among all entries row by row."""
    return _place("argmin", a, axis, keepdims)


def _along(primitive: str, a: Value, axis: int | None) -> Value:
    """Apply a primitive along an axis, or to all entries in one row for None."""
    if axis is None:
        return apply(primitive, flatten(a), axis=-1)
    return apply(primitive, a, axis=axis_of(axis, a))


@function(REDUCTIONS, "y = cumsum([1, 2, 3])")
def cumsum(a: Value, axis: int | None = None) -> Value:
    """The sums of the entries up to each one along an axis, or of all entries in one row."""
    return _along("cumulative_sum", a, axis)


@function(REDUCTIONS, "y = cumprod([1, 2, 3])")
def cumprod(a: Value, axis: int | None = None) -> Value:
    """The products of the entries up to each one along an axis, or of all entries in one row."""
    return _along("cumulative_product", a, axis)


@function(REDUCTIONS, "y = count_nonzero([0, 2, 3])")
def count_nonzero(a: Entries, axis: Axes | None = None, keepdims: bool = False) -> Value:
    """The number of entries over axes that are not 0 or are true."""
    if a.kind != "boolean":
        numbers = apply("indicator", a) if a.kind == "index" else a
        a = apply("not_equal", numbers, add_literal(a.graph, 0))
    return sum_(apply("indicator", a), axis, keepdims)

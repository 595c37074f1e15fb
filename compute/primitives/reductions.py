"""Primitives that combine the entries along an axis."""

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, product
from compute.latex import Formula
from compute.primitive import Cost, Primitive


def _softmax(xp: Arithmetic, a: Array, *, axis: int) -> Array:
    exponentials = xp.exp(xp.subtract(a, xp.shift(a, axis)))
    return xp.share(exponentials, xp.sum(exponentials, axis))


def _softmax_gradient(xp: Arithmetic, g: Array, y: Array, axis: int) -> Array:
    weighted = xp.multiply(g, y)
    return xp.subtract(weighted, xp.multiply(y, xp.sum(weighted, axis)))


def _softmax_remark(xp: Arithmetic, y: Array, a: Array, *, axis: int) -> tuple[str, str] | None:
    empty = xp.sum(y, axis).reshape(-1) == 0
    if not empty.any():
        return None
    shape = list(y.shape)
    shape[axis] = 1
    first = [int(index) for index in _unravel(int(empty.argmax()), shape)]
    del first[axis]
    return (
        "nothing_to_attend",
        f"{int(empty.sum())} of {empty.size} softmax rows have no entry above -infinity, the first at"
        f" {first}; their weights are zeros, not NaN, and pass no gradient",
    )


def _unravel(flat: int, shape: list[int]) -> list[int]:
    index: list[int] = []
    for size in reversed(shape):
        flat, remainder = divmod(flat, size)
        index.insert(0, remainder)
    return index


def _softmax_latex(a: Formula, axis: int) -> Formula:
    over = "" if axis == -1 else r"_{\text{columns}}"
    return Formula(rf"\operatorname{{softmax}}{over}\left({a.text}\right)")


def _softmax_cost(shape: Shape, a: Shape, *, axis: int) -> Cost:
    """A maximum, a difference, an exponential, a sum and a quotient for each entry."""
    return Cost(elementwise=5 * product(shape))


# exp(a) / sum(exp(a)) along an axis, stable for entries of any size. Entries of -infinity get weight 0; if
# all are, so do all.
softmax = Primitive(
    "softmax",
    forward=_softmax,
    gradients={"a": _softmax_gradient},
    shape=lambda a, axis: a,
    latex=_softmax_latex,
    cost=_softmax_cost,
    expects="any shape",
    remark=_softmax_remark,
)

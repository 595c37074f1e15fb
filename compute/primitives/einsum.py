"""Sums of products over any axes, in Einstein's notation.

The axes of both operands and of the result are letters. No operand has a letter twice, and each of its
letters is one of the other operand or of the result: builders take diagonals and sums of other letters first.
"""

from collections.abc import Sequence

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, Size, product, show
from compute.graph.numerics import SUMS
from compute.graph.primitive import Cost, Primitive
from compute.latex import PRODUCT, SUM, Formula


def _sizes(axes: Sequence[tuple[str, Shape]]) -> dict[str, Size]:
    """Return the size of each letter. Raises ShapeError if two axes of a letter differ."""
    sizes: dict[str, Size] = {}
    for letters, shape in axes:
        if len(letters) != len(shape):
            raise ShapeError(f"{show(shape)} has {len(shape)} axes, but {len(letters)} letters")
        for letter, size in zip(letters, shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise ShapeError(f"the axis {letter} has the sizes {sizes[letter]} and {size}")
    return sizes


def _arrange(a: Array, axes: str, groups: Sequence[str]) -> Array:
    """Return an operand with its axes in groups, each flattened to one axis."""
    sizes = dict(zip(axes, a.shape, strict=True))
    arranged = a.transpose([axes.index(letter) for letter in "".join(groups)])
    shape: list[int] = [int(product(sizes[letter] for letter in group)) for group in groups]  # type: ignore[arg-type]  # sizes are numbers
    return arranged.reshape(shape)


def _contract(xp: Arithmetic, a: Array, b: Array, *, left: str, right: str, to: str) -> Array:
    shared = [letter for letter in left if letter in right]
    batch = "".join(letter for letter in shared if letter in to)
    summed = "".join(letter for letter in shared if letter not in to)
    rows = "".join(letter for letter in left if letter not in right)
    columns = "".join(letter for letter in right if letter not in left)
    result = xp.matmul(_arrange(a, left, (batch, rows, summed)), _arrange(b, right, (batch, summed, columns)))
    sizes = dict(zip(left + right, a.shape + b.shape, strict=True))
    axes = batch + rows + columns
    return result.reshape([sizes[letter] for letter in axes]).transpose([axes.index(letter) for letter in to])


def _shape(a: Shape, b: Shape, *, left: str, right: str, to: str) -> Shape:
    sizes = _sizes([(left, a), (right, b)])
    return tuple(sizes[letter] for letter in to)


def _cost(shape: Shape, a: Shape, b: Shape, *, left: str, right: str, to: str) -> Cost:
    return Cost(multiply_adds=product(_sizes([(left, a), (right, b)]).values()))


def _latex(a: Formula, b: Formula, left: str, right: str, to: str) -> Formula:
    summed = [letter for letter in left if letter not in to]
    factors = " ".join(
        one.scripted("_", letters) if letters else one.at(PRODUCT) for one, letters in ((a, left), (b, right))
    )
    return Formula(
        rf"\sum_{{{', '.join(summed)}}} {factors}" if summed else factors, SUM if summed else PRODUCT
    )


contract = Primitive(
    "contract",
    forward=_contract,
    gradients={
        "a": lambda xp, g, b, left, right, to: _contract(xp, g, b, left=to, right=right, to=left),
        "b": lambda xp, g, a, left, right, to: _contract(xp, g, a, left=to, right=left, to=right),
    },
    tangents="product",
    moments="product",
    shape=_shape,
    latex=_latex,
    cost=_cost,
    expects="a letter for each axis",
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
    hazard=SUMS,
)

"""Determinants, inverses and solutions of small systems of linear equations."""

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, at_least, product, show
from compute.graph.numerics import Hazard
from compute.graph.primitive import Cost, Primitive
from compute.graph.work import STEP, count_entries
from compute.latex import JOINED, POWER, Formula

MOST = 12  # rows of a matrix whose determinant is computed, with all of its cofactors
SINGULAR = Hazard(
    pole="a matrix with determinant 0 has no inverse",
    remedy="add a small multiple of the identity matrix",
    slope="the gradient multiplies by the inverse twice",
)


def _square(a: Shape) -> Shape:
    at_least(2, a)
    if a[-1] != a[-2]:
        raise ShapeError(f"{show(a[-2:])} is not a square matrix")
    return a


def _det_shape(a: Shape) -> Shape:
    _square(a)
    if isinstance(a[-1], int) and a[-1] > MOST:
        raise ShapeError(
            f"a matrix of {a[-1]} rows is more than the {MOST} of which a determinant is computed"
        )
    return a[:-2]


def _cofactors(xp: Arithmetic, a: Array) -> Array:
    """Return the cofactor of each entry, which is the derivative of the determinant. A may be singular."""
    size = a.shape[-1]
    if size == 1:
        return xp.whole(np.ones(a.shape, dtype=int))
    rows = []
    for i in range(size):
        minors = [xp.det(np.delete(np.delete(a, i, -2), j, -1)) for j in range(size)]
        rows.append(
            np.stack([one if (i + j) % 2 == 0 else xp.negative(one) for j, one in enumerate(minors)], -1)
        )
    return np.stack(rows, -2)


det = Primitive(
    "det",
    forward=lambda xp, a: xp.det(a),
    gradients={"a": lambda xp, g, a: xp.multiply(g[..., None, None], _cofactors(xp, a))},
    tangents=lambda xp, change, y, a: xp.sum(xp.sum(xp.multiply(change, _cofactors(xp, a)), -1), -2).reshape(
        y.shape
    ),
    shape=_det_shape,
    latex=lambda a: Formula(rf"\det\left({a.text}\right)"),
    cost=lambda shape, a: Cost(multiply_adds=product(a) * a[-1]),
    gradient_work=lambda place, shape, a: 100 * count_entries(a) * count_entries(a[-2:]),
    expects="square matrices",
)


def _inverse(xp: Arithmetic, a: Array) -> Array:
    size = a.shape[-1]
    return _solve(xp, a, np.broadcast_to(xp.whole(np.eye(size, dtype=int)), a.shape))


def _solve(xp: Arithmetic, a: Array, b: Array) -> Array:
    """Solve for each matrix: exact numbers take one at a time, and a singular one spoils only its own."""
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    if not batch:
        return xp.solve(a, b)
    matrices, sides = (np.broadcast_to(one, (*batch, *one.shape[-2:])) for one in (a, b))
    solved = [xp.solve(matrices[at], sides[at]) for at in np.ndindex(*batch)]
    return np.stack(solved).reshape(*batch, *sides.shape[-2:])


def _transposed(a: Array) -> Array:
    return a.swapaxes(-1, -2)


def _inverse_gradient(xp: Arithmetic, g: Array, y: Array) -> Array:
    transposed = _transposed(y)
    return xp.negative(xp.matmul(xp.matmul(transposed, g), transposed))


def _work(shape: Shape, a: Shape, *b: Shape) -> int:
    """Return the work of solving a system of equations for each matrix."""
    columns = count_entries((b[0] if b else a)[-1:])
    rows = count_entries(a[-1:])
    return count_entries(a[:-2]) * (STEP + rows * rows * (rows + columns))


inv = Primitive(
    "inv",
    forward=_inverse,
    gradients={"a": _inverse_gradient},
    tangents=lambda xp, change, y, a: xp.negative(xp.matmul(xp.matmul(y, change), y)),
    shape=_square,
    latex=lambda a: Formula(a.scripted("^", "-1", POWER), POWER),
    cost=lambda shape, a: Cost(multiply_adds=product(a) * a[-1]),
    work=_work,
    expects="square matrices",
    hazard=SINGULAR,
)


def _solve_shape(a: Shape, b: Shape) -> Shape:
    _square(a)
    if len(b) < 2 or a[:-2] != b[:-2] or a[-1] != b[-2]:
        raise ShapeError(f"{show(b)} does not hold a right side for each row of {show(a)}")
    return b


solve = Primitive(
    "solve",
    forward=_solve,
    gradients={
        "a": lambda xp, g, y, a: xp.negative(xp.matmul(_solve(xp, _transposed(a), g), _transposed(y))),
        "b": lambda xp, g, a: _solve(xp, _transposed(a), g),
    },
    tangents="complex_step",
    shape=_solve_shape,
    latex=lambda a, b: Formula(f"{a.scripted('^', '-1', POWER)} {b.at(JOINED)}", JOINED),
    cost=lambda shape, a, b: Cost(multiply_adds=product(a) * (a[-1] + b[-1])),
    work=_work,
    gradient_work=lambda place, shape, a, b: 2 * _work(shape, a, b),
    expects="square matrices, and a right side for each of their rows",
    hazard=SINGULAR,
)

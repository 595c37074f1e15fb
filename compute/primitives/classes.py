"""Primitives of classes: what stands at the class of each sample, and classes as distributions.

A target holds the index of a class for each sample: a whole number from 0 on, or `ignored`, which takes the
sample out. Classes lie along `axis` of the other operand, or of the result.
"""

from contextlib import suppress
from typing import Any, Literal

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, Size, product, show, without
from compute.errors import UnfitEntries, describe_first_unfit
from compute.graph.primitive import Cost, Primitive, no_cost
from compute.graph.work import copy_work
from compute.latex import PRODUCT, SUM, Formula
from compute.primitives.scalars import count, known

INDICES: dict[str, tuple[Literal["real", "index"], ...]] = {"target": ("real", "index")}


def _classes(xp: Arithmetic, target: Array, classes: int, ignored: int | None) -> tuple[Array, Array | None]:
    """The classes as places, 0 for those that are ignored; and which these are, if any may be.

    Raises UnfitEntries.
    """
    if ignored is None or not 0 <= ignored < classes:
        with suppress(ValueError):
            return xp.places(target, classes - 1), None
    if ignored is not None:
        left_out = xp.equal(target, count(xp, ignored))
        with suppress(ValueError):
            return xp.places(xp.where(left_out, count(xp, 0), target), classes - 1), left_out
    also = "" if ignored is None else f", or {ignored} for what is ignored"
    checked = target if ignored is None else xp.where(left_out, count(xp, 0), target)
    received = describe_first_unfit(checked, lambda part: xp.places(part, classes - 1))
    expected = f"whole numbers from 0 to {classes - 1}{also}"
    raise UnfitEntries("target", "holds a number that is not a class", expected, received)


def _unless(xp: Arithmetic, left_out: Array | None, a: Array) -> Array:
    return a if left_out is None else xp.where(left_out, count(xp, 0), a)


def _pick(xp: Arithmetic, a: Array, target: Array, *, axis: int, ignored: int | None) -> Array:
    rows = np.moveaxis(a, axis, -1)
    places, left_out = _classes(xp, target, rows.shape[-1], ignored)
    return _unless(xp, left_out, xp.take(rows, places[..., None])[..., 0])


def _spread(xp: Arithmetic, g: Array, target: Array, classes: int, axis: int, ignored: int | None) -> Array:
    """Zeros, with each entry at the class of its sample; nothing where that is ignored."""
    places, left_out = _classes(xp, target, classes, ignored)
    found = xp.scatter(_unless(xp, left_out, g)[..., None], places[..., None], classes)
    return np.moveaxis(found, -1, axis)


def _pick_gradient(
    xp: Arithmetic, g: Array, target: Array, axis: int, ignored: int | None, shapes: Any
) -> Array:
    return _spread(xp, g, target, shapes[0][axis], axis, ignored)


def _pick_shape(a: Shape, target: Shape, *, axis: int, ignored: int | None) -> Shape:
    shape = without(a, axis)
    if shape != target:
        raise ShapeError(f"{show(target)} does not hold a class for each of {show(shape)}")
    return shape


def _pick_latex(a: Formula, target: Formula, axis: int, ignored: int | None) -> Formula:
    return Formula(rf"{a.at(PRODUCT)}\left[{target.text}\right]", PRODUCT)


# What stands at the class of each sample; 0 where it is ignored.
pick = Primitive(
    "pick",
    forward=_pick,
    gradients={"a": _pick_gradient},
    tangents="product",
    shape=_pick_shape,
    latex=_pick_latex,
    cost=no_cost,
    work=lambda shape, a, target, axis, ignored: 6 * copy_work(shape),
    operand_kinds=INDICES,
    expects="a class for each sample",
)


def _one_hot(xp: Arithmetic, target: Array, *, classes: int, axis: int, ignored: int | None) -> Array:
    ones = xp.whole(np.ones(target.shape, dtype=int))
    return _spread(xp, ones, target, classes, axis, ignored)


def _one_hot_shape(target: Shape, *, classes: Size, axis: int, ignored: int | None) -> Shape:
    at = len(target) + 1 + axis
    if not 0 <= at <= len(target):
        raise ShapeError(f"{show(target)} has fewer than {-axis - 1} axes")
    return (*target[:at], classes, *target[at:])


# A distribution for each sample that is all at its class; zeros where it is ignored.
one_hot = Primitive(
    "one_hot",
    forward=_one_hot,
    shape=_one_hot_shape,
    latex=lambda target, classes, axis, ignored: Formula(
        rf"\operatorname{{onehot}}\left({target.text}\right)"
    ),
    cost=no_cost,
    work=lambda shape, target, **settings: 8 * copy_work(target) + copy_work(shape),
    operand_kinds=INDICES,
    expects="a class for each sample",
)


def _counted(xp: Arithmetic, target: Array, *, classes: int, ignored: int | None, some: bool) -> Array:
    _, left_out = _classes(xp, target, classes, ignored)
    if some and left_out is not None and bool(known(left_out, True).all()):
        raise UnfitEntries(
            "target",
            "holds only ignored samples, so there is no mean",
            f"at least one class that is not {ignored}; or another reduction",
            f"{ignored} throughout",
        )
    return _unless(xp, left_out, xp.whole(np.ones(target.shape, dtype=int)))


def _not_ignored(xp: Arithmetic, target: Array, *, ignored: int) -> Array:
    return ~known(xp.equal(target, count(xp, ignored)), True)


# Whether each sample counts.
not_ignored = Primitive(
    "not_ignored",
    forward=_not_ignored,
    shape=lambda target, ignored: target,
    latex=lambda target, ignored: Formula(rf"\left[{target.text} \ne {ignored}\right]"),
    cost=no_cost,
    operand_kinds=INDICES,
    kind="boolean",
    expects="a class for each sample",
)

# 1 for each sample that counts, and 0 where it is ignored. some: refuse that all are.
counted = Primitive(
    "counted",
    forward=_counted,
    shape=lambda target, classes, ignored, some: target,
    latex=lambda target, classes, ignored, some: Formula(
        r"1" if ignored is None else rf"\mathbb{{1}}\left\{{{target.text} \ne {ignored}\right\}}"
    ),
    cost=no_cost,
    operand_kinds=INDICES,
    expects="a class for each sample",
)


def _surprise(xp: Arithmetic, a: Array, target: Array, *, axis: int, ignored: int | None) -> Array:
    return _surprise_keeping(xp, a, target, axis=axis, ignored=ignored)[0]


def _surprise_keeping(
    xp: Arithmetic, a: Array, target: Array, *, axis: int, ignored: int | None
) -> tuple[Array, Any]:
    """With the exponentials and their sums, and the classes."""
    rows = np.moveaxis(a, axis, -1)
    classes, left_out = _classes(xp, target, rows.shape[-1], ignored)
    exponentials = xp.exponentials(rows, -1)
    total = xp.sum(exponentials, -1)
    # The shift less the logit first: what is left of large logits has all its digits.
    apart = xp.subtract(xp.max_shift(rows, -1), xp.take(rows, classes[..., None]))
    losses = _unless(xp, left_out, xp.add(xp.log_total(exponentials, total, -1), apart)[..., 0])
    return losses, (exponentials, total, classes[..., None], left_out)


def _surprise_gradient(xp: Arithmetic, g: Array, kept: Any, axis: int) -> Array:
    """The softmax less the one-hot target, times what each sample counts; 0 for those ignored, NaN or not."""
    exponentials, total, classes, left_out = kept
    each = _unless(xp, left_out, g)[..., None]
    weights = xp.divide(exponentials, total)
    found = xp.multiply(weights, each)
    if classes.dtype.kind == "i":
        rest = xp.subtract(np.take_along_axis(found, classes, -1), each)
        np.put_along_axis(found, classes, rest, -1)
        found = xp.balanced(found, weights, -1)
    else:
        found = xp.subtract(found, xp.scatter(each, classes, exponentials.shape[-1]))
    found = _unless(xp, None if left_out is None else left_out[..., None], found)
    return np.moveaxis(found, -1, axis)


def _surprise_tangent(
    xp: Arithmetic, t: Array, y: Array, a: Array, target: Array, axis: int, ignored: int | None
) -> Array:
    _, (exponentials, total, classes, left_out) = _surprise_keeping(xp, a, target, axis=axis, ignored=ignored)
    rows = np.moveaxis(t, axis, -1)
    apart = xp.subtract(rows, xp.take(rows, classes))
    mean = xp.divide(xp.sum(xp.multiply(exponentials, apart), -1), total)
    return _unless(xp, left_out, mean[..., 0])


# -log softmax(a) at the class of each sample, without the softmax of the others; 0 where it is ignored.
class_surprise = Primitive(
    "class_surprise",
    forward=_surprise,
    keeping=_surprise_keeping,
    gradients={"a": _surprise_gradient},
    tangents=_surprise_tangent,
    shape=_pick_shape,
    latex=lambda a, target, axis, ignored: Formula(
        rf"-\log\operatorname{{softmax}}\left({a.text}\right)\left[{target.text}\right]", SUM
    ),
    cost=lambda shape, a, target, axis, ignored: Cost(elementwise=4 * product(a)),
    work=lambda shape, a, target, axis, ignored: 4 * copy_work(a) + 10 * copy_work(shape),
    scratch=lambda shape, a, target, axis, ignored: product(a),
    operand_kinds=INDICES,
    expects="a class for each sample",
)

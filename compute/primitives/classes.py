"""Primitives of class targets: entries and losses at the class of each sample, one-hot distributions.

A target holds the class index of each sample: a whole number from 0 on, or `ignored`, which excludes the
sample. Classes lie along `axis` of the other operand, or of the result.
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
from compute.primitives.scalars import count, is_known

INDICES: dict[str, tuple[Literal["real", "index"], ...]] = {"target": ("real", "index")}


def _classes(xp: Arithmetic, target: Array, classes: int, ignored: int | None) -> tuple[Array, Array | None]:
    """Return the class indices, 0 for ignored samples, and which samples are ignored (None if none can be).

    Raises UnfitEntries for entries that are not classes.
    """
    if ignored is None or not 0 <= ignored < classes:
        with suppress(ValueError):
            return xp.places(target, classes - 1), None
    if ignored is not None:
        is_ignored = xp.equal(target, count(xp, ignored))
        with suppress(ValueError):
            return xp.places(xp.where(is_ignored, count(xp, 0), target), classes - 1), is_ignored
    also = "" if ignored is None else f", or {ignored} for what is ignored"
    checked = target if ignored is None else xp.where(is_ignored, count(xp, 0), target)
    received = describe_first_unfit(checked, lambda part: xp.places(part, classes - 1))
    expected = f"whole numbers from 0 to {classes - 1}{also}"
    raise UnfitEntries("target", "holds a number that is not a class", expected, received)


def _zero_ignored(xp: Arithmetic, is_ignored: Array | None, a: Array) -> Array:
    return a if is_ignored is None else xp.where(is_ignored, count(xp, 0), a)


def _pick(xp: Arithmetic, a: Array, target: Array, *, axis: int, ignored: int | None) -> Array:
    rows = np.moveaxis(a, axis, -1)
    indices, is_ignored = _classes(xp, target, rows.shape[-1], ignored)
    return _zero_ignored(xp, is_ignored, xp.take(rows, indices[..., None])[..., 0])


def _scatter_to_classes(
    xp: Arithmetic, g: Array, target: Array, classes: int, axis: int, ignored: int | None
) -> Array:
    """Scatter each entry to the class of its sample, among zeros; all zeros for ignored samples."""
    indices, is_ignored = _classes(xp, target, classes, ignored)
    scattered = xp.scatter(_zero_ignored(xp, is_ignored, g)[..., None], indices[..., None], classes)
    return np.moveaxis(scattered, -1, axis)


def _pick_gradient(
    xp: Arithmetic, g: Array, target: Array, axis: int, ignored: int | None, shapes: Any
) -> Array:
    return _scatter_to_classes(xp, g, target, shapes[0][axis], axis, ignored)


def _pick_shape(a: Shape, target: Shape, *, axis: int, ignored: int | None) -> Shape:
    shape = without(a, axis)
    if shape != target:
        raise ShapeError(f"{show(target)} does not hold a class for each of {show(shape)}")
    return shape


def _pick_latex(a: Formula, target: Formula, axis: int, ignored: int | None) -> Formula:
    return Formula(rf"{a.at(PRODUCT)}\left[{target.text}\right]", PRODUCT)


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
    meaning="The entry at the class of each sample; 0 for ignored samples.",
)


def _one_hot(xp: Arithmetic, target: Array, *, classes: int, axis: int, ignored: int | None) -> Array:
    ones = xp.whole(np.ones(target.shape, dtype=int))
    return _scatter_to_classes(xp, ones, target, classes, axis, ignored)


def _one_hot_shape(target: Shape, *, classes: Size, axis: int, ignored: int | None) -> Shape:
    at = len(target) + 1 + axis
    if not 0 <= at <= len(target):
        raise ShapeError(f"{show(target)} has fewer than {-axis - 1} axes")
    return (*target[:at], classes, *target[at:])


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
    meaning="The one-hot distribution of each sample's class; zeros for ignored samples.",
)


def _sample_weights(xp: Arithmetic, target: Array, *, classes: int, ignored: int | None, some: bool) -> Array:
    _, is_ignored = _classes(xp, target, classes, ignored)
    if some and is_ignored is not None and bool(is_known(is_ignored, True).all()):
        raise UnfitEntries(
            "target",
            "holds only ignored samples, so there is no mean",
            f"at least one class that is not {ignored}; or another reduction",
            f"{ignored} throughout",
        )
    return _zero_ignored(xp, is_ignored, xp.whole(np.ones(target.shape, dtype=int)))


def _not_ignored(xp: Arithmetic, target: Array, *, ignored: int) -> Array:
    return ~is_known(xp.equal(target, count(xp, ignored)), True)


not_ignored = Primitive(
    "not_ignored",
    forward=_not_ignored,
    shape=lambda target, ignored: target,
    latex=lambda target, ignored: Formula(rf"\left[{target.text} \ne {ignored}\right]"),
    cost=no_cost,
    operand_kinds=INDICES,
    kind="boolean",
    expects="a class for each sample",
    meaning="Whether each sample is not ignored.",
)

counted = Primitive(
    "counted",
    forward=_sample_weights,
    shape=lambda target, classes, ignored, some: target,
    latex=lambda target, classes, ignored, some: Formula(
        r"1" if ignored is None else rf"\mathbb{{1}}\left\{{{target.text} \ne {ignored}\right\}}"
    ),
    cost=no_cost,
    operand_kinds=INDICES,
    expects="a class for each sample",
    meaning="1 for each sample that counts, 0 for ignored ones.",
)


def _class_loss(xp: Arithmetic, a: Array, target: Array, *, axis: int, ignored: int | None) -> Array:
    return _class_loss_keeping(xp, a, target, axis=axis, ignored=ignored)[0]


def _class_loss_keeping(
    xp: Arithmetic, a: Array, target: Array, *, axis: int, ignored: int | None
) -> tuple[Array, Any]:
    """Return the losses, and for the gradient the exponentials, their sums, and the classes."""
    rows = np.moveaxis(a, axis, -1)
    classes, is_ignored = _classes(xp, target, rows.shape[-1], ignored)
    exponentials = xp.exponentials(rows, -1)
    total = xp.sum(exponentials, -1)
    # Subtract the logit from the shift first: differences of large logits keep all digits.
    margin = xp.subtract(xp.max_shift(rows, -1), xp.take(rows, classes[..., None]))
    losses = _zero_ignored(xp, is_ignored, xp.add(xp.log_total(exponentials, total, -1), margin)[..., 0])
    return losses, (exponentials, total, classes[..., None], is_ignored)


def _class_loss_gradient(xp: Arithmetic, g: Array, kept: Any, axis: int) -> Array:
    """Return (softmax - one-hot target) times the upstream gradient; 0 for ignored samples, even if NaN."""
    exponentials, total, classes, is_ignored = kept
    upstream = _zero_ignored(xp, is_ignored, g)[..., None]
    weights = xp.divide(exponentials, total)
    gradient = xp.multiply(weights, upstream)
    if classes.dtype.kind == "i":
        rest = xp.subtract(np.take_along_axis(gradient, classes, -1), upstream)
        np.put_along_axis(gradient, classes, rest, -1)
        gradient = xp.balanced(gradient, weights, -1)
    else:
        gradient = xp.subtract(gradient, xp.scatter(upstream, classes, exponentials.shape[-1]))
    gradient = _zero_ignored(xp, None if is_ignored is None else is_ignored[..., None], gradient)
    return np.moveaxis(gradient, -1, axis)


def _class_loss_tangent(
    xp: Arithmetic, tangent: Array, y: Array, a: Array, target: Array, axis: int, ignored: int | None
) -> Array:
    _, (exponentials, total, classes, is_ignored) = _class_loss_keeping(
        xp, a, target, axis=axis, ignored=ignored
    )
    rows = np.moveaxis(tangent, axis, -1)
    relative = xp.subtract(rows, xp.take(rows, classes))
    mean = xp.divide(xp.sum(xp.multiply(exponentials, relative), -1), total)
    return _zero_ignored(xp, is_ignored, mean[..., 0])


class_surprise = Primitive(
    "class_surprise",
    forward=_class_loss,
    keeping=_class_loss_keeping,
    gradients={"a": _class_loss_gradient},
    tangents=_class_loss_tangent,
    shape=_pick_shape,
    latex=lambda a, target, axis, ignored: Formula(
        rf"-\log\operatorname{{softmax}}\left({a.text}\right)\left[{target.text}\right]", SUM
    ),
    cost=lambda shape, a, target, axis, ignored: Cost(elementwise=4 * product(a)),
    work=lambda shape, a, target, axis, ignored: 4 * copy_work(a) + 10 * copy_work(shape),
    scratch=lambda shape, a, target, axis, ignored: product(a),
    operand_kinds=INDICES,
    expects="a class for each sample",
    meaning="-log softmax(a) at the class of each sample; 0 for ignored samples.",
)

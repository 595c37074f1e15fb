"""The logarithm of the sigmoid, which stays finite where the sigmoid itself is 0 in floating point."""

from compute.latex import PRODUCT, Formula
from compute.primitive import Primitive

log_sigmoid = Primitive(
    "log_sigmoid",
    forward=lambda xp, a: xp.negative(xp.softplus(xp.negative(a))),
    gradients={"a": lambda xp, g, a: xp.multiply(g, xp.sigmoid(xp.negative(a)))},
    tangents="symmetric",
    shape=lambda a: a,
    latex=lambda a: Formula(rf"\log \sigma\left({a.text}\right)", PRODUCT),
    expects="any shape",
)

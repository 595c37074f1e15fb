"""Functions that draw random numbers from a seed: distributions, and initializers of weights.

The same seed gives the same numbers everywhere; two tensors with different seeds are independent.
"""

from typing import Literal

from compute.arithmetic.expressions import HALF, Expression, number_expression, parse
from compute.dimensions import ShapeError, Size, product, show
from compute.graph.graph import Graph, Value, apply
from compute.operations.framework.constants import add_literal, add_size
from compute.operations.framework.declaration import Constant
from compute.programs.declaration import Extents, function, read_constant

DRAWS = "random draws"
LEAST = {"shape": 1, "seed": 0}
MATRIX = 2  # axes; with more, weights are kernels of convolutions
Mode = Literal["fan_in", "fan_out"]


def _root(number: int) -> Expression:
    return parse(f"sqrt({number})")


def _draw(graph: Graph, shape: Extents, seed: int, family: Literal["uniform", "normal"]) -> Value:
    return apply("random_draw", graph=graph, to=shape, seed=seed, family=family)


def _centred(graph: Graph, shape: Extents, seed: int) -> Value:
    """Draw numbers uniform on [-1, 1)."""
    return add_literal(graph, 2) * _draw(graph, shape, seed, "uniform") - add_literal(graph, 1)


@function(DRAWS, "y = random_uniform((2, 2), seed=1)", minimum=LEAST)
def random_uniform(
    graph: Graph, shape: Extents, low: Constant = 0, high: Constant = 1, *, seed: int
) -> Value:
    """Numbers drawn uniformly from low to below high."""
    first, last = read_constant(low), read_constant(high)
    width = add_literal(graph, last) - add_literal(graph, first)
    return add_literal(graph, first) + width * _draw(graph, shape, seed, "uniform")


@function(DRAWS, "y = random_normal((2, 2), seed=1)", minimum=LEAST)
def random_normal(graph: Graph, shape: Extents, mean: Constant = 0, std: Constant = 1, *, seed: int) -> Value:
    """Numbers drawn from a normal distribution, by the transformation of Box and Muller."""
    scale = add_literal(graph, read_constant(std))
    return add_literal(graph, read_constant(mean)) + scale * _draw(graph, shape, seed, "normal")


@function(DRAWS, "y = bernoulli(4, p=0.3, seed=1)", minimum=LEAST)
def bernoulli(graph: Graph, shape: Extents, p: Constant = 0.5, *, seed: int) -> Value:
    """Ones with probability p among zeros, drawn as the masks of dropout are."""
    rate = Expression("subtract", (number_expression(1), read_constant(p)))
    mask = apply("bernoulli_mask", graph=graph, to=shape, seed=seed, expression=rate, sizes={})
    return apply("indicator", mask)


def _find_fans(shape: Extents) -> tuple[Size, Size]:
    """Return fan_in and fan_out of a matrix (in, out), or of a kernel (filters, channels, extents)."""
    if len(shape) < MATRIX:
        raise ShapeError(f"weights of shape {show(shape)} have no fan: it takes at least two axes")
    if len(shape) == MATRIX:
        return shape[0], shape[1]
    window = product(shape[2:])
    return shape[1] * window, shape[0] * window


def _scale(graph: Graph, gain: Constant, squared: int, fan: Size) -> Value:
    """Return gain * sqrt(squared / fan)."""
    factor = Expression("multiply", (read_constant(gain), _root(squared)))
    if isinstance(fan, int):
        return add_literal(graph, Expression("divide", (factor, _root(fan))))
    return add_literal(graph, factor) / apply("power", add_size(graph, fan), exponent=HALF)


@function(DRAWS, "y = xavier_uniform((2, 3), seed=1)", minimum=LEAST)
def xavier_uniform(graph: Graph, shape: Extents, gain: Constant = 1, *, seed: int) -> Value:
    """Weights drawn uniformly up to gain sqrt(6 / (fan_in + fan_out)), by Glorot and Bengio."""
    fan_in, fan_out = _find_fans(shape)
    return _scale(graph, gain, 6, fan_in + fan_out) * _centred(graph, shape, seed)


@function(DRAWS, "y = xavier_normal((2, 3), seed=1)", minimum=LEAST)
def xavier_normal(graph: Graph, shape: Extents, gain: Constant = 1, *, seed: int) -> Value:
    """Weights drawn normally with standard deviation gain sqrt(2 / (fan_in + fan_out))."""
    fan_in, fan_out = _find_fans(shape)
    return _scale(graph, gain, 2, fan_in + fan_out) * _draw(graph, shape, seed, "normal")


@function(DRAWS, "y = he_uniform((2, 3), seed=1)", minimum=LEAST)
def he_uniform(
    graph: Graph, shape: Extents, gain: Constant = "sqrt(2)", mode: Mode = "fan_in", *, seed: int
) -> Value:
    """Weights drawn uniformly up to gain sqrt(3 / fan), by He et al."""
    fan = _find_fans(shape)[mode == "fan_out"]
    return _scale(graph, gain, 3, fan) * _centred(graph, shape, seed)


@function(DRAWS, "y = he_normal((2, 3), seed=1)", minimum=LEAST)
def he_normal(
    graph: Graph, shape: Extents, gain: Constant = "sqrt(2)", mode: Mode = "fan_in", *, seed: int
) -> Value:
    """Weights drawn normally with standard deviation gain / sqrt(fan), by He et al."""
    fan = _find_fans(shape)[mode == "fan_out"]
    return _scale(graph, gain, 1, fan) * _draw(graph, shape, seed, "normal")


@function(DRAWS, "y = lecun_uniform((2, 3), seed=1)", minimum=LEAST)
def lecun_uniform(graph: Graph, shape: Extents, *, seed: int) -> Value:
    """Weights drawn uniformly up to sqrt(3 / fan_in), by LeCun et al."""
    return _scale(graph, 1, 3, _find_fans(shape)[0]) * _centred(graph, shape, seed)


@function(DRAWS, "y = lecun_normal((2, 3), seed=1)", minimum=LEAST)
def lecun_normal(graph: Graph, shape: Extents, *, seed: int) -> Value:
    """Weights drawn normally with standard deviation sqrt(1 / fan_in), by LeCun et al."""
    return _scale(graph, 1, 1, _find_fans(shape)[0]) * _draw(graph, shape, seed, "normal")

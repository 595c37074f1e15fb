"""The error function of arrays, which NumPy lacks, and the normal distribution function.

Around each of many nodes c the error function is its Taylor series,

    erf(c + r) = erf(c) + 2/sqrt(pi) exp(-c^2) sum over n of (-1)^n H_n(c) r^(n + 1) / (n + 1)!

with the Hermite polynomials H_n; nodes are so close that five terms give all digits. A number uses the node
below it: nothing is subtracted then, so that small numbers keep all digits too.

The lower tail of the normal distribution, where 1 + erf would cancel, is its density times Laplace's
continued fraction of Mills' ratio.

Source: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 7.1.19 for the derivatives, 26.2.14
for the continued fraction.
"""

import math
from collections.abc import Callable

import numpy as np

from compute.arithmetic.namespace import Array

NODES = 512  # in an interval of length 1
LAST = 6  # erf rounds to 1 in float64 from here on
BLOCK = 8192  # numbers of a block, which stay in the processor's cache
TAIL = 4.5  # below minus this the continued fraction is used
TERMS = 28  # of the continued fraction, so that the rest is below 2e-16 where the tail begins
FARTHEST = 39.0  # below minus this the distribution function is less than the least float64

_AT = [node / NODES for node in range(NODES * LAST + 1)]
_VALUES = np.array([math.erf(c) for c in _AT])
_COMPLEMENTS = np.array([math.erfc(c) for c in _AT])
_SLOPES = np.array([2 / math.sqrt(math.pi) * math.exp(-c * c) for c in _AT])


def erf(a: Array) -> Array:
    """Return the error function of each entry, with a relative error below 4e-16, computed in float64."""

    def rule(block: Array, work: Array, nodes: Array) -> Array:
        np.absolute(block, out=work[0])
        increase = _increase(work, nodes)
        np.take(_VALUES, nodes, out=work[0], mode="clip")
        np.add(increase, work[0], out=increase)
        return np.copysign(increase, block)

    return _in_blocks(rule, a)


def normal_cdf(a: Array) -> Array:
    """Return the standard normal distribution function, (1 + erf(a / sqrt(2))) / 2, of each entry.

    Its relative error is below 6e-15, also in the lower tail; it is computed in float64.
    """

    def rule(block: Array, work: Array, nodes: Array) -> Array:
        np.absolute(block, out=work[0])
        np.multiply(work[0], math.sqrt(0.5), out=work[0])
        increase = _increase(work, nodes)
        np.take(_COMPLEMENTS, nodes, out=work[0], mode="clip")
        np.subtract(work[0], increase, out=increase)
        np.multiply(increase, 0.5, out=increase)
        # The tail below a negative number, and 1 less the tail above a positive one.
        np.subtract(block > 0, increase, out=increase)
        return np.absolute(increase, out=increase)

    found = _in_blocks(rule, a)
    far = np.less(a, -TAIL)
    if far.any():
        found[far] = _tail(np.minimum(-a[far].astype(np.float64), FARTHEST))
    return found


def normal_density(b: Array) -> Array:
    """Return the standard normal density at numbers from 0 on, with a relative error below 4e-16.

    The high part of the number has an exact square, so that exp does not magnify a rounding error.
    """
    high = np.floor(b * 1024) / 1024
    found: Array = np.exp(high * high / -2) * np.exp((high - b) * (high + b) / 2)
    return found * (1 / math.sqrt(2 * math.pi))


def _tail(b: Array) -> Array:
    """Return the distribution function at -b."""
    fraction: Array = b
    for term in range(TERMS, 0, -1):
        fraction = b + term / fraction
    return normal_density(b) / fraction


def _in_blocks(rule: Callable[[Array, Array, Array], Array], a: Array) -> Array:
    """Apply a rule (block, work, nodes) block by block, with arrays to work in."""
    numbers = np.ascontiguousarray(a).reshape(-1)
    result = np.empty(numbers.shape, dtype=numbers.dtype)
    size = min(BLOCK, numbers.size)
    work = np.empty((6, size))
    nodes = np.empty(size, dtype=np.intp)
    with np.errstate(invalid="ignore", under="ignore"):
        for start in range(0, numbers.size, BLOCK):
            block = numbers[start : start + BLOCK]
            count = block.size
            result[start : start + BLOCK] = rule(block, work[:, :count], nodes[:count])
    return result.reshape(np.shape(a))


def _increase(work: Array, nodes: Array) -> Array:
    """Return the difference of the error function from its value at the node below.

    The first row of `work` holds the numbers, from 0 on; numbers beyond the last node are clipped to it. NaN
    stays NaN.
    """
    r: Array
    r, c, u, v, total, part = work
    np.minimum(r, LAST, out=r)
    np.multiply(r, NODES, out=c)
    np.floor(c, out=c)
    np.copyto(nodes, c, casting="unsafe")
    np.multiply(c, 1 / NODES, out=c)
    np.subtract(r, c, out=r)
    np.multiply(c, r, out=u)
    np.multiply(r, r, out=v)
    # The sum over n, without its factor r, by powers of u = c r and v = r^2.
    np.multiply(u, 2 / 15, out=total)
    for coefficient in (-1 / 3, 2 / 3, -1):
        np.add(total, coefficient, out=total)
        np.multiply(total, u, out=total)
    np.multiply(u, -2 / 5, out=part)
    np.add(part, 1 / 2, out=part)
    np.multiply(part, u, out=part)
    np.subtract(part, 1 / 3, out=part)
    np.multiply(v, 1 / 10, out=c)
    np.add(part, c, out=part)
    np.multiply(part, v, out=part)
    np.add(total, part, out=total)
    # r (1 + total), where 1 is added last so that it rounds once.
    np.multiply(total, r, out=total)
    np.add(total, r, out=total)
    np.take(_SLOPES, nodes, out=part, mode="clip")
    increase: Array = np.multiply(total, part, out=total)
    return increase

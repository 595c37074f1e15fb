"""The error function of many numbers at once, which NumPy does not have.

About each of many nodes c it is its Taylor series,

    erf(c + r) = erf(c) + 2/sqrt(pi) exp(-c^2) sum over n of (-1)^n H_n(c) r^(n + 1) / (n + 1)!

with Hermite's polynomials H_n; nodes stand so close that five terms give all digits. A number is taken from
the node below it: nothing is subtracted then, so that small numbers keep all digits too.

Source: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 7.1.19 for the derivatives.
"""

import math

import numpy as np

from compute.arithmetic.namespace import Array

NODES = 512  # in an interval of length 1
LAST = 6  # from where on 1 is the nearest float64
BLOCK = 8192  # numbers that are worked on at a time, which stay in a processor's cache

_AT = [node / NODES for node in range(NODES * LAST + 1)]
_VALUES = np.array([math.erf(c) for c in _AT])
_SLOPES = np.array([2 / math.sqrt(math.pi) * math.exp(-c * c) for c in _AT])


def erf(a: Array) -> Array:
    """The error function of each entry, within 4e-16 of its size; float32 is worked on as float64."""
    numbers = np.ascontiguousarray(a).reshape(-1)
    result = np.empty(numbers.shape, dtype=numbers.dtype)
    size = min(BLOCK, numbers.size)
    work = np.empty((6, size))
    nodes = np.empty(size, dtype=np.intp)
    with np.errstate(invalid="ignore", under="ignore"):
        for start in range(0, numbers.size, BLOCK):
            block = numbers[start : start + BLOCK]
            count = block.size
            _positive(block, work[:, :count], nodes[:count])
            np.copysign(work[0, :count], block, out=result[start : start + BLOCK])
    return result.reshape(np.shape(a))


def _positive(block: Array, work: Array, nodes: Array) -> None:
    """The error function of the absolute values, in the first row of `work`. NaN stays what it is."""
    r, c, u, v, total, part = work
    np.absolute(block, out=r)
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
    np.multiply(total, part, out=total)
    np.take(_VALUES, nodes, out=part, mode="clip")
    np.add(total, part, out=r)

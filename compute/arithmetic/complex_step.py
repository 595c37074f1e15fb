"""Complex-step differentiation: a tiny imaginary part carries a derivative to the last digit.

For a real analytic f, f(x + ih) = f(x) + ih f'(x) + O(h^2): with h = 1e-30 the imaginary part over h is the
derivative, and no subtraction can cancel. Comparisons use the real parts.

Source: Squire and Trapp, Using complex variables to estimate derivatives of real functions (1998).
"""

import numpy as np

from compute.arithmetic.error_function import erf, normal_cdf
from compute.arithmetic.floating import Floating
from compute.arithmetic.namespace import Array

STEP = 1e-30


class ComplexStep(Floating):
    """The arithmetic namespace over complex numbers with tiny imaginary parts."""

    def __init__(self) -> None:
        super().__init__("float64")
        self.dtype = np.dtype(np.complex128)
        self.maximum = lambda a, b: np.where(a.real >= b.real, a, b)
        self.minimum = lambda a, b: np.where(a.real <= b.real, a, b)
        self.erf = _erf
        self.normal_cdf = _normal_cdf
        self.greater = lambda a, b: np.real(a) > np.real(b)
        self.greater_equal = lambda a, b: np.real(a) >= np.real(b)
        self.equal = lambda a, b: np.real(a) == np.real(b)
        self.sign = lambda a: np.sign(np.real(a))
        self.absolute = lambda a: np.where(np.real(a) < 0, -a, a)
        self.floor = lambda a: np.floor(np.real(a))
        self.rint = lambda a: np.rint(np.real(a))
        self.remainder = lambda a, b: a - b * np.floor(np.real(a) / np.real(b))

    def sigmoid(self, a: Array) -> Array:
        negative = np.where(np.real(a) >= 0, -a, a)
        small = np.exp(negative) / (1 + np.exp(negative))
        found: Array = np.where(np.real(a) >= 0, 1 - small, small)
        return found

    def softplus(self, a: Array) -> Array:
        negative = np.where(np.real(a) >= 0, -a, a)
        # NumPy's log1p of complex numbers loses the digits of small ones.
        decay = np.exp(negative)
        grown = np.log1p(np.real(decay)) + 1j * np.imag(decay) / (1 + np.real(decay))
        found: Array = np.where(np.real(a) >= 0, a + grown, grown)
        return found

    def max_shift(self, a: Array, axis: int) -> Array:
        return super().max_shift(np.real(a), axis)

    def exponentials(self, a: Array, axis: int) -> Array:
        found: Array = np.exp(a - self.max_shift(a, axis))
        return found

    def places(self, numbers: Array, last: int) -> Array:
        return super().places(np.real(numbers), last)

    def softmax_divide(self, parts: Array, total: Array) -> Array:
        return np.divide(parts, np.where(np.real(total) == 0, self._least, total))

    def log_total(self, exponentials: Array, total: Array, axis: int) -> Array:  # noqa: ARG002 - the namespace has it
        return np.log(np.where(np.real(total) == 0, 1, total))

    def balanced(self, a: Array, weights: Array, axis: int) -> Array:
        return super().balanced(a, np.real(weights), axis)

    def scatter(self, a: Array, places: Array, size: int) -> Array:
        found = self.zeros((*a.shape[:-1], size))
        for row in np.ndindex(a.shape[:-1]):
            np.add.at(found[row], places[row], a[row])
        return found

    def argmax(self, a: Array, axis: int) -> Array:
        return super().argmax(np.real(a), axis)

    def argsort(self, a: Array, axis: int) -> Array:
        return super().argsort(np.real(a), axis)

    def round_to(self, a: Array, digits: int, least: int, largest: float, beyond: float) -> Array:
        """Return the rounded numbers, with the derivative of the identity."""
        return super().round_to(np.real(a), digits, least, largest, beyond) + 1j * np.imag(a)

    def is_finite(self, a: Array) -> bool:
        return bool(np.isfinite(a).all())


def _erf(a: Array) -> Array:
    real = np.real(a)
    found: Array = erf(real) + 1j * np.imag(a) * (2 / np.sqrt(np.pi)) * np.exp(-real * real)
    return found


def _normal_cdf(a: Array) -> Array:
    real = np.real(a)
    density = np.exp(real * real / -2) / np.sqrt(2 * np.pi)
    found: Array = normal_cdf(real) + 1j * np.imag(a) * density
    return found


COMPLEX_STEP = ComplexStep()

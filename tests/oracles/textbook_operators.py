"""ONNX's training operators (ai.onnx.preview.training, version 1) on single numbers, in the names of their
documentation, and Newton's method for two parameters. Defaults are the documentation's.
"""

from collections.abc import Callable
from math import sqrt

Matrix = tuple[tuple[float, float], tuple[float, float]]


def momentum(
    R: float, T: int, X: float, G: float, V: float,
    *, alpha: float, beta: float, mode: str, norm_coefficient: float,
) -> tuple[float, float]:  # fmt: skip
    """Return X_new and V_new. All four attributes are required."""
    G_regularized = norm_coefficient * X + G
    V_new = alpha * V + (beta if T > 0 else 1) * G_regularized
    if mode == "nesterov":
        return X - R * (G_regularized + alpha * V_new), V_new
    return X - R * V_new, V_new


def adagrad(
    R: float, T: int, X: float, G: float, H: float,
    *, decay_factor: float = 0.0, epsilon: float = 1e-6, norm_coefficient: float = 0.0,
) -> tuple[float, float]:  # fmt: skip
    """Return X_new and H_new."""
    G_regularized = norm_coefficient * X + G
    H_new = H + G_regularized * G_regularized
    return X - R / (1 + T * decay_factor) * G_regularized / (sqrt(H_new) + epsilon), H_new


def adam(
    R: float, T: int, X: float, G: float, V: float, H: float,
    *, alpha: float = 0.9, beta: float = 0.999, epsilon: float = 1e-6,
    norm_coefficient: float = 0.0, norm_coefficient_post: float = 0.0,
) -> tuple[float, float, float]:  # fmt: skip
    """Return X_final, V_new and H_new."""
    G_regularized = norm_coefficient * X + G
    V_new = alpha * V + (1 - alpha) * G_regularized
    H_new = beta * H + (1 - beta) * G_regularized * G_regularized
    R_adjusted = R * sqrt(1 - beta**T) / (1 - alpha**T) if T > 0 else R
    X_new = X - R_adjusted * V_new / (sqrt(H_new) + epsilon)
    return (1 - norm_coefficient_post) * X_new, V_new, H_new


def newton(
    gradient: Callable[[list[float]], list[float]],
    hessian: Callable[[list[float]], Matrix],
    start: list[float],
    steps: int,
    *,
    learning_rate: float = 1.0,
    damping: float = 0.0,
) -> list[list[float]]:
    """Two parameters after each step: (H + damping I) d = g by Cramer's rule, then x - learning_rate d
    (Nocedal and Wright 2006, section 3.3; the damping is Levenberg's of 1944, on the whole Hessian).
    """
    x, found = list(start), []
    for _ in range(steps):
        first, second = gradient(x)
        (a, b), (c, d) = hessian(x)
        a, d = a + damping, d + damping
        determinant = a * d - b * c
        x = [
            x[0] - learning_rate * (first * d - b * second) / determinant,
            x[1] - learning_rate * (a * second - c * first) / determinant,
        ]
        found.append(list(x))
    return found

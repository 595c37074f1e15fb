"""Products of a scalar's Hessian with a vector, and the whole Hessian.

In floats the product is the derivative of the gradient along the vector, by a complex step: with h = 1e-30,
the imaginary part of grad(w + i h v) over h, to the last digits of float64. In exact arithmetic the gradient
is differentiated in symbols.

Source: Pearlmutter, Fast exact multiplication by the Hessian (1994); Squire and Trapp, Using complex
variables to estimate derivatives of real functions (1998).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from compute.arithmetic.complex_step import COMPLEX_STEP, STEP
from compute.arithmetic.namespace import Array
from compute.dimensions import product, show
from compute.errors import at
from compute.graph.spec import Tensor
from compute.question.declared_readings.declaration import (
    Amounts,
    AnswerPart,
    Execution,
    PlannedReading,
    Planning,
    Reading,
    RequestField,
    Work,
)
from compute.question.declared_readings.jacobian import check_path, known_value
from compute.question.plan_bytes import differentiation_bytes, evaluation_bytes
from compute.question.predicted_size import predict_backward_pass
from compute.question.sent_values import known_size
from compute.readings.described import described
from compute.readings.evaluation import Evaluation
from compute.readings.reverse_mode import Differentiation, numeric_shape

FIELD = "hessian_vector"
COMPLEX = 4  # times the work of real numbers
Derivative = Callable[[Array], Array]
"""The derivative of the gradient along a vector."""


@dataclass(frozen=True, slots=True)
class HessianVector:
    """Second derivatives of a scalar with respect to a value."""

    of: str = described("The scalar that is differentiated twice: a value with one entry.")
    wrt: str = described("The value that it is differentiated with respect to.")
    vector: Tensor | None = described(
        "The vector, in the shape of `wrt`. Without it the whole Hessian is returned.", default=None
    )
    hessian: bool = described("Whether to return the whole Hessian beside the product.", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HessianVectorProduct:
    """Second derivatives of a scalar with respect to a value."""

    of: str
    wrt: str
    product: Array = described("The Hessian times the vector, in the shape of `wrt`.", default=None)
    hessian: Array = described("The Hessian: in the shape of `wrt` twice over.", default=None)


class _Planned(PlannedReading):
    def __init__(self, planning: Planning, request: HessianVector) -> None:
        main = planning.evaluation
        self._request, self._main = request, main
        self._is_whole = request.hessian or request.vector is None
        of = self._of = known_value(main, (FIELD, "of"), request.of)
        wrt = self._wrt = known_value(main, (FIELD, "wrt"), request.wrt)
        if product(of.shape) != 1:
            message = f"{request.of} is not a scalar"
            raise at((FIELD, "of"), message, "a value with one entry", f"shape {show(of.shape)}")
        if request.vector is not None and request.vector.shape != wrt.shape:
            raise at((FIELD, "vector"), f"the shape of the vector does not fit {request.wrt}",
                     f"shape {show(wrt.shape)}", f"shape {show(request.vector.shape)}")  # fmt: skip
        main.request([wrt.index])
        arithmetic = main.arithmetic if main.arithmetic.simplifies else COMPLEX_STEP
        # The value is an input of its own here, so that nothing before it changes with it.
        self._evaluation = Evaluation(planning.graph, arithmetic, {*main.known, wrt.index})
        self._backward = Differentiation(self._evaluation, {of.index}, [wrt.index])
        check_path(self._backward, (FIELD, "wrt"), of, request.wrt)

    @property
    def _entries(self) -> int:
        return known_size(product(self._wrt.shape))

    @property
    def _passes(self) -> int:
        return (self._entries if self._is_whole else 0) + (self._request.vector is not None)

    def predict(self, work: Work) -> Amounts:
        computed = self._evaluation.computed_values()
        backward, held = predict_backward_pass(self._backward)
        forward = sum(value.applied.work for value in computed if value.applied is not None)
        kept = sum(known_size(product(value.shape)) for value in computed)
        self.held = evaluation_bytes(self._evaluation) + differentiation_bytes(self._backward)
        answer = sum(count for _, count in self.sent())
        return Amounts(
            work=COMPLEX * self._passes * (forward + backward),
            entries=answer,
            transient=2 * (kept + held),
            answer=answer,
            differentiates=True,
        )

    def sent(self) -> Iterable[tuple[str, int]]:
        request, entries = self._request, self._entries
        if request.vector is not None:
            yield f"the Hessian of {request.of} by {request.wrt} times a vector", entries
        if self._is_whole:
            yield f"the Hessian of {request.of} by {request.wrt}", entries * entries

    def run(self, run: Execution) -> HessianVectorProduct:
        point = run.values[self._wrt.index]
        known = {index: run.values[index] for index in self._main.known}
        differentiate = self._symbolic if self._main.arithmetic.simplifies else self._by_complex_step
        derivative = differentiate(known, point)
        along: Any = None  # and left out
        hessian: Any = None
        if self._request.vector is not None:
            along = derivative(run.tensors["vector"])
        if self._is_whole:
            rows = [derivative(self._main.arithmetic.one_hot(point.shape, at)) for at in range(point.size)]
            hessian = np.stack(rows).reshape((*point.shape, *point.shape))
        return HessianVectorProduct(
            of=self._request.of, wrt=self._request.wrt, product=along, hessian=hessian
        )

    def _gradient(self, known: Mapping[int, Array], point: Array) -> Array:
        """Return the gradient at a point; zeros if the scalar does not depend on the value."""
        if self._wrt.index not in self._backward.cotangents:
            return self._evaluation.arithmetic.zeros(point.shape)
        values = self._evaluation.run({**known, self._wrt.index: point})
        seed = self._evaluation.arithmetic.one_hot(numeric_shape(self._of.shape) or (), 0)
        return self._backward.run(values, {self._of.index: seed}).totals[self._wrt.index]

    def _by_complex_step(self, known: Mapping[int, Array], point: Array) -> Derivative:
        lifted = {index: _complex(array) for index, array in known.items()}

        def derivative(vector: Array) -> Array:
            scale = np.abs(vector).max(initial=0.0) or 1.0  # so that the step is tiny whatever the vector
            if not np.isfinite(scale):
                scale = 1.0
            step = point.astype(np.float64) + 1j * STEP * (vector.astype(np.float64) / scale)
            gradient = self._gradient(lifted, step)
            return (np.imag(gradient) / STEP * scale).astype(point.dtype)

        return derivative

    def _symbolic(self, known: Mapping[int, Array], point: Array) -> Derivative:
        arithmetic: Any = self._main.arithmetic
        symbols = arithmetic.placeholders(self._request.wrt, point.shape)
        gradient = self._gradient(known, symbols)
        values = dict(zip(symbols.flat, point.flat, strict=True))
        name = f"the Hessian of {self._request.of} by {self._request.wrt}"

        def derivative(vector: Array) -> Array:
            weights = list(zip(symbols.flat, vector.flat, strict=True))
            entries = np.empty(gradient.shape, dtype=object)
            for place, slope in np.ndenumerate(gradient):
                terms = (slope.diff(symbol) * weight for symbol, weight in weights if weight != 0)
                entries[place] = sum(terms, slope * 0).xreplace(values)
            simplified: Array = arithmetic.simplify(entries, name)
            return simplified

        return derivative


def _complex(array: Array) -> Array:
    return array.astype(np.complex128) if array.dtype.kind == "f" else array


class HessianVectorReading(Reading):
    """Second derivatives of a scalar: the product of its Hessian with a vector, and the whole Hessian."""

    field = RequestField(
        FIELD,
        HessianVector | None,
        None,
        "Second derivatives to return: of a scalar, with respect to any value.",
    )
    part = AnswerPart(FIELD, HessianVectorProduct, "The second derivatives that were asked for.")

    def names(self, request: HessianVector) -> Iterable[str]:
        return request.of, request.wrt

    def plan(self, planning: Planning, request: HessianVector) -> PlannedReading:
        return _Planned(planning, request)

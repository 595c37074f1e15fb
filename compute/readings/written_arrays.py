"""An arithmetic namespace that writes formulas: rules of primitives run on arrays without entries.

A gradient rule that calls only the namespace and moves axes writes its own formula in this way, so that the
formula is the computation. Rules that work on single entries raise NotWritten.
"""

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import Expression, number_expression
from compute.arithmetic.namespace import Array
from compute.dimensions import Size
from compute.graph.primitive import REGISTRY
from compute.latex import CONDITION, PRODUCT, Formula, constant_latex
from compute.readings.formulas import LONGEST

ZERO, ONE = "0", "1"
ELEMENTWISE = frozenset({
    "add", "subtract", "multiply", "divide", "negative", "exp", "log", "log1p", "expm1", "tanh", "sigmoid",
    "sin", "cos", "absolute", "softplus", "erf", "sqrt",
})  # fmt: skip


class NotWritten(Exception):
    """A rule works on single entries, so that it has no formula."""


class WrittenArray:
    """An array of which only the formula and the shape are known.

    transpose: returns the transposed matrix, if that is simpler than the formula with a mark.
    """

    __slots__ = ("formula", "shape", "transpose")

    def __init__(
        self, formula: Formula, shape: tuple[int, ...], transpose: "Callable[[], WrittenArray] | None" = None
    ) -> None:
        if len(formula.text) > LONGEST:
            raise NotWritten
        self.formula = formula._replace(scalar=not shape)
        self.shape = shape
        self.transpose = transpose

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[np.bool_]:
        """Booleans: rules ask for the type of masks alone."""
        return np.dtype(bool)

    @property
    def T(self) -> "WrittenArray":  # noqa: N802 - NumPy's name
        """The transposed matrix."""
        return self.swapaxes(-1, -2)

    def swapaxes(self, first: int, second: int) -> "WrittenArray":
        """Return the array with its last two axes in the other order. Raises NotWritten for others."""
        if {first % self.ndim, second % self.ndim} != {self.ndim - 1, self.ndim - 2}:
            raise NotWritten
        if self.transpose is not None:
            return self.transpose()
        written = REGISTRY["transpose"].latex(self.formula)
        return WrittenArray(written, (*self.shape[:-2], self.shape[-1], self.shape[-2]), lambda: self)

    def reshape(self, *shape: Any) -> "WrittenArray":
        """Return the array with other axes, which its formula does not mention."""
        sizes = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else shape
        known = int(np.prod([size for size in sizes if size != -1], dtype=int))
        missing = int(np.prod(self.shape, dtype=int)) // max(known, 1)
        return self._keep(tuple(missing if size == -1 else size for size in sizes))

    def squeeze(self, axis: int) -> "WrittenArray":
        """Return the array without an axis of size 1."""
        shape = list(self.shape)
        del shape[axis]
        return self._keep(tuple(shape))

    def item(self) -> int | str:
        """Return 0 for a written zero, and the formula of anything else."""
        return 0 if self.formula.text == ZERO else self.formula.text

    def astype(self, *_: Any, **__: Any) -> "WrittenArray":
        """Return the array itself."""
        return self

    def __array_function__(self, function: Any, _: Any, arguments: Any, options: Any) -> "WrittenArray":
        array, second = (*arguments, *options.values())[:2]
        if function is np.broadcast_to:
            return self._keep(tuple(second))
        if function is np.expand_dims:
            added = second if isinstance(second, tuple) else (second,)
            rank = self.ndim + len(added)
            places, sizes = {axis % rank for axis in added}, iter(array.shape)
            return self._keep(tuple(1 if place in places else next(sizes) for place in range(rank)))
        raise NotWritten

    def _keep(self, shape: tuple[int, ...]) -> "WrittenArray":
        return WrittenArray(self.formula, shape)

    def _refuse(self, *_: Any) -> NoReturn:
        raise NotWritten

    __array__ = __getitem__ = __setitem__ = __iter__ = __bool__ = __float__ = __len__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __matmul__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = __invert__ = _refuse

    def __getattr__(self, name: str) -> NoReturn:
        raise NotWritten


class FormulaWriter:
    """The arithmetic namespace over `WrittenArray`.

    It takes the branches of finite numbers that are in order, and writes functions as their primitives do.
    """

    name = "written"
    ordered = True
    simplifies = True
    negative_infinity = -np.inf

    def __getattr__(self, name: str) -> Callable[..., WrittenArray]:
        if name not in ELEMENTWISE:
            raise NotWritten
        return lambda *arrays: self._apply(name, *arrays)

    def constant(self, expression: Expression, sizes: dict[str, Size]) -> WrittenArray:
        return WrittenArray(constant_latex(expression), ())

    def whole(self, numbers: Array) -> WrittenArray:
        return _lift(numbers)

    def zeros(self, shape: tuple[int, ...]) -> WrittenArray:
        return WrittenArray(Formula(ZERO), shape)

    def multiply(self, a: Any, b: Any) -> WrittenArray:
        a, b = _lift(a), _lift(b)
        for one, other in ((a, b), (b, a)):
            if one.formula.text == ZERO:
                return WrittenArray(Formula(ZERO), np.broadcast_shapes(a.shape, b.shape))
            if one.formula.text == ONE:
                return WrittenArray(other.formula, np.broadcast_shapes(a.shape, b.shape))
        return self._apply("multiply", *((b, a) if a.shape and not b.shape else (a, b)))

    def difference(self, a: WrittenArray, b: WrittenArray) -> WrittenArray:
        return self._apply("subtract", a, b)

    def power(self, a: WrittenArray, exponent: Expression) -> WrittenArray:
        if not exponent.symbols():
            value = evaluate(exponent)
            if value == 1:
                return a
            if value.is_integer():
                exponent = number_expression(int(value))
        return WrittenArray(REGISTRY["power"].latex(a.formula, exponent=exponent), a.shape)

    def sign(self, a: WrittenArray) -> WrittenArray:
        return WrittenArray(Formula(rf"\operatorname{{sign}}\left({a.formula.text}\right)"), a.shape)

    def normal_cdf(self, a: WrittenArray) -> WrittenArray:
        return WrittenArray(Formula(rf"\Phi\left({a.formula.text}\right)"), a.shape)

    def matmul(self, a: WrittenArray, b: WrittenArray) -> WrittenArray:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        written = REGISTRY["matmul"].latex(a.formula, b.formula)
        shape = (*batch, a.shape[-2], b.shape[-1])
        return WrittenArray(written, shape, lambda: self.matmul(b.T, a.T))

    def sum(self, a: WrittenArray, axis: int) -> WrittenArray:
        shape = list(a.shape)
        shape[axis] = 1
        return WrittenArray(
            REGISTRY["sum_over"].latex(a.formula, axis=axis - a.ndim * (axis >= 0)), tuple(shape)
        )

    def greater(self, a: Any, b: Any) -> WrittenArray:
        return self._compare(">", a, b)

    def greater_equal(self, a: Any, b: Any) -> WrittenArray:
        return self._compare(r"\ge", a, b)

    def equal(self, a: Any, b: Any) -> WrittenArray:
        return self._compare("=", a, b)

    def where(self, condition: WrittenArray, a: Any, b: Any) -> WrittenArray:
        """Write the choice between `a` and 0 as a product with the indicator of the condition."""
        a, b = _lift(a), _lift(b)
        shape = np.broadcast_shapes(condition.shape, a.shape, b.shape)
        if b.formula.text == ZERO:
            held = condition.formula
            if held.binding == CONDITION:
                held = Formula(rf"\mathbb{{1}}\left\{{{held.text}\right\}}")
            return self.multiply(a, WrittenArray(held, shape))
        first = rf"{a.formula.text} & \text{{if }} {condition.formula.text}"
        cases = rf"{first} \\ {b.formula.text} & \text{{otherwise}}"
        return WrittenArray(Formula(rf"\begin{{cases}} {cases} \end{{cases}}"), shape)

    def max_shift(self, a: WrittenArray, axis: int) -> WrittenArray:
        return WrittenArray(Formula(ZERO), ())

    def exponentials(self, a: WrittenArray, axis: int) -> WrittenArray:
        return self._apply("exp", a)

    def softmax_divide(self, parts: WrittenArray, total: WrittenArray) -> WrittenArray:
        return self._apply("divide", parts, total)

    def log_total(self, exponentials: WrittenArray, total: WrittenArray, axis: int) -> WrittenArray:
        return self._apply("log", total)

    def balanced(self, a: WrittenArray, weights: WrittenArray, axis: int) -> WrittenArray:
        return a

    def masked(self, a: WrittenArray, logs: WrittenArray, axis: int) -> WrittenArray:
        return a

    def is_finite(self, a: Any) -> bool:
        return True

    def entrywise(self, rule: Callable[..., WrittenArray], *arrays: WrittenArray) -> WrittenArray:
        return rule(*arrays)

    def along(self, rule: Callable[..., WrittenArray], axis: int, *arrays: WrittenArray) -> WrittenArray:
        return rule(axis, *arrays)

    def _compare(self, sign: str, a: Any, b: Any) -> WrittenArray:
        a, b = _lift(a), _lift(b)
        text = f"{a.formula.text} {sign} {b.formula.text}"
        return WrittenArray(Formula(text, CONDITION), np.broadcast_shapes(a.shape, b.shape))

    def _apply(self, name: str, *arrays: Any) -> WrittenArray:
        lifted = [_lift(array) for array in arrays]
        shape = np.broadcast_shapes(*[array.shape for array in lifted])
        formulas = [array.formula for array in lifted]
        if name == "sqrt":
            return WrittenArray(Formula(rf"\sqrt{{{formulas[0].text}}}"), shape)
        return WrittenArray(REGISTRY[name].latex(*formulas), shape)


def _lift(number: Any) -> WrittenArray:
    """Return a single number as a constant; written arrays are unchanged."""
    if isinstance(number, WrittenArray):
        return number
    if np.ndim(number):
        raise NotWritten
    text = f"{float(number):g}"
    return WrittenArray(Formula(text, PRODUCT if text.startswith("-") else Formula(text).binding), ())

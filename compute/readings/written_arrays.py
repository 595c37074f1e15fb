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
from compute.dimensions import Shape, Size
from compute.graph.primitive import REGISTRY
from compute.latex import CONDITION, Formula, Latex, constant_latex, sum_latex
from compute.readings.formulas import LONGEST

ZERO, ONE = "0", "1"
ELEMENTWISE = frozenset({
    "add", "subtract", "multiply", "divide", "negative", "exp", "log", "log1p", "expm1", "tanh", "sigmoid",
    "sin", "cos", "absolute", "softplus", "erf", "sqrt",
})  # fmt: skip
# Attributes of functions that the namespace has without any.
PLAIN: dict[str, dict[str, Any]] = {"softplus": {"beta": number_expression(1), "threshold": None}}


class NotWritten(Exception):
    """A rule works on single entries, so that it has no formula."""


class WrittenArray:
    """An array of which only the formula and the shape are known.

    transpose: returns the transposed matrix, if that is simpler than the formula with a mark.
    extent: the shape of the formula itself, with 1 for axes along which it is repeated; by default the shape.
    """

    __slots__ = ("extent", "formula", "shape", "transpose")

    def __init__(
        self,
        formula: Formula,
        shape: tuple[int, ...],
        transpose: "Callable[[], WrittenArray] | None" = None,
        extent: tuple[int, ...] | None = None,
    ) -> None:
        if len(formula.text) > LONGEST:
            raise NotWritten
        self.formula = formula._replace(scalar=not shape)
        self.shape = shape
        self.transpose = transpose
        self.extent = shape if extent is None else (1,) * (len(shape) - len(extent)) + extent

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
        is_number = set(self.extent) <= {1}
        written = self.formula if is_number else REGISTRY["transpose"].latex(self.formula)
        shape, extent = ((*sizes[:-2], sizes[-1], sizes[-2]) for sizes in (self.shape, self.extent))
        return WrittenArray(written, shape, lambda: self, extent)

    def reshape(self, *shape: Any) -> "WrittenArray":
        """Return the array with other axes, which its formula mentions only if the rows change."""
        sizes = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else shape
        known = int(np.prod([size for size in sizes if size != -1], dtype=int))
        missing = int(np.prod(self.shape, dtype=int)) // max(known, 1)
        target = tuple(missing if size == -1 else size for size in sizes)
        if set(self.extent) <= {1}:
            return self._keep(target, ())
        if keeps_rows(self.shape, target):
            return self.repeated._keep(target, target)
        moved = Formula(rf"\operatorname{{reshape}}\left({self.repeated.formula.text}\right)")
        return WrittenArray(moved, target)

    def squeeze(self, axis: int) -> "WrittenArray":
        """Return the array without an axis of size 1."""
        shape, extent = list(self.shape), list(self.extent)
        del shape[axis], extent[axis]
        return self._keep(tuple(shape), tuple(extent))

    @property
    def repeated(self) -> "WrittenArray":
        r"""The array with `\mathbf{1}` as a factor if its formula has fewer entries than the array."""
        if self.extent == self.shape or self.formula.text == ZERO:
            return self
        sizes = r" \times ".join(map(str, self.shape))
        ones = Formula(rf"\mathbf{{1}}_{{{sizes}}}")
        is_one = self.formula.text == ONE
        return WrittenArray(ones if is_one else REGISTRY["multiply"].latex(self.formula, ones), self.shape)

    def sum_to(self, shape: tuple[int, ...]) -> "WrittenArray":
        """Return the sum over the axes along which an operand of this shape was repeated."""
        beside = (1,) * (self.ndim - len(shape)) + shape
        axes = [axis - self.ndim for axis in range(self.ndim) if beside[axis] == 1 != self.shape[axis]]
        written = self.sum_over(axes)
        return written._keep(shape, written.extent[self.ndim - len(shape) :])

    def sum_over(self, axes: list[int]) -> "WrittenArray":
        """Return the sum over axes, counted from the last, which become 1."""
        shape, extent, formula = list(self.shape), list(self.extent), self.formula
        copies = 1  # of the entries of the formula
        for axis in axes:
            copies *= shape[axis] if extent[axis] == 1 else 1
        summed = [axis for axis in axes if extent[axis] != 1]
        for axis in axes:
            shape[axis] = extent[axis] = 1
        if formula.text == ZERO:
            return self._keep(tuple(shape), tuple(extent))
        if summed:
            is_full = self.ndim == 1 or (len(summed) > 1 and set(extent) <= {1})
            formula = sum_latex(formula, None if is_full else summed)
        if copies > 1:
            count = Formula(str(copies), scalar=True)
            formula = count if formula.text == ONE else REGISTRY["multiply"].latex(count, formula)
        return WrittenArray(formula, tuple(shape), extent=tuple(extent))

    def item(self) -> int | str:
        """Return 0 for a written zero, and the formula of anything else."""
        return 0 if self.formula.text == ZERO else self.formula.text

    def astype(self, *_: Any, **__: Any) -> "WrittenArray":
        """Return the array itself."""
        return self

    def __array_function__(self, function: Any, _: Any, arguments: Any, options: Any) -> "WrittenArray":
        if function not in (np.broadcast_to, np.expand_dims):
            raise NotWritten
        array, second = (*arguments, *options.values())[:2]
        if function is np.broadcast_to:
            return self._keep(tuple(second), array.extent)
        added = second if isinstance(second, tuple) else (second,)
        rank = self.ndim + len(added)
        places = {axis % rank for axis in added}
        shape, extent = (
            tuple(1 if place in places else next(sizes) for place in range(rank))
            for sizes in (iter(array.shape), iter(array.extent))
        )
        return self._keep(shape, extent)

    def _keep(self, shape: tuple[int, ...], extent: tuple[int, ...]) -> "WrittenArray":
        return WrittenArray(self.formula, shape, extent=extent)

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
        return WrittenArray(Formula(ZERO), shape, extent=())

    def multiply(self, a: Any, b: Any) -> WrittenArray:
        a, b = _lift(a), _lift(b)
        for one, other in ((a, b), (b, a)):
            if one.formula.text == ZERO:
                return WrittenArray(Formula(ZERO), np.broadcast_shapes(a.shape, b.shape), extent=())
            if one.formula.text == ONE:
                shape = np.broadcast_shapes(a.shape, b.shape)
                return WrittenArray(other.formula, shape, extent=other.extent)
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
        return WrittenArray(REGISTRY["power"].latex(a.formula, exponent=exponent), a.shape, extent=a.extent)

    def sign(self, a: WrittenArray) -> WrittenArray:
        written = Formula(rf"\operatorname{{sign}}\left({a.formula.text}\right)")
        return WrittenArray(written, a.shape, extent=a.extent)

    def normal_cdf(self, a: WrittenArray) -> WrittenArray:
        return WrittenArray(Formula(rf"\Phi\left({a.formula.text}\right)"), a.shape, extent=a.extent)

    def matmul(self, a: WrittenArray, b: WrittenArray) -> WrittenArray:
        a, b = a.repeated, b.repeated
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        written = REGISTRY["matmul"].latex(a.formula, b.formula)
        shape = (*batch, a.shape[-2], b.shape[-1])
        return WrittenArray(written, shape, lambda: self.matmul(b.T, a.T))

    def sum(self, a: WrittenArray, axis: int) -> WrittenArray:
        return a.sum_over([axis - a.ndim * (axis >= 0)])

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
        extent = np.broadcast_shapes(condition.extent, a.extent, b.extent)
        if b.formula.text == ZERO:
            held = condition.formula
            if held.binding == CONDITION:
                held = Formula(rf"\mathbb{{1}}\left\{{{held.text}\right\}}")
            return self.multiply(a, WrittenArray(held, shape, extent=condition.extent))
        first = rf"{a.formula.text} & \text{{if }} {condition.formula.text}"
        cases = rf"{first} \\ {b.formula.text} & \text{{otherwise}}"
        return WrittenArray(Formula(rf"\begin{{cases}} {cases} \end{{cases}}"), shape, extent=extent)

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
        extent = np.broadcast_shapes(a.extent, b.extent)
        return WrittenArray(Formula(text, CONDITION), np.broadcast_shapes(a.shape, b.shape), extent=extent)

    def _apply(self, name: str, *arrays: Any) -> WrittenArray:
        lifted = [_lift(array) for array in arrays]
        shape = np.broadcast_shapes(*[array.shape for array in lifted])
        extent = np.broadcast_shapes(*[array.extent for array in lifted])
        formulas = [array.formula for array in lifted]
        if name == "sqrt":
            written = Formula(rf"\sqrt{{{formulas[0].text}}}")
        else:
            written = REGISTRY[name].latex(*formulas, **PLAIN.get(name, {}))
        return WrittenArray(written, shape, extent=extent)


def keeps_rows(before: Shape, after: Shape) -> bool:
    """Return whether a reshaped array has rows of the same length, apart from axes of size 1."""
    lengths = [[size for size in shape if size != 1] for shape in (before, after)]
    return lengths[0][-1:] == lengths[1][-1:]


def _lift(number: Any) -> WrittenArray:
    """Return a single number as a constant; written arrays are unchanged."""
    if isinstance(number, WrittenArray):
        return number
    if np.ndim(number):
        raise NotWritten
    return WrittenArray(Latex().number(f"{float(number):g}"), ())

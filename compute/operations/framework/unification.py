"""Dimension names and their sizes: every use of one name has the same size.

A declared shape such as `... n heads*d_k` is matched with the shape that was sent. The first use of a name
binds it and later uses must agree; the one unknown factor of a product follows by division.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from compute.dimensions import Polynomial, Shape, ShapeError, Size, divide, product, show, symbols
from compute.errors import Path, QuestionError

LEADING = "..."
Factors = tuple[str, ...]


@dataclass
class Dimensions:
    """The sizes of dimension names.

    sizes: by dimension name.
    origins: by dimension name, the source of its size, for messages.
    resolving: a symbol among the sizes is a placeholder for an unknown size and may turn out to be a number.
    resolved: by such a symbol, its number and the source of the number.
    """

    sizes: dict[str, Size] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    resolving: bool = False
    resolved: dict[str, tuple[Size, str]] = field(default_factory=dict)

    def bind(self, name: str, size: Size, origin: str, *, replaces_symbol: bool = False) -> bool:
        """Bind a name unless it is bound, and return whether the size agrees with the bound one.

        replaces_symbol: the size replaces a bound size that is a symbol.
        """
        known = self.sizes.get(name)
        if known is not None and known != size and self.resolving and self._resolve(name, size, origin):
            return True
        if known is None or (replaces_symbol and isinstance(known, Polynomial)):
            self.sizes[name], self.origins[name] = size, origin
        return self.sizes[name] == size

    def _resolve(self, name: str, size: Size, origin: str) -> bool:
        """Resolve a symbol if one of the two sizes of a name is a symbol and the other a number."""
        known = self.sizes[name]
        for symbol, number, why in ((known, size, origin), (size, known, self.origins[name])):
            if isinstance(symbol, Polynomial) and isinstance(number, int):
                [*names] = symbols(symbol)
                if symbol == Polynomial.symbol(names[0]):
                    self.resolved.setdefault(names[0], (number, why))
                    self.sizes[name], self.origins[name] = number, why
                    return True
        return False

    def size(self, factors: Iterable[str]) -> Size:
        """Return the size of a product of names; names without a size are symbols."""
        return product(
            int(factor) if factor.isdecimal() else self.sizes.get(factor, Polynomial.symbol(factor))
            for factor in factors
        )


@dataclass(frozen=True, slots=True)
class DimConstraint:
    """A shape that has to match declared dims.

    path: the request field that the shape came from, for errors.
    name: the name of the tensor in messages.
    dims: the declared dims.
    shape: the shape.
    given: it is the shape of a given value, whose numbers replace symbols.
    """

    path: Path
    name: str
    dims: str
    shape: Shape
    given: bool = False

    def axis_sizes(self) -> list[tuple[int, Factors, Size]]:
        """Return number, declared factors and size of each declared axis.

        Raises ShapeError if the number of axes is wrong.
        """
        declared = [factors for factors in match_dims(self.dims, len(self.shape)) if factors != (LEADING,)]
        first = len(self.shape) - len(declared)
        return [(first + at, factors, self.shape[first + at]) for at, factors in enumerate(declared)]

    def error(self, why: str, dimensions: Dimensions) -> QuestionError:
        """Return an error that lists the bound sizes this shape must agree with, and their sources."""
        expected = " or ".join("(" + ", ".join(dims.split()) + ")" for dims in self.dims.split("|"))
        mentioned = {name for axis in self.dims.replace("|", " ").split() for name in axis.split("*")}
        known = [
            f"{name} = {size} from {dimensions.origins[name]}"
            for name, size in dimensions.sizes.items()
            if name in mentioned and not dimensions.origins[name].endswith(f" of {self.name}")
        ]
        return QuestionError(
            self.path,
            f"the shape of {self.name} does not fit: {why}",
            f"shape {expected}" + (f", where {', '.join(known)}" if known else ""),
            f"shape {show(self.shape)}",
        )


def match_dims(dims: str, rank: int | None) -> list[Factors]:
    """Return the factors of each axis of the alternative with this rank; of the first if rank is None.

    Raises ShapeError if no alternative has this rank.
    """
    alternatives = [[tuple(axis.split("*")) for axis in text.split()] for text in dims.split("|")]
    if rank is None:
        return alternatives[0]
    for axes in alternatives:
        if len(axes) == rank or (axes[:1] == [(LEADING,)] and rank >= len(axes) - 1):
            return axes
    raise ShapeError(f"it has {rank} axes")


def transposed_dims(dims: str) -> str:
    """Return dims with the last two axes of each alternative swapped."""
    alternatives = [text.split() for text in dims.split("|")]
    return " | ".join(" ".join([*axes[:-2], *reversed(axes[-2:])]) for axes in alternatives)


def unify(
    constraints: Iterable[DimConstraint], dimensions: Dimensions, defaults: Mapping[str, int | str]
) -> list[QuestionError]:
    """Bind the names of all constraints and return an error for each contradiction.

    defaults: sizes, or names of other dimensions, for dimensions that no single axis determines. They are
        bound before products are divided, because they are factors of products.
    """
    errors: list[QuestionError] = []
    axes: list[tuple[DimConstraint, int, Factors, Size]] = []
    for constraint in constraints:
        try:
            axes += [(constraint, *axis) for axis in constraint.axis_sizes()]
        except ShapeError as error:
            errors.append(constraint.error(str(error), dimensions))
    for constraint, axis, factors, size in axes:
        origin = f"axis {axis} of {constraint.name}"
        if len(factors) == 1:
            [name] = factors
            if not dimensions.bind(name, size, origin, replaces_symbol=constraint.given):
                why = f"{name} is {size} here and {dimensions.sizes[name]} elsewhere"
                errors.append(constraint.error(why, dimensions))
    for name, default in defaults.items():
        size = dimensions.sizes[default] if isinstance(default, str) else default
        dimensions.bind(name, size, f"the default of {name}")
    for constraint, axis, factors, size in axes:
        origin = f"axis {axis} of {constraint.name}"
        if len(factors) > 1 and (why := _divide(dimensions, factors, size, origin)):
            errors.append(constraint.error(f"axis {axis} is {size}, {why}", dimensions))
    return errors


def _divide(dimensions: Dimensions, factors: Factors, size: Size, origin: str) -> str:
    """Bind the unknown factor of a product; return the contradiction in words, or an empty string."""
    known = [name for name in factors if name in dimensions.sizes or name.isdecimal()]
    unknown = [name for name in factors if name not in known]
    expected = dimensions.size(known)
    if not unknown:
        return "" if expected == size else f"and not {'*'.join(factors)} = {expected}"
    try:
        quotient = divide(size, expected)
    except ShapeError:
        return f"not a multiple of {'*'.join(known)} = {expected}"
    dimensions.bind(unknown[0], quotient, origin)
    return ""

"""Dimension names and their sizes: one name, one size, wherever it stands.

A declared shape such as `... n heads*d_k` is matched with the shape of what came. A name seen first is
bound; a name seen again has to agree; in a product the one unknown factor follows by division.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from compute.dimensions import Polynomial, Shape, ShapeError, Size, divide, product, show, symbols
from compute.errors import Path, QuestionError

LEADING = "..."
Factors = tuple[str, ...]


@dataclass
class Dimensions:
    """Dimension names with their sizes, and where each size was first seen.

    may_resolve: a letter among the sizes stands for what nothing had said, and may turn out to be a number;
    settled: those that did, with their numbers, and where they came from.
    """

    sizes: dict[str, Size] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    may_resolve: bool = False
    settled: dict[str, tuple[Size, str]] = field(default_factory=dict)

    def bind(self, name: str, size: Size, origin: str, *, resolves: bool = False) -> bool:
        """Whether the size agrees with what is known; a new name is taken over.

        resolves: a number takes the place of a letter, which stands for what nothing had said.
        """
        known = self.sizes.get(name)
        if known is not None and known != size and self.may_resolve and self._settle(name, size, origin):
            return True
        if known is None or (resolves and isinstance(known, Polynomial)):
            self.sizes[name], self.origins[name] = size, origin
        return self.sizes[name] == size

    def _settle(self, name: str, size: Size, origin: str) -> bool:
        """Whether one of two sizes of a name is a letter, that the other settles."""
        known = self.sizes[name]
        for letter, number, why in ((known, size, origin), (size, known, self.origins[name])):
            if isinstance(letter, Polynomial) and isinstance(number, int):
                [*names] = symbols(letter)
                if letter == Polynomial.symbol(names[0]):
                    self.settled.setdefault(names[0], (number, why))
                    self.sizes[name], self.origins[name] = number, why
                    return True
        return False

    def size(self, factors: Iterable[str]) -> Size:
        """The size of a product of names, those without a size as symbols."""
        return product(
            int(one) if one.isdecimal() else self.sizes.get(one, Polynomial.symbol(one)) for one in factors
        )


@dataclass(frozen=True, slots=True)
class DimConstraint:
    """A shape that came, what it was declared to be, and how to speak of it.

    given: it is that of a given value, which may settle what is unknown of the inputs.
    """

    path: Path
    name: str
    dims: str
    shape: Shape
    given: bool = False

    def pairs(self) -> list[tuple[int, Factors, Size]]:
        """Each axis with its declared factors; raises ShapeError where the number of axes is wrong."""
        declared = [one for one in match_dims(self.dims, len(self.shape)) if one != (LEADING,)]
        first = len(self.shape) - len(declared)
        return [(first + at, one, self.shape[first + at]) for at, one in enumerate(declared)]

    def fault(self, why: str, dimensions: Dimensions) -> QuestionError:
        """What does not fit, with the sizes that this shape has to agree with and where they came from."""
        wanted = " or ".join("(" + ", ".join(one.split()) + ")" for one in self.dims.split("|"))
        mentioned = {one for axis in self.dims.replace("|", " ").split() for one in axis.split("*")}
        known = [
            f"{one} = {size} from {dimensions.origins[one]}"
            for one, size in dimensions.sizes.items()
            if one in mentioned and not dimensions.origins[one].endswith(f" of {self.name}")
        ]
        return QuestionError(
            self.path,
            f"the shape of {self.name} does not fit: {why}",
            f"shape {wanted}" + (f", where {', '.join(known)}" if known else ""),
            f"shape {show(self.shape)}",
        )


def match_dims(dims: str, rank: int | None) -> list[Factors]:
    """The axes of the alternative that has this rank, each as its factors; for no rank the first."""
    alternatives = [[tuple(axis.split("*")) for axis in one.split()] for one in dims.split("|")]
    if rank is None:
        return alternatives[0]
    for axes in alternatives:
        if len(axes) == rank or (axes[:1] == [(LEADING,)] and rank >= len(axes) - 1):
            return axes
    raise ShapeError(f"it has {rank} axes")


def transposed_dims(dims: str) -> str:
    """Declared dims with the last two axes of each alternative exchanged."""
    alternatives = [one.split() for one in dims.split("|")]
    return " | ".join(" ".join([*one[:-2], *reversed(one[-2:])]) for one in alternatives)


def unify(
    claims: Iterable[DimConstraint], dimensions: Dimensions, defaults: Mapping[str, int | str]
) -> list[QuestionError]:
    """Bind the names of all claims; what disagrees.

    defaults: sizes, or names of other dimensions, for dimensions that no single axis says. They are
    taken before products are divided, since it is products that they are factors of.
    """
    errors: list[QuestionError] = []
    open_claims: list[tuple[DimConstraint, int, Factors, Size]] = []
    for claim in claims:
        try:
            open_claims += [(claim, *pair) for pair in claim.pairs()]
        except ShapeError as error:
            errors.append(claim.fault(str(error), dimensions))
    for claim, axis, factors, size in open_claims:
        origin = f"axis {axis} of {claim.name}"
        if len(factors) == 1 and not dimensions.bind(factors[0], size, origin, resolves=claim.given):
            known = dimensions.sizes[factors[0]]
            errors.append(claim.fault(f"{factors[0]} is {size} here and {known} elsewhere", dimensions))
    for name, default in defaults.items():
        size = dimensions.sizes[default] if isinstance(default, str) else default
        dimensions.bind(name, size, f"the default of {name}")
    for claim, axis, factors, size in open_claims:
        if len(factors) > 1 and (why := _divide(dimensions, factors, size, f"axis {axis} of {claim.name}")):
            errors.append(claim.fault(f"axis {axis} is {size}, {why}", dimensions))
    return errors


def _divide(dimensions: Dimensions, factors: Factors, size: Size, origin: str) -> str:
    """Bind the one unknown factor of a product; what is wrong, or nothing."""
    known = [one for one in factors if one in dimensions.sizes or one.isdecimal()]
    unknown = [one for one in factors if one not in known]
    expected = dimensions.size(known)
    if not unknown:
        return "" if expected == size else f"and not {'*'.join(factors)} = {expected}"
    try:
        quotient = divide(size, expected)
    except ShapeError:
        return f"no multiple of {'*'.join(known)} = {expected}"
    dimensions.bind(unknown[0], quotient, origin)
    return ""

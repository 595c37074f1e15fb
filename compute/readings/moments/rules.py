"""The rules by which moments pass through steps, forward and backward.

A rule returns moments and adds to the notes of the step: its name in words, and what it assumes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial

import numpy as np

from compute.arithmetic.expressions import fold
from compute.arithmetic.namespace import Array
from compute.dimensions import Polynomial, Size, product, share, symbols
from compute.graph.graph import Value
from compute.graph.primitive import Application
from compute.readings.moments.distributions import Family, Moments, constant_moments
from compute.readings.moments.functions import evaluate_function, evaluate_slope, integrate
from compute.readings.moments.quantities import Number, Numbers

UPSTREAM = "the upstream gradient"
MASK, DRAW = "a dropout mask", "drawn numbers"


class NoRule(Exception):
    """A step through which moments do not pass. The message says why."""


@dataclass(slots=True)
class Rules:
    """The rules, in one kind of numbers.

    linearize: whether functions without a closed form are replaced by their tangent at 0.
    words, assumptions: the notes of the current step.
    """

    numbers: Numbers
    linearize: bool = False
    words: dict[str, None] = field(default_factory=dict)
    assumptions: dict[str, None] = field(default_factory=dict)

    @property
    def zero(self) -> Number:
        return self.numbers.make(0)

    def times(self, *factors: Number) -> Number:
        """Return a product."""
        result = factors[0]
        for factor in factors[1:]:
            result = self.numbers.apply("multiply", [result, factor])
        return result

    def plus(self, a: Number, b: Number) -> Number:
        """Return a sum."""
        return self.numbers.apply("add", [a, b])

    def minus(self, a: Number, b: Number) -> Number:
        """Return a difference."""
        return self.numbers.apply("subtract", [a, b])

    def over(self, a: Number, b: Number) -> Number:
        """Return a quotient."""
        return self.numbers.apply("divide", [a, b])

    def second(self, a: Moments) -> Number:
        """Return the second moment, E[a²]."""
        return self.plus(a.variance, self.times(a.mean, a.mean))

    def forward(self, value: Value, operands: list[Moments]) -> Moments:
        """Return the moments of an application of a primitive. Raises NoRule."""
        applied = value.applied
        assert applied is not None
        entries, shapes = product(applied.shape), [product(shape) for shape in applied.shapes]
        match applied.primitive.moments:
            case "literal" | "mask":
                return self._constant(value, applied)
            case "draw":
                return self._draw(value, applied)
            case "moved":
                return self._move(operands[0], shapes[0], entries)
            case "sum" | "difference" as word:
                a, b = (self._move(one, size, entries) for one, size in zip(operands, shapes, strict=True))
                sign = 1 if word == "sum" else -1
                self._refuse_dependence(value, a, b)
                return self.add(a, b, sign, "the terms")
            case "product":
                self._refuse_dependence(value, operands[0], operands[1])
                self._note_padding(applied)
                terms = count_terms(applied)
                own = [size == terms * entries for size in shapes]
                return self.multiply(operands[0], operands[1], terms, own)
            case "quotient":
                return self._divide(operands[0], operands[1])
            case "total":
                return self.add_up(operands[0], _ratio(shapes[0], entries))
            case "mean":
                count = _ratio(shapes[0], entries)
                summed = self.add_up(operands[0], count)
                self.words["mean of n entries: variance / n"] = None
                return self._scale(summed, self.over(self.numbers.make(1), self.numbers.size(count)))
            case "rectifier":
                return self._rectify(applied, operands[0])
            case "function":
                return self._apply_function(applied, operands[0])
        raise NoRule("has no rule for expectations")

    def backward(self, value: Value, place: int, g: Moments, operands: list[Moments]) -> Moments:
        """Return the moments of what an application passes to the gradient of one operand. Raises NoRule."""
        applied = value.applied
        assert applied is not None
        entries, size = product(applied.shape), product(applied.shapes[place])
        match applied.primitive.moments:
            case "moved" | "sum" | "difference" as word:
                if word == "difference" and place == 1:
                    g = replace(g, mean=self.minus(self.zero, g.mean))
                return self._gather(g, entries, size)
            case "product":
                self._note_padding(applied)
                terms = count_gradient_terms(applied, place)
                if isinstance(terms, Polynomial) and not symbols(terms):
                    self.words["as many products as an entry is used in, on average over the entries"] = None
                other = operands[1 - place]
                own = [entries == terms * size, product(applied.shapes[1 - place]) == terms * size]
                return self.multiply(g, other, terms, own)
            case "quotient" if place == 0:
                return self._divide(g, operands[1])
            case "total":
                return self._move(g, entries, size)
            case "mean":
                copied = self._move(g, entries, size)
                count = self.numbers.size(_ratio(size, entries))
                return self._scale(copied, self.over(self.numbers.make(1), count))
            case "rectifier":
                return self._pass_rectifier(applied, g, operands[0])
            case "function":
                return self._pass_function(applied, g, operands[0])
        raise NoRule("has no rule for the expectation of this gradient")

    def add(self, a: Moments, b: Moments, sign: int, what: str) -> Moments:
        """Return the moments of a + b or a - b, for operands of the same shape."""
        shared = a.sources & b.sources
        if a.sources and b.sources:
            self.words["sum: means and variances add"] = None
        is_proved = not shared or (a.odd_in - b.sources) or (b.odd_in - a.sources)
        if not is_proved:
            self.assumptions[f"{what} are taken as uncorrelated"] = None
        add = self.plus if sign > 0 else self.minus
        mean = add(a.mean, b.mean)
        if not a.sources or not b.sources:
            constant, random = (b, a) if a.sources else (a, b)
            stays = constant.mean == self.zero
            odd = random.odd_in if stays else frozenset[str]()
            return replace(random, mean=mean, symmetric=random.symmetric and stays, odd_in=odd)
        odd = a.odd_in & b.odd_in
        is_normal = a.family == b.family == "normal" and not shared
        return Moments(
            mean,
            self.plus(a.variance, b.variance),
            "normal" if is_normal else "unknown",
            independent=a.independent and b.independent and not shared,
            uncorrelated=a.uncorrelated and b.uncorrelated and not shared,
            copied=a.copied or b.copied,
            symmetric=bool(odd) or (a.symmetric and b.symmetric and not shared),
            sources=a.sources | b.sources,
            odd_in=odd,
        )

    def multiply(self, a: Moments, b: Moments, terms: Size, own: list[bool]) -> Moments:
        """Return the moments of a sum of products a b.

        terms: their number. own: for each operand, whether every product has an entry of its own.
        """
        if terms == 1 and not (a.sources and b.sources):
            factor, random, place = (b, a, 0) if a.sources else (a, b, 1)
            scaled = self._scale(random, factor.mean)
            if own[place]:
                return scaled
            return _copy(scaled)
        shared = a.sources & b.sources
        if shared:
            names = " and ".join(sorted({_name_source(one) for one in shared}))
            self.assumptions[f"the factors, which both depend on {names}, are taken as independent"] = None
        count = self.numbers.size(terms)
        square = self.times(a.mean, a.mean, b.mean, b.mean)
        zero = [moments.mean == self.zero and moments.uncorrelated for moments in (a, b)]
        if terms != 1:
            self.words["sum of n products: n (E[a²] E[b²] - E[a]² E[b]²)"] = None
            if not (any(zero) or (a.uncorrelated and b.uncorrelated)):
                self._refuse_copies(a, b)
                self.assumptions["the products that are summed are taken as uncorrelated"] = None
        else:
            self.words["product: E[a²] E[b²] - E[a]² E[b]²"] = None
        variance = self.times(count, self.minus(self.times(self.second(a), self.second(b)), square))
        odd = (a.odd_in - b.sources) | (b.odd_in - a.sources)
        everywhere = all(own)
        is_normal = "normal" in (a.family, b.family) and "constant" in (a.family, b.family)
        uncorrelated = (
            all(zero)
            or any(is_zero and owned for is_zero, owned in zip(zero, own, strict=True))
            or (everywhere and a.uncorrelated and b.uncorrelated)
        )
        return Moments(
            self.times(count, a.mean, b.mean),
            variance,
            "normal" if is_normal else "unknown",
            independent=terms == 1 and everywhere and a.independent and b.independent and not shared,
            uncorrelated=uncorrelated,
            copied=not uncorrelated and (a.copied or b.copied),
            symmetric=bool(odd),
            sources=a.sources | b.sources,
            odd_in=odd,
        )

    def add_up(self, a: Moments, count: Size) -> Moments:
        """Return the moments of a sum of this many entries."""
        if count == 1:
            return a
        if a.sources and not a.uncorrelated:
            self._refuse_copies(a)
            self.assumptions["the entries that are summed are taken as uncorrelated"] = None
        self.words["sum of n entries: n times mean and variance"] = None
        n = self.numbers.size(count)
        stays_normal = a.family == "constant" or (a.family == "normal" and a.independent)
        return replace(
            a,
            mean=self.times(n, a.mean),
            variance=self.times(n, a.variance),
            family=a.family if stays_normal else "unknown",
        )

    def _constant(self, value: Value, applied: Application) -> Moments:
        """Return the moments of a number of the program, or of a drawn mask."""
        sizes, numbers = applied.attributes["sizes"], self.numbers

        def evaluate(name: str) -> Number:
            size = sizes.get(name)
            return numbers.symbol(name) if size is None else numbers.size(size)

        algebra = _Constants(evaluate, numbers)
        number = fold(applied.attributes["expression"], algebra)
        if applied.primitive.moments == "literal":
            return constant_moments(number, numbers)
        kept = self.minus(numbers.make(1), number)
        self.words["kept with probability p: mean p, variance p (1 - p)"] = None
        return Moments(
            kept, self.times(kept, number), independent=True, uncorrelated=True,
            sources=frozenset([f"{MASK} {value.index}"]),
        )  # fmt: skip

    def _draw(self, value: Value, applied: Application) -> Moments:
        """Return the moments of drawn numbers, taken as random."""
        make, source = self.numbers.make, frozenset([f"{DRAW} {value.index}"])
        if applied.attributes["family"] == "uniform":
            self.words["drawn uniformly from 0 to 1: mean 1/2, variance 1/12"] = None
            mean, variance = Fraction(1, 2), Fraction(1, 12)
            return Moments(make(mean), make(variance), "uniform", True, True, sources=source)
        self.words["drawn from the standard normal distribution: mean 0, variance 1"] = None
        return Moments(
            self.zero, make(1), "normal", independent=True, uncorrelated=True, symmetric=True,
            sources=source, odd_in=source,
        )  # fmt: skip

    def _move(self, a: Moments, before: Size, after: Size) -> Moments:
        """Return the moments of entries that are moved, some of them perhaps copied."""
        if before == after or not a.sources:
            return a
        return _copy(a) if _is_larger(after, before) else a

    def _gather(self, g: Moments, entries: Size, size: Size) -> Moments:
        """Return the gradient of entries that were moved or copied: copies add up, others have none."""
        if entries == size:
            return g
        ratio = _ratio(entries, size)
        if isinstance(ratio, int) or _is_larger(entries, size):
            return self.add_up(g, ratio)
        self.words["entries that are not used have the gradient 0; averaged over all entries"] = None
        part = self.numbers.size(ratio)
        second = self.times(part, self.second(g))
        mean = self.times(part, g.mean)
        return replace(g, mean=mean, variance=self.minus(second, self.times(mean, mean)), family="unknown")

    def _scale(self, a: Moments, factor: Number) -> Moments:
        if factor != self.numbers.make(1):
            self.words["scaling by c: c times the mean, c² times the variance"] = None
        return replace(a, mean=self.times(a.mean, factor), variance=self.times(a.variance, factor, factor))

    def _divide(self, a: Moments, b: Moments) -> Moments:
        if b.sources or b.family != "constant":
            raise NoRule("divides by random numbers, whose inverse has no rule for expectations")
        if b.mean == self.zero:
            raise NoRule("divides by zero")
        return self._scale(a, self.over(self.numbers.make(1), b.mean))

    def _slopes(self, applied: Application) -> tuple[Number, Number]:
        """Return the slopes of a rectifier below and above 0."""
        low, high = (float(one) for one in evaluate_function(applied, _array(-1.0, 1.0)))
        return self.numbers.make(0 - low), self.numbers.make(high)

    def _rectify(self, applied: Application, a: Moments) -> Moments:
        low, high = self._slopes(applied)
        if low == high:
            return self._scale(a, low)
        if not a.sources:
            return self._apply_function(applied, a)
        if not self._is_centred(a):
            return self._integrate_forward(applied, a)
        name = applied.primitive.name
        half = self.over(self.plus(self.times(low, low), self.times(high, high)), self.numbers.make(2))
        second = self.times(half, self.second(a))
        if low == self.zero:
            self.words[f"{name} of values symmetric about 0: E[y²] = E[x²]/2"] = None
        else:
            words = f"{name} of values symmetric about 0, with slopes a and b: E[y²] = (a² + b²)/2 E[x²]"
            self.words[words] = None
        mean = self.times(self.minus(high, low), self._half_mean(a))
        return self._after_function(a, mean, self.minus(second, self.times(mean, mean)))

    def _half_mean(self, a: Moments) -> Number:
        """Return E[max(0, a)] of values symmetric about 0."""
        numbers = self.numbers
        deviation = numbers.apply("sqrt", [a.variance])
        if a.family == "uniform":
            self.words["uniform values: E[max(0, x)] = sqrt(3)/4 standard deviations"] = None
            root = numbers.apply("sqrt", [numbers.make(3)])
            return self.over(self.times(root, deviation), numbers.make(4))
        self._take_normal(a)
        self.words["normal values: E[max(0, x)] = standard deviation / sqrt(2 pi)"] = None
        root = numbers.apply("sqrt", [self.times(numbers.make(2), numbers.symbol("pi"))])
        return self.over(deviation, root)

    def _is_centred(self, a: Moments) -> bool:
        """Return whether values are symmetric about 0, perhaps by assumption."""
        if a.symmetric:
            return True
        if a.mean != self.zero:
            return False
        if a.family not in ("normal", "uniform"):
            self.assumptions["values of mean 0 are taken as symmetric about 0"] = None
        return True

    def _take_normal(self, a: Moments) -> Family:
        if a.family == "unknown":
            self.assumptions["entries are taken as normal"] = None
            return "normal"
        return a.family

    def _apply_function(self, applied: Application, a: Moments) -> Moments:
        if self.linearize and a.sources:
            at_zero = _array(0.0)
            offset = self.numbers.make(float(evaluate_function(applied, at_zero)[0]))
            slope = self.numbers.make(float(evaluate_slope(applied, at_zero)[0]))
            self.assumptions[f"{applied.primitive.name} is replaced by its tangent at 0"] = None
            return self.add(self._scale(a, slope), constant_moments(offset, self.numbers), 1, "the terms")
        return self._integrate_forward(applied, a)

    def _integrate_forward(self, applied: Application, a: Moments) -> Moments:
        mean, second = self._integrate(applied, a, partial(evaluate_function, applied))
        variance = self.numbers.make(max(0.0, second - mean * mean))
        is_odd = _is_odd(applied)
        odd = a.odd_in if is_odd else frozenset[str]()
        mean = 0.0 if is_odd and a.symmetric else mean
        found = self._after_function(a, self.numbers.make(mean), variance)
        is_symmetric = a.symmetric and is_odd
        uncorrelated = a.independent or (a.uncorrelated and odd == a.sources)
        return replace(found, odd_in=odd, symmetric=is_symmetric, uncorrelated=uncorrelated)

    def _after_function(self, a: Moments, mean: Number, variance: Number) -> Moments:
        """Return the moments of a function of each entry."""
        return Moments(
            mean, variance, "unknown" if a.sources else "constant",
            independent=a.independent, uncorrelated=a.independent, copied=a.copied, sources=a.sources,
        )  # fmt: skip

    def _integrate(
        self, applied: Application, a: Moments, function: Callable[[Array], Array]
    ) -> tuple[float, float]:
        """Return the mean and the mean square of a function of the entries. Raises NoRule in letters."""
        mean, variance = (self.numbers.value(number) for number in (a.mean, a.variance))
        if mean is None or variance is None:
            raise NoRule(
                "has no closed form for moments in letters; send numbers, or linearize for its tangent at 0"
            )
        family: Family = self._take_normal(a) if a.sources else "constant"
        found = integrate(function, mean, max(variance, 0.0), family, applied.attributes)
        if not all(map(math.isfinite, found)):
            raise NoRule("has no finite mean and variance for these entries")
        if a.sources:
            self.words[f"{applied.primitive.name}: integrated over the {family} distribution"] = None
        return found

    def _pass_rectifier(self, applied: Application, g: Moments, a: Moments) -> Moments:
        low, high = self._slopes(applied)
        if low == high:
            return self._scale(g, low)
        if not a.sources or not self._is_centred(a):
            return self._pass_slope(applied, g, a)
        two = self.numbers.make(2)
        mean = self.over(self.plus(low, high), two)
        second = self.over(self.plus(self.times(low, low), self.times(high, high)), two)
        words = "half of all slopes are 0" if low == self.zero else "half of all slopes are those below 0"
        self.words[f"slope of {applied.primitive.name} at values symmetric about 0: {words}"] = None
        slope = self._after_function(a, mean, self.minus(second, self.times(mean, mean)))
        return self.multiply(g, slope, 1, [True, True])

    def _pass_function(self, applied: Application, g: Moments, a: Moments) -> Moments:
        if self.linearize and a.sources:
            slope = self.numbers.make(float(evaluate_slope(applied, _array(0.0))[0]))
            self.assumptions[f"{applied.primitive.name} is replaced by its tangent at 0"] = None
            return self._scale(g, slope)
        return self._pass_slope(applied, g, a)

    def _pass_slope(self, applied: Application, g: Moments, a: Moments) -> Moments:
        mean, second = self._integrate(applied, a, partial(evaluate_slope, applied))
        make = self.numbers.make
        slope = self._after_function(a, make(mean), make(max(0.0, second - mean * mean)))
        return self.multiply(g, slope, 1, [True, True])

    def _note_padding(self, applied: Application) -> None:
        """Note that entries of a convolution next to zeros are smaller than the others."""
        layout = applied.attributes.get("layout")
        if layout is not None and any(side != 0 for sides in layout.padding for side in sides):
            self.assumptions["zeros of the padding count as random entries"] = None

    def _refuse_copies(self, *operands: Moments) -> None:
        """Raise NoRule if copies of the same random numbers would be added as if they were uncorrelated."""
        if any(operand.copied for operand in operands):
            raise NoRule("adds copies of the same random numbers, which are not uncorrelated")

    def _refuse_dependence(self, value: Value, a: Moments, b: Moments) -> None:
        """Raise NoRule if two operands depend on the same inputs alone, so that nothing separates them."""
        if not a.sources or a.sources != b.sources:
            return
        if (a.odd_in - b.sources) or (b.odd_in - a.sources):
            return
        one, other = value.inputs
        why = (
            "twice the same random entries"
            if one is other
            else "values that depend on the same random inputs"
        )
        raise NoRule(f"combines {why}, whose correlation no rule knows")


class _Constants:
    """Numbers whose names are those of dimensions or letters."""

    def __init__(self, evaluate: Callable[[str], Number], numbers: Numbers) -> None:
        self.symbol, self.number, self.apply = evaluate, numbers.number, numbers.apply


def _name_source(source: str) -> str:
    """Return the name of a source for readers: without the number that tells masks and draws apart."""
    return next((word for word in (MASK, DRAW) if source.startswith(word)), source)


def _is_odd(applied: Application) -> bool:
    """Return whether f(-x) = -f(x), judged by a few numbers."""
    points = _array(0.0, 0.3, 0.7, 1.9, 4.1, 7.3)
    return bool(np.array_equal(evaluate_function(applied, -points), -evaluate_function(applied, points)))


def _copy(a: Moments) -> Moments:
    return replace(a, independent=False, uncorrelated=False, copied=True)


def _array(*numbers: float) -> Array:
    return np.array(numbers)


def count_terms(applied: Application) -> Size:
    """Return the number of products that are added for one entry of the result."""
    entries, multiply_adds = product(applied.shape), applied.cost.multiply_adds
    return 1 if multiply_adds == 0 else _ratio(multiply_adds, entries)


def count_gradient_terms(applied: Application, place: int) -> Size:
    """Return the number of products that are added for one entry of an operand's gradient."""
    multiply_adds = applied.gradient_cost(place).multiply_adds
    return _ratio(multiply_adds or product(applied.shape), product(applied.shapes[place]))


def _ratio(size: Size, other: Size) -> Size:
    """Return a quotient of sizes, a fraction if there is a remainder."""
    return Polynomial.of(share(size, other)).simplify()


def _is_larger(size: Size, other: Size) -> bool:
    """Return whether a size is certainly not a part of the other one."""
    if isinstance(size, int) and isinstance(other, int):
        return size > other
    ratio = _ratio(size, other)
    return isinstance(ratio, int) or all(power > 0 for monomial in ratio.terms for _, power in monomial)

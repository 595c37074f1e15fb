"""Distributions of the entries of a tensor: by mean and variance, by name, or as an initializer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from compute.readings.moments.quantities import Number, Numbers

Family: TypeAlias = Literal["normal", "uniform", "constant", "unknown"]
FAN_OF: dict[str, str] = {"he": "fan_in", "lecun": "fan_in", "xavier": "average"}
ALIASES = {"kaiming": "he", "glorot": "xavier"}
INITIALIZERS = tuple(f"{name}_{family}" for name in (*FAN_OF, *ALIASES) for family in ("normal", "uniform"))
SQUARED_GAINS = {"he": 2, "lecun": 1, "xavier": 1}


@dataclass(frozen=True, slots=True)
class Moments:
    """The moments and the facts that hold for every entry of a tensor.

    family: the distribution of an entry, if it is known.
    independent: whether the entries are certainly independent of one another.
    uncorrelated: whether distinct entries are certainly uncorrelated.
    copied: whether several entries are copies of one random number, so that they cannot be uncorrelated.
    symmetric: whether the tensor has certainly the distribution of its negative.
    sources: the random inputs that it depends on.
    odd_in: the inputs of symmetric distribution whose negative turns the tensor into its negative, while the
        signs of their entries are independent.
    """

    mean: Number
    variance: Number
    family: Family = "unknown"
    independent: bool = False
    uncorrelated: bool = False
    copied: bool = False
    symmetric: bool = False
    sources: frozenset[str] = frozenset()
    odd_in: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Distribution:
    """The distribution of the entries of one input, which are independent of one another.

    name: "normal", "uniform", "constant", "bernoulli", "unknown", or an initializer such as "he_normal".
    parameters: mean and variance; low and high; value; probability; or perhaps a gain, as
        numbers of the computation.
    mode: the fan of an initializer: "fan_in", "fan_out" or "average"; empty for its own.
    """

    name: str
    parameters: Mapping[str, Number]
    mode: str = ""

    @property
    def is_initializer(self) -> bool:
        """Whether its variance depends on the fans of the weights."""
        return self.name in INITIALIZERS


def constant_moments(value: Number, numbers: Numbers) -> Moments:
    """Return the moments of entries that all have one value."""
    zero = numbers.make(0)
    return Moments(value, zero, "constant", independent=True, uncorrelated=True, symmetric=value == zero)


def start_moments(
    distribution: Distribution, source: str, fans: tuple[Number, Number], numbers: Numbers
) -> tuple[Moments, str]:
    """Return the moments of an input and the rule that they follow from.

    source: the name of the input. fans: fan_in and fan_out, which initializers alone need.
    """
    zero, apply = numbers.make(0), numbers.apply
    parameters = distribution.parameters
    family: Family = "unknown"
    symmetric = False
    mean = zero
    match distribution.name:
        case "constant":
            value = parameters["value"]
            return constant_moments(value, numbers), "a constant has variance 0"
        case "bernoulli":
            mean = parameters["probability"]
            variance = apply("multiply", [mean, apply("subtract", [numbers.make(1), mean])])
            rule = "Bernoulli: variance p (1 - p)"
        case "uniform":
            low, high = parameters["low"], parameters["high"]
            mean = apply("divide", [apply("add", [low, high]), numbers.make(2)])
            width = apply("subtract", [high, low])
            variance = apply("divide", [apply("multiply", [width, width]), numbers.make(12)])
            family, symmetric = "uniform", mean == zero
            rule = "uniform: variance (high - low)² / 12"
        case "normal" | "unknown":
            mean, variance = parameters["mean"], parameters["variance"]
            if distribution.name == "normal":
                family, symmetric = "normal", mean == zero
            rule = "the mean and the variance of the distribution"
        case name:
            variance, rule = _initialize(name, distribution, fans, numbers)
            family, symmetric = "uniform" if name.endswith("uniform") else "normal", True
    sources = frozenset([source])
    odd = sources if symmetric else frozenset[str]()
    return Moments(
        mean, variance, family, independent=True, uncorrelated=True, symmetric=symmetric, sources=sources,
        odd_in=odd,
    ), rule  # fmt: skip


def _initialize(
    name: str, distribution: Distribution, fans: tuple[Number, Number], numbers: Numbers
) -> tuple[Number, str]:
    """Return the variance of an initializer, gain² / fan, and its rule in words."""
    scheme = name.rpartition("_")[0]
    scheme = ALIASES.get(scheme, scheme)
    mode = distribution.mode or FAN_OF[scheme]
    fan_in, fan_out = fans
    gain = distribution.parameters.get("gain")
    squared = numbers.make(SQUARED_GAINS[scheme]) if gain is None else numbers.apply("multiply", [gain, gain])
    if mode == "average":
        squared = numbers.apply("multiply", [numbers.make(2), squared])
    fan = {"fan_in": fan_in, "fan_out": fan_out, "average": numbers.apply("add", [fan_in, fan_out])}[mode]
    variance = numbers.apply("divide", [squared, fan])
    words = "2 gain² / (fan_in + fan_out)" if mode == "average" else f"gain² / {mode}"
    if gain is None and scheme == "he":
        words += ", gain² = 2"
    bound = "; uniform between -sqrt(3 variance) and its negative" if name.endswith("uniform") else ""
    return (
        variance,
        f"{scheme.capitalize().replace('Lecun', 'LeCun')} initialization: variance {words}{bound}",
    )

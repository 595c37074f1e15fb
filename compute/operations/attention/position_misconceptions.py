"""Known mistakes in encodings of positions."""

from compute.arithmetic.expressions import number_expression
from compute.graph.graph import Value, apply
from compute.operations.framework.misconceptions import DoesNotApply, Step, misconception

ENCODING = ("positional_encoding",)
SEEN = "seen in courses"


def _angles(step: Step, frequencies: Value) -> Value:
    return apply("expand_dims", step["positions"], axis=-1) * frequencies


def _number(step: Step, value: float) -> Value:
    return apply("constant", graph=step.graph, expression=number_expression(value), sizes={})


def _only_sinusoidal(step: Step) -> None:
    if not step.has("frequencies"):
        raise DoesNotApply("not sinusoidal")


@misconception(
    "positions.frequency_inverted",
    at="angles",
    of=ENCODING,
    message="Later columns turn more slowly: look at the sign of the exponent.",
    note="the positions were multiplied by base to the power 2i/d, not divided",
    source="hkproj#2; WaveGrad#12",
)
def frequency_inverted(step: Step) -> Value:
    """Divide the positions by the frequencies."""
    return apply("expand_dims", step["positions"], axis=-1) / step["frequencies"]


@misconception(
    "positions.base_1000",
    at="frequencies",
    of=ENCODING,
    message="Look at the base of the frequencies: how many zeros does it have?",
    note="the base was 1000, not 10000",
    source="maxjcohen/transformer#62",
)
def base_1000(step: Step) -> Value:
    """Take the frequencies with base 1000."""
    attributes = {**step.attributes, "expression": number_expression(1000)}
    return apply("frequencies", graph=step.graph, **attributes)


@misconception(
    "positions.counted_from_one",
    at="angles",
    of=ENCODING,
    message="The first position has a number: look at which.",
    note="positions were counted from 1",
    source=SEEN,
)
def counted_from_one(step: Step) -> Value:
    """Count positions from one."""
    return apply("expand_dims", step["positions"] + _number(step, 1), axis=-1) * step["frequencies"]


@misconception(
    "positions.halves_instead_of_turns",
    at="output",
    of=ENCODING,
    message="Sines and cosines stand in a certain order: look at which columns are which.",
    note="all sines came first, then all cosines",
    source="a convention in some codes",
)
def halves_instead_of_turns(step: Step) -> Value:
    """Put all sines before all cosines."""
    _only_sinusoidal(step)
    angles = step["angles"]
    return apply("concatenate", apply("sin", angles), apply("cos", angles), axis=-1)


@misconception(
    "positions.sine_and_cosine_swapped",
    at="output",
    of=ENCODING,
    message="Sines and cosines take turns: look at which comes first.",
    note="even columns were cosines and odd ones sines",
    source=SEEN,
)
def sine_and_cosine_swapped(step: Step) -> Value:
    """Begin with the cosine."""
    _only_sinusoidal(step)
    angles = step["angles"]
    width = step.size(step.value, -1)
    return apply("interleave", apply("cos", angles), apply("sin", angles), width=width)


@misconception(
    "positions.exponent_by_column",
    at="output",
    of=ENCODING,
    message="The two columns of a pair have the same frequency: look at the exponent.",
    note="the exponent was 2c/d with c the column, not the pair",
    source="attention-is-all-you-need-pytorch#32; DeepCTR#379",
)
def exponent_by_column(step: Step) -> Value:
    """Give every column a frequency of its own."""
    _only_sinusoidal(step)
    width = step.size(step.value, -1)
    if width % 2:
        raise DoesNotApply("an odd width")
    # Pairs i of the doubled width have base^(-2i/(2d)); columns c have base^(-2c/d), the square of those.
    wide = apply("frequencies", graph=step.graph, **{**step["frequencies"].attributes, "pairs": width,
                                                     "width": 2 * width})  # fmt: skip
    angles = _angles(step, wide * wide)
    return _alternate(angles, width)


def _alternate(angles: Value, width: int) -> Value:
    """Return the sines of even columns and the cosines of odd ones."""
    columns = [apply("columns", angles, start=at, stop=at + 1) for at in range(width)]
    written = [apply("sin" if at % 2 == 0 else "cos", column) for at, column in enumerate(columns)]
    return apply("concatenate", *written, axis=-1)


@misconception(
    "positions.left_out",
    at="input",
    of=("self_attention",),
    message="Tokens know their place only by what is added to them: look at the first step.",
    note="the positional encoding was not added",
    source=SEEN,
)
def left_out(step: Step) -> Value:
    """Leave out the positional encoding."""
    if not step.has("positional_encoding"):
        raise DoesNotApply("no encoding")
    return step["x"]


@misconception(
    "positions.multiplied",
    at="input",
    of=("self_attention",),
    message="How does the encoding of a position meet its token? Look at the first step.",
    note="tokens were multiplied by the positional encoding",
    source=SEEN,
)
def multiplied(step: Step) -> Value:
    """Multiply tokens and encoding."""
    if not step.has("positional_encoding"):
        raise DoesNotApply("no encoding")
    return step["x"] * step["positional_encoding"]


MISCONCEPTIONS = (
    frequency_inverted, base_1000, counted_from_one, halves_instead_of_turns, sine_and_cosine_swapped,
    exponent_by_column, left_out, multiplied,
)  # fmt: skip

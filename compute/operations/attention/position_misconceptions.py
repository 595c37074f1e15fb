"""Known mistakes in encodings of positions, and in adding them to tokens."""

import math

import numpy as np

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import HALF, number_expression, parse
from compute.graph.graph import Value, apply, nearest_names
from compute.graph.steps import step_values
from compute.operations.attention.misconceptions import SEEN
from compute.operations.attention.projection_misconceptions import PROJECTED
from compute.operations.framework.misconceptions import DoesNotApply, Step, fixed_mask, misconception

ENCODING = ("positional_encoding",)
ROTARY = ("rotary_embedding",)
ADDING = (*PROJECTED, "language_model", "vision_transformer")
ADDED = ("positional_encoding", "context_positional_encoding")


def _require_sinusoidal(step: Step) -> None:
    if step.settings["kind"] != "sinusoidal":
        raise DoesNotApply("not sinusoidal")


def _frequencies(step: Step, *, pairs: int, width: int) -> Value:
    """Return the powers base^(-2i/width) of this many pairs, with the base of the question."""
    right = step["frequencies"]
    if right.primitive is None or right.primitive.name != "frequencies":
        raise DoesNotApply("given frequencies")
    attributes = {**right.attributes, "pairs": pairs, "width": width}
    return apply("frequencies", graph=step.graph, **attributes)


def _angles(step: Step, frequencies: Value) -> Value:
    return apply("expand_dims", step["positions"], axis=-1) * frequencies


def _alternate(step: Step, angles: Value) -> Value:
    """Return the sines of even columns and the cosines of odd ones, of an angle for each column."""
    is_even = fixed_mask(step.graph, np.arange(step.size(angles, -1)) % 2 == 0)
    return apply("where", is_even, apply("sin", angles), apply("cos", angles))


@misconception(
    "positions.frequency_inverted",
    at="frequencies",
    of=ENCODING,
    message="Later columns turn more slowly: look at the sign of the exponent.",
    note="the positions were multiplied by base to the power 2i/d, not divided",
    source="hkproj#2; WaveGrad#12",
)
def frequency_inverted(step: Step) -> Value:
    """Divide one by the frequencies."""
    return step.constant(1) / step.value


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
    attributes = step.find("frequencies").attributes
    if evaluate(attributes["expression"]) != 10_000:
        raise DoesNotApply("another base")
    attributes = {**attributes, "expression": number_expression(1000)}
    return apply("frequencies", graph=step.graph, **attributes)


@misconception(
    "positions.exponent_without_two",
    at="frequencies",
    of=ENCODING,
    message="The exponents of the pairs go all the way from none to nearly the whole base: look at the"
    " numerator of the exponent.",
    note="the exponent of pair i was i/d, not 2i/d",
    source=SEEN,
)
def exponent_without_two(step: Step) -> Value:
    """Take the root of the frequencies."""
    return apply("power", step.value, exponent=HALF)


@misconception(
    "positions.exponent_doubled",
    at="frequencies",
    of=ENCODING,
    message="The exponent counts pairs of columns: look at what its numerator counts.",
    note="the exponent of pair i was 4i/d, since the even column took the place of the pair in 2i/d",
    source="attention-is-all-you-need-pytorch#32",
)
def exponent_doubled(step: Step) -> Value:
    """Square the frequencies."""
    return step.value * step.value


@misconception(
    "positions.exponent_precedence",
    at="frequencies",
    of=ENCODING,
    message="Look at what the logarithm is divided by, and in which order the operators are evaluated.",
    note="the exponent was 2i times the whole number -ln(base)/d//2, evaluated from left to right",
    source="LoFTR#41",
)
def exponent_precedence(step: Step) -> Value:
    """Divide the logarithm by d, then by 2, and round down."""
    attributes = step.find("frequencies").attributes
    width = attributes["width"]
    if not isinstance(width, int):
        raise DoesNotApply("a symbol")
    factor = math.floor(-math.log(evaluate(attributes["expression"])) / width / 2)
    attributes = {**attributes, "width": 1, "expression": parse(f"exp({-factor})")}
    return apply("frequencies", graph=step.graph, **attributes)


@misconception(
    "positions.exponent_by_column",
    at="output",
    of=ENCODING,
    message="The two columns of a pair have the same frequency: look at what the exponent counts.",
    note="the exponent was 2c/d with c the column, not the pair",
    source="attention-is-all-you-need-pytorch#32; DeepCTR#379; SamLynnEvans#25",
)
def exponent_by_column(step: Step) -> Value:
    """Give every column a frequency of its own, with twice its number."""
    _require_sinusoidal(step)
    width = step.size(step.value, -1)
    return _alternate(step, _angles(step, _frequencies(step, pairs=width, width=width)))


@misconception(
    "positions.cosine_exponent_of_its_column",
    at="output",
    of=ENCODING,
    message="The two columns of a pair have the same frequency: look at the exponent of the cosines.",
    note="the exponent was c/d with c the column, so that cosines turn more slowly than their sines",
    source=SEEN,
)
def cosine_exponent_of_its_column(step: Step) -> Value:
    """Give every column a frequency of its own."""
    _require_sinusoidal(step)
    width = step.size(step.value, -1)
    return _alternate(step, _angles(step, _frequencies(step, pairs=width, width=2 * width)))


@misconception(
    "positions.cosine_exponent_next",
    at="output",
    of=ENCODING,
    message="A sine and its cosine have the same frequency: look at the exponent of the cosines.",
    note="the exponent of the cosines was 2(i + 1)/d, that of the next pair",
    source="SamLynnEvans#25; maxjcohen/transformer#62",
)
def cosine_exponent_next(step: Step) -> Value:
    """Take the cosines with the frequency of the next pair."""
    _require_sinusoidal(step)
    width = step.size(step.value, -1)
    pairs = step.size(step["frequencies"], -1)
    later = apply("columns", _frequencies(step, pairs=pairs + 1, width=width), start=1, stop=pairs + 1)
    cosines = apply("cos", _angles(step, later))
    return apply("interleave", apply("sin", step["angles"]), cosines, width=width)


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
    _require_sinusoidal(step)
    angles = step["angles"]
    halves = apply("concatenate", apply("sin", angles), apply("cos", angles), axis=-1)
    return apply("columns", halves, start=0, stop=step.size(step.value, -1))


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
    _require_sinusoidal(step)
    angles, width = step["angles"], step.size(step.value, -1)
    return apply("interleave", apply("cos", angles), apply("sin", angles), width=width)


def _count_from(step: Step, usual: int, first: int) -> Value:
    """Return the step with positions that are counted from another number."""
    positions = step.find("positions")
    if positions.attributes["first"] != usual:
        raise DoesNotApply("counted from another number")
    counted = apply("positions", graph=step.graph, count=positions.attributes["count"], first=first)
    return step.rebuilt({positions: counted})


@misconception(
    "positions.counted_from_one",
    at=("positions", "angles"),
    of=(*ENCODING, *ROTARY),
    message="The first position has a number: look at which.",
    note="positions were counted from 1, not from 0",
    source=SEEN,
)
def counted_from_one(step: Step) -> Value:
    """Count positions from one."""
    return _count_from(step, 0, 1)


@misconception(
    "positions.counted_from_zero",
    at="positions",
    of=ENCODING,
    message="The first position has a number here: look at which.",
    note="integer positions were counted from 0, not from 1",
    source=SEEN,
)
def counted_from_zero(step: Step) -> Value:
    """Count positions from zero."""
    return _count_from(step, 1, 0)


def _is_encoding(step: Step, value: Value) -> bool:
    """Return whether a value encodes positions."""
    sent = [step.graph.arguments.get(name) for name in ADDED]
    return value in sent or any("position" in name for name in nearest_names(value))


def _find_sum(step: Step) -> Value:
    """Return the sum of tokens and positions. Raises DoesNotApply if there is none."""
    for value in reversed(step_values(step.value)):
        if value.primitive is None or value.primitive.name != "add":
            continue
        if _is_encoding(step, value.inputs[1]):
            return value
    raise DoesNotApply("no encoding")


@misconception(
    "positions.left_out",
    at=("input", "context_input", "sequence"),
    of=ADDING,
    message="Tokens know their place only by what is added to them: look at the first step.",
    note="the encoding of positions was not added",
    source=SEEN,
)
def left_out(step: Step) -> Value:
    """Leave out the encoding of positions."""
    total = _find_sum(step)
    return step.rebuilt({total: total.inputs[0]})


@misconception(
    "positions.multiplied",
    at=("input", "context_input", "sequence"),
    of=ADDING,
    message="How does the encoding of a position meet its token? Look at the first step.",
    note="tokens were multiplied by the encoding of positions",
    source=SEEN,
)
def multiplied(step: Step) -> Value:
    """Multiply tokens and encoding."""
    total = _find_sum(step)
    tokens, encoding = total.inputs
    return step.rebuilt({total: tokens * encoding})


@misconception(
    "positions.rotated_backwards",
    at="output",
    of=ROTARY,
    message="Pairs turn from the first coordinate towards the second: look at the signs of the sines.",
    note="(a, b) became (a cos + b sin, b cos - a sin), a rotation by the negative angle",
    source=SEEN,
)
def rotated_backwards(step: Step) -> Value:
    """Turn pairs the other way."""
    if step.find("add") is not step.value:
        raise DoesNotApply("no sum")
    straight, turned = step.operands
    return straight - turned


@misconception(
    "positions.keys_not_rotated",
    at="rotated_key",
    of=PROJECTED,
    message="The product has to depend on the distance of two tokens: look at what is rotated.",
    note="only the queries were rotated",
    source=SEEN,
)
def keys_not_rotated(step: Step) -> Value:
    """Leave the keys as they are."""
    return step["key"]


MISCONCEPTIONS = (
    frequency_inverted, base_1000, exponent_without_two, exponent_doubled, exponent_precedence,
    exponent_by_column, cosine_exponent_of_its_column, cosine_exponent_next, halves_instead_of_turns,
    sine_and_cosine_swapped, counted_from_one, counted_from_zero, left_out, multiplied, rotated_backwards,
    keys_not_rotated,
)  # fmt: skip

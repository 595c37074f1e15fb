"""The functions that programs can call in addition to the operations of the catalogue.

A function is one of the library, an activation, or a primitive that programs can call by its own name. The
type of a primitive's setting follows from its name, which means the same in every primitive.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal, get_args

from compute.graph.graph import Graph, Value, apply
from compute.graph.primitive import REGISTRY, Primitive
from compute.graph.spec import Kind
from compute.names.suggestions import find_synonym
from compute.operations import CATALOGUE
from compute.operations.framework.declaration import Attribute, AttributeField, Constant
from compute.operations.layers.activation import activate
from compute.primitives.activations.declaration import ACTIVATIONS, Activation
from compute.programs import library
from compute.programs.declaration import ANY, LIBRARY, Function, axis_of, read_constant

assert library  # importing it declares its functions


def _sizes(value: Any) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)


@dataclass(frozen=True, slots=True)
class _Setting:
    """An attribute of primitives as a setting in programs.

    kind: its type.
    default: ... if it is required.
    least: the smallest allowed number.
    convert: converts the sent setting to the attribute.
    """

    kind: Any
    default: Any = ...
    least: int | None = None
    convert: Callable[[Any], Any] | None = None

    def field(self, optional: bool) -> AttributeField:
        """Return the declared setting. optional: whether the primitive accepts None."""
        return AttributeField(Attribute("", self.least), self.kind, None if optional else self.default)


SETTINGS = {
    "axis": _Setting(int, -1),
    "exponent": _Setting(Constant, convert=read_constant),
    "expression": _Setting(Constant, convert=read_constant),
    "to": _Setting(tuple[int, ...], least=1, convert=_sizes),
    "start": _Setting(int, least=0),
    "stop": _Setting(int, least=1),
    "parts": _Setting(int, least=1),
    "at": _Setting(int, least=0),
    "steps": _Setting(int, least=1),
    "left": _Setting(int),
    "right": _Setting(int),
    "queries": _Setting(int, least=1),
    "keys": _Setting(int, least=1),
    "key_first": _Setting(bool, False),
    "alignment": _Setting(Literal["upper_left", "lower_right"], "upper_left"),
    "count": _Setting(int, least=1),
    "first": _Setting(int, 0),
    "pairs": _Setting(int, least=1),
    "width": _Setting(int, least=1),
    "rotated": _Setting(int, least=2),
    "pairing": _Setting(Literal["interleaved", "half_split"]),
    "classes": _Setting(int, least=1),
    "ignored": _Setting(int),
    "some": _Setting(bool, False),
    "padding": _Setting(int, least=0),
    "delta": _Setting(Constant, 1, convert=read_constant),
    "least": _Setting(Constant, convert=read_constant),
    "complement": _Setting(bool, False),
    "only": _Setting(Literal["probabilities", "signs", "variances", "weights", "directions"]),
}
WORDS = {"to": "shape", "expression": "base"}  # attributes that have another name in programs
NEW_AXES = {"one_hot": 1}
TRUE = "[1, 1] > [0, 2]"
# The primitives that programs can call by name, by family, each with a line that calls it.
PRIMITIVES: dict[str, dict[str, str]] = {
    "arithmetic": {
        "add": "y = add([1, 2], 3)",
        "subtract": "y = subtract([1, 2], 3)",
        "multiply": "y = multiply([1, 2], 3)",
        "divide": "y = divide([1, 2], 4)",
        "negative": "y = negative([1, -2])",
        "power": "y = power([1, 2], exponent=3)",
        "floor_divide": "y = floor_divide([7, -7], 2)",
        "remainder": "y = remainder([5, -5], 3)",
        "maximum": "y = maximum([1, -2], 0)",
        "minimum": "y = minimum([1, -2], 0)",
        "identity": "y = identity([1, 2])",
        "stop_gradient": "y = stop_gradient([1, 2])",
        "weighted_product": "y = weighted_product([0, 2], [1, 3])",
    },
    "elementwise": {
        "exp": "y = exp([0, 1])",
        "expm1": "y = expm1([0, 1])",
        "log": "y = log([1, 2])",
        "log1p": "y = log1p([0, 1])",
        "log2": "y = log2([1, 8])",
        "log10": "y = log10([1, 100])",
        "sin": "y = sin([0, 1])",
        "cos": "y = cos([0, 1])",
        "tan": "y = tan([0, 1])",
        "arcsin": "y = arcsin([0, 0.5])",
        "arccos": "y = arccos([0, 0.5])",
        "arctan": "y = arctan([0, 1])",
        "sinh": "y = sinh([0, 1])",
        "cosh": "y = cosh([0, 1])",
        "tanh": "y = tanh([0, 1])",
        "arcsinh": "y = arcsinh([0, 1])",
        "arccosh": "y = arccosh([1, 2])",
        "arctanh": "y = arctanh([0, 0.5])",
        "sigmoid": "y = sigmoid([0, 1])",
        "positive_part": "y = positive_part([-1, 2])",
        "entropy_term": "y = entropy_term([0, 0.5])",
        "norm_root": "y = norm_root([4, 9], exponent='1/2')",
        "prelu": "y = prelu([-1, 2], 0.1)",
        "huber_function": "y = huber_function([0.5, 3])",
        "log_probability": "y = log_probability([0.5, 0.25])",
        "logit_surprise": "y = logit_surprise([0, 2], [1, 0])",
    },
    "rounding": {
        "sign": "y = sign([-2, 0, 3])",
        "floor": "y = floor([1.5, -1.5])",
        "ceil": "y = ceil([1.5, -1.5])",
        "trunc": "y = trunc([1.5, -1.5])",
        "round_straight_through": "y = round_straight_through([0.4, 0.6])",
    },
    "conditions": {
        "greater": "y = greater([1, 2], 1)",
        "greater_equal": "y = greater_equal([1, 2], 1)",
        "less": "y = less([1, 2], 2)",
        "less_equal": "y = less_equal([1, 2], 2)",
        "equal": "y = equal([1, 2], 2)",
        "not_equal": "y = not_equal([1, 2], 2)",
    },
    "reductions": {
        "sum_over": "y = sum_over([[1, 2], [3, 4]], axis=0)",
        "product_over": "y = product_over([[1, 2], [3, 4]])",
        "softmax_jacobian": "y = softmax_jacobian([0.25, 0.75])",
    },
    "shapes": {
        "rows": "y = rows([[1, 2], [3, 4]], start=0, stop=1)",
        "columns": "y = columns([[1, 2], [3, 4]], start=0, stop=1)",
        "time_step": "y = time_step([[1, 2], [3, 4]], at=1)",
        "split_axis": "y = split_axis([[1, 2, 3, 4]], parts=2)",
        "merge_axis": "y = merge_axis([[[1, 2]], [[3, 4]]])",
        "join_axes": "y = join_axes([[1, 2], [3, 4]])",
        "positions": "y = positions(count=3)",
    },
    "linear algebra": {
        "project": "y = project([[1, 2]], [[1], [2]])",
        "guarded_matmul": "y = guarded_matmul([[1, 2]], [[1], [2]])",
        "masked_matmul": f"y = masked_matmul([[1, 2]], [[1], [2]], {TRUE})",
    },
    "classes": {
        "one_hot": "y = one_hot([0, 2], classes=3)",
        "pick": "y = pick([[0.2, 0.8], [0.6, 0.4]], [1, 0])",
        "class_surprise": "y = class_surprise([[0, 1], [2, 0]], [1, 0])",
        "not_ignored": "y = not_ignored([1, -100], ignored=-100)",
        "counted": "y = counted([1, 0], classes=2)",
        "embedding_lookup": "y = embedding_lookup([[1, 2], [3, 4]], [1, 0])",
        "check_entries": "y = check_entries([0.2, 0.8], only='probabilities')",
    },
    "masks and attention": {
        "causal_mask": "y = causal_mask(queries=2, keys=3)",
        "full_mask": "y = full_mask(shape=(2, 3))",
        "all_masks": "y = all_masks(shape=2)",
        "masked_fill": f"y = masked_fill([1, 2], {TRUE})",
        "keep_where": f"y = keep_where([1, 2], {TRUE})",
        "clear_masked": f"y = clear_masked([1, 2], {TRUE})",
        "add_mask": "y = add_mask([1, 2], [0, -1])",
        "mask_admits": "y = mask_admits([0, 1])",
        "largest_weight": "y = largest_weight([[0.2, 0.8]])",
        "running": "y = running([2, 1], steps=2)",
        "always_true": "y = always_true()",
        "band": "y = band([[1, 2], [3, 4]], queries=2, keys=2, left=1, right=0)",
        "band_mask": "y = band_mask(queries=2, keys=2, left=1, right=0)",
        "banded_scores": "y = banded_scores([[1, 2]], [[3, 4]], left=0, right=0)",
        "banded_sum": "y = banded_sum([[1]], [[3, 4]], left=0, right=0)",
        "masked_banded_sum": "y = masked_banded_sum([[1]], [[3, 4]], [[1]] > 0, left=0, right=0)",
        "frequencies": "y = frequencies(pairs=2, width=4, base=100)",
        "interleave": "y = interleave([[1], [2]], [[3], [4]], width=2)",
        "spread_pairs": "y = spread_pairs([1, 2], pairing='interleaved', rotated=4, width=4)",
        "turn_pairs": "y = turn_pairs([[1, 2, 3, 4]], pairing='half_split', rotated=4)",
        "block_rotation": "y = block_rotation([1, 2], [3, 4])",
    },
}


def _apply(primitive: str, graph: Graph, *values: Value) -> Value:
    return apply(primitive, *values, graph=graph)


def _primitive_function(primitive: Primitive, family: str, example: str) -> Function:
    """Return the primitive as a function."""
    parameters = inspect.signature(primitive.forward).parameters.items()
    keywords = {name: parameter for name, parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}
    takes: tuple[Kind, ...] = ANY if primitive.kind == "same" else ("real",)
    inputs = {name: primitive.operand_kinds.get(name, takes) for name in primitive.operands}
    about = {"family": family, "meaning": primitive.meaning, "example": example}
    if not keywords:
        return Function(primitive.name, partial(_apply, primitive.name), inputs, **about)  # type: ignore[arg-type]  # texts
    words = {name: WORDS.get(name, name) for name in keywords}
    new = NEW_AXES.get(primitive.name, 0)

    def build(graph: Graph, *values: Value, **settings: Any) -> Value:
        attributes = {}
        for name, word in words.items():
            value, convert = settings[word], SETTINGS[name].convert
            if name == "axis":
                value = axis_of(value, values[0], new)
            attributes[name] = value if convert is None or value is None else convert(value)
        return apply(primitive.name, *values, graph=graph, **attributes)

    fields = {
        word: SETTINGS[name].field(type(None) in get_args(keywords[name].annotation))
        for name, word in words.items()
    }
    return Function(primitive.name, build, inputs, fields, **about)  # type: ignore[arg-type]  # texts


def _activation_function(entry: Activation) -> Function:
    """Return an activation as a function."""

    def build(graph: Graph, a: Value, **settings: Any) -> Value:
        name: Any = entry.name
        return activate(a, name, **settings)

    def kind(setting: str) -> Any:
        return Literal[entry.words[setting]] if setting in entry.words else Constant | None

    fields = {
        setting: AttributeField(Attribute(""), kind(setting), default)
        for setting, default in entry.settings.items()
    }
    return Function(
        entry.name, build, {"a": ("real",)}, fields, family="activations",
        meaning=entry.meaning, example=f"y = {entry.name}([0.5, 1, 2])",
    )  # fmt: skip


# Names of functions before 0.11.0, which programs may use for one more version.
OLD_NAMES = {
    "admitted": "check_entries",
    "choose": "where",
    "expand": "expand_dims",
    "look_up": "embedding_lookup",
    "stretch": "broadcast_to",
    "surprise": "entropy_term",
    "turn_around": "flip",
    "unending": "always_true",
    "weigh": "weighted_product",
}
NAMED = {
    name: _primitive_function(REGISTRY[name], family, example)
    for family, examples in PRIMITIVES.items()
    for name, example in examples.items()
}
FUNCTIONS: dict[str, Function] = dict(
    sorted(
        (
            {
                name: _activation_function(entry)
                for name, entry in ACTIVATIONS.items()
                if name not in NAMED and name not in CATALOGUE
            }
            | NAMED
            | LIBRARY
        ).items()
    )
)


@lru_cache(maxsize=1024)
def find_function(name: str) -> str:
    """Return the name of a function or operation here, for one that other libraries use; others unchanged."""
    if name in FUNCTIONS or name in CATALOGUE or name in OLD_NAMES:
        return name
    return find_synonym(name, (*FUNCTIONS, *CATALOGUE)) or name

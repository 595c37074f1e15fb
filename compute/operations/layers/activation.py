"""Activation functions: any of a table, with its derivative, and in gated form."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import Expression
from compute.dimensions import show
from compute.errors import QuestionError, describe
from compute.graph.graph import Graph
from compute.graph.spec import ValueSpec
from compute.graph.value import Value, apply
from compute.operations.framework.constants import add_literal, is_numeric, parse_constant, refuse_dimensions
from compute.operations.framework.declaration import Attribute, Constant, Input, operation
from compute.operations.framework.rules import SENT, Rule, rule
from compute.primitives.activations.declaration import ACTIVATIONS, Activation

ActivationName: TypeAlias = Literal[
    "identity", "relu", "leaky_relu", "rrelu", "relu6", "log_relu", "elu", "selu", "celu", "gelu", "silu",
    "mish", "hardswish", "hardsigmoid", "hardtanh", "softplus", "softsign", "threshold", "thresholded_relu",
    "hardshrink", "softshrink", "tanhshrink", "shrink", "tanh", "scaled_tanh", "sigmoid", "log_sigmoid",
    "erf", "exp", "log", "sqrt", "square", "abs", "sin", "cos", "affine",
]  # fmt: skip
"""Every activation that needs nothing but what it is applied to; settings have defaults."""
Name: TypeAlias = Literal[ActivationName, "prelu"]
Setting: TypeAlias = Constant | None
SLOPED = ("leaky_relu", "prelu")


def activate(x: Value, name: ActivationName, **settings: Setting) -> Value:
    """An activation of the table by its name, entry by entry; a value without a name.

    settings: those of the function that are said; None stands for the default. Raises QuestionError, at its
    name, for a setting that the function does not have or cannot use.
    """
    entry, found = ACTIVATIONS[name], resolve_settings(x.graph, name, settings)
    return apply(entry.primitive, _apply_inner(x, entry), **entry.attributes(found))


def _apply_inner(x: Value, entry: Activation) -> Value:
    """What the last step of an activation is applied to."""
    return apply(ACTIVATIONS[entry.inner].primitive, x) if entry.inner else x


def resolve_settings(graph: Graph, name: str, said: Mapping[str, Setting]) -> dict[str, Any]:
    """Every setting of an activation, said or by default: constant expressions, words, or None.

    Raises QuestionError at a setting that it does not have or cannot use.
    """
    entry = ACTIVATIONS[name]
    for setting, worth in said.items():
        if worth is not None and setting not in entry.settings:
            raise _unused_setting_error(setting, name)
    found: dict[str, Any] = {}
    for setting in entry.settings:
        worth = said.get(setting)
        found[setting] = _parse_setting(graph, entry, setting, default_setting(graph, name, setting, worth))
    _check(graph, entry, found)
    return found


def _rules() -> list[Rule]:
    """Say which function each setting belongs to."""
    settings = dict.fromkeys(
        setting for entry in ACTIVATIONS.values() for setting in entry.settings if setting != "slope"
    )
    return [
        *(
            rule(
                setting, {"function": [name for name, one in ACTIVATIONS.items() if setting in one.settings]}
            )
            for setting in settings
        ),
        rule("slope", {"function": SLOPED, **dict.fromkeys(settings)}),
        rule("function", {"slope": SENT}, values=("prelu",), unless_given=True),
    ]


def default_setting(graph: Graph, name: str, setting: str, said: Setting = None) -> Setting:
    """What a setting is: as it was said, or else its default, which may be another for exact numbers."""
    if said is not None:
        return said
    entry = ACTIVATIONS[name]
    return entry.settings[setting] if graph.symbolic else entry.rounded.get(setting, entry.settings[setting])


def _unused_setting_error(setting: str, name: str) -> QuestionError:
    belongs = [one for one, entry in ACTIVATIONS.items() if setting in entry.settings]
    if setting == "slope":
        belongs = list(SLOPED)
    takes = ", ".join(ACTIVATIONS[name].settings) if name in ACTIVATIONS else "slope"
    return QuestionError(
        (setting,),
        f"{name} has no {setting}: it belongs to {', '.join(belongs)}",
        f"settings of {name}: {takes}" if takes else f"no settings, since {name} has none",
        f"a {setting}",
    )


def _parse_setting(graph: Graph, entry: Activation, setting: str, worth: Setting) -> Any:
    if worth is None:
        return None
    words = entry.words.get(setting)
    if words is not None:
        if worth not in words:
            raise QuestionError((setting,), f"is no {setting}", " or ".join(words), describe(worth))
        return worth
    return refuse_dimensions(graph, setting, parse_constant(graph, setting, worth)["expression"])


def _check(graph: Graph, entry: Activation, settings: Mapping[str, Any]) -> None:
    """Refuse constants that the function cannot use; what symbols stand for is not known."""
    numbers = {name: one for name, one in settings.items() if isinstance(one, Expression)}
    if all(is_numeric(graph, one) for one in numbers.values()):
        fault = entry.check({name: evaluate(one) for name, one in numbers.items()})
        if fault is not None:
            setting, expected = fault
            came = describe(evaluate(numbers[setting]))
            message = f"{setting} of {entry.name} must be {expected}"
            raise QuestionError((setting,), message, expected, came)


def _apply_slope(x: Value, slope: Value | None, function: str, said: Mapping[str, Setting]) -> Value:
    """A rectifier whose slope below 0 is a tensor."""
    for setting, worth in said.items():
        if worth is not None:
            raise _unused_setting_error(setting, function)
    if slope is None:
        raise QuestionError(
            ("slope",), "the slope of prelu is learned, and has no default", "a tensor", "nothing"
        )
    if function == "leaky_relu" and slope.shape:
        raise QuestionError(
            ("slope",),
            "leaky_relu has one slope for all; prelu has several",
            "one number",
            f"shape {show(slope.shape)}",
        )
    slope.is_parameter = function == "prelu"
    output = apply("prelu", x, slope).named("output")
    above = apply("derivative", x, function="relu", attributes={})
    one = add_literal(x.graph, 1)
    (above + slope * (one - above)).named("derivative")
    return output


@operation(
    (
        ValueSpec("rectified", "", "...", "Of log_relu: relu(x), of which the logarithm is taken.", "R"),
        ValueSpec("output", "", "...", "The function of each entry.", "Y"),
        ValueSpec(
            "derivative",
            "",
            "...",
            "The derivative of the function at each entry.",
            r"\frac{\mathrm{d} Y}{\mathrm{d} X}",
        ),
    ),
    rules=_rules(),
)
def activation(
    x: Annotated[Value, Input("...", "What the function is applied to, entry by entry.", "X")],
    slope: Annotated[
        Value | None,
        Input(
            "...",
            "Of leaky_relu: what entries below 0 are multiplied by, one number. Of prelu: the same, learned,"
            " of any shape that broadcasts to that of x, such as one number, or (C, 1, 1) for the channels of"
            " (B, C, H, W).",
            "A",
            parameter=True,
            broadcast=True,
            optional="0.01 for leaky_relu; prelu needs one",
        ),
    ] = None,
    *,
    function: Annotated[Name, Attribute("Which function.")],
    alpha: Annotated[
        Setting,
        Attribute(
            "Of elu, celu and selu: how far they fall below 0. Of silu: x sigmoid(alpha x). Of hardsigmoid,"
            " affine and scaled_tanh: a factor. Of thresholded_relu: its threshold."
        ),
    ] = None,
    beta: Annotated[
        Setting,
        Attribute(
            "Of softplus: log(1 + exp(beta x)) / beta. Of hardsigmoid and affine: what is added. Of"
            " scaled_tanh: alpha tanh(beta x)."
        ),
    ] = None,
    gamma: Annotated[Setting, Attribute("Of selu: the factor of all.")] = None,
    approximate: Annotated[
        Literal["none", "tanh"] | None, Attribute("Of gelu: by the error function, or nearly so by tanh.")
    ] = None,
    threshold: Annotated[
        Setting,
        Attribute(
            "Of threshold: entries that are not above it are replaced. Of softplus: where beta x is above it,"
            " the output is x itself; if not said 20, as in PyTorch, and none in exact arithmetic."
        ),
    ] = None,
    value: Annotated[Setting, Attribute("Of threshold: what takes the place of the others.")] = None,
    min_val: Annotated[Setting, Attribute("Of hardtanh: the lower bound.")] = None,
    max_val: Annotated[Setting, Attribute("Of hardtanh: the upper bound.")] = None,
    lambd: Annotated[
        Setting, Attribute("Of hardshrink, softshrink and shrink: up to which size entries become 0.")
    ] = None,
    bias: Annotated[Setting, Attribute("Of shrink: by how much the others are moved towards 0.")] = None,
    lower: Annotated[
        Setting, Attribute("Of rrelu: the smallest slope below 0. In inference it is the middle of the two.")
    ] = None,
    upper: Annotated[Setting, Attribute("Of rrelu: the largest slope below 0.")] = None,
) -> Value:
    """An activation function, entry by entry, with its derivative.

    Every activation of PyTorch and of ONNX, with their names and defaults: identity, relu, leaky_relu, prelu,
    rrelu (in inference), relu6, elu, selu, celu, gelu, silu (with alpha Swish), mish, hardswish, hardsigmoid
    (PyTorch's alpha of 1/6; ONNX has 0.2), hardtanh, softplus, softsign, threshold, thresholded_relu,
    hardshrink, softshrink, tanhshrink, shrink, tanh, scaled_tanh, sigmoid, log_sigmoid, erf, exp, log, sqrt,
    square, abs, sin, cos, affine. A setting that the function does not have is refused. The derivative at a
    kink is PyTorch's, and stated in the conventions.

    log_relu is log(relu(x)), in two steps: below 0 it is -infinity, and its derivative there 1/0 times 0,
    which is NaN.

    Source: Goodfellow et al., Deep Learning (2016), section 6.3.
    """
    if slope is not None and function not in SLOPED:
        raise _unused_setting_error("slope", function)
    said: dict[str, Setting] = {
        "alpha": alpha, "beta": beta, "gamma": gamma, "approximate": approximate, "threshold": threshold,
        "value": value, "min_val": min_val, "max_val": max_val, "lambd": lambd, "bias": bias, "lower": lower,
        "upper": upper,
    }  # fmt: skip
    if function == "prelu" or slope is not None:
        return _apply_slope(x, slope, function, said)
    graph, entry = x.graph, ACTIVATIONS[function]
    settings = resolve_settings(graph, function, said)
    for setting in settings:
        worth = default_setting(graph, function, setting, said.get(setting))
        graph.conventions[setting] = "none" if worth is None else worth
    inside, attributes = _apply_inner(x, entry), entry.attributes(settings)
    if entry.inner:
        inside = inside.named("rectified")
    output = apply(entry.primitive, inside, **attributes).named("output")
    last = entry.primitive if entry.inner else function
    slope_there = apply("derivative", inside, function=last, attributes=attributes)
    if entry.inner:  # by the chain rule, step by step
        slope_there = slope_there * apply("derivative", x, function=entry.inner, attributes={})
    slope_there.named("derivative")
    return output

"""Activation functions with their derivatives."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import Expression
from compute.dimensions import show
from compute.errors import QuestionError, describe
from compute.graph.graph import Graph, Value, apply
from compute.graph.spec import ValueSpec
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
"""Every activation without a tensor of its own; settings have defaults."""
Name: TypeAlias = Literal[ActivationName, "prelu"]
Setting: TypeAlias = Constant | None
SLOPED = ("leaky_relu", "prelu")


def activate(x: Value, name: ActivationName, **settings: Setting) -> Value:
    """Apply an activation to each entry. The result has no name.

    settings: the function's settings; None for the default. Raises QuestionError at a setting that the
        function does not have or cannot use.
    """
    entry, resolved = ACTIVATIONS[name], resolve_settings(x.graph, name, settings)
    return apply(entry.primitive, _apply_inner(x, entry), **entry.attributes(resolved))


def _apply_inner(x: Value, entry: Activation) -> Value:
    """Return the argument of an activation's last step: x, or the inner activation of x."""
    return apply(ACTIVATIONS[entry.inner].primitive, x) if entry.inner else x


def resolve_settings(graph: Graph, name: str, settings: Mapping[str, Setting]) -> dict[str, Any]:
    """Return every setting of an activation, with defaults: constant expressions, words, or None.

    Raises QuestionError at a setting that it does not have or cannot use.
    """
    entry = ACTIVATIONS[name]
    for setting, chosen in settings.items():
        if chosen is not None and setting not in entry.settings:
            raise _unused_setting_error(setting, name)
    resolved: dict[str, Any] = {}
    for setting in entry.settings:
        chosen = setting_or_default(graph, name, setting, settings.get(setting))
        resolved[setting] = _parse_setting(graph, entry, setting, chosen)
    if resolved:
        _check(graph, entry, resolved)
    return resolved


def _rules() -> list[Rule]:
    """Return the rules that tie each setting to its functions."""
    settings = dict.fromkeys(
        setting for entry in ACTIVATIONS.values() for setting in entry.settings if setting != "slope"
    )
    return [
        *(
            rule(
                setting,
                {"function": [name for name, entry in ACTIVATIONS.items() if setting in entry.settings]},
            )
            for setting in settings
        ),
        rule("slope", {"function": SLOPED, **dict.fromkeys(settings)}),
        rule("function", {"slope": SENT}, values=("prelu",), unless_given=True),
    ]


def setting_or_default(graph: Graph, name: str, setting: str, chosen: Setting = None) -> Setting:
    """Return a setting or its default, which may differ between exact and rounded arithmetic."""
    if chosen is not None:
        return chosen
    entry = ACTIVATIONS[name]
    return entry.settings[setting] if graph.symbolic else entry.rounded.get(setting, entry.settings[setting])


def _unused_setting_error(setting: str, name: str) -> QuestionError:
    belongs = [other for other, entry in ACTIVATIONS.items() if setting in entry.settings]
    if setting == "slope":
        belongs = list(SLOPED)
    takes = ", ".join(ACTIVATIONS[name].settings) if name in ACTIVATIONS else "slope"
    return QuestionError(
        (setting,),
        f"{name} has no {setting}: it belongs to {', '.join(belongs)}",
        f"settings of {name}: {takes}" if takes else f"no settings, since {name} has none",
        f"a {setting}",
    )


def _parse_setting(graph: Graph, entry: Activation, setting: str, chosen: Setting) -> Any:
    if chosen is None:
        return None
    words = entry.words.get(setting)
    if words is not None:
        if chosen not in words:
            raise QuestionError(
                (setting,), f"cannot be used as {setting}", " or ".join(words), describe(chosen)
            )
        return chosen
    return refuse_dimensions(graph, setting, parse_constant(graph, setting, chosen)["expression"])


def _check(graph: Graph, entry: Activation, settings: Mapping[str, Any]) -> None:
    """Raise QuestionError for numbers that the function cannot use. Symbols are not checked."""
    numbers = {name: setting for name, setting in settings.items() if isinstance(setting, Expression)}
    if all(is_numeric(graph, constant) for constant in numbers.values()):
        fault = entry.check({name: evaluate(constant) for name, constant in numbers.items()})
        if fault is not None:
            setting, expected = fault
            received = describe(evaluate(numbers[setting]))
            message = f"{setting} of {entry.name} must be {expected}"
            raise QuestionError((setting,), message, expected, received)


def _apply_slope(x: Value, slope: Value | None, function: str, settings: Mapping[str, Setting]) -> Value:
    """Apply a rectifier whose slope below 0 is a tensor, and name its derivative."""
    for setting, chosen in settings.items():
        if chosen is not None:
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
        ValueSpec("rectified", "", "...", "For log_relu: relu(x), the argument of the logarithm.", "R"),
        ValueSpec("output", "", "...", "The function applied to each entry.", "Y"),
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
    x: Annotated[Value, Input("...", "The argument; the function is applied to each entry.", "X")],
    slope: Annotated[
        Value | None,
        Input(
            "...",
            "For leaky_relu: the factor of entries below 0, one number. For prelu: the same factor, learned,"
            " of any shape that broadcasts to that of x, such as one number, or (C, 1, 1) for the channels of"
            " (B, C, H, W).",
            "A",
            parameter=True,
            broadcast=True,
            optional="0.01 for leaky_relu; required for prelu",
        ),
    ] = None,
    *,
    function: Annotated[Name, Attribute("The activation function.")],
    alpha: Annotated[
        Setting,
        Attribute(
            "For elu, celu and selu: the limit at -infinity is -alpha, for selu times gamma. For silu:"
            " x sigmoid(alpha x). For hardsigmoid, affine and scaled_tanh: a factor. For thresholded_relu:"
            " the threshold."
        ),
    ] = None,
    beta: Annotated[
        Setting,
        Attribute(
            "For softplus: log(1 + exp(beta x)) / beta. For hardsigmoid and affine: the constant term. For"
            " scaled_tanh: alpha tanh(beta x)."
        ),
    ] = None,
    gamma: Annotated[Setting, Attribute("For selu: the overall factor.")] = None,
    approximate: Annotated[
        Literal["none", "tanh"] | None,
        Attribute("For gelu. none: with the error function; tanh: the approximation with tanh."),
    ] = None,
    threshold: Annotated[
        Setting,
        Attribute(
            "For threshold: entries not above it are replaced by value. For softplus: the output is x itself"
            " where beta x is above it. Default for softplus: 20, as in PyTorch; none in exact arithmetic."
        ),
    ] = None,
    value: Annotated[Setting, Attribute("For threshold: the replacement of entries not above it.")] = None,
    min_val: Annotated[Setting, Attribute("For hardtanh: the lower bound.")] = None,
    max_val: Annotated[Setting, Attribute("For hardtanh: the upper bound.")] = None,
    lambd: Annotated[
        Setting,
        Attribute("For hardshrink, softshrink and shrink: entries of at most this absolute value become 0."),
    ] = None,
    bias: Annotated[
        Setting, Attribute("For shrink: the amount by which remaining entries move towards 0.")
    ] = None,
    lower: Annotated[
        Setting,
        Attribute("For rrelu: the smallest slope below 0. Inference uses the mean of lower and upper."),
    ] = None,
    upper: Annotated[Setting, Attribute("For rrelu: the largest slope below 0.")] = None,
) -> Value:
    """An activation function of each entry, with its derivative.

    Every activation of PyTorch and of ONNX, with their names and defaults: identity, relu, leaky_relu, prelu,
    rrelu (in inference), relu6, elu, selu, celu, gelu, silu (with alpha Swish), mish, hardswish, hardsigmoid
    (PyTorch's alpha of 1/6; ONNX has 0.2), hardtanh, softplus, softsign, threshold, thresholded_relu,
    hardshrink, softshrink, tanhshrink, shrink, tanh, scaled_tanh, sigmoid, log_sigmoid, erf, exp, log, sqrt,
    square, abs, sin, cos, affine. A setting that the function does not have is refused. The derivative at a
    kink is PyTorch's; the conventions state it.

    log_relu is log(relu(x)), in two steps: below 0 it is -infinity, and its derivative there is 1/0 times 0,
    which is NaN.

    Source: Goodfellow et al., Deep Learning (2016), section 6.3.
    """
    if slope is not None and function not in SLOPED:
        raise _unused_setting_error("slope", function)
    chosen: dict[str, Setting] = {
        "alpha": alpha, "beta": beta, "gamma": gamma, "approximate": approximate, "threshold": threshold,
        "value": value, "min_val": min_val, "max_val": max_val, "lambd": lambd, "bias": bias, "lower": lower,
        "upper": upper,
    }  # fmt: skip
    if function == "prelu" or slope is not None:
        return _apply_slope(x, slope, function, chosen)
    graph, entry = x.graph, ACTIVATIONS[function]
    settings = resolve_settings(graph, function, chosen)
    for setting in settings:
        stated = setting_or_default(graph, function, setting, chosen.get(setting))
        graph.conventions[setting] = "none" if stated is None else stated
    inside, attributes = _apply_inner(x, entry), entry.attributes(settings)
    if entry.inner:
        inside = inside.named("rectified")
    output = apply(entry.primitive, inside, **attributes).named("output")
    last = entry.primitive if entry.inner else function
    derivative = apply("derivative", inside, function=last, attributes=attributes)
    if entry.inner:  # the chain rule
        derivative = derivative * apply("derivative", x, function=entry.inner, attributes={})
    derivative.named("derivative")
    return output

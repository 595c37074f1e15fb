"""Whether a step can have a kink at all."""

from compute.arithmetic.constants import evaluate
from compute.graph.value import Value

# Steps whose results have every derivative wherever they are finite. One that is missing here is thought to
# have kinks, so that those of a new one are reported.
SMOOTH = frozenset({
    "add", "add_mask", "affine", "average", "concatenate", "constant", "convolve", "convolve_transposed",
    "cos", "divide", "erf", "exp", "expand", "expm1", "gather", "gelu", "identity", "join_axes", "log",
    "log1p", "log_sigmoid", "log_softmax", "matmul", "merge_axis", "mish", "multiply", "negative", "part",
    "project", "repeat", "reshape", "scaled_tanh", "sigmoid", "silu", "sin", "softmax", "softplus",
    "split_axis", "square", "stack", "stretch", "subtract", "sum_over", "tanh", "tanhshrink", "time_step",
    "transpose", "turn_around",
})  # fmt: skip


def is_smooth(value: Value) -> bool:
    """Whether the step that makes a value has no kink, such as a rectifier's at 0 or that of a root."""
    if value.primitive is None:
        return False
    if value.primitive.name == "power":
        exponent = value.attributes["exponent"]
        return not exponent.symbols() and evaluate(exponent).is_integer()
    return value.primitive.name in SMOOTH

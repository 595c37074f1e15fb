"""Test cases of activations: operands and attributes of their primitives."""

from compute.arithmetic.expressions import number_expression, parse
from tests.compute.primitives.drawing import Case, away_from_zero, normal, positive, spread

ACTIVATIONS: dict[str, list[Case]] = {
    "relu": [Case([away_from_zero(2, 3)])],
    "prelu": [
        Case([away_from_zero(2, 3), normal(2, 1)]),
        Case([away_from_zero(4, 2, 3), normal()]),
    ],
    "square": [Case([normal(2, 3)])],
    "erf": [Case([normal(2, 3)])],
    "log_sigmoid": [Case([normal(2, 3)])],
    "softplus": [
        Case([normal(2, 3)], {"beta": number_expression(beta), "threshold": threshold and parse(threshold)})
        for beta, threshold in ((1, None), (-2, None), (0.5, "0.1"))
    ],
    "silu": [Case([normal(2, 3)], {"alpha": parse(alpha)}) for alpha in ("1", "1.702")],
    "gelu": [Case([normal(2, 3)], {"approximate": approximate}) for approximate in ("none", "tanh")],
    "mish": [Case([normal(2, 3)])],
    "softsign": [Case([away_from_zero(2, 3)])],
    "tanhshrink": [Case([normal(2, 3)])],
    "scaled_tanh": [Case([normal(2, 3)], {"alpha": parse("1.7159"), "beta": parse("2/3")})],
    "elu": [
        Case([away_from_zero(2, 3)], {"alpha": alpha})
        for alpha in (number_expression(1), number_expression(-0.5))
    ],
    "celu": [Case([away_from_zero(2, 3)], {"alpha": parse(alpha)}) for alpha in ("1", "2")],
    "selu": [Case([away_from_zero(2, 3)], {"alpha": parse("1.5"), "gamma": parse("1.1")})],
    "hardtanh": [Case([normal(2, 3)], {"min_val": number_expression(-0.4), "max_val": parse("3/4")})],
    "hardsigmoid": [Case([normal(2, 3)], {"alpha": parse(a), "beta": parse("1/2")}) for a in ("1/6", "0.8")],
    "hardswish": [Case([spread(2, 3)])],
    "threshold": [Case([normal(2, 3)], {"threshold": parse("0.1"), "value": number_expression(-2)})],
    "hardshrink": [Case([normal(2, 3)], {"lambd": parse("0.6")})],
    "softshrink": [Case([normal(2, 3)], {"lambd": parse("0.6")})],
    "shrink": [Case([normal(2, 3)], {"lambd": parse("0.6"), "bias": parse("1/4")})],
    "affine": [Case([normal(2, 3)], {"alpha": parse("2"), "beta": number_expression(-0.5)})],
    "derivative": [
        Case(
            [operand],
            {"function": function, "attributes": {name: parse(text) for name, text in attributes.items()}},
        )
        for function, operand, attributes in (
            ("identity", normal(2, 3), {}),
            ("tanh", normal(2, 3), {}),
            ("sigmoid", normal(2, 3), {}),
            ("exp", normal(2, 3), {}),
            ("log", positive(2, 3), {}),
            ("sin", normal(2, 3), {}),
            ("cos", normal(2, 3), {}),
            ("sqrt", positive(2, 3), {"exponent": "1/2"}),
            ("square", normal(2, 3), {}),
            ("erf", normal(2, 3), {}),
            ("log_sigmoid", normal(2, 3), {}),
            ("silu", normal(2, 3), {"alpha": "1.5"}),
            ("mish", normal(2, 3), {}),
            ("softsign", away_from_zero(2, 3), {}),
            ("tanhshrink", normal(2, 3), {}),
            ("scaled_tanh", normal(2, 3), {"alpha": "3/2", "beta": "2/3"}),
            ("elu", away_from_zero(2, 3), {"alpha": "1/2"}),
            ("celu", away_from_zero(2, 3), {"alpha": "2"}),
            ("selu", away_from_zero(2, 3), {"alpha": "1.5", "gamma": "1.1"}),
            ("hardswish", spread(2, 3), {}),
            ("relu", away_from_zero(2, 3), {}),
        )
    ]
    + [
        Case([normal(2, 3)], {"function": "gelu", "attributes": {"approximate": approximate}})
        for approximate in ("none", "tanh")
    ]
    + [
        Case(
            [normal(2, 3)],
            {"function": "softplus", "attributes": {"beta": parse("2"), "threshold": threshold}},
        )
        for threshold in (None, parse("0.1"))
    ],
}

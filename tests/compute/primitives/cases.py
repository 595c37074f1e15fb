"""Test cases of primitives: operands and attributes."""

from compute.arithmetic.expressions import number_expression, parse
from compute.primitives.windows import Layout
from tests.compute.primitives.activation_cases import ACTIVATIONS
from tests.compute.primitives.array_cases import ARRAY_CASES
from tests.compute.primitives.drawing import (
    Case,
    all_run,
    away_from_zero,
    booleans,
    ends,
    normal,
    places,
    positive,
    probabilities,
)

WINDOWS = Layout((2, 1), ((1, 0), (2, 2)), (2, 2))

CASES: dict[str, list[Case]] = {
    "identity": [Case([normal(2, 3)])],
    "add": [
        Case([normal(2, 3), normal(2, 3)]),
        Case([normal(3), normal(4, 2, 1)]),
        Case([normal(), normal(2)]),
    ],
    "multiply": [
        Case([normal(2, 3), normal(2, 3)]),
        Case([normal(3), normal(2, 1)]),
        Case([normal(), normal(2)]),
    ],
    "subtract": [Case([normal(2, 3), normal(2, 3)]), Case([normal(3), normal(4, 2, 1)])],
    "divide": [
        Case([normal(2, 3), away_from_zero(2, 3)]),
        Case([normal(3), away_from_zero(2, 1)]),
        Case([normal(2, 2), away_from_zero()]),
    ],
    "negative": [Case([normal(2, 3)])],
    "exp": [Case([normal(2, 3)])],
    "log": [Case([positive(2, 3)])],
    "log1p": [Case([positive(2, 3)])],
    "expm1": [Case([normal(2, 3)])],
    "sigmoid": [Case([normal(2, 3)])],
    "leaky_relu": [Case([away_from_zero(2, 3)], {"slope": parse(slope)}) for slope in ("0", "0.1")],
    **ACTIVATIONS,
    "log_softmax": [Case([normal(2, 3)], {"axis": -1}), Case([normal(2, 3, 2)], {"axis": -2})],
    "hardmax": [Case([normal(2, 3)], {"axis": -1}), Case([normal(2, 3, 2)], {"axis": -3})],
    "softmax_jacobian": [Case([positive(2, 3)], {"axis": -1}), Case([positive(2, 3, 2)], {"axis": -2})],
    "part": [
        Case([normal(4, 3)], {"items": ((1, None, 2), -1)}),
        Case([normal(4, 3)], {"items": (2,)}),
        Case([normal(3)], {"items": (1,)}),
        Case([normal(4, 3)], {"items": ((None, None, -1),)}),
    ],
    "tanh": [Case([normal(2, 3)])],
    "sin": [Case([normal(2, 3)])],
    "cos": [Case([normal(2, 3)])],
    "entropy_term": [Case([positive(2, 3)])],
    "masked_fill": [],  # its result is infinite: it has its own test
    "rnn_scan": [
        Case([normal(4, 2), normal(2, 2), normal(2), all_run], {"activation": name, "reverse": False})
        for name in ("tanh", "sigmoid", "identity")
    ]
    + [
        Case([normal(3, 4, 2), normal(2, 2), normal(3, 2), ends], {"activation": "tanh", "reverse": reverse})
        for reverse in (False, True)
    ],
    "lstm_scan": [
        Case([normal(2, 8), normal(2, 8), normal(2), normal(2), all_run], {"order": order, "reverse": False})
        for order in ((0, 1, 2, 3), (0, 2, 3, 1))
    ]
    + [
        Case(
            [normal(3, 4, 4), normal(1, 4), normal(3, 1), normal(3, 1), ends],
            {"order": (0, 1, 2, 3), "reverse": True},
        )
    ],
    "gru_scan": [
        Case(
            [normal(2, 3), normal(1, 3), normal(*bias), normal(1), all_run],
            {"reset_at": at, "reset_after": after, "reverse": False},
        )
        for at, after, bias in ((0, True, (3,)), (1, False, (3,)), (0, False, ()), (0, True, ()))
    ]
    + [
        Case(
            [normal(3, 4, 6), normal(2, 6), normal(6), normal(3, 2), ends],
            {"reset_at": 0, "reset_after": after, "reverse": True},
        )
        for after in (True, False)
    ],
    "time_step": [Case([normal(4, 3)], {"at": 1}), Case([normal(2, 4, 3)], {"at": 3})],
    "columns": [Case([normal(4, 6)], {"start": 2, "stop": 5}), Case([normal(6)], {"start": 0, "stop": 2})],
    "where": [
        Case([booleans(2, 1), normal(2, 3), normal(2, 3)]),
        Case([booleans(3), normal(2, 3), normal(3)]),
    ],
    "stack": [
        Case([normal(2, 3), normal(2, 3)], {"axis": -2}),
        Case([normal(3), normal(3), normal(3)], {"axis": -2}),
        Case([normal(2, 3), normal(2, 3)], {"axis": -1}),
    ],
    "concatenate": [
        Case([normal(1, 3), normal(2, 3)], {"axis": -2}),
        Case([normal(2, 1, 2), normal(2, 3, 2), normal(2, 2, 2)], {"axis": -2}),
        Case([normal(2, 3), normal(2, 1)], {"axis": -1}),
    ],
    "tiles": [
        Case([normal(1, 4, 6)], {"window": (2, 3)}),
        Case([normal(2, 3, 2, 2)], {"window": (1, 2)}),
    ],
    "project": [
        Case([normal(3), normal(3, 4)]),
        Case([normal(2, 5, 3), normal(3, 1)]),
    ],
    "matmul": [
        Case([normal(2, 3), normal(3, 4)]),
        Case([normal(5, 2, 3), normal(3, 1)]),
        Case([normal(1, 2, 3), normal(4, 3, 2)]),
        Case([normal(3, 1, 2, 3), normal(2, 3, 2)]),
    ],
    "guarded_matmul": [
        Case([normal(2, 3), normal(3, 4)]),
        Case([normal(3, 1, 2, 3), normal(2, 3, 2)]),
    ],
    "masked_matmul": [
        Case([normal(2, 3), normal(3, 4), booleans(2, 3)]),
        Case([normal(2, 2, 3), normal(3, 2), booleans(2, 1, 3)]),
        Case([normal(2, 3), normal(4, 3, 2), booleans(3)]),
    ],
    "add_mask": [Case([normal(2, 3), normal(3)]), Case([normal(1, 3), normal(2, 2, 1)])],
    "clear_masked": [Case([normal(2, 3), booleans(2, 1)])],
    "keep_where": [Case([normal(2, 3), booleans(2, 3)]), Case([normal(3), booleans(2, 3)])],
    "softmax": [
        Case([normal(2, 3)], {"axis": -1}),
        Case([normal(2, 3)], {"axis": -2}),
        Case([normal(2, 1, 4)], {"axis": -1}),
    ],
    "length_over": [
        Case([normal(2, 3)], {"axis": -1, "added": None, "vanishing": True}),
        Case([normal(3, 2, 2)], {"axis": -2, "added": parse("1/3"), "vanishing": False}),
    ],
    "product_over": [Case([normal(3)], {"axis": -1}), Case([normal(4, 2, 3)], {"axis": -2})],
    "sum_over": [Case([normal(2, 3)], {"axis": -1}), Case([normal(4, 2, 3)], {"axis": -2})],
    "average": [Case([normal(2, 3)], {"axes": (-1,)}), Case([normal(4, 2, 3)], {"axes": (-3, -1)})],
    "normalized_groups": [
        Case(
            [normal(*shape), normal(*gain), normal(*bias)],
            {"epsilon": parse(epsilon), "sizes": {}, "cut": cut, "kept": kept, "centered": centered},
        )
        for shape, gain, bias, epsilon, cut, kept, centered in (
            ((2, 3), (3,), (3,), "0.1", None, (0, 1), True),
            ((2, 3), (3,), (3,), "0.1", None, (0, 1), False),
            ((3, 2, 2), (2,), (), "0.01", None, (0, 2), True),
            ((2, 2), (), (2,), "0.5", None, (0, 0), False),
            ((4, 3), (3,), (3,), "0.1", None, (1, 2), True),
            ((2, 3, 2), (3, 1), (), "0.01", None, (1, 2), True),
            ((2, 4, 3), (4, 1), (4, 1), "0.5", (2, 2, 2, 3), (0, 2), True),
            ((2, 2, 4), (2, 1), (2, 1), "0.1", None, (0, 2), True),
        )
    ],
    "banded_scores": [
        Case([normal(5, 2), normal(5, 2)], {"left": 1, "right": 1}),
        Case([normal(3, 7, 2), normal(1, 4, 2)], {"left": 2, "right": 0}),
        Case([normal(40, 2), normal(3, 50, 2)], {"left": 1, "right": 20}),
        Case([normal(2, 1), normal(3, 1)], {"left": 9, "right": 9}),
        Case([normal(3, 2), normal(6, 2)], {"left": -1, "right": 3}),
        Case([normal(6, 2), normal(3, 2)], {"left": 4, "right": -3}),
    ],
    "banded_sum": [
        Case([normal(5, 3), normal(5, 2)], {"left": 1, "right": 1}),
        Case([normal(3, 7, 3), normal(1, 4, 2)], {"left": 2, "right": 0}),
        Case([normal(40, 22), normal(3, 50, 2)], {"left": 1, "right": 20}),
        Case([normal(2, 19), normal(3, 1)], {"left": 9, "right": 9}),
        Case([normal(3, 3), normal(6, 2)], {"left": -1, "right": 3}),
        Case([normal(6, 2), normal(3, 2)], {"left": 4, "right": -3}),
    ],
    "masked_banded_sum": [
        Case([normal(5, 3), normal(5, 2), booleans(5, 3)], {"left": 1, "right": 1}),
        Case([normal(3, 7, 3), normal(1, 4, 2), booleans(7, 1)], {"left": 2, "right": 0}),
        Case([normal(3, 3), normal(5, 2), booleans(3, 3)], {"left": -1, "right": 3}),
    ],
    "band": [
        Case([normal(*shape)], {"queries": 5, "keys": 4, "left": 1, "right": 2, "key_first": False})
        for shape in ((5, 4), (1, 4), (5, 1), (1, 1), (3, 5, 4), (2, 1, 1))
    ] + [Case([normal(4, 5)], {"queries": 5, "keys": 4, "left": 1, "right": 0, "key_first": True})],
    "convolve": [
        Case([normal(2, 4, 7, 6), normal(6, 2, 3, 2)], {"layout": layout})
        for layout in (
            Layout(groups=2),
            Layout((2, 1), ((1, 2), (0, 1)), (1, 2), 2),
            Layout((1, 1), ((4, 0), (3, 3)), groups=2),
        )
    ],
    "convolve_transposed": [
        Case([normal(2, 4, 3, 4), normal(4, 2, 3, 2)], {"layout": Layout(groups=2), "output": (5, 5)}),
        Case(
            [normal(2, 4, 3, 4), normal(4, 1, 3, 2)],
            {"layout": Layout((2, 3), ((1, 0), (0, 1)), (1, 2)), "output": (7, 11)},
        ),
    ],
    "spaced": [
        Case([normal(2, 3, 4)], {"stride": (2, 1), "before": (1, 2), "sizes": (7, 6)}),
        Case([normal(5, 6)], {"stride": (3, 2), "before": (-4, -1), "sizes": (6, 7)}),
    ],
    "patches": [
        Case([normal(2, 4, 5, 6)], {"layout": Layout(groups=2), "window": (2, 3)}),
        Case([normal(2, 2, 5, 6)], {"layout": Layout((2, 1), ((1, 0), (2, 2)), (2, 1)), "window": (2, 3)}),
    ],
    "kernel_matrix": [
        Case([normal(4, 1, 2, 3)], {"layout": Layout((2, 1), ((1, 0), (2, 2)), (2, 1), 2), "sizes": (5, 6)}),
    ],
    "flip": [Case([normal(2, 3, 4)])],
    "reshape": [Case([normal(2, 6)], {"to": (3, 1, 4)})],
    "absolute": [Case([away_from_zero(2, 3)])],
    "power": [
        Case([positive(2, 3)], {"exponent": parse("1.5")}),
        Case([normal(2, 3)], {"exponent": parse("3")}),
    ],
    "norm_root": [Case([positive(2, 3)], {"exponent": parse("1/3")})],
    "entries_at": [Case([normal(2, 3, 4), places(12, 2, 2, 5)]), Case([normal(3, 4), places(12, 6, 1)])],
    "scattered": [
        Case([normal(2, 2, 3), places(20, 2, 2, 3)], {"sizes": (4, 5)}),
        Case([normal(2, 3), places(2, 2, 3)], {"sizes": (1, 2)}),
    ],
    "max_pool": [
        Case([normal(2, 5, 6)], {"layout": layout, "window": window, "output": output, "ties": ties})
        for ties in ("first", "split", "all")
        for layout, window, output in ((WINDOWS, (2, 3), (2, 6)), (Layout((2, 3)), (2, 2), (2, 2)))
    ],
    "window_norm": [
        Case(
            [away_from_zero(2, 5, 6)],
            {"layout": layout, "window": window, "output": output, "exponent": parse(p)},
        )
        for p, layout, window, output in (
            ("2", WINDOWS, (2, 3), (2, 6)),
            ("1", Layout((2, 3)), (2, 2), (2, 2)),
            ("3.5", Layout((2, 3)), (2, 2), (2, 2)),
            ("0.5", Layout((2, 3)), (2, 2), (2, 2)),
        )
    ],
    "window_sum": [Case([normal(2, 5, 6)], {"layout": WINDOWS, "window": (2, 3), "output": (2, 6)})],
    "interleave": [
        Case([normal(4, 2), normal(4, 2)], {"width": 4}),
        Case([normal(4, 2), normal(4, 2)], {"width": 3}),
    ],
    "spread_pairs": [
        Case([normal(3)], {"pairing": pairing, "rotated": 6, "width": 7})
        for pairing in ("interleaved", "half_split")
    ],
    "turn_pairs": [
        Case([normal(2, 5, 6)], {"pairing": "interleaved", "rotated": 4, "axis": -1}),
        Case([normal(5, 6)], {"pairing": "half_split", "rotated": 6, "axis": -1}),
        Case([normal(5, 6)], {"pairing": "half_split", "rotated": 4, "axis": -2}),
    ],
    "block_rotation": [Case([normal(3), normal(3)])],
    "rows": [Case([normal(5, 2)], {"start": 1, "stop": 4})],
    "broadcast_to": [Case([normal(3, 1)], {"to": (2, 3, 4)})],
    "transpose": [Case([normal(2, 3)]), Case([normal(4, 2, 3)])],
    "split_axis": [
        Case([normal(3, 4)], {"parts": 2, "axis": -1}),
        Case([normal(2, 4, 3)], {"parts": 2, "axis": -2}),
    ],
    "merge_axis": [Case([normal(2, 3, 4)], {"axis": -1}), Case([normal(5, 2, 3, 4)], {"axis": -2})],
    "join_axes": [Case([normal(2, 3)]), Case([normal(4, 2, 3)])],
    "expand_dims": [Case([normal(2, 3)], {"axis": -1}), Case([normal(2, 3)], {"axis": -3})],
    "pick": [
        Case([normal(3, 4), places(4, 3)], {"axis": -1, "ignored": None}),
        Case([normal(2, 3, 2), places(3, 2, 2)], {"axis": -2, "ignored": 1}),
        Case([normal(3), places(3)], {"axis": -1, "ignored": -100}),
    ],
    "class_surprise": [
        Case([normal(3, 4), places(4, 3)], {"axis": -1, "ignored": None}),
        Case([normal(2, 3, 2), places(3, 2, 2)], {"axis": -2, "ignored": 1}),
        Case([normal(3), places(3)], {"axis": -1, "ignored": -100}),
    ],
    "embedding_lookup": [
        Case([normal(4, 2), places(4, 5)], {"padding": None}),
        Case([normal(3, 2), places(3, 2, 2)], {"padding": None}),
        Case([normal(3, 1), places(3)], {"padding": None}),
    ],
    "check_entries": [
        Case([probabilities(2, 3)], {"only": "probabilities"}),
        Case([positive(2, 3)], {"only": "weights"}),
        Case([normal(2, 3)], {"only": "directions"}),
    ],
    "weighted_product": [
        Case([away_from_zero(2, 3), normal(2, 3)]),
        Case([away_from_zero(3), normal(4, 2, 1)]),
        Case([away_from_zero(), normal(2)]),
    ],
    "log_probability": [
        Case([probabilities(2, 3)], {"complement": complement, "least": least})
        for complement in (False, True)
        for least in (None, number_expression(-0.5))
    ],
    "logit_surprise": [
        Case([normal(2, 3), probabilities(2, 3)]),
        Case([normal(4, 2, 1), probabilities(3)]),
    ],
    "huber_function": [
        Case([away_from_zero(2, 3)], {"delta": parse(delta)}) for delta in ("1", "0.8", "3")
    ],
    "positive_part": [Case([away_from_zero(2, 3)])],
    **ARRAY_CASES,
}  # fmt: skip

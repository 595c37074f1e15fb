"""POST /v1/cost: settings in letters, and what a window saves."""

import random
import re
from math import prod
from typing import Any

import pytest

from compute.operations import CATALOGUE
from tests.conftest import Ask, errors
from tests.service.layers import LAYER, STATE, X, flat

PATH = "/v1/cost"
TOKENS = {name: {"shape": ["T", "d"]} for name in ("query", "key", "value")}


def cost(ask: Ask, **fields: Any) -> Any:
    response = ask(PATH, **fields)
    assert response.status_code == 200, response.text
    return response.json()["cost"]


@pytest.mark.parametrize(
    ("window", "exact", "speedup"),
    [
        ("k", "T + 2*T*k - k**2 - k", "T/(1 + 2*k)"),
        (["k", 0], "T + T*k - k**2/2 - k/2", "T/(1 + k)"),
        (3, "-12 + 7*T", "T/7"),
        ("2*k", "T + 4*T*k - 4*k**2 - 2*k", "T/(1 + 4*k)"),
    ],
)
def test_windows_in_letters(ask: Ask, window: Any, exact: str, speedup: str) -> None:
    found = cost(ask, operation="attention", **TOKENS, window=window)
    assert found["all_comparisons"] == "T**2"
    assert found["exact_comparisons"] == exact
    assert found["speedup"] == speedup


def test_windows_in_numbers(ask: Ask) -> None:
    shapes = {name: {"shape": [100, 8]} for name in TOKENS}
    found = cost(ask, operation="attention", **shapes, window=3)
    assert (found["comparisons"], found["all_comparisons"], found["exact_comparisons"]) == (700, 10000, 688)
    assert found["speedup"] == 100 / 7
    assert "speedup" not in cost(ask, operation="attention", **shapes)


def test_no_exact_count_where_letters_leave_it_open(ask: Ask) -> None:
    found = cost(
        ask,
        operation="attention",
        **TOKENS | {"key": {"shape": ["S", "d"]}, "value": {"shape": ["S", "d"]}},
        window="k",
    )
    assert found["all_comparisons"] == "S*T"
    assert "exact_comparisons" not in found


def test_heads_in_letters(ask: Ask) -> None:
    shapes = {
        "x": {"shape": ["n", "d"]},
        **{name: {"shape": ["d", "d"]} for name in ("w_q", "w_k", "w_v", "w_o")},
    }
    found = cost(ask, operation="self_attention", **shapes, heads="h")
    assert found["comparisons"] == "h*n**2"
    assert found["multiply_adds"] == "4*d**2*n + 2*d*n**2"


def test_encodings_in_letters(ask: Ask) -> None:
    assert cost(ask, operation="positional_encoding", length="n", dimension="d")["parameters"] == 0
    assert "/length" in errors(ask(PATH, operation="positional_encoding"))


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"window": "k)"}, "/window"),
        ({"window": "-k"}, "/window"),
        ({"window": [1, "k+j+l+m"]}, "/window"),
        ({"window": -1}, "/window"),
        ({"heads": "h)"}, "/heads"),
    ],
)
def test_letters_that_are_none(ask: Ask, fields: dict[str, Any], pointer: str) -> None:
    assert pointer in errors(ask(PATH, operation="attention", **TOKENS, **fields))


def asked(ask: Ask, **fields: Any) -> Any:
    response = ask(PATH, **fields)
    assert response.status_code == 200, response.text
    return response.json()


STACK = {"operation": "encoder", "x": {"shape": ["n", "d"]}, "heads": "h", "d_ff": "4*d"}


def shape(*sizes: Any) -> dict[str, Any]:
    return {"shape": list(sizes)}


def test_one_layer_stands_for_all_of_them(ask: Ask) -> None:
    found = asked(ask, **STACK, layers="L")
    assert found["cost"]["parameters"] == "12*L*d**2 + 13*L*d"
    assert found["cost"]["multiply_adds"] == "12*L*d**2*n + 2*L*d*n**2"
    assert found["cost"]["comparisons"] == "L*h*n**2"
    assert found["conventions"]["layers"] == "L"
    parts = {one["name"]: one for one in found["parts"]}
    assert list(parts) == ["layer[*]"] + [
        f"layer[*].{name}" for name in ("attention", "attention_norm", "feed_forward", "feed_forward_norm")
    ]
    assert {one["times"] for one in parts.values()} == {"L"}
    assert parts["layer[*].attention"]["parameters"] == "4*L*d**2 + 4*L*d"
    assert parts["layer[*].feed_forward"]["multiply_adds"] == "8*L*d**2*n"
    assert parts["layer[*]"]["parameters"] == found["cost"]["parameters"]
    steps = {one["name"]: one for one in found["steps"]}
    assert steps["layer[l].attention.scores"]["times"] == "L"
    assert steps["layer[l].attention.scores"]["multiply_adds"] == "d*n**2"  # of one of them


def test_letters_agree_with_numbers(ask: Ask) -> None:
    sizes = {"L": 3, "h": 2, "n": 5, "d": 8}
    letters = asked(ask, **STACK, layers="L")
    numbers = asked(ask, operation="encoder", x=shape(5, 8), heads=2, d_ff=32, layers=3)
    layer = {
        "attention": {f"w_{one}": shape(8, 8) for one in "qkvo"},
        "feed_forward": {"w_1": shape(8, 32), "w_2": shape(32, 8)},
    }
    nested = asked(ask, operation="encoder", x=shape(5, 8), heads=2, layer=[layer] * 3)
    for name, size in letters["cost"].items():
        value = eval(str(size), {"__builtins__": {}}, sizes)
        assert numbers["cost"][name] == nested["cost"][name] == value
    for one, two, three in zip(letters["parts"], numbers["parts"], nested["parts"], strict=True):
        assert one["name"] == two["name"] == three["name"]
        for name in ("times", "multiply_adds", "elementwise", "comparisons", "parameters"):
            assert two[name] == three[name] == eval(str(one[name]), {"__builtins__": {}}, sizes)
    assert {one["times"] for one in nested["steps"]} == {1}
    assert {one["times"] for one in numbers["steps"]} == {3}


def test_layers_may_differ(ask: Ask) -> None:
    wide, narrow = ({"feed_forward": {"w_1": shape(4, size), "w_2": shape(size, 4)}} for size in (50, 5))
    found = asked(ask, operation="encoder", x=shape(3, 4), layer=[wide, narrow])
    parts = {one["name"]: one for one in found["parts"]}
    assert parts["layer[*].feed_forward"]["times"] == 2
    assert parts["layer[*].feed_forward"]["parameters"] == sum(2 * 4 * size + size + 4 for size in (50, 5))


def test_parts_inside_parts_are_counted_once(ask: Ask) -> None:
    found = asked(ask, operation="transformer", encoder_layers="L", decoder_layers="M")
    parts = {one["name"]: one["times"] for one in found["parts"]}
    assert parts["encoder"] == parts["decoder"] == 1
    assert parts["encoder.layer[*].attention"] == "L"
    assert parts["decoder.layer[*].cross_attention"] == "M"


def test_ways_to_send_shapes(ask: Ask) -> None:
    tensors = asked(ask, operation="encoder_layer", x=X, **LAYER)
    ways = [
        flat(LAYER),
        {"state_dict": STATE},
        {"state_dict": {"self_attn.in_proj_weight": shape(6, 2), "linear1.weight": shape(3, 2)}},
        {"feed_forward": {"w_1": shape(2, 3)}},
        {"d_ff": 3},
    ]
    for way in ways:
        assert asked(ask, operation="encoder_layer", x=shape(3, 2), **way)["cost"] == tensors["cost"]
    letters = {"self_attn.in_proj_weight": shape("3*d", "d"), "linear1.weight": shape("4*d", "d")}
    found = asked(ask, operation="encoder_layer", x=shape("n", "d"), state_dict=letters)
    assert found["cost"]["parameters"] == "12*d**2 + 13*d"


def test_very_large_numbers_are_counted(ask: Ask) -> None:
    found = asked(ask, operation="encoder", x=shape(2**31, 2**40), layers=2**31 - 1, heads=2**20, d_ff=2**30)
    assert int(found["cost"]["parameters"]) == (2**31 - 1) * (4 * 2**80 + 2 * 2**70 + 9 * 2**40 + 2**30)


@pytest.mark.parametrize(
    ("fields", "pointer", "expected"),
    [
        ({}, "/layers", "weights for each layer; or a symbol"),
        ({"layers": 10**18}, "/layers", "2147483647"),
        ({"layers": "10**18"}, "/layers", "2147483647"),
        ({"layers": 0}, "/layers", "from 1"),
        ({"layers": "0"}, "/layers", "from 1"),
        ({"layers": "-L"}, "/layers", "from 1"),
        ({"layers": "K+L+M"}, "/layers", "letters"),
        ({"layers": "9**9**9"}, "/layers", "letters"),
        ({"layers": True}, "/layers", "letters"),
        ({"layers": [1]}, "/layers", "letters"),
        ({"layers": "L", "layer": [{"feed_forward": {"w_1": shape("d", 3)}}]}, "/layers", "a number"),
        ({"layer": [{"feed_forward": {"w_1": shape("d", 3)}}] * 300}, "/layers", "at most 256"),
        ({"layer": [{}] * 10_001}, "/layer", "10000"),
        ({"layer": [None]}, "/layer/0", "an object"),
        ({"layer": [{"attention": {"w_q": None}}]}, "/layer/0/attention/w_q", "a number"),
        ({"layer": [{"attention": {"w_q": shape("a+b+c", 2)}}]}, "/layer/0/attention/w_q/shape/0", "n+1"),
        ({"layer": [{"attention": {"w_q": shape(7, 8)}}]}, "/layer/0/attention/w_q", "d = d"),
        ({"layer[l].attention.w_q": shape("d", "d"), "layers": "L"}, "/layer[l].attention.w_q", "final_norm"),
        ({"layer[0].attention.w_z": shape(2, 2)}, "/layer[0].attention.w_z", "layer[0].attention.w_q"),
        ({"state_dict": [1]}, "/state_dict", "an object"),
        ({"state_dict": {"layers.0.self_attn.in_proj_weight": shape(13, 4)}},
         "/state_dict/layers.0.self_attn.in_proj_weight", "w_q, w_k, w_v"),
        ({"state_dict": {"nothing": shape(13, 4)}}, "/state_dict/nothing", "layers.0"),
        ({"given": {}}, "/given", "one of"),
    ],
)  # fmt: skip
def test_stacks_that_are_none(ask: Ask, fields: dict[str, Any], pointer: str, expected: str) -> None:
    found = errors(ask(PATH, operation="encoder", x=shape("n", "d"), **fields))
    assert pointer in found
    assert expected in found[pointer]["expected"]


def test_heads_share_the_width_evenly(ask: Ask) -> None:
    assert "/heads" in errors(ask(PATH, operation="encoder_layer", x=shape(2, 4), heads=3))
    assert asked(ask, operation="encoder_layer", x=shape("n", "h*k"), heads="h")["cost"]


HUGE = 2**52


def test_sizes_beyond_64_bits_are_counted_exactly(ask: Ask) -> None:
    shapes = {"x": {"shape": [HUGE, HUGE]}, "kernel": {"shape": [3, 5]}}
    found = ask(PATH, operation="conv2d", **shapes).json()
    windows = (HUGE - 2) * (HUGE - 4)
    assert found["cost"]["multiply_adds"] == str(15 * windows)
    assert found["cost"]["bytes"] == str(8 * (HUGE * HUGE + 15 + 15 * windows + windows))
    steps = {one["name"]: one["shape"] for one in found["steps"]}
    assert steps == {"patches": [15, str(windows)], "output": [HUGE - 2, HUGE - 4]}


def test_a_patch_beyond_64_bits(ask: Ask) -> None:
    patch = 2**31 - 1
    found = ask(PATH, operation="vision_transformer", layers=1, patch=patch).json()
    sizes = {size for one in found["steps"] for size in one["shape"]}
    assert f"1 + H*W/{patch**2}" in sizes


def numbers(dims: str, sizes: dict[str, int]) -> list[int]:
    """The sizes of an input's axes, where a dimension such as heads*d_k is a product."""
    axes = [one for one in dims.partition("|")[0].split() if one != "..."]
    return [prod(sizes[name] if name in sizes else int(name) for name in one.split("*")) for one in axes]


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_operation_counts_large_sizes_or_refuses_them(ask: Ask, name: str) -> None:
    rng, declared = random.Random(name), CATALOGUE[name]
    dims = {one: declared.inputs[one].dims for one in declared.required}
    names = {part for one in dims.values() for part in re.findall(r"[A-Za-z]\w*", one)}
    settings: dict[str, Any] = {one: 2 for one, field in declared.attributes.items() if field.required}
    for large in ([2**31 - 1], [2**31, 2**32 + 1, HUGE], [1, 3, 2**53 - 1]):
        sizes = {one: rng.choice(large) for one in sorted(names)}
        shapes = {one: {"shape": numbers(text, sizes)} for one, text in dims.items()}
        response = ask(PATH, operation=name, **settings, **shapes)
        assert response.status_code in (200, 413, 422), response.text
        if response.status_code == 200:
            counts = [count for step in response.json()["steps"] for count in (step["times"], *step["shape"])]
            assert all(int(count) >= 1 for count in counts if str(count).lstrip("-").isdigit())


def test_a_pool_in_letters_that_covers_all_of_its_input(ask: Ask) -> None:
    found = ask(PATH, operation="max_pool1d", x={"shape": ["n"]}, size="n", stride=7, ceil_mode=True)
    assert [one["shape"] for one in found.json()["steps"]] == [[1], [1]]


@pytest.mark.parametrize(
    "size", ["n/999999999999999999999999999999999999999", "((n/999999)**8)**8", "(((n**8)**8)**8)**8"]
)
def test_sizes_of_too_many_digits(ask: Ask, size: str) -> None:
    found = errors(ask(PATH, operation="linear", x={"shape": [size]}))
    assert "is a size" in found["/x/shape/0"]["message"]

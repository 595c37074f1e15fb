"""Costs of whole networks over HTTP, against published counts, and requests that are refused."""

from typing import Any

import pytest

from compute.budgets.planning import Allowance, allowed
from compute.operations import CATALOGUE
from service.questions.costs import understand_cost
from service.schemas.requests import ProgramCost
from service.settings import Settings
from tests.conftest import Client
from tests.service.networks import NETWORKS, Builder, mobilenet, resnet50, vgg16

X = {"shape": [4, 3]}
ONE_LINE: dict[str, Any] = {"program": ["y = x"], "inputs": {"x": X}}


def ask(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    response = client.post("/v1/cost", json=body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


@pytest.mark.parametrize(
    ("network", "parameters", "multiply_adds"),
    [
        ("lenet", 61_706, 416_520),  # Zhang et al., Dive into Deep Learning, section 7.6
        ("vgg16", 138_357_544, 15_470_264_320),  # torchvision: 15.47 billion
        ("resnet50", 25_557_032, 4_089_184_256),  # torchvision: 4.09 billion
        ("mobilenet", 4_231_976, 568_740_352),  # Howard et al. (2017), table 4: 569 million
    ],
)
def test_published_counts(client: Client, network: str, parameters: int, multiply_adds: int) -> None:
    answer = ask(client, NETWORKS[network]())
    assert answer["cost"]["parameters"] == parameters
    assert answer["cost"]["multiply_adds"] == multiply_adds
    for name in ("parameters", "multiply_adds", "elementwise", "activations"):
        assert sum(line[name] for line in answer["lines"]) == answer["cost"][name]
    assert answer["output"]["shape"] == [10 if network == "lenet" else 1000]


def test_vgg_without_biases(client: Client) -> None:
    assert ask(client, vgg16(biases=False))["cost"]["parameters"] == 138_344_128


@pytest.mark.parametrize(
    ("body", "value", "size", "stride"),
    [
        (vgg16(), "pool5", 212, 32),  # Araujo et al., Computing Receptive Fields (2019), table 1
        (mobilenet(), "c14", 315, 32),
        (resnet50(), "c5_3", 427, 32),
    ],
)
def test_published_receptive_fields(
    client: Client, body: dict[str, Any], value: str, size: int, stride: int
) -> None:
    fields = {one["name"]: one["fields"] for one in ask(client, body)["receptive_fields"]}
    assert [(field["size"], field["stride"]) for field in fields[value]] == [(size, stride)] * 2
    assert all(field["everything"] for field in fields[body["program"][-1].split(" ")[0]])


def test_a_large_network_takes_little_planning() -> None:
    """A unit of planning is 10 to 20 microseconds: 400 are at most 8 milliseconds."""
    with allowed(Allowance(400)):
        understand_cost(vgg16(), Settings().limits).answer()


def test_letters_and_bytes(client: Client) -> None:
    body = {
        "program": ["h = relu(x @ w)", "y = self_attention(h, q, q, heads=2)"],
        "inputs": {"x": {"shape": ["n", "d"]}, "w": {"shape": ["d", 8]}, "q": {"shape": [8, 8]}},
        "data": ["x"],
        "bytes_per_number": 2,
    }
    answer = ask(client, body)
    assert answer["lines"][0]["multiply_adds"] == "8*d*n"
    assert answer["cost"]["parameters"] == "64 + 8*d"
    assert answer["kv_cache"]["bytes"] == "32*n"
    assert answer["kv_cache"]["layers"][0]["name"] == "y"
    assert answer["sequential_depth"]["big_o"] == "O(1)"
    assert "receptive_fields" not in answer
    assert "steps" not in answer


def test_a_size_that_nothing_states_is_a_letter(client: Client) -> None:
    answer = ask(
        client,
        {"program": ["h = encoder_layer(x, heads=2)"], "inputs": {"x": {"shape": [5, 8]}}, "data": ["x"]},
    )
    alone = ask(client, {"operation": "encoder_layer", "x": {"shape": [5, 8]}, "heads": 2})
    assert answer["conventions"]["d_ff"] == alone["conventions"]["d_ff"] == "d_ff"
    assert answer["cost"]["parameters"] == alone["cost"]["parameters"]


@pytest.mark.parametrize(
    ("body", "pointer", "message"),
    [
        ({"program": ["y = x @ w"], "inputs": {"x": X, "w": X}}, "/program/0", "line 1, column 5"),
        ({"program": ["y = x +"], "inputs": {"x": X}}, "/program/0", "line 1, column 7"),
        ({"program": ["y = conv3d(x)"], "inputs": {"x": X}}, "/program/0", "line 1, column 5"),
        ({"program": ["y = x @ w"], "inputs": {"x": X}}, "/inputs/w", "required"),
        ({"program": ["y = x"], "inputs": {"x": X, "z": X}}, "/inputs/z", "no input"),
        ({"program": ["y = x"], "inputs": {"x": {"shape": [0]}}}, "/inputs/x/shape/0", ""),
        ({"program": ["y = x"], "inputs": {"x": {"shape": "n"}}}, "/inputs/x", "no shape"),
        (ONE_LINE | {"receptive_field": "y"}, "/receptive_field", "no input"),
        (ONE_LINE | {"operation": "softmax"}, "/program", "takes the place"),
        (ONE_LINE | {"x": X}, "/x", "no field"),
        ({"program": [], "inputs": {"x": X}}, "/program", ""),
        ({"program": "y = x", "inputs": {"x": X}}, "/program", "list"),
        (ONE_LINE | {"bytes_per_number": 0}, "/bytes_per_number", "at least 1"),
        ({"operation": "softmax", "x": X, "receptive_field": "w"}, "/receptive_field", ""),
        ({"operation": "softmax", "x": X, "receptive_field": 3}, "/receptive_field", "text"),
        ({"operation": "softmax", "x": X, "data": ["x"]}, "/data", "no field"),
        ({}, "/operation", ""),
    ],
)  # fmt: skip
def test_refusals_point_to_the_line(client: Client, body: Any, pointer: str, message: str) -> None:
    response = client.post("/v1/cost", json=body)
    assert response.status_code == 422, response.text
    [error] = response.json()["errors"]
    assert error["pointer"] == pointer
    assert message in error["message"]


def test_long_questions_in_letters_are_answered_or_refused(client: Client) -> None:
    nested = Builder()
    nested.inputs = {"x": {"shape": ["n"]}, "k": {"shape": ["k"]}}
    h = "x"
    for at in range(200):
        h = nested.add(f"h{at}", f"conv1d({h}, k, stride=2)")
    response = client.post("/v1/cost", json=nested.request())
    assert response.status_code == 422
    assert response.json()["errors"][0]["message"].startswith(
        "line 22, column 7 at kernel: a size takes more than"
    )
    branches = Builder()
    branches.inputs = {"x": {"shape": ["n"]}} | {f"k{at}": {"shape": [f"k{at}"]} for at in range(60)}
    h = "x"
    for at in range(60):
        ways = (f'conv1d({h}, k{one}, padding="same")' for one in (at, (at + 1) % 60))
        h = branches.add(f"h{at}", " + ".join(ways))
    response = client.post("/v1/cost", json=branches.request())
    assert response.status_code == 422
    assert "characters to write" in response.json()["errors"][0]["message"]


def test_costs_of_many_lines_grow_with_their_number() -> None:
    """Sums of many terms in letters would take quadratic time if they were added one by one."""

    def units(lines: int) -> float:
        wide = Builder()
        wide.inputs = {f"x{at}": {"shape": [f"a{at}", f"b{at}"]} for at in range(lines)}
        for at in range(lines):
            wide.add(f"y{at}", f"softmax(x{at})")
        with allowed(Allowance(100_000)) as allowance:
            understand_cost(wide.request() | {"receptive_field": "x0"}, Settings().limits).answer()
        return allowance.spent

    assert units(400) < 4.5 * units(100)


def test_no_operation_has_a_field_of_every_cost() -> None:
    for operation in CATALOGUE.values():
        fields = {*operation.inputs, *operation.attributes, *operation.parts}
        assert not fields & ProgramCost.model_fields.keys()

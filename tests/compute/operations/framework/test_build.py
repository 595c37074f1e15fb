"""Unification of shapes: errors name the sizes that disagree and their sources."""

from typing import Any

import pytest

from compute.dimensions import Polynomial, Size
from compute.errors import QuestionErrors
from compute.graph.spec import Tensor
from compute.operations import CATALOGUE
from compute.operations.framework.build import build
from compute.operations.framework.unification import transposed_dims

EXAM: dict[str, tuple[Size, ...]] = {"x": (2, 3), "w_q": (3, 4), "w_k": (3, 4), "w_v": (3, 6)}


def graph(shapes: dict[str, tuple[Size, ...]], operation: str = "self_attention", **settings: Any) -> Any:
    tensors = {name: Tensor(shape) for name, shape in shapes.items()}
    return build(CATALOGUE[operation], tensors, settings)


def faults(shapes: dict[str, tuple[Size, ...]], operation: str = "self_attention", **settings: Any) -> Any:
    with pytest.raises(QuestionErrors) as caught:
        graph(shapes, operation, **settings)
    return {error.path: error for error in caught.value.errors}


def test_sizes_follow_from_shapes() -> None:
    assert graph(EXAM, heads=2).dimensions == {
        "n": 2, "d": 3, "heads": 2, "kv_heads": 2, "d_k": 2, "d_v": 3,
    }  # fmt: skip


def test_stacked_weights_say_the_heads() -> None:
    built = graph({"x": (2, 3), "w_q": (4, 3, 5), "w_k": (2, 3, 5), "w_v": (2, 3, 7)})
    assert (built.dimensions["heads"], built.dimensions["kv_heads"]) == (4, 2)
    assert built.names["scores"].shape == (4, 2, 2)
    assert built.names["key"].shape == (2, 2, 5)
    assert built.names["output"].shape == (2, 28)
    assert built.names["scores"].axes == ("heads", "query", "key")


def test_layout_and_orientation_turn_shapes_and_axes() -> None:
    built = graph(
        {"x": (9, 3, 2), "w_q": (4, 3), "w_k": (4, 3), "w_v": (6, 3)},
        layout="columns",
        orientation="key_query",
    )
    assert built.names["query"].shape == (9, 4, 2)
    assert built.names["query"].axes == ("batch", "d_k", "query")
    assert built.names["scores"].axes == ("batch", "key", "query")
    assert built.names["output"].shape == (9, 6, 2)
    assert built.names["x"].axes == ("batch", "d", "n")
    assert transposed_dims("... n d | heads d d_k") == "... d n | heads d_k d"


def test_letters_all_the_way() -> None:
    n, d, h = (Polynomial.symbol(name) for name in ("n", "d", "h"))
    built = graph({"x": (n, d), "w_q": (h, d, d), "w_k": (h, d, d), "w_v": (h, d, d)})
    assert built.names["weights"].shape == (h, n, n)
    assert built.names["output"].shape == (n, h * d)


@pytest.mark.parametrize(
    ("shapes", "settings", "path", "expected"),
    [
        ({"w_k": (5, 4)}, {}, ("w_k",), "d = 3 from axis 1 of x"),
        ({"w_k": (3, 5)}, {}, ("w_k",), "d_k = 4 from axis 1 of w_q"),
        ({"w_q": (3,)}, {}, ("w_q",), "shape (d, heads*d_k) or (heads, d, d_k)"),
        ({"x": (3,)}, {}, ("x",), "shape (..., n, d)"),
        ({}, {"heads": 3}, ("w_q",), "heads = 3 from the attribute heads"),
        ({"w_o": (5, 2)}, {}, ("w_o",), "d_v = 6 from axis 1 of w_v"),
        ({"w_o": (6, 2), "b_o": (3,)}, {}, ("b_o",), "d_o = 2 from axis 1 of w_o"),
        ({"b_v": (5,)}, {}, ("b_v",), "d_v = 6 from axis 1 of w_v"),
        ({"mask": (3, 2)}, {}, ("mask",), "(2, 2): query = 2, key = 2"),
        ({"mask": (4, 2, 2)}, {}, ("mask",), "(2, 2)"),
        ({"positional_encoding": (1, 3)}, {}, ("positional_encoding",), "n = 2 from axis 0 of x"),
        ({"w_q": (2, 3, 4)}, {"heads": 3}, ("w_q",), "heads = 3 from the attribute heads"),
        ({"w_k": (3, 6), "w_v": (3, 9)}, {"kv_heads": 3, "heads": 2}, ("w_k",), "heads that divides 2"),
        ({}, {"kv_heads": 3}, ("w_k",), "kv_heads = 3 from the attribute kv_heads"),
    ],
)
def test_what_does_not_fit(
    shapes: dict[str, tuple[Size, ...]], settings: dict[str, Any], path: tuple[str, ...], expected: str
) -> None:
    found = faults(EXAM | shapes, **settings)
    assert path in found
    assert expected in found[path].expected


def test_heads_that_cannot_be_shared() -> None:
    found = faults({"x": (2, 6), "w_q": (3, 6, 4), "w_k": (2, 6, 4), "w_v": (2, 6, 4)})
    assert found[("w_k",)].expected == "a number of heads that divides 3"
    found = faults({"query": (2, 3, 4, 5), "key": (2, 2, 4, 5), "value": (2, 2, 4, 5)}, "attention")
    assert ("key",) in found


def test_batches_that_do_not_broadcast_name_both() -> None:
    shapes: dict[str, tuple[Size, ...]] = {"x": (2, 2, 3), "positional_encoding": (5, 2, 3)}
    found = faults(EXAM | shapes)
    [error] = found.values()
    assert error.path == ("positional_encoding",)
    assert error.received == "x (2, 2, 3) and positional_encoding (5, 2, 3)"

"""Known mistakes in encodings of positions, against plain NumPy."""

from typing import Any

import numpy as np
import pytest

from tests.compute.mistakes import compute

LENGTH, WIDTH = 5, 6
POSITIONS = np.arange(LENGTH)[:, None]
PAIRS = np.arange(WIDTH // 2)
FREQUENCIES = 10000.0 ** (-2 * PAIRS / WIDTH)
Array = np.ndarray[Any, Any]


def turns(sines: Array, cosines: Array | None = None) -> Array:
    """Return sines and cosines in turn. sines, cosines: their angles."""
    cosines = sines if cosines is None else cosines
    return np.stack([np.sin(sines), np.cos(cosines)], axis=-1).reshape(len(sines), -1)


def encode(exponents: Array, base: float = 10000) -> Array:
    """Return the encoding of pairs with these exponents."""
    return turns(POSITIONS / base**exponents)


def by_column(exponents: Array) -> Array:
    """Return the encoding of columns with these exponents."""
    angles = POSITIONS / 10000.0**exponents
    return np.where(np.arange(WIDTH) % 2 == 0, np.sin(angles), np.cos(angles))


RIGHT = encode(2 * PAIRS / WIDTH)
HALVES = np.concatenate([np.sin(POSITIONS * FREQUENCIES), np.cos(POSITIONS * FREQUENCIES)], axis=-1)
ENCODINGS = {
    "positions.frequency_inverted": encode(-2 * PAIRS / WIDTH),
    "positions.base_1000": encode(2 * PAIRS / WIDTH, base=1000),
    "positions.exponent_without_two": encode(PAIRS / WIDTH),
    "positions.exponent_doubled": encode(4 * PAIRS / WIDTH),
    "positions.exponent_precedence": turns(POSITIONS * np.exp(2 * PAIRS * (-np.log(10000) / WIDTH // 2))),
    "positions.exponent_by_column": by_column(2 * np.arange(WIDTH) / WIDTH),
    "positions.cosine_exponent_of_its_column": by_column(np.arange(WIDTH) / WIDTH),
    "positions.cosine_exponent_next": turns(
        POSITIONS * FREQUENCIES, POSITIONS / 10000.0 ** (2 * (PAIRS + 1) / WIDTH)
    ),
    "positions.counted_from_one": turns((POSITIONS + 1) * FREQUENCIES),
    "positions.halves_instead_of_turns": HALVES,
    "positions.sine_and_cosine_swapped": RIGHT[:, [1, 0, 3, 2, 5, 4]],
}
SIZES: dict[str, Any] = {"length": LENGTH, "dimension": WIDTH}


@pytest.mark.parametrize("code", ENCODINGS)
def test_mistaken_encodings(code: str) -> None:
    mistaken = compute(code, "positional_encoding", {}, ["output"], **SIZES).values["output"]
    assert mistaken == pytest.approx(ENCODINGS[code], abs=1e-9)
    assert not np.allclose(mistaken, RIGHT, atol=0.01)


@pytest.mark.parametrize(
    ("code", "exponents"),
    [
        ("positions.frequency_inverted", -2 * PAIRS / WIDTH),
        ("positions.exponent_without_two", PAIRS / WIDTH),
        ("positions.exponent_doubled", 4 * PAIRS / WIDTH),
    ],
)
def test_mistaken_frequencies(code: str, exponents: Array) -> None:
    mistaken = compute(code, "positional_encoding", {}, ["frequencies", "angles"], **SIZES).values
    assert mistaken["frequencies"] == pytest.approx(10000.0**-exponents)
    assert mistaken["angles"] == pytest.approx(POSITIONS / 10000.0**exponents)


ODD = ["positions.halves_instead_of_turns", "positions.exponent_by_column", "positions.cosine_exponent_next"]


@pytest.mark.parametrize("code", ODD)
def test_an_odd_width_has_one_cosine_less(code: str) -> None:
    angles = POSITIONS * 10000.0 ** (-2 * np.arange(3) / 5)
    own = POSITIONS * 10000.0 ** (-2 * np.arange(5) / 5)
    later = POSITIONS * 10000.0 ** (-2 * np.arange(1, 4) / 5)
    expected = {
        ODD[0]: np.concatenate([np.sin(angles), np.cos(angles)], axis=-1)[:, :5],
        ODD[1]: np.where(np.arange(5) % 2 == 0, np.sin(own), np.cos(own)),
        ODD[2]: turns(angles, later)[:, :5],
    }
    mistaken = compute(code, "positional_encoding", {}, ["output"], length=LENGTH, dimension=5).values
    assert mistaken["output"] == pytest.approx(expected[code])


def test_integer_positions_are_counted_from_zero() -> None:
    code, settings = "positions.counted_from_zero", {**SIZES, "kind": "normalized"}
    mistaken = compute(code, "positional_encoding", {}, ["output"], **settings).values["output"]
    assert mistaken == pytest.approx(np.broadcast_to(POSITIONS / LENGTH, (LENGTH, WIDTH)))
    with pytest.raises(ValueError, match="replaces no step"):
        compute(code, "positional_encoding", {}, ["output"], **SIZES)


@pytest.mark.parametrize("code", ["positions.base_1000", "positions.sine_and_cosine_swapped"])
def test_a_mistake_that_has_no_meaning_replaces_nothing(code: str) -> None:
    settings = {**SIZES, "base": 100} if code == "positions.base_1000" else {**SIZES, "kind": "integer"}
    with pytest.raises(ValueError, match="replaces no step"):
        compute(code, "positional_encoding", {}, ["output"], **settings)


@pytest.mark.parametrize(("code", "power"), [("positions.left_out", 0), ("positions.multiplied", 1)])
def test_positions_that_do_not_meet_their_tokens(code: str, power: int) -> None:
    generator = np.random.default_rng(2)
    x, encoding, w = (generator.normal(size=shape) for shape in ((3, 4), (3, 4), (4, 4)))
    inputs = {"x": x, "positional_encoding": encoding, "w_q": w, "w_k": w}
    g = generator.normal(size=(3, 4))
    mistaken = compute(
        code, "self_attention", inputs, ["query"], gradients=["x"], upstream={"query": g}
    )  # fmt: skip
    assert mistaken.values["query"] == pytest.approx(x * encoding**power @ w)
    assert mistaken.gradients["x"] == pytest.approx(g @ w.T * encoding**power)
    assert not np.allclose(mistaken.values["query"], (x + encoding) @ w, rtol=0.01)


def test_the_context_is_left_without_its_positions() -> None:
    generator = np.random.default_rng(2)
    inputs = {name: generator.normal(size=(3, 3)) for name in ("x", "context", "w_q", "w_k")}
    inputs["context_positional_encoding"] = generator.normal(size=(3, 3))
    mistaken = compute("positions.left_out", "cross_attention", inputs, ["key"]).values["key"]
    assert mistaken == pytest.approx(inputs["context"] @ inputs["w_k"])


@pytest.mark.parametrize("kind", ["learned", "sinusoidal"])
def test_a_language_model_without_positions(kind: str) -> None:
    generator = np.random.default_rng(2)
    shapes: dict[str, tuple[int, ...]] = {
        **{f"encoder.layer[0].attention.{name}": (4, 4) for name in ("w_q", "w_k", "w_v", "w_o")},
        **{f"encoder.layer[0].feed_forward.w_{at}": (4, 4) for at in (1, 2)},
        "token_embedding.weights": (7, 4),
        **({"position_embedding.weights": (5, 4)} if kind == "learned" else {}),
    }
    sent = {name: generator.normal(size=shape) for name, shape in shapes.items()}
    tokens = [3, 0, 6]
    mistaken = compute(
        "positions.left_out", "language_model", {**sent, "tokens": tokens}, ["sequence"], position_kind=kind
    ).values["sequence"]
    assert mistaken == pytest.approx(sent["token_embedding.weights"][tokens])


X = np.random.default_rng(4).normal(size=(3, 4))
TURNS = np.arange(3)[:, None] * 10000.0 ** (-2 * np.arange(2) / 4)


def rotate(x: Array, angles: Array) -> Array:
    """Return neighbouring coordinates rotated."""
    first, second = x[:, 0::2], x[:, 1::2]
    pairs = [
        first * np.cos(angles) - second * np.sin(angles),
        first * np.sin(angles) + second * np.cos(angles),
    ]
    return np.stack(pairs, axis=-1).reshape(x.shape)


ROTATED = {
    "positions.rotated_backwards": rotate(X, -TURNS),
    "positions.counted_from_one": rotate(X, TURNS + 10000.0 ** (-2 * np.arange(2) / 4)),
}


@pytest.mark.parametrize("code", ROTATED)
def test_mistaken_rotations(code: str) -> None:
    mistaken = compute(code, "rotary_embedding", {"x": X}, ["output"]).values["output"]
    assert mistaken == pytest.approx(ROTATED[code])
    assert not np.allclose(mistaken, rotate(X, TURNS), rtol=0.01)


@pytest.mark.parametrize("code", ROTATED)
def test_mistaken_rotations_in_attention(code: str) -> None:
    inputs = {"x": X, "w_q": np.eye(4), "w_k": np.eye(4)}
    names = ["rotated_query", "rotated_key"]
    mistaken = compute(code, "self_attention", inputs, names, rotary="interleaved").values
    assert [mistaken[name] == pytest.approx(ROTATED[code]) for name in names] == [True, True]


def test_only_queries_are_rotated() -> None:
    inputs = {"x": X, "w_q": np.eye(4), "w_k": np.eye(4)}
    mistaken = compute(
        "positions.keys_not_rotated",
        "self_attention",
        inputs,
        ["rotated_key", "scores"],
        rotary="interleaved",
    ).values
    assert mistaken["rotated_key"] == pytest.approx(X)
    assert mistaken["scores"] == pytest.approx(rotate(X, TURNS) @ X.T)
    assert not np.allclose(mistaken["scores"], rotate(X, TURNS) @ rotate(X, TURNS).T, rtol=0.01)

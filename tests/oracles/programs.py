"""Reproducible random questions about functions of programs, whose answers were recorded from PyTorch."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.oracles.cases import Array, Case

COUNT = 20  # questions about each function
INDICES = "i"  # the name of the input that holds indices
FORMATS = ("float16", "bfloat16")
EINSUMS = {
    "ij,jk->ik": ("mn", "nk"),
    "ij,kj->ik": ("mn", "kn"),
    "bij,bjk->bik": ("bmn", "bnk"),
    "bhid,bhjd->bhij": ("bhmn", "bhkn"),
    "ij->ji": ("mn",),
    "ij->": ("mn",),
    "ii->i": ("nn",),
    "i,ij,j->": ("m", "mn", "n"),
    "bij,j->b": ("bmn", "n"),
    "ij,ij->j": ("mn", "mn"),
}
Drawn = tuple[dict[str, Array], dict[str, Any]]
Draw = Callable[[np.random.Generator], Drawn]


def _shape(rng: np.random.Generator, ranks: tuple[int, int] = (1, 3), sizes: tuple[int, int] = (1, 4)) -> Any:
    rank = int(rng.integers(ranks[0], ranks[1] + 1))
    return tuple(int(one) for one in rng.integers(sizes[0], sizes[1] + 1, rank))


def _tensor(low: float | None = None, high: float = 1) -> Draw:
    """Draw normal numbers, or uniform ones between bounds."""

    def draw(rng: np.random.Generator) -> Drawn:
        shape = _shape(rng, (0, 3))
        x = 2 * rng.standard_normal(shape) if low is None else rng.uniform(low, high, shape)
        return {"x": np.asarray(x)}, {}

    return draw


def _pair(low: float | None = None, high: float = 1) -> Draw:
    """Draw two tensors that broadcast."""

    def draw(rng: np.random.Generator) -> Drawn:
        shape = _shape(rng)
        other = tuple(1 if rng.random() < 0.3 else one for one in shape)[int(rng.integers(len(shape))) :]
        x, y = 2 * rng.standard_normal(shape), 2 * rng.standard_normal(other)
        if low is not None:
            x, y = rng.uniform(low, high, shape), rng.uniform(low, high, other)
        return {"x": x, "y": y}, {}

    return draw


def _along(zeros: float = 0, sizes: tuple[int, int] = (1, 4), **settings: Any) -> Draw:
    """Draw a tensor and one of its axes; of each setting one of the choices.

    zeros: the probability of an entry that is 0.
    """

    def draw(rng: np.random.Generator) -> Drawn:
        shape = _shape(rng, sizes=sizes)
        x = rng.standard_normal(shape) * (rng.random(shape) >= zeros)
        chosen = {name: choices[int(rng.integers(len(choices)))] for name, choices in settings.items()}
        return {"x": x}, {"axis": int(rng.integers(-len(shape), len(shape))), **chosen}

    return draw


def _over(sizes: tuple[int, int] = (1, 4), **settings: Any) -> Draw:
    """Draw a tensor and some of its axes."""
    along = _along(0, sizes, **settings)

    def draw(rng: np.random.Generator) -> Drawn:
        inputs, chosen = along(rng)
        rank = inputs["x"].ndim
        axes = rng.permutation(rank)[: int(rng.integers(1, rank + 1))]
        return inputs, {**chosen, "axis": tuple(int(one) for one in axes)}

    return draw


def _at_indices(kind: str) -> Draw:
    """Draw a tensor, indices along one of its axes, and a source of the shape of the indices.

    kind: "any"; "once" for indices that are different; "list" for a list of them.
    """

    def draw(rng: np.random.Generator) -> Drawn:
        shape = _shape(rng)
        axis = int(rng.integers(len(shape)))
        places = (*shape[:axis], int(rng.integers(1, shape[axis] + 1)), *shape[axis + 1 :])
        if kind == "list":
            indices = rng.integers(0, shape[axis], 3)
        elif kind == "once":
            indices = rng.permuted(np.indices(shape)[axis], axis=axis).take(range(places[axis]), axis)
        else:
            indices = rng.integers(0, shape[axis], places)
        inputs = {"x": rng.standard_normal(shape), INDICES: indices.astype(float)}
        return inputs | {"s": rng.standard_normal(indices.shape)}, {"axis": axis}

    return draw


def _reading(kind: str) -> Draw:
    """Draw a tensor and indices without a source."""
    draw_all = _at_indices(kind)

    def draw(rng: np.random.Generator) -> Drawn:
        inputs, settings = draw_all(rng)
        return {name: inputs[name] for name in ("x", INDICES)}, settings

    return draw


def _top(rng: np.random.Generator) -> Drawn:
    inputs, settings = _along(largest=(True, False))(rng)
    size = inputs["x"].shape[settings["axis"]]
    return inputs, {**settings, "k": int(rng.integers(1, size + 1))}


def _square(rng: np.random.Generator) -> Drawn:
    n = int(rng.integers(1, 5))
    return {"x": rng.standard_normal((n, n)) + 2 * np.eye(n)}, {}


def _equations(rng: np.random.Generator) -> Drawn:
    inputs, _ = _square(rng)
    n = len(inputs["x"])
    return inputs | {"y": rng.standard_normal([(n,), (n, 2)][int(rng.integers(2))])}, {}


def _einstein(rng: np.random.Generator) -> Drawn:
    names = list(EINSUMS)
    subscripts = names[int(rng.integers(len(names)))]
    sizes = {letter: int(rng.integers(1, 4)) for letter in "bhkmn"}
    shapes = [[sizes[letter] for letter in axes] for axes in EINSUMS[subscripts]]
    return {name: rng.standard_normal(shape) for name, shape in zip("xyz", shapes, strict=False)}, {
        "subscripts": subscripts,
        "operands": ", ".join("xyz"[: len(shapes)]),
    }


def _matrix(rng: np.random.Generator) -> Drawn:
    shape = tuple(int(one) for one in rng.integers(1, 5, 2))
    return {"x": rng.standard_normal(shape)}, {"k": int(rng.integers(-2, 3))}


def _vectors(rng: np.random.Generator) -> Drawn:
    m, n = rng.integers(1, 5, 2)
    return {"x": rng.standard_normal(m), "y": rng.standard_normal(n)}, {}


def _levels(rng: np.random.Generator) -> Drawn:
    """Draw levels many of which are at a bound. PyTorch's scale is of float32: this one is a power of two."""
    scale = 2.0 ** int(rng.integers(-3, 2))
    zero = int(rng.integers(-2, 3))
    x = rng.standard_normal(_shape(rng)) * 4 * scale
    return {"x": x}, {"scale": scale, "zero_point": zero, "low": -4, "high": 3}


def _numbers_of_a_format(rng: np.random.Generator) -> Drawn:
    return {"x": rng.standard_normal(_shape(rng)) * 10}, {"to": FORMATS[int(rng.integers(2))]}


def _widths(rng: np.random.Generator) -> Drawn:
    shape = tuple(int(one) for one in rng.integers(3, 5, 2))
    before, after = (int(one) for one in rng.integers(0, 3, 2))
    modes = ("constant", "reflect", "edge", "wrap")
    settings = {"before": before, "after": after, "mode": modes[int(rng.integers(4))]}
    return {"x": rng.standard_normal(shape)}, settings


# An expression of each function, with its settings in braces, and how its operands are drawn.
FUNCTIONS: dict[str, tuple[str, Draw]] = {
    "cumsum": ("cumsum(x, axis={axis})", _along()),
    "cumprod": ("cumprod(x, axis={axis})", _along(zeros=0.2)),
    "prod": ("prod(x, axis={axis}, keepdims={keepdims})", _along(zeros=0.2, keepdims=(True, False))),
    "prod_all": ("prod(x)", _along(zeros=0.1)),
    "logsumexp": ("logsumexp(x, axis={axis}, keepdims={keepdims})", _over(keepdims=(True, False))),
    "sum": ("sum(x, axis={axis}, keepdims={keepdims})", _over(keepdims=(True, False))),
    "mean": ("mean(x, axis={axis}, keepdims={keepdims})", _over(keepdims=(True, False))),
    "max": ("max(x, axis={axis})", _over()),
    "min": ("min(x, axis={axis})", _over()),
    "var": (
        "var(x, axis={axis}, ddof={ddof}, keepdims={keepdims})",
        _over((2, 4), ddof=(0, 1), keepdims=(True, False)),
    ),
    "std": ("std(x, axis={axis}, ddof={ddof})", _over((2, 4), ddof=(0, 1))),
    "norm": ("norm(x, {p}, axis={axis})", _along(zeros=0.2, p=(1, 2, 3))),
    "norm_frobenius": ("norm(x)", _along()),
    "topk": ("topk(x, {k}, axis={axis}, largest={largest})[0]", _top),
    "sort": ("sort(x, axis={axis}, descending={descending})", _along(descending=(True, False))),
    "gather": ("gather(x, {axis}, i)", _reading("any")),
    "take_along_axis": ("take_along_axis(x, i, axis={axis})", _reading("any")),
    "take": ("take(x, i, axis={axis})", _reading("list")),
    "scatter": ("scatter(x, {axis}, i, s)", _at_indices("once")),
    "scatter_add": ("scatter_add(x, {axis}, i, s)", _at_indices("any")),
    "roll": ("roll(x, {shift}, axis={axis})", _along(shift=(-2, 1, 3))),
    "flip": ("flip(x, axis={axis})", _along()),
    "repeat": ("repeat(x, {times}, axis={axis})", _along(times=(1, 2, 3))),
    "pad": ("pad(x, (({before}, {after}), ({after}, {before})), mode='{mode}')", _widths),
    "det": ("det(x)", _square),
    "inv": ("inv(x)", _square),
    "solve": ("solve(x, y)", _equations),
    "trace": ("trace(x)", _square),
    "diag": ("diag(x)", _matrix),
    "tril": ("tril(x, {k})", _matrix),
    "triu": ("triu(x, {k})", _matrix),
    "outer": ("outer(x, y)", _vectors),
    "einsum": ("einsum('{subscripts}', {operands})", _einstein),
    "fake_quantize": ("fake_quantize(x, {scale}, {zero_point}, {low}, {high})", _levels),
    "round_to": ("round_to(x, '{to}')", _numbers_of_a_format),
    "stop_gradient": ("x * stop_gradient(x)", _tensor()),
    "maximum": ("maximum(x, y)", _pair()),
    "minimum": ("minimum(x, y)", _pair()),
    "clip": ("clip(x, -0.5, 1.5)", _tensor()),
    "where": ("where(x > y, x * y, x - y)", _pair()),
    "remainder": ("x % y", _pair()),
    "power": ("x ** y", _pair(0.2, 3)),
    "logaddexp": ("logaddexp(x, y)", _pair()),
    "log1p": ("log1p(x)", _tensor(-0.9, 3)),
    "log2": ("log2(x)", _tensor(0.1, 5)),
    "log10": ("log10(x)", _tensor(0.1, 5)),
    "expm1": ("expm1(x)", _tensor()),
    "rsqrt": ("rsqrt(x)", _tensor(0.1, 5)),
    "reciprocal": ("reciprocal(x)", _tensor(0.1, 5)),
    "logit": ("logit(x)", _tensor(0.05, 0.95)),
    "tan": ("tan(x)", _tensor(-1.4, 1.4)),
    "arcsin": ("arcsin(x)", _tensor(-0.9, 0.9)),
    "arccos": ("arccos(x)", _tensor(-0.9, 0.9)),
    "arctan": ("arctan(x)", _tensor()),
    "sinh": ("sinh(x)", _tensor()),
    "cosh": ("cosh(x)", _tensor()),
    "arcsinh": ("arcsinh(x)", _tensor()),
    "arccosh": ("arccosh(x)", _tensor(1.1, 4)),
    "arctanh": ("arctanh(x)", _tensor(-0.9, 0.9)),
}
COUNTS = dict.fromkeys(FUNCTIONS, COUNT)


def draw_program(name: str, seed: int) -> Case:
    """Return a program of one line, and among the attributes the settings in it."""
    expression, draw = FUNCTIONS[name]
    inputs, settings = draw(np.random.default_rng([600, list(FUNCTIONS).index(name), seed]))
    return Case(
        "graph", inputs, {"program": (f"output = {expression.format(**settings)}",), **settings}, np.zeros(0)
    )


def differentiated(question: Case) -> list[str]:
    return [name for name in question.inputs if name != INDICES]

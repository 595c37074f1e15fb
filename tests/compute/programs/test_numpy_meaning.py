"""Expressions of programs against NumPy: values, gradients against central differences, exact numbers."""

import re
from typing import Any

import numpy as np
import pytest

from compute.errors import QuestionErrors
from tests.compute.asking import answer

RNG = np.random.default_rng(23)
INPUTS: dict[str, Any] = {
    "v": RNG.standard_normal(3),
    "w": RNG.standard_normal(3),
    "p": RNG.uniform(0.3, 2, 3),
    "m": RNG.standard_normal((3, 3)),
    "r": RNG.standard_normal((2, 3)),
    "t": RNG.standard_normal((2, 3, 4)),
    "i": np.array([2.0, 0, 1]),
}
V, W, P, M, R, T = (INPUTS[name] for name in "vwpmrt")
I = INPUTS["i"].astype(int)  # noqa: E741 - the name of the input


def softmax(a: Any, axis: int) -> Any:
    exponentials = np.exp(a - a.max(axis, keepdims=True))
    return exponentials / exponentials.sum(axis, keepdims=True)


def logsumexp(a: Any, axis: Any = None) -> Any:
    return np.log(np.exp(a).sum(axis))


CASES: dict[str, Any] = {
    # Operators
    "v @ w": V @ W,
    "m @ v": M @ V,
    "v @ m": V @ M,
    "v @ m @ v": V @ M @ V,
    "t @ [1, 2, 3, 4]": T @ [1, 2, 3, 4],
    "p ** w": P**W,
    "power(p, w)": P**W,
    "power(p, exponent=w)": P**W,
    "pow(2, v)": 2**V,
    "power(p, 3) + power(p, '1/2')": P**3 + P**0.5,
    "2 ** v": 2**V,
    "p ** 2.5": P**2.5,
    "p ** (v * 2)": P ** (V * 2),
    "v % 0.7": V % 0.7,
    "7 % p": 7 % P,
    "v // 0.7": V // 0.7,
    "v // w": V // W,
    "v // 0": np.copysign(np.inf, V),
    "i // i": np.array([1, np.nan, 1]),
    "floor_divide(-7, i)": np.array([-4, -np.inf, -7]),
    "-v % p": -V % P,
    "where(v > 0, v, 0.1 * v)": np.where(V > 0, V, 0.1 * V),
    "(v > 0) * v": (V > 0) * V,
    "sum((v > 0) & (w < 1))": ((V > 0) & (W < 1)).sum(),
    "mean(v >= w)": (V >= W).mean(),
    "where((v < 0) | ~(w <= 0), v, w)": np.where((V < 0) | ~(W <= 0), V, W),
    "where(0 < v < 1, v, 2)": np.where((V > 0) & (V < 1), V, 2),
    "sum(v != w) + sum(v == v)": 6,
    "absolute(v) + np.absolute(w)": np.abs(V) + np.abs(W),
    "and_masks(v > 0, w < 1) + 0": ((V > 0) & (W < 1)) + 0,
    "complement(v > 0) * w": ~(V > 0) * W,
    "logical_not(i) + 0": np.logical_not(I) + 0,
    "as_numbers(v > 0) * w": (V > 0) * W,
    "indicator(i)": (I != 0) + 0,
    # Lists, indices, attributes
    "v * [1, 2, 3]": V * [1, 2, 3],
    "[v, w]": np.array([V, W]),
    "[[1, 2], [3, -4]]": np.array([[1, 2], [3, -4]]),
    "[v[0], 2, sum(w)]": np.array([V[0], 2, W.sum()]),
    "m[:, None]": M[:, None],
    "v[:, None] * w": V[:, None] * W,
    "m[None, ..., 0]": M[None, ..., 0],
    "t[..., 1]": T[..., 1],
    "t[1, ::-1, ::2]": T[1, ::-1, ::2],
    "t[:, -1, 1:]": T[:, -1, 1:],
    "m[[2, 0]]": M[[2, 0]],
    "m[[0, 1, 2], [2, 0, 1]]": M[[0, 1, 2], [2, 0, 1]],
    "m[arange(3), i]": M[np.arange(3), I],
    "t[:, i]": T[:, I],
    "t[0, i, 1:]": T[0, I, 1:],
    "m[i]": M[I],
    "t[[0, 1], :, [1, 0]]": T[[0, 1], :, [1, 0]],
    "t[0, :, i]": T[0, :, I],
    "t[[[0], [1]], 1:, i]": T[[[0], [1]], 1:, I],
    "t[[0, 1], ..., [1, 0]]": T[[0, 1], ..., [1, 0]],
    "m[:, None, i]": M[:, None, I],
    "t[:, None, 1, i]": T[:, None, 1, I],
    "t[None, [0, 1], [1, 2]]": T[None, [0, 1], [1, 2]],
    "m[i, None]": M[I, None],
    "m[i, None, i]": M[I, None, I],
    "t[[1, 0], :, None, i[:2]]": T[[1, 0], :, None, I[:2]],
    "t[..., None, i[1]]": T[..., None, I[1]],
    "v[:, np.newaxis] * w": V[:, None] * W,
    "m[newaxis, ..., 0, np.newaxis]": M[None, ..., 0, None],
    "t.ndim * v + t.size": 3 * V + 24,
    "sum(t, axis=t.ndim - 1)": T.sum(axis=T.ndim - 1),
    "sum(m) / m.size": M.mean(),
    "reshape(m, (m.size,))": M.reshape(9),
    "zeros(m[0].size) + v": V,
    "m.T": M.T,
    "t.T": T.T,
    "t.mT": T.swapaxes(-1, -2),
    "v.shape[0] * m": 3 * M,
    "v / sqrt(m.shape[-1])": V / np.sqrt(3),
    "m.sum(axis=0)": M.sum(axis=0),
    "np.exp(v)": np.exp(V),
    "torch.nn.functional.relu(v)": np.maximum(V, 0),
    "m.reshape(-1)": M.reshape(-1),
    "t.reshape(2, -1)": T.reshape(2, -1),
    "t.transpose(2, 0, 1)": T.transpose(2, 0, 1),
    "2 * np.pi * v": 2 * np.pi * V,
    "np.exp(where(v > 0, v, -np.inf))": np.exp(np.where(V > 0, V, -np.inf)),
    "where(m < 0, -inf, i)": np.where(M < 0, -np.inf, I),
    "softmax(where([[0, 1, 1], [1, 1, 0]] > 0, r, -inf), 1)": softmax(
        np.where([[False, True, True], [True, True, False]], R, -np.inf), 1
    ),
    "max(where(w > 0, -math.inf, w)) * v": np.max(np.where(W > 0, -np.inf, W)) * V,
    "clip(v, 0, np.inf)": np.clip(V, 0, np.inf),
    "minimum(v, inf) + maximum(w, -inf)": V + W,
    "[inf, -inf, 1] * i[0]": np.array([np.inf, -np.inf, 2]),
    "(v < inf) & (v > -inf)": np.array([True] * 3),
    # Elementwise
    "maximum(v, w)": np.maximum(V, W),
    "minimum(v, 0)": np.minimum(V, 0),
    "clip(v, -0.5, 0.5)": np.clip(V, -0.5, 0.5),
    "clip(v, low=0)": np.clip(V, 0, None),
    "abs(v) + sign(v)": np.abs(V) + np.sign(V),
    "floor(v) + ceil(w)": np.floor(V) + np.ceil(W),
    "round(3 * v)": np.round(3 * V),
    "round(v, 2)": np.round(V, 2),
    "trunc(3 * v)": np.trunc(3 * V),
    "log2(p) + log10(p) + log1p(p)": np.log2(P) + np.log10(P) + np.log1p(P),
    "tan(v)": np.tan(V),
    "sinh(v) * cosh(w)": np.sinh(V) * np.cosh(W),
    "arctan(v) + arcsinh(w)": np.arctan(V) + np.arcsinh(W),
    "arcsin(p / 3) + arccos(p / 3)": np.arcsin(P / 3) + np.arccos(P / 3),
    "arctanh(p / 3)": np.arctanh(P / 3),
    "arccosh(p + 1)": np.arccosh(P + 1),
    "rsqrt(p) + reciprocal(p)": P**-0.5 + 1 / P,
    "logit(p / 3)": np.log(P / 3 / (1 - P / 3)),
    "logaddexp(v, m)": np.logaddexp(V, M),
    "heaviside(v, 0.5)": np.heaviside(V, 0.5),
    "stop_gradient(v)": V,
    # Reductions
    "sum(t, axis=(0, 2))": T.sum((0, 2)),
    "sum(t, (0, -1), True)": T.sum((0, -1), keepdims=True),
    "mean(t, 1)": T.mean(1),
    "mean(t, axis=(1, 2), keepdims=True)": T.mean((1, 2), keepdims=True),
    "mean(t, keepdims=True)": T.mean(keepdims=True),
    "max(t, axis=1)": T.max(1),
    "max(t, axis=(0, 1))": T.max((0, 1)),
    "min(t, axis=0, keepdims=True)": T.min(0, keepdims=True),
    "max(t)": T.max(),
    "prod(t, axis=-1)": T.prod(-1),
    "prod(v)": V.prod(),
    "var(t, axis=0)": T.var(0),
    "var(m, ddof=1)": M.var(ddof=1),
    "std(t, axis=(0, 1), ddof=1)": T.std((0, 1), ddof=1),
    "norm(m)": np.linalg.norm(M),
    "norm(m, axis=1)": np.linalg.norm(M, axis=1),
    "norm(v, 1) + norm(v, 3)": np.linalg.norm(V, 1) + np.linalg.norm(V, 3),
    "logsumexp(m, axis=1)": logsumexp(M, 1),
    "logsumexp(t)": logsumexp(T),
    "logsumexp(t, axis=(0, 2), keepdims=True)[0, :, 0]": logsumexp(T, (0, 2)),
    "argmax(m, axis=0)": M.argmax(0),
    "argmax(m)": M.argmax(),
    "argmin(t, axis=1) + 0": T.argmin(1),
    "argmax(m, 1, keepdims=True)": M.argmax(1, keepdims=True),
    "cumsum(t, axis=1)": T.cumsum(1),
    "cumsum(m)": M.cumsum(),
    "cumprod(m, axis=1)": M.cumprod(1),
    "any(m > 1, axis=0)": (M > 1).any(0),
    "all(m < 2)": (M < 2).all(),
    "any(i)": True,
    "all(i)": False,
    "count_nonzero(i)": 2,
    # Shapes
    "concat([m, r])": np.concatenate([M, R]),
    "concatenate([m, r.T], axis=1)": np.concatenate([M, R.T], axis=1),
    "cat([v, w], 0)": np.concatenate([V, W]),
    "concat(v, w)": np.concatenate([V, W]),
    "concat([v, [1]])": np.append(V, 1),
    "stack([v, w])": np.stack([V, W]),
    "stack([v, w], axis=1)": np.stack([V, W], axis=1),
    "hstack([m, v[:, None]])": np.hstack([M, V[:, None]]),
    "vstack([m, v])": np.vstack([M, V]),
    "split(t, 2, axis=2)[1]": np.split(T, 2, axis=2)[1],
    "split(v, [1])[1]": np.split(V, [1])[1],
    "reshape(r, (3, 2))": R.reshape(3, 2),
    "reshape(r, 3, -1)": R.reshape(3, -1),
    "reshape(t, (t.shape[0], -1))": T.reshape(2, -1),
    "transpose(t, (1, 0, 2))": T.transpose(1, 0, 2),
    "transpose(t)": T.transpose(),
    "transpose(r)": R.T,
    "t.transpose(-1, 0, 1)": T.transpose(-1, 0, 1),
    "swapaxes(t, 0, 2)": T.swapaxes(0, 2),
    "moveaxis(t, 0, -1)": np.moveaxis(T, 0, -1),
    "expand_dims(v, 0)": V[None],
    "squeeze(v[None, :, None])": V,
    "squeeze(r[None], 0)": R,
    "tile(r, (2, 1))": np.tile(R, (2, 1)),
    "tile(v, 2)": np.tile(V, 2),
    "tile(r, (2, 1, 2))": np.tile(R, (2, 1, 2)),
    "repeat(r, 2)": np.repeat(R, 2),
    "repeat(r, 2, axis=0)": np.repeat(R, 2, axis=0),
    "repeat(r, 2, 1)": np.repeat(R, 2, 1),
    "flip(v)": V[::-1],
    "flip(t, axis=1)": T[:, ::-1],
    "roll(v, 1)": np.roll(V, 1),
    "roll(m, -1, axis=1)": np.roll(M, -1, axis=1),
    "broadcast_to(v, (2, 3))": np.broadcast_to(V, (2, 3)),
    "flatten(t, 1)": T.reshape(2, -1),
    "pad(v, (1, 2))": np.pad(V, (1, 2)),
    "pad(r, ((1, 0), (0, 2)), value=7)": np.pad(R, ((1, 0), (0, 2)), constant_values=7),
    "pad(r, 1)": np.pad(R, 1),
    "pad(m, 2, mode='reflect')": np.pad(M, 2, mode="reflect"),
    "pad(m, 2, 'edge')": np.pad(M, 2, mode="edge"),
    "pad(m, 1, 'wrap')": np.pad(M, 1, mode="wrap"),
    "pad(r, 1, value=0.5)": np.pad(R, 1, constant_values=0.5),
    "np.pad(r, 1, constant_values=-1/4)": np.pad(R, 1, constant_values=-0.25),
    "pad(r, 1, 'constant', 0.5)": np.pad(R, 1, constant_values=0.5),
    "split(v, [-1])[0]": np.split(V, [-1])[0],
    "split(t, [1, -2], axis=2)[1]": np.split(T, [1, -2], axis=2)[1],
    "pad(r, (1, 0, 0, 2))": np.pad(R, ((0, 2), (1, 0))),
    # Creation
    "eye(3) @ m": M,
    "eye(2, 3) * r": np.eye(2, 3) * R,
    "eye(3, 2)": np.eye(3, 2),
    "eye(3, k=1)": np.eye(3, k=1),
    "eye(2, 3, -1) + eye(2, 3, 2)": np.eye(2, 3, -1) + np.eye(2, 3, 2),
    "eye(2, 3, k=3)": np.zeros((2, 3)),
    "zeros((2, 3)) + v": np.zeros((2, 3)) + V,
    "ones(3) * v": V,
    "full((2, 3), 0.5) * v": np.full((2, 3), 0.5) * V,
    "full(3, 2) * v": np.full(3, 2) * V,
    "arange(3) * v": np.arange(3) * V,
    "arange(5, -1, -2)": np.arange(5, -1, -2),
    "arange(0, 1, 0.25)": np.arange(0, 1, 0.25),
    "arange(0.5, 3)": np.arange(0.5, 3),
    "arange(2.5)": np.arange(2.5),
    "arange(1, -1, -1/3)": np.arange(1, -1, -1 / 3),
    "arange(-2, 2)": np.arange(-2, 2),
    "linspace(-1, 1, 3) * v": np.linspace(-1, 1, 3) * V,
    "zeros_like(m) + ones_like(v)": np.ones((3, 3)),
    "ones(m.shape)": np.ones((3, 3)),
    "full_like(v, 2)": np.full(3, 2.0),
    # Linear algebra
    "outer(v, w)": np.outer(V, W),
    "dot(v, w)": V @ W,
    "dot(m, v)": M @ V,
    "dot(t, [1, 2, 3, 4])": T @ [1, 2, 3, 4],
    "dot(v, t)": np.dot(V, T),
    "dot(m, t)": np.dot(M, T),
    "dot(t, transpose(t, (0, 2, 1)))": np.dot(T, T.transpose(0, 2, 1)),
    "trace(m)": np.trace(M),
    "trace(t)": np.trace(T),
    "diagonal(r)": np.diagonal(R),
    "diagonal(t)": np.diagonal(T),
    "diag(v)": np.diag(V),
    "diag(m)": np.diag(M),
    "diag(v, 1)": np.diag(V, 1),
    "diag(v, k=-1)": np.diag(V, -1),
    "diag(r, 1) + diag(r, -1)": np.diag(R, 1) + np.diag(R, -1),
    "diagonal(t, 1)": np.diagonal(T, 1),
    "diagonal(m, offset=-1)": np.diagonal(M, -1),
    "tril(m) + triu(m, 1)": M,
    "det(m)": np.linalg.det(M),
    "inv(m)": np.linalg.inv(M),
    "solve(m, v)": np.linalg.solve(M, V),
    "solve(m, r.T)": np.linalg.solve(M, R.T),
    "einsum('ij,jk->ik', r, m)": R @ M,
    "einsum('ij->j', m)": M.sum(0),
    "einsum('ii', m)": np.trace(M),
    "einsum('bij,j,i->b', t, [1, 2, 3, 4], v)": np.einsum("bij,j,i->b", T, [1, 2, 3, 4], V),
    "einsum('i,j->ji', v, w)": np.outer(W, V),
    "einsum('ij,ij->', m, m)": (M * M).sum(),
    "einsum('bij,bik->bjk', t, t)": np.einsum("bij,bik->bjk", T, T),
    "einsum('...j,j->...', t, [1, 2, 3, 4])": np.einsum("...j,j->...", T, [1, 2, 3, 4]),
    "einsum('...ij,...jk->...ik', t, t.mT)": T @ T.swapaxes(1, 2),
    "einsum('...ij,...jk', m, t)": np.einsum("...ij,...jk", M, T),
    "einsum('i...->...i', t)": np.einsum("i...->...i", T),
    "einsum('...i,...i', t, t[:, :1])": np.einsum("...i,...i", T, T[:, :1]),
    "einsum('...,...', v, v[:1])": np.einsum("...,...", V, V[:1]),
    "einsum('...ii->...i', m)": np.einsum("...ii->...i", M),
    # Selection
    "sort(m, axis=0)": np.sort(M, axis=0),
    "sort(v, descending=True)": np.sort(V)[::-1],
    "argsort(v)": np.argsort(V),
    "topk(v, 2)[0]": np.sort(V)[::-1][:2],
    "topk(m, 1, axis=0)[1]": M.argmax(0)[None],
    "topk(v, 1, largest=False)[0]": np.sort(V)[:1],
    "take_along_axis(m, argsort(m, axis=1), axis=1)": np.sort(M, axis=1),
    "take(m, i, axis=1)": M[:, I],
    "take(m, [4, -1])": M.ravel()[[4, -1]],
    "gather(m, 1, i[:, None])": M[np.arange(3), I][:, None],
    "scatter(v, 0, [2, 0], [5, 6])": np.array([6, V[1], 5]),
    "scatter_add(v, 0, [1, 1], w[:2])": np.array([V[0], V[1] + W[0] + W[1], V[2]]),
    "scatter(zeros(4), 0, [1, 1], w[:2])": np.array([0, W[1], 0, 0]),
    # Settings by position, names of other libraries
    "softmax(m, 0)": softmax(M, 0),
    "leaky_relu(v, 0.2)": np.where(V > 0, V, 0.2 * V),
    "softmax(m, dim=0)": softmax(M, 0),
    "ReLU(v) + swish(w)": np.maximum(V, 0) + W / (1 + np.exp(-W)),
    "ln(p) + clamp(v, min=0)": np.log(P) + np.maximum(V, 0),
    "leaky_relu(v, negative_slope=1/8)": np.where(V > 0, V, V / 8),
    "sum(m, dim=1, keepdim=True)": M.sum(1, keepdims=True),
    "layer_norm(v, gamma=w, beta=p, eps=0)": (V - V.mean()) / V.std() * W + P,
    "unsqueeze(v, 0)": V[None],
    "torch.cat([v, w], dim=0)": np.concatenate([V, W]),
    "max_pool1d(v, kernel_size=2, stride=1)": np.maximum(V[1:], V[:-1]),
    "conv1d(v, [1, 1], padding='SAME').shape[0] * v": 3 * V,
}


@pytest.mark.parametrize("expression", CASES)
def test_an_expression_means_what_it_means_in_numpy(expression: str) -> None:
    found = answer("graph", used(expression), program=(f"y = {expression}",)).values["y"]
    expected = np.asarray(CASES[expression])
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.astype(float), expected, rtol=1e-12, atol=1e-14)


def used(expression: str) -> dict[str, Any]:
    """Return the inputs that an expression names."""
    expression = re.sub(r"\b\w+=", "", expression)
    words = set(re.findall(r"(?<![.\w])[a-z](?!\w)", re.sub("'[^']*'", "", expression)))
    return {name: value for name, value in INPUTS.items() if name in words}


STEPS = (
    "floor",
    "round",
    "sign",
    "trunc",
    "//",
    "stop_gradient",
    "argm",
    "argsort(v)",
    "heaviside",
    "topk(m",
)
SMOOTH = [
    expression
    for expression in CASES
    if set(used(expression)) - {"i"} and not any(word in expression for word in STEPS)
]


# Expressions that use only the shape of an input, or its order.
CONSTANT = re.compile(r"_like|[<>=]|shape|size|ndim")


@pytest.mark.parametrize("expression", SMOOTH)
def test_gradients_are_central_differences(expression: str) -> None:
    inputs = used(expression)
    rng, program = np.random.default_rng(1), (f"z = {expression}", "y = z * 1.0")
    upstream = rng.standard_normal(np.shape(CASES[expression]))
    gradients = answer("graph", inputs, program=program, upstream={"y": upstream}).gradients
    for name in inputs:
        if name == "i" or gradients.get(name) is None:
            assert name == "i" or CONSTANT.search(expression)
            continue
        direction = rng.standard_normal(inputs[name].shape)
        ends = [
            float(
                (
                    answer("graph", inputs | {name: inputs[name] + step * direction}, program=program).values[
                        "y"
                    ]
                    * upstream
                ).sum()
            )
            for step in (1e-6, -1e-6)
        ]
        slope = (ends[0] - ends[1]) / 2e-6
        assert float((gradients[name] * direction).sum()) == pytest.approx(slope, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("expression", CASES)
def test_exact_numbers_are_those_of_floats(expression: str) -> None:
    inputs = {name: np.round(value, 1) if name != "i" else value for name, value in used(expression).items()}
    floats = answer("graph", inputs, program=(f"y = {expression}",)).values["y"]
    tensors = {name: [str(x) for x in value.ravel()] for name, value in inputs.items()}
    shaped = {
        name: np.array(tensors[name], dtype=object).reshape(inputs[name].shape).tolist() for name in inputs
    }
    found = answer("graph", shaped, program=(f"y = {expression}",), arithmetic="exact").values["y"]
    with np.errstate(invalid="ignore"):
        numbers = np.vectorize(float, otypes=[float])(found)
    np.testing.assert_allclose(numbers, floats.astype(float), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("arithmetic", "quotients"), [("float64", [9, -3, -3]), ("exact", [10, -3, -3])])
def test_whole_quotients_of_decimals_are_those_of_the_numbers_that_they_stand_for(
    arithmetic: str, quotients: list[int]
) -> None:
    """The float 0.1 is above 1/10, so that it is contained in 1 only 9 times; NumPy agrees."""
    found = answer("graph", {}, program=("y = [1, 0.3, -0.3] // [0.1, -0.1, 0.1]",), arithmetic=arithmetic)
    assert [*map(int, found.values["y"])] == quotients
    if arithmetic == "float64":
        assert [*np.floor_divide([1, 0.3, -0.3], [0.1, -0.1, 0.1])] == quotients


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("max(3, 4)", "maximum(a, b)"), ("min(v, 0.5)", "minimum(a, b)"), ("max(v, w)", "maximum(a, b)"),
        ("np.amax(v[0], w[0])", "maximum(a, b)"), ("split(v, -1)", "at least 1"),
        ("split(v, [-4])", "from -2 to 2"), ("split(v, [2, 1])", "in order"), ("eye(0, 2)", "n does not fit"),
        ("arange(0, 9, 1e-308)", "at most"),
        ("arange(-1e308, 1e308)", "at most"), ("arange(1e308, -1e308)", "empty"), ("arange(1, 2, 0)", "by 0"),
        ("arange(1, 0, 0.5)", "is empty"),
        ("einsum('...i,j->...', v, w, v)", "3 operands"), ("einsum('..i->i', v)", "such as"),
        ("einsum('...ij->...', v)", "1 axes"), ("einsum('...i,...i', m, t[..., 0])", "the sizes"),
        ("t[[0, 1], :, [0, 1, 2]]", "cannot combine"), ("t[[0], 0, :, None, [0], 0]", "5 indices for 3 axes"),
        ("v[[0], v > 0]", "2 indices for 1 axes"), ("m[[0], m[0] > 0]", "mask"), ("max(m, m.ndim)", "axis"),
        ("dot(t, t)", "the sizes 4 and 3"), ("diag(v[:, None] * m, 3)", "the offset 3"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_a_hint(expression: str, hint: str) -> None:
    with pytest.raises(QuestionErrors) as caught:
        answer("graph", used(expression), program=(f"y = {expression}",))
    [error] = caught.value.errors
    assert error.path == ("program", 0)
    assert hint in f"{error.message} {error.expected} {error.received}"

"""Attention and self-attention, one head or several, with and without masks."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.grading_corpus.sheets import (
    Array,
    Convention,
    Formula,
    Key,
    Mistake,
    Sheet,
    Step,
    gradient,
    value,
)


def flip(a: Array) -> Array:
    """Exchange the last two axes."""
    return np.swapaxes(a, -1, -2)


def split(a: Array, heads: int) -> Array:
    """Cut columns into heads, side by side."""
    if heads == 1:
        return a
    width = a.shape[1] // heads
    return np.stack([a[:, h * width : (h + 1) * width] for h in range(heads)])


def join(a: Array) -> Array:
    """Set heads side by side."""
    return a if a.ndim == 2 else np.concatenate(list(a), axis=1)


def softmax(s: Array, axis: int = -1) -> Array:
    e = np.exp(s - np.max(s, axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def softmax_back(p: Array, g: Array, axis: int = -1) -> Array:
    """Return the gradient before a softmax p, row by row."""
    return p * (g - (p * g).sum(axis=axis, keepdims=True))


def core_steps(c: float, mask: Array | None, given: str, p: str = "") -> list[Step]:
    """The steps from queries, keys and values to the heads' outputs, forward and backward."""
    logits = p + ("scaled_scores" if mask is None else "masked_scores")
    q, k, v_, s, ss, w = (
        p + name for name in ("query", "key", "value", "scores", "scaled_scores", "weights")
    )
    forward = [
        Step(value(s), lambda v, g: v[q] @ flip(v[k])),
        Step(value(ss), lambda v, g: c * v[s]),
    ]
    if mask is not None:
        forward.append(Step(value(logits), lambda v, g: np.where(mask, v[ss], -np.inf)))
    forward += [
        Step(value(w), lambda v, g: softmax(v[logits])),
        Step(value(given), lambda v, g: v[w] @ v[v_]),
    ]
    backward = [
        Step(gradient(w), lambda v, g: g[given] @ flip(v[v_])),
        Step(gradient(v_), lambda v, g: flip(v[w]) @ g[given]),
        Step(gradient(logits), lambda v, g: softmax_back(v[w], g[w])),
    ]
    if mask is not None:
        backward.append(Step(gradient(ss), lambda v, g: np.where(mask, g[logits], 0.0)))
    backward += [
        Step(gradient(s), lambda v, g: c * g[ss]),
        Step(gradient(q), lambda v, g: g[s] @ v[k]),
        Step(gradient(k), lambda v, g: flip(g[s]) @ v[q]),
    ]
    return [*forward, Step(("mark", "backward"), lambda v, g: 0.0), *backward]


def rescaled(c: float, p: str = "") -> Mistake:
    """Another factor of the scores, forward and backward."""
    return Mistake(
        {
            value(p + "scaled_scores"): lambda v, g: c * v[p + "scores"],
            gradient(p + "scores"): lambda v, g: c * g[p + "scaled_scores"],
        }
    )


def core_mistakes(d_k: int, mask: Array | None, given: str) -> dict[str, Mistake]:
    """Mistakes between queries and heads' outputs that need no mask."""
    logits = "scaled_scores" if mask is None else "masked_scores"
    found = {
        "attention.no_scale": rescaled(1.0),
        "attention.scale_inverted": rescaled(np.sqrt(d_k)),
        "attention.scale_by_d": rescaled(1 / d_k),
        "attention.sign_of_scale": rescaled(-1 / np.sqrt(d_k)),
        "attention.softmax_over_queries": Mistake(
            {
                value("weights"): lambda v, g: softmax(v[logits], -2),
                gradient(logits): lambda v, g: softmax_back(v["weights"], g["weights"], -2),
            }
        ),
        "attention.query_key_swapped": Mistake(
            {
                value("scores"): lambda v, g: v["key"] @ flip(v["query"]),
                gradient("query"): lambda v, g: flip(g["scores"]) @ v["key"],
                gradient("key"): lambda v, g: g["scores"] @ v["query"],
            }
        ),
        "attention.weights_transposed": Mistake(
            {
                value(given): lambda v, g: flip(v["weights"]) @ v["value"],
                gradient("weights"): lambda v, g: v["value"] @ flip(g[given]),
                gradient("value"): lambda v, g: v["weights"] @ g[given],
            }
        ),
        "attention.exp_not_normalized": Mistake(
            {
                value("weights"): lambda v, g: np.exp(v[logits]),
                gradient(logits): lambda v, g: g["weights"] * v["weights"],
            }
        ),
    }
    if mask is None:
        found["attention.no_softmax"] = Mistake(
            {
                value("weights"): lambda v, g: v["scaled_scores"],
                gradient("scaled_scores"): lambda v, g: g["weights"],
            }
        )
        found["attention.divided_by_sum_without_exp"] = Mistake(
            {
                value("weights"): lambda v, g: v["scaled_scores"] / v["scaled_scores"].sum(-1, keepdims=True),
                gradient("scaled_scores"): lambda v, g: (
                    (g["weights"] - (g["weights"] * v["weights"]).sum(-1, keepdims=True))
                    / v["scaled_scores"].sum(-1, keepdims=True)
                ),
            }
        )
    return found


def masked_by(other: Array) -> Mistake:
    """Another mask, forward and backward."""
    return Mistake(
        {
            value("masked_scores"): lambda v, g: np.where(other, v["scaled_scores"], -np.inf),
            gradient("scaled_scores"): lambda v, g: np.where(other, g["masked_scores"], 0.0),
        }
    )


def mask_mistakes(mask: Array, causal: bool) -> dict[str, Mistake]:
    n, m = mask.shape
    found = {
        "attention.mask_ignored": masked_by(np.ones_like(mask)),
        "attention.mask_sets_zero": Mistake(
            {value("masked_scores"): lambda v, g: np.where(mask, v["scaled_scores"], 0.0)}
        ),
        "attention.mask_after_softmax": Mistake(
            {
                value("weights"): lambda v, g: np.where(mask, softmax(v["scaled_scores"]), 0.0),
                gradient("scaled_scores"): lambda v, g: softmax_back(
                    softmax(v["scaled_scores"]), np.where(mask, g["weights"], 0.0)
                ),
            },
            omitted=(value("masked_scores"), gradient("masked_scores")),
        ),
    }
    if causal:
        found["attention.causal_one_ahead"] = masked_by(np.tril(np.ones((n, m), bool), 1))
    else:
        found["attention.mask_inverted"] = masked_by(~mask)
        if n == m:
            found["attention.mask_transposed"] = masked_by(mask.T)
    return found


def projection_steps(heads: int, p: str = "", x: str = "x") -> tuple[list[Step], list[Step]]:
    """Queries, keys and values forward; gradients of their weights and of the tokens."""
    pairs = (("query", "w_q"), ("key", "w_k"), ("value", "w_v"))

    def project(w: str) -> Formula:
        return lambda v, g: split(v[x] @ v[p + w], heads)

    def to_weights(name: str) -> Formula:
        return lambda v, g: v[x].T @ join(g[p + name])

    forward = [Step(value(p + name), project(w)) for name, w in pairs]
    backward = [Step(gradient(p + w), to_weights(name)) for name, w in pairs]
    return forward, backward


def tokens_gradient(v: dict[str, Array], g: dict[str, Array]) -> Array:
    return sum(join(g[name]) @ v[w].T for name, w in (("query", "w_q"), ("key", "w_k"), ("value", "w_v")))


def output_steps(p: str = "") -> tuple[list[Step], list[Step]]:
    """The output projection forward, and the gradients of it and of the heads."""
    forward = [Step(value(p + "output"), lambda v, g: join(v[p + "head_outputs"]) @ v[p + "w_o"])]
    backward = [
        Step(gradient(p + "w_o"), lambda v, g: join(v[p + "head_outputs"]).T @ g[p + "output"]),
        Step(
            gradient(p + "head_outputs"),
            lambda v, g: split(g[p + "output"] @ v[p + "w_o"].T, v[p + "head_outputs"].shape[0]),
        ),
    ]
    return forward, backward


def arrange(core: list[Step], before: list[Step], after: list[Step], *backs: list[Step]) -> tuple[Step, ...]:
    """Put all steps in order: forward, then backward."""
    cut = next(place for place, step in enumerate(core) if step.key[0] == "mark")
    ahead, behind = backs
    return (*before, *core[:cut], *after, *ahead, *core[cut + 1 :], *behind)


def projection_mistakes(heads: int, d: int, d_k: int, d_v: int) -> dict[str, Mistake]:
    found: dict[str, Mistake] = {}
    if heads == 1 and d_v == d:
        found["attention.value_not_projected"] = Mistake(
            {
                value("value"): lambda v, g: v["x"],
                gradient("x"): lambda v, g: g["query"] @ v["w_q"].T + g["key"] @ v["w_k"].T + g["value"],
            },
            omitted=(gradient("w_v"),),
        )
    if d_v == d_k:
        found["attention.value_is_key"] = Mistake(
            {
                value("value"): lambda v, g: v["key"],
                gradient("key"): lambda v, g: flip(g["scores"]) @ v["query"] + g["value"],
                gradient("x"): lambda v, g: join(g["query"]) @ v["w_q"].T + join(g["key"]) @ v["w_k"].T,
            },
            omitted=(gradient("w_v"),),
        )
    if d != d_k:
        found["attention.scale_by_root_of_d_model"] = rescaled(1 / np.sqrt(d))
    return found


def weave(a: Array, heads: int) -> Array:
    """Give head h the columns h, h + heads and so on."""
    return np.stack([a[:, h::heads] for h in range(heads)])


def unweave(a: Array) -> Array:
    heads, n, width = a.shape
    return a.transpose(1, 2, 0).reshape(n, heads * width)


def head_mistakes(heads: int, d_k: int, d_v: int, mask: Array | None, square: bool) -> dict[str, Mistake]:
    names = (("query", "w_q"), ("key", "w_k"), ("value", "w_v"))
    woven: dict[Key, Formula] = {}

    def project(w: str) -> Formula:
        return lambda v, g: weave(v["x"] @ v[w], heads)

    def to_weights(name: str) -> Formula:
        return lambda v, g: v["x"].T @ unweave(g[name])

    for name, w in names:
        woven[value(name)] = project(w)
        woven[gradient(w)] = to_weights(name)
    woven[gradient("x")] = lambda v, g: sum(unweave(g[name]) @ v[w].T for name, w in names)

    def unsplit(v: dict[str, Array], g: dict[str, Array]) -> Array:
        q, k, u = (v["x"] @ v[w] for _, w in names)
        s = q @ k.T / np.sqrt(heads * d_k)
        return softmax(s if mask is None else np.where(mask, s, -np.inf)) @ u @ v["w_o"]

    found = {
        "multi_head.scale_by_number_of_heads": rescaled(1 / np.sqrt(heads)),
        "multi_head.scale_by_all_heads": rescaled(1 / np.sqrt(heads * d_k)),
        "multi_head.heads_interleaved": Mistake(woven),
        "multi_head.not_split": Mistake({value("output"): unsplit}, only=(value("output"),)),
        "multi_head.joined_without_transpose": Mistake(
            {
                value("output"): lambda v, g: v["head_outputs"].reshape(-1, heads * d_v) @ v["w_o"],
                gradient("w_o"): lambda v, g: v["head_outputs"].reshape(-1, heads * d_v).T @ g["output"],
                gradient("head_outputs"): lambda v, g: (g["output"] @ v["w_o"].T).reshape(heads, -1, d_v),
            }
        ),
    }
    if square:
        found["multi_head.output_projection_left_out"] = Mistake(
            {
                value("output"): lambda v, g: join(v["head_outputs"]),
                gradient("head_outputs"): lambda v, g: split(g["output"], heads),
            },
            omitted=(gradient("w_o"),),
        )
    return found


def scale_conventions(d: int, d_k: int, p: str = "") -> tuple[Convention, ...]:
    listed = [("1", 1.0), ("1/d_k", 1 / d_k)]
    if d != d_k:
        listed.append(("1/sqrt(d)", 1 / np.sqrt(d)))
    return tuple(Convention({"scale": text}, rescaled(c, p)) for text, c in listed)


def orientation(mask: Array | None, given: str) -> Convention:
    """Write scores and weights with keys in rows."""
    logits = "scaled_scores" if mask is None else "masked_scores"
    formulas: dict[Key, Formula] = {
        value("scores"): lambda v, g: v["key"] @ flip(v["query"]),
        value("weights"): lambda v, g: softmax(v[logits], -2),
        value(given): lambda v, g: flip(v["weights"]) @ v["value"],
        gradient("weights"): lambda v, g: v["value"] @ flip(g[given]),
        gradient("value"): lambda v, g: v["weights"] @ g[given],
        gradient(logits): lambda v, g: softmax_back(v["weights"], g["weights"], -2),
        gradient("query"): lambda v, g: flip(g["scores"]) @ v["key"],
        gradient("key"): lambda v, g: g["scores"] @ v["query"],
    }
    if mask is not None:
        formulas[value(logits)] = lambda v, g: np.where(mask.T, v["scaled_scores"], -np.inf)
        formulas[gradient("scaled_scores")] = lambda v, g: np.where(mask.T, g[logits], 0.0)
    return Convention({"orientation": "key_query"}, Mistake(formulas))


# Each pair of these is the other orientation, in part.
ORIENTED = (
    {"attention.query_key_swapped", "attention.softmax_over_queries"},
    {"attention.query_key_swapped", "attention.weights_transposed"},
    {"attention.softmax_over_queries", "attention.weights_transposed"},
    {"attention.query_key_swapped", "attention.mask_transposed"},
)


def a_mask(rng: np.random.Generator, n: int, m: int) -> Array:
    """Return a mask with something to see and something hidden in every row."""
    while True:
        mask = rng.random((n, m)) < 0.6
        rows_fit = mask.any(1).all() and (~mask).any(1).all()
        if rows_fit and mask.any(0).all() and (n != m or not (mask == mask.T).all()):
            return mask


def settle_mask(
    rng: np.random.Generator, masking: str, n: int, m: int
) -> tuple[Array | None, dict[str, Any]]:
    if masking == "causal":
        return np.tril(np.ones((n, m), bool)), {"causal": True}
    if masking == "mask":
        mask = a_mask(rng, n, m)
        return mask, {"mask": mask.tolist()}
    return None, {}


def self_attention(
    rng: np.random.Generator, n: int, d: int, d_k: int, d_v: int, heads: int, masking: str
) -> Sheet:
    draw = rng.standard_normal
    mask, fields = settle_mask(rng, masking, n, n)
    d_o = heads * d_v
    known: dict[str, Array] = {
        "x": draw((n, d)), "w_q": draw((d, heads * d_k)), "w_k": draw((d, heads * d_k)),
        "w_v": draw((d, heads * d_v)),
    }  # fmt: skip
    if heads > 1:
        known["w_o"] = draw((heads * d_v, d_o))
        fields["heads"] = heads
    upstream = {"output": draw((n, d_o))}
    given = "output" if heads == 1 else "head_outputs"
    forward, backward = projection_steps(heads)
    out, out_back = output_steps() if heads > 1 else ([], [])
    backward.append(Step(gradient("x"), tokens_gradient))
    mistakes = core_mistakes(d_k, mask, given) | projection_mistakes(heads, d, d_k, d_v)
    if mask is not None:
        mistakes |= mask_mistakes(mask, masking == "causal")
    if heads > 1:
        mistakes |= head_mistakes(heads, d_k, d_v, mask, True)
    return Sheet(
        "self_attention",
        {"operation": "self_attention", **{k: a.tolist() for k, a in known.items()}, **fields,
         "upstream": {"output": upstream["output"].tolist()}},
        known, upstream,
        arrange(core_steps(1 / np.sqrt(d_k), mask, given), forward, out, out_back, backward),
        mistakes=mistakes,
        conventions=(*scale_conventions(d, d_k), orientation(mask, given)),
        consistent=ORIENTED,
    )  # fmt: skip


def attention(rng: np.random.Generator, n: int, m: int, d_k: int, d_v: int, masking: str) -> Sheet:
    draw = rng.standard_normal
    mask, fields = settle_mask(rng, masking, n, m)
    known = {"query": draw((n, d_k)), "key": draw((m, d_k)), "value": draw((m, d_v))}
    upstream = {"output": draw((n, d_v))}
    mistakes = core_mistakes(d_k, mask, "output")
    if mask is not None:
        mistakes |= mask_mistakes(mask, False)
    if n != m:
        for code in ("query_key_swapped", "weights_transposed"):
            del mistakes[f"attention.{code}"]
    listed = (orientation(mask, "output"),) if n == m else ()
    return Sheet(
        "attention",
        {"operation": "attention", **{k: a.tolist() for k, a in known.items()}, **fields,
         "upstream": {"output": upstream["output"].tolist()}},
        known, upstream,
        arrange(core_steps(1 / np.sqrt(d_k), mask, "output"), [], [], [], []),
        mistakes=mistakes,
        conventions=(*scale_conventions(d_k, d_k), *listed),
        consistent=ORIENTED,
    )  # fmt: skip


def sheets(rng: np.random.Generator) -> Iterator[Sheet]:
    for n, d, d_k, d_v, heads, masking in (
        (3, 3, 2, 3, 1, ""), (3, 4, 3, 3, 1, ""), (4, 2, 2, 2, 1, "causal"), (3, 4, 2, 2, 1, "mask"),
        (3, 6, 3, 3, 2, ""), (3, 4, 3, 2, 2, "causal"), (4, 6, 3, 3, 2, "mask"),
    ):  # fmt: skip
        yield self_attention(rng, n, d, d_k, d_v, heads, masking)
    for n, m, d_k, d_v, masking in ((3, 3, 2, 2, ""), (2, 4, 3, 2, ""), (4, 4, 3, 3, "mask")):
        yield attention(rng, n, m, d_k, d_v, masking)

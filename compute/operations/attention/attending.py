"""From queries and keys to weights and sums: what every operation that attends shares.

What a mask takes out touches nothing: neither weights nor sums nor gradients, NaN and infinity included.
"""

from collections.abc import Sequence
from typing import Any

from compute.dimensions import ShapeError, Size, broadcast, divide, show
from compute.errors import QuestionError
from compute.graph.graph import Graph
from compute.graph.value import Value, apply
from compute.operations.attention.alignment import check_bands, state_alignment
from compute.operations.attention.scoring import AttentionSettings
from compute.operations.framework.constants import add_constant


def attend(
    query: Value, key: Value, mask: Value | None, how: AttentionSettings, padding: Value | None = None
) -> tuple[Value, list[Value]]:
    """The stages from queries and keys to weights, each named; and where queries may attend.

    padding: false for keys that are padding, beside the scores. Returns the weights, and booleans that are
    true where a query may attend to a key, all of which have to be.
    """
    graph, named = query.graph, how.named
    queries, keys = pairs = how.pairs(query, key)
    is_masked = mask is not None or padding is not None or how.causal
    scores = named(_scores(query, key, how, is_masked=is_masked), "scores")
    masks = [] if mask is None else [("mask", mask)]
    masks += [] if padding is None else [("key_padding_mask", padding)]
    stand = [(one, mask_for_scores(one, field, scores, pairs, how)) for field, one in masks]
    allowed = [one if one.kind == "boolean" else apply("mask_admits", one) for _, one in stand]
    structure = _structural_mask(graph, queries, keys, how)
    if structure is not None and how.window is None:
        allowed.append(structure)
    state_alignment(graph, queries, keys, how)
    check_bands(graph, queries, keys, how)
    factor = add_constant(graph, "scale", how.scale)
    scores = named(factor * scores, "scaled_scores")
    if how.softcap is not None:
        cap = add_constant(graph, "softcap", how.softcap, positive=True)
        for one in allowed:  # the slope of tanh is NaN at NaN
            scores = apply("clear_masked", scores, one)
        scores = named(cap * apply("tanh", scores / cap), "capped_scores")
    else:
        named(scores, "capped_scores")
    for _, one in stand:
        scores = apply("masked_fill" if one.kind == "boolean" else "add_mask", scores, one)
    if structure is not None:
        scores = apply("masked_fill", scores, structure)
    scores = named(scores, "masked_scores")
    if mask is not None:
        graph.conventions["mask"] = "true may attend" if mask.kind == "boolean" else "added to the scores"
        if mask.kind != "boolean" and mask not in graph.added_masks:
            mask.may_be_infinite = True
            graph.added_masks.append(mask)
    graph.conventions["softmax_over"] = "key"
    weights = named(apply("softmax", scores, axis=how.key_axis), "weights")
    named(apply("sum_over", apply("surprise", weights), axis=how.key_axis), "entropy")
    left = None if how.window is None else how.reach(queries, keys)["left"]
    named(apply("largest_weight", weights, axis=how.key_axis, left=left), "argmax")
    return weights, allowed


def _scores(query: Value, key: Value, how: AttentionSettings, *, is_masked: bool) -> Value:
    if how.window is None:
        left, right = (key, query) if how.key_first else (query, key)
        left, right = (left, right.T) if how.rows else (left.T, right)
        return apply("guarded_matmul", left, right) if is_masked else left @ right
    if not how.rows:
        query, key = query.T, key.T
    query.graph.conventions["window"] = list(how.sides)
    scores = apply("banded_scores", query, key, **how.reach(query.shape[-2], key.shape[-2]))
    return scores.T if how.key_first else scores


def weighted_sums(
    weights: Value, value: Value, how: AttentionSettings, allowed: Sequence[Value] = ()
) -> Value:
    """The weighted sums of the values. allowed: where queries may attend, as `attend` returns it."""
    mask = _combine_masks(allowed, weights)
    if mask is None and how.window is None and not how.rows:
        return value @ (weights if how.key_first else weights.T)
    if how.key_first:
        weights, mask = weights.T, None if mask is None else mask.T
    values = value if how.rows else value.T
    if how.window is None:
        sums = weights @ values if mask is None else apply("masked_matmul", weights, values, mask)
    else:
        reach = how.reach(weights.shape[-2], values.shape[-2])
        if mask is None:
            sums = apply("banded_sum", weights, values, **reach)
        else:
            sums = apply("masked_banded_sum", weights, values, mask, **reach)
    return sums if how.rows else sums.T


def _combine_masks(allowed: Sequence[Value], weights: Value) -> Value | None:
    """One mask of all, with the axes of queries and keys.

    Masks of another batch are left out: the weights are given then, and no mask made them.
    """
    found: Value | None = None
    for one in allowed:
        try:
            fits = broadcast(one.shape, weights.shape) == weights.shape
        except ShapeError:
            fits = False
        if fits:
            matrix = _as_matrix(one)
            found = matrix if found is None else apply("and_masks", found, matrix)
    return found


def _as_matrix(mask: Value) -> Value:
    """A mask with at least two axes."""
    while mask.rank < 2:
        mask = apply("expand", mask, axis=-1 - mask.rank)
    return mask


def _structural_mask(graph: Graph, queries: Size, keys: Size, how: AttentionSettings) -> Value | None:
    """Return the keys that a query may attend to by position alone; with a window, those that exist."""
    places: dict[str, Any] = {"queries": queries, "keys": keys, "key_first": how.key_first}
    if how.window is not None:
        return apply("band_mask", graph=graph, **places, **how.reach(queries, keys))
    if how.causal:
        return apply("causal_mask", graph=graph, **places, alignment=how.alignment or "upper_left")
    return None


def mask_for_scores(
    mask: Value, field: str, scores: Value, pairs: tuple[Size, Size], how: AttentionSettings
) -> Value:
    """A mask of all pairs, as it stands beside scores or weights: with a window as a band.

    Raises QuestionError where it does not fit.
    """
    _check_mask(field, mask, scores, pairs, how)
    if how.window is None:
        return mask
    queries, keys = pairs
    reach = how.reach(queries, keys)
    return apply("band", _as_matrix(mask), queries=queries, keys=keys, key_first=how.key_first, **reach)


def _check_mask(
    field: str, mask: Value, scores: Value, pairs: tuple[Size, Size], how: AttentionSettings
) -> None:
    """A mask is over all pairs, with a window too."""
    named = list(zip((*scores.axes[:-2], "query", "key"), (*scores.shape[:-2], *pairs), strict=True))
    if how.key_first:
        named[-2:] = reversed(named[-2:])
    whole = tuple(size for _, size in named)
    # Where no tokens came, a mask may say of which batch they are.
    seen = mask.shape[-2:] if scores.has_open_batch else mask.shape
    try:
        fits = broadcast(seen, whole) == whole
    except ShapeError:
        fits = False
    if not fits:
        came = mask
        while field == "key_padding_mask" and came.name is None and came.inputs:
            came = came.inputs[0]  # before it was turned and put beside the scores
        raise QuestionError(
            (field,),
            "the shape of the mask does not fit the scores",
            f"a shape that broadcasts to {show(whole)}: "
            + ", ".join(f"{label} = {size}" for label, size in named),
            f"shape {show(came.shape)}",
        )


def repeat_shared_heads(shared: Value, query: Value, field: str) -> Value:
    """Key or value heads, each repeated for its group of query heads where there are fewer."""
    if shared.rank < 3 or query.rank < 3 or shared.shape[-3] in (1, query.shape[-3]):
        return shared
    try:
        times = divide(query.shape[-3], shared.shape[-3])
    except ShapeError:
        raise QuestionError(
            (field,),
            f"{shared.shape[-3]} key or value heads cannot be shared evenly by {query.shape[-3]} query heads",
            f"a number of heads that divides {query.shape[-3]}",
            f"{shared.shape[-3]} heads",
        ) from None
    if query.shape[-3] == 1:
        return shared
    return apply("repeat", shared, times=times)

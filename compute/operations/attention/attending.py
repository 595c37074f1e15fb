"""Attention weights and weighted sums, shared by all operations that attend.

Masked entries, NaN and infinity included, influence neither weights nor sums nor gradients.
"""

from collections.abc import Sequence
from typing import Any

from compute.dimensions import ShapeError, Size, broadcast, divide, show
from compute.errors import QuestionError
from compute.graph.graph import Graph, Value, apply
from compute.operations.attention.alignment import check_bands, state_alignment
from compute.operations.attention.scoring import AttentionSettings
from compute.operations.framework.constants import add_constant


def attend(
    query: Value, key: Value, mask: Value | None, settings: AttentionSettings, padding: Value | None = None
) -> tuple[Value, list[Value]]:
    """Name the stages from queries and keys to weights.

    padding: booleans that broadcast to the scores, false for keys that are padding.

    Returns the weights, and boolean masks; a query may attend to a key if all of them are true.
    """
    graph, named = query.graph, settings.named
    queries, keys = pairs = settings.pairs(query, key)
    is_masked = mask is not None or padding is not None or settings.causal
    scores = named(_scores(query, key, settings, is_masked=is_masked), "scores")
    masks = [] if mask is None else [("mask", mask)]
    masks += [] if padding is None else [("key_padding_mask", padding)]
    arranged = [mask_for_scores(sent, field, scores, pairs, settings) for field, sent in masks]
    allowed = [each if each.kind == "boolean" else apply("mask_admits", each) for each in arranged]
    structure = _structural_mask(graph, queries, keys, settings)
    if structure is not None and settings.window is None:
        allowed.append(structure)
    state_alignment(graph, queries, keys, settings)
    check_bands(graph, queries, keys, settings)
    factor = add_constant(graph, "scale", settings.scale)
    scores = named(factor * scores, "scaled_scores")
    if settings.softcap is not None:
        cap = add_constant(graph, "softcap", settings.softcap, positive=True)
        for each in allowed:  # the slope of tanh is NaN at NaN
            scores = apply("clear_masked", scores, each)
        scores = named(cap * apply("tanh", scores / cap), "capped_scores")
    else:
        named(scores, "capped_scores")
    for each in arranged:
        scores = apply("masked_fill" if each.kind == "boolean" else "add_mask", scores, each)
    if structure is not None:
        scores = apply("masked_fill", scores, structure)
    scores = named(scores, "masked_scores")
    if mask is not None:
        graph.conventions["mask"] = "true may attend" if mask.kind == "boolean" else "added to the scores"
        if mask.kind != "boolean" and mask not in graph.added_masks:
            mask.may_be_infinite = True
            graph.added_masks.append(mask)
    graph.conventions["softmax_over"] = "key"
    weights = named(apply("softmax", scores, axis=settings.key_axis), "weights")
    named(apply("sum_over", apply("entropy_term", weights), axis=settings.key_axis), "entropy")
    left = None if settings.window is None else settings.reach(queries, keys)["left"]
    named(apply("largest_weight", weights, axis=settings.key_axis, left=left), "argmax")
    return weights, allowed


def _scores(query: Value, key: Value, settings: AttentionSettings, *, is_masked: bool) -> Value:
    if settings.window is None:
        left, right = (key, query) if settings.key_first else (query, key)
        left, right = (left, right.T) if settings.rows else (left.T, right)
        return apply("guarded_matmul", left, right) if is_masked else left @ right
    if not settings.rows:
        query, key = query.T, key.T
    query.graph.conventions["window"] = list(settings.sides)
    scores = apply("banded_scores", query, key, **settings.reach(query.shape[-2], key.shape[-2]))
    return scores.T if settings.key_first else scores


def weighted_sums(
    weights: Value, value: Value, settings: AttentionSettings, allowed: Sequence[Value] = ()
) -> Value:
    """Return the weighted sums of the values. allowed: the masks that `attend` returns."""
    mask = _combine_masks(allowed, weights)
    if mask is None and settings.window is None and not settings.rows:
        return value @ (weights if settings.key_first else weights.T)
    if settings.key_first:
        weights, mask = weights.T, None if mask is None else mask.T
    values = value if settings.rows else value.T
    if settings.window is None:
        sums = weights @ values if mask is None else apply("masked_matmul", weights, values, mask)
    else:
        reach = settings.reach(weights.shape[-2], values.shape[-2])
        if mask is None:
            sums = apply("banded_sum", weights, values, **reach)
        else:
            sums = apply("masked_banded_sum", weights, values, mask, **reach)
    return sums if settings.rows else sums.T


def _combine_masks(allowed: Sequence[Value], weights: Value) -> Value | None:
    """Return the conjunction of masks, with the axes of queries and keys.

    Masks of another batch are skipped: the weights are given then, and are not masked.
    """
    combined: Value | None = None
    for mask in allowed:
        try:
            fits = broadcast(mask.shape, weights.shape) == weights.shape
        except ShapeError:
            fits = False
        if fits:
            matrix = _as_matrix(mask)
            combined = matrix if combined is None else apply("logical_and", combined, matrix)
    return combined


def _as_matrix(mask: Value) -> Value:
    """Return a mask with at least two axes."""
    while mask.rank < 2:
        mask = apply("expand_dims", mask, axis=-1 - mask.rank)
    return mask


def _structural_mask(graph: Graph, queries: Size, keys: Size, settings: AttentionSettings) -> Value | None:
    """Return the mask of keys that positions alone allow; with a window, of keys that exist."""
    sizes: dict[str, Any] = {"queries": queries, "keys": keys, "key_first": settings.key_first}
    if settings.window is not None:
        return apply("band_mask", graph=graph, **sizes, **settings.reach(queries, keys))
    if settings.causal:
        return apply("causal_mask", graph=graph, **sizes, alignment=settings.alignment or "upper_left")
    return None


def mask_for_scores(
    mask: Value, field: str, scores: Value, pairs: tuple[Size, Size], settings: AttentionSettings
) -> Value:
    """Return a mask of all pairs in the layout of scores and weights: with a window, as a band.

    Raises QuestionError at the field if its shape does not fit.
    """
    _check_mask(field, mask, scores, pairs, settings)
    if settings.window is None:
        return mask
    queries, keys = pairs
    reach = settings.reach(queries, keys)
    return apply("band", _as_matrix(mask), queries=queries, keys=keys, key_first=settings.key_first, **reach)


def _check_mask(
    field: str, mask: Value, scores: Value, pairs: tuple[Size, Size], settings: AttentionSettings
) -> None:
    """Raise QuestionError unless a mask broadcasts to all pairs, also with a window."""
    named = list(zip((*scores.axes[:-2], "query", "key"), (*scores.shape[:-2], *pairs), strict=True))
    if settings.key_first:
        named[-2:] = reversed(named[-2:])
    whole = tuple(size for _, size in named)
    # If the tokens are unknown, a mask may determine their batch axes.
    shape = mask.shape[-2:] if scores.has_open_batch else mask.shape
    try:
        fits = broadcast(shape, whole) == whole
    except ShapeError:
        fits = False
    if not fits:
        sent = mask
        while field == "key_padding_mask" and sent.name is None and sent.inputs:
            sent = sent.inputs[0]  # as it was before it was negated and given the scores' axes
        raise QuestionError(
            (field,),
            "the shape of the mask does not fit the scores",
            f"a shape that broadcasts to {show(whole)}: "
            + ", ".join(f"{label} = {size}" for label, size in named),
            f"shape {show(sent.shape)}",
        )


def repeat_shared_heads(shared: Value, query: Value, field: str) -> Value:
    """Repeat each key or value head for its group of query heads, if they are fewer than query heads."""
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
    return apply("repeat", shared, times=times, axis=-3)

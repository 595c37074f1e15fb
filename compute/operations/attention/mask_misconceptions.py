"""Known mistakes in the masks of attention."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from compute.graph.graph import Value, apply
from compute.operations.attention.misconceptions import (
    ATTENTION,
    SEEN,
    require_all_pairs,
    transpose_square,
)
from compute.operations.framework.misconceptions import (
    DoesNotApply,
    Misconception,
    Step,
    fixed_mask,
    invert_mask,
    misconception,
)

Origin: TypeAlias = Literal["sent", "padding", "causal", "band"]
"""Where a mask comes from. That of a band is no choice of the student: it marks the keys that exist."""


@dataclass(frozen=True, slots=True)
class _Mask:
    """A mask of the scores. adds: whether its numbers are added."""

    value: Value
    origin: Origin
    adds: bool

    @property
    def allowed(self) -> Value:
        """True where it lets a query attend."""
        return apply("mask_admits", self.value) if self.adds else self.value

    def apply_to(self, scores: Value) -> Value:
        """Return scores with the mask."""
        return apply("add_mask" if self.adds else "masked_fill", scores, self.value)


def _origin(step: Step, mask: Value) -> Origin:
    """Return where a mask comes from."""
    while mask is not step.graph.arguments.get("mask"):
        if mask is step.graph.arguments.get("key_padding_mask"):
            return "padding"
        if not mask.inputs:
            name = "" if mask.primitive is None else mask.primitive.name
            return "causal" if name == "causal_mask" else "band" if name == "band_mask" else "sent"
        mask = mask.inputs[0]
    return "sent"


def _scores_and_masks(step: Step, masked: Value) -> tuple[Value, list[_Mask]]:
    """Return the scores before masks, and the masks in order. Raises DoesNotApply if there are none."""
    masks: list[_Mask] = []
    while masked.primitive is not None and masked.primitive.name in ("masked_fill", "add_mask"):
        adds = masked.primitive.name == "add_mask"
        masked, mask = masked.inputs
        masks.insert(0, _Mask(mask, _origin(step, mask), adds))
    if all(mask.origin == "band" for mask in masks):
        raise DoesNotApply("no mask")
    return masked, masks


def _mask_again(step: Step, change: Callable[[Value, _Mask], Value], *, also_causal: bool) -> Value:
    """Return the scores with masks that are applied in another way.

    change: returns scores with one mask.
    also_causal: whether it changes the causal mask beside other masks; if that is the only one, it does.
    """
    scores, masks = _scores_and_masks(step, step.value)
    kept = {"band"}
    if not also_causal and any(mask.origin in ("sent", "padding") for mask in masks):
        kept.add("causal")
    for mask in masks:
        scores = mask.apply_to(scores) if mask.origin in kept else change(scores, mask)
    return scores


@misconception(
    "attention.mask_ignored",
    at="masked_scores",
    of=ATTENTION,
    message="Not every key may be attended to here: look at the mask.",
    note="no mask was applied",
    source="xformers#103",
)
def mask_ignored(step: Step) -> Value:
    """Leave the scores without their masks."""
    return _mask_again(step, lambda scores, mask: scores, also_causal=True)


def _one_ignored(origin: Origin, code: str, message: str, note: str) -> Misconception:
    """Declare that one of several masks is ignored."""

    @misconception(code, at="masked_scores", of=ATTENTION, message=message, note=note, source=SEEN)
    def ignored(step: Step) -> Value:
        _, masks = _scores_and_masks(step, step.value)
        origins = {mask.origin for mask in masks} - {"band"}
        if origin not in origins or len(origins) == 1:
            raise DoesNotApply("not one of several masks")
        return _mask_again(
            step, lambda scores, mask: scores if mask.origin == origin else mask.apply_to(scores),
            also_causal=True,
        )  # fmt: skip

    return ignored


padding_ignored = _one_ignored(
    "padding",
    "attention.padding_ignored",
    "Padding gets no attention either: count the masks of this question.",
    "the mask of padding was not applied, the others were",
)
causal_ignored = _one_ignored(
    "causal",
    "attention.causal_ignored",
    "A query must not see later keys either: count the masks of this question.",
    "the causal mask was not applied, the others were",
)


@misconception(
    "attention.mask_sets_zero",
    at="masked_scores",
    of=ATTENTION,
    message="A masked key has to end with no weight at all: look at its score before the softmax.",
    note="masked scores were set to 0 before the softmax, not to -infinity",
    source=SEEN,
)
def mask_sets_zero(step: Step) -> Value:
    """Set masked scores to zero."""
    return _mask_again(
        step,
        lambda scores, mask: apply("where", mask.allowed, scores, step.constant(0)),
        also_causal=True,
    )


@misconception(
    "attention.mask_inverted",
    at="masked_scores",
    of=ATTENTION,
    message="Look at what true means in the mask: who may attend, or who may not?",
    note="true and false of the mask were exchanged",
    source="cs249r_book#1785",
)
def mask_inverted(step: Step) -> Value:
    """Exchange true and false."""
    return _mask_again(
        step,
        lambda scores, mask: apply("masked_fill", scores, invert_mask(mask.allowed)),
        also_causal=False,
    )


@misconception(
    "attention.mask_transposed",
    at="masked_scores",
    of=ATTENTION,
    message="Look at which axis of the mask is that of the queries and which that of the keys.",
    note="the mask was laid over the scores with queries and keys exchanged",
    source="hyunwoongko/transformer#40",
)
def mask_transposed(step: Step) -> Value:
    """Apply the transposed masks."""
    transpose_square(step, step.value)

    def transposed(scores: Value, mask: _Mask) -> Value:
        value = mask.value if mask.value.rank > 1 else apply("expand_dims", mask.value, axis=-2)
        return _Mask(value.T, mask.origin, mask.adds).apply_to(scores)

    return _mask_again(step, transposed, also_causal=False)


@misconception(
    "attention.mask_sign",
    at="masked_scores",
    of=ATTENTION,
    message="The numbers of this mask are added to the scores: look at their sign.",
    note="the mask was subtracted from the scores; where it is -infinity, no number is left",
    source="memory-compressed-attention#2",
)
def mask_sign(step: Step) -> Value:
    """Subtract masks that are added."""
    _, masks = _scores_and_masks(step, step.value)
    if not any(mask.adds for mask in masks):
        raise DoesNotApply("no mask is added")
    return _mask_again(
        step, lambda scores, mask: scores - mask.value if mask.adds else mask.apply_to(scores),
        also_causal=True,
    )  # fmt: skip


@misconception(
    "attention.mask_after_softmax",
    at="weights",
    of=ATTENTION,
    message="The weights of one query sum to 1 after masking, too: when is the mask applied?",
    note="the softmax was taken over all keys, and masked weights were set to 0 without a new division",
    source="timm#2236; memory-compressed-attention#2",
)
def mask_after_softmax(step: Step) -> Value:
    """Take the softmax of all scores, then set masked weights to zero."""
    scores, masks = _scores_and_masks(step, step["masked_scores"])
    chosen = [mask for mask in masks if mask.origin != "band"]
    for mask in masks:
        scores = mask.apply_to(scores) if mask.origin == "band" else scores
    weights = apply("softmax", scores, **step.find("softmax").attributes)
    for mask in chosen:
        weights = apply("where", mask.allowed, weights, step.constant(0))
    return weights


def _shift_causal(step: Step, shift: int) -> Value:
    """Return the scores with a causal mask whose diagonal is moved."""
    require_all_pairs(step)
    mask = step.find("causal_mask")
    queries, keys = mask.attributes["queries"], mask.attributes["keys"]
    ahead = keys - queries if mask.attributes["alignment"] == "lower_right" else 0
    allowed = np.tri(queries, keys, ahead + shift, dtype=bool)
    moved = fixed_mask(step.graph, allowed.T if mask.attributes["key_first"] else allowed)
    return step.rebuilt({mask: moved})


@misconception(
    "attention.causal_one_ahead",
    at="masked_scores",
    of=ATTENTION,
    message="A query must not see later keys: look at the last key that it may attend to.",
    note="each query could attend to one key beyond its own position",
    source="flashinfer#348",
)
def causal_one_ahead(step: Step) -> Value:
    """Allow one later key."""
    return _shift_causal(step, 1)


@misconception(
    "attention.causal_without_itself",
    at="masked_scores",
    of=ATTENTION,
    message="A query may see its own position: look at the diagonal of the mask.",
    note="the diagonal was masked, too",
    source=SEEN,
)
def causal_without_itself(step: Step) -> Value:
    """Mask the diagonal, too."""
    return _shift_causal(step, -1)


MISCONCEPTIONS = (
    mask_ignored, padding_ignored, causal_ignored, mask_sets_zero, mask_inverted, mask_transposed, mask_sign,
    mask_after_softmax, causal_one_ahead, causal_without_itself,
)  # fmt: skip

"""The alignment of queries with keys, and the reading of given values of a window's band."""

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Size, show, write_shifted
from compute.errors import QuestionError, describe_entry
from compute.graph.graph import Graph
from compute.operations.attention.scoring import Scoring
from compute.primitives.band_products import inside_band
from compute.primitives.bands import band_convention, band_entry

# The stages that are bands, and what stands in them where there is no key.
STAGES = {
    "scores": 0.0, "scaled_scores": 0.0, "capped_scores": 0.0, "masked_scores": -np.inf, "weights": 0.0,
    "dropped_weights": 0.0,
}  # fmt: skip
PASSED_ON = ("masked_scores", "weights", "dropped_weights")  # no mask follows that takes them out


def state_places(graph: Graph, queries: Size, keys: Size, how: Scoring) -> None:
    """State where queries stand among the keys, with a remark where their numbers differ.

    Raises QuestionError where this is set and means nothing.
    """
    if how.window is None and not how.causal:
        if how.alignment is not None:
            raise QuestionError(
                ("causal_alignment",), "causal_alignment has no use without causal or a window",
                "causal or window, or no causal_alignment", how.alignment,
            )  # fmt: skip
        return
    if how.alignment is not None or queries != keys:
        graph.conventions["causal_alignment"] = how.alignment or "upper_left"
    if queries == keys:
        return
    if how.alignment == "lower_right":
        place = write_shifted("i", keys, queries)
        if how.window is not None:
            graph.conventions |= band_convention(place)
        placed = f"query i stands at the place of key {place}, the last at that of the last"
    else:
        placed = "query i stands at the place of key i, both counted from the first"
    if how.alignment is None:  # an alignment that was chosen needs no advice
        placed += (
            ". Where the queries are the last of a sequence, as when decoding with a cache of keys, set"
            " causal_alignment to lower_right"
        )
    counted = f"{queries} quer{'y' if queries == 1 else 'ies'}, {keys} key{'s' * (keys != 1)}"
    message = f"{counted}: {placed}"
    graph.add_note("causal_alignment", graph.full_name("masked_scores"), message)


def check_bands(graph: Graph, queries: Size, keys: Size, how: Scoring) -> None:
    """Refuse matrices of all pairs that are given in the place of a window's bands.

    Where both are of one shape a remark says so, and entries have to be those of a band: where there is no
    key they are what stands for none. Raises QuestionError.
    """
    if how.window is None:
        return
    left, right = how.sides
    pairs, band = (queries, keys), (queries, left + right + 1)
    if how.key_first:
        pairs, band = pairs[::-1], band[::-1]
    read = _first_keys(queries, keys, how)
    if pairs == band:
        graph.add_note(
            "band",
            graph.full_name("weights"),
            f"with this window scores, weights and all between are bands of shape {show(band)}, which is also"
            f" the shape of all pairs: {read}. What is given, upstream or compared under these names is read"
            " as a band; a mask is of all pairs",
        )
    for name, nothing in STAGES.items():
        if not graph.is_given(name):
            continue
        full = graph.full_name(name)
        shape = graph.given[full]
        if shape[-2:] == pairs != band:
            raise QuestionError(
                ("given", full), f"with a window {name} is a band and no matrix of all pairs: {read}",
                f"shape {show((*shape[:-2], *band))}", f"shape {show(shape)}",
            )  # fmt: skip
        if isinstance(queries, int) and isinstance(keys, int) and (pairs == band or name in PASSED_ON):
            reach = how.reach(queries, keys)
            inside = inside_band(queries, keys, reach["left"], reach["right"])
            graph.entry_checks[full] = _Check(full, inside.T if how.key_first else inside, nothing, read)


def _first_keys(queries: Size, keys: Size, how: Scoring) -> str:
    """Say which key an entry of this window's band is for, in numbers where they are known."""
    left, _ = how.sides
    before = how.reach(queries, keys)["left"]
    if isinstance(before, int):
        return band_entry(write_shifted("i", 0, before))
    place = write_shifted("i", keys, queries) if how.alignment == "lower_right" else "i"
    return f"{band_entry(f'{place} - left')}, for left = {left}"


class _Check:
    """Refuse given entries that stand for no key and are not what a band holds there."""

    def __init__(self, name: str, inside: Array, nothing: float, read: str) -> None:
        self.name, self.inside, self.nothing, self.read = name, inside, nothing, read

    def __call__(self, xp: Arithmetic, given: Array) -> None:
        """Raise QuestionError at the first of them."""
        if self.nothing == 0:
            stands = np.asarray(given == 0, dtype=bool)
        else:
            stands = np.asarray(xp.outlines(given) == self.nothing)
        wrong = ~(stands | self.inside)
        if wrong.any():
            at = [int(index) for index in np.argwhere(wrong)[0]]
            nothing = "0" if self.nothing == 0 else "-Infinity"
            raise QuestionError(
                ("given", self.name),
                f"entry {at} stands for no key: with a window {self.name} is a band and no matrix of all"
                f" pairs, {self.read}",
                f"{nothing} at {at}", describe_entry(given, wrong),
            )  # fmt: skip

"""The alignment of queries with keys, and checks of given values that a window turns into bands."""

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Size, show, write_shifted
from compute.errors import QuestionError, describe_entry
from compute.graph.graph import Graph
from compute.operations.attention.scoring import AttentionSettings
from compute.primitives.band_products import inside_band
from compute.primitives.bands import band_convention, band_entry

# The stages that are bands, and their entries for keys that do not exist.
STAGES = {
    "scores": 0.0, "scaled_scores": 0.0, "capped_scores": 0.0, "masked_scores": -np.inf, "weights": 0.0,
    "dropped_weights": 0.0,
}  # fmt: skip
UNMASKED = ("masked_scores", "weights", "dropped_weights")  # no mask is applied after these


def state_alignment(graph: Graph, queries: Size, keys: Size, settings: AttentionSettings) -> None:
    """State the alignment of queries with keys in the conventions, with a note if their numbers differ.

    Raises QuestionError if an alignment is set and has no use.
    """
    if settings.window is None and not settings.causal:
        if settings.alignment is not None:
            raise QuestionError(
                ("causal_alignment",), "causal_alignment has no use without causal or a window",
                "causal or window, or no causal_alignment", settings.alignment,
            )  # fmt: skip
        return
    if settings.alignment is not None or queries != keys:
        graph.conventions["causal_alignment"] = settings.alignment or "upper_left"
    if queries == keys:
        return
    if settings.alignment == "lower_right":
        key = write_shifted("i", keys, queries)
        if settings.window is not None:
            graph.conventions |= band_convention(key)
        alignment = f"query i is aligned with key {key}, the last with the last"
    else:
        alignment = "query i is aligned with key i, both counted from the first"
    if settings.alignment is None:  # no advice if the alignment was chosen
        alignment += (
            ". If the queries are the last of a sequence, as when decoding with a cache of keys, set"
            " causal_alignment to lower_right"
        )
    counted = f"{queries} quer{'y' if queries == 1 else 'ies'}, {keys} key{'s' * (keys != 1)}"
    message = f"{counted}: {alignment}"
    graph.add_note("causal_alignment", graph.full_name("masked_scores"), message)


def check_bands(graph: Graph, queries: Size, keys: Size, settings: AttentionSettings) -> None:
    """Raise QuestionError for given matrices of all pairs where a window needs bands.

    If both have the same shape, a note says that values are read as bands, and entries for keys that do not
    exist must be those of a band.
    """
    if settings.window is None:
        return
    left, right = settings.sides
    pairs, band = (queries, keys), (queries, left + right + 1)
    if settings.key_first:
        pairs, band = pairs[::-1], band[::-1]
    layout = _describe_band_entry(queries, keys, settings)
    if pairs == band:
        graph.add_note(
            "band",
            graph.full_name("weights"),
            f"with this window scores, weights and all values between are bands of shape {show(band)}, which"
            f" is also the shape of all pairs: {layout}. Given, upstream or compared values of these names"
            " are read as bands; masks are of all pairs",
        )
    for name, filler in STAGES.items():
        if not graph.is_given(name):
            continue
        full = graph.full_name(name)
        shape = graph.given[full]
        if shape[-2:] == pairs != band:
            raise QuestionError(
                ("given", full), f"with a window {name} is a band, not a matrix of all pairs: {layout}",
                f"shape {show((*shape[:-2], *band))}", f"shape {show(shape)}",
            )  # fmt: skip
        if isinstance(queries, int) and isinstance(keys, int) and (pairs == band or name in UNMASKED):
            reach = settings.reach(queries, keys)
            inside = inside_band(queries, keys, reach["left"], reach["right"])
            graph.entry_checks[full] = _BandCheck(
                full, inside.T if settings.key_first else inside, filler, layout
            )


def _describe_band_entry(queries: Size, keys: Size, settings: AttentionSettings) -> str:
    """Describe which key an entry of the window's band is for, in numbers if they are known."""
    left, _ = settings.sides
    before = settings.reach(queries, keys)["left"]
    if isinstance(before, int):
        return band_entry(write_shifted("i", 0, before))
    key = write_shifted("i", keys, queries) if settings.alignment == "lower_right" else "i"
    return f"{band_entry(f'{key} - left')}, for left = {left}"


class _BandCheck:
    """A check of given entries of a band for keys that do not exist.

    name: the name of the given value.
    inside: true for entries whose key exists.
    filler: the required value of all other entries.
    layout: the layout of the band in words.
    """

    def __init__(self, name: str, inside: Array, filler: float, layout: str) -> None:
        self.name, self.inside, self.filler, self.layout = name, inside, filler, layout

    def __call__(self, xp: Arithmetic, given: Array) -> None:
        """Raise QuestionError at the first entry that is not the filler."""
        if self.filler == 0:
            is_filler = np.asarray(given == 0, dtype=bool)
        else:
            is_filler = np.asarray(xp.outlines(given) == self.filler)
        wrong = ~(is_filler | self.inside)
        if wrong.any():
            at = [int(index) for index in np.argwhere(wrong)[0]]
            filler = "0" if self.filler == 0 else "-Infinity"
            raise QuestionError(
                ("given", self.name),
                f"entry {at} stands for no key: with a window {self.name} is a band, not a matrix of all"
                f" pairs, {self.layout}",
                f"{filler} at {at}", describe_entry(given, wrong),
            )  # fmt: skip

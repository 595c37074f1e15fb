"""Readings of an answer beside its values: Jacobians, second derivatives, claims, limits and evidence."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from service.pages.blocks import (
    Beside,
    Block,
    Callout,
    Cell,
    Code,
    Facts,
    Inline,
    Inlines,
    Paragraph,
    Section,
    Table,
    list_sentences,
)
from service.pages.entries import list_matrices, show_tensor, write_entry, write_number
from service.pages.generic import show_value

CODE = re.compile(r"`([^`]+)`")
CHECKED = {
    "verdict": "verdict", "checked": "entries checked", "inconclusive": "inconclusive",
    "largest_relative_error": "largest relative error", "at": "at", "analytic": "analytic",
    "numeric": "numeric", "symbolic": "symbolic", "reason": "reason",
}  # fmt: skip
LAID_OUT = frozenset({"said", "gradients", "point", "invariants", "condition"})
COMPARED = (
    "Each gradient is compared with differences of L. The numbers are those of the entry where they differ"
    " most."
)


def show_reading(part: str, reading: Any, request: Mapping[str, Any]) -> list[Block]:
    """Return the blocks of a part of an answer that holds no values and no gradients."""
    show = SHOWN.get(part)
    return show_value(reading, [part.replace("_", " ")]) if show is None else list(show(reading, request))


def _show_jacobians(jacobians: Sequence[Mapping[str, Any]], _: Mapping[str, Any]) -> Iterator[Block]:
    for jacobian in jacobians:
        blocks = show_tensor(["the Jacobian"], jacobian["value"])
        for path, tensor in jacobian.get("contributions", {}).items():
            blocks += show_tensor(["through ", Code(path)], tensor)
        words = [_write_sentence(zero["message"]) for zero in jacobian.get("zeros", ())]
        for field, why in (
            ("zero_slices", "for any numbers"),
            ("accidental_zero_slices", "for these numbers"),
        ):
            for zeros in jacobian.get(field, ()):
                side = jacobian[zeros["side"]]
                indices = ", ".join(map(str, zeros["indices"]))
                words.append([f"Zero at {zeros['label'] or 'index'} {indices} of ", Code(side), f", {why}."])
        blocks += list_sentences(words)
        yield Section(["Of ", Code(jacobian["of"]), " with respect to ", Code(jacobian["wrt"])], blocks)


def _show_second_derivatives(reading: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Block]:
    yield Paragraph(["Of ", Code(reading["of"]), " with respect to ", Code(reading["wrt"]), "."])
    shown: list[Block] = []
    for field, words in (("hessian", "the Hessian"), ("product", "the Hessian times the vector")):
        if field in reading:
            shown += list_matrices([words], reading[field])
    yield Beside(shown)


def _show_limits(limits: Sequence[Mapping[str, Any]], _: Mapping[str, Any]) -> Iterator[Block]:
    for limit in limits:
        of: Inlines = [
            "Of ",
            Code(limit["of"]),
            " as ",
            Code(limit["symbol"]),
            " goes to ",
            Code(limit["to"]),
        ]
        if limit["value"] is None:
            yield Callout("note", "Not found.", [*of, "."])
        else:
            yield Section(of, show_tensor(["the limit"], limit["value"]))


def _show_claims(claims: Sequence[Mapping[str, Any]], request: Mapping[str, Any]) -> Iterator[Block]:
    for claim, sent in zip(claims, request["claims"], strict=True):
        words: list[Inline] = [Code(str(sent["claim"] if isinstance(sent, Mapping) else sent))]
        allowed = _write_tolerance(sent) if isinstance(sent, Mapping) else ""
        if allowed:
            words.append(f" {allowed}")
        how = claim.get("how")
        if how:
            words.append(f": {how}")
        difference = claim.get("largest_difference")
        if difference:
            words.append(f", with a largest difference of {write_number(float(difference))}")
            if claim.get("at") and f"at {claim['at']}" not in (how or ""):
                words.append(f" at {claim['at']}")
        for place, (name, number) in enumerate((claim.get("point") or {}).items()):
            words += [", at " if place == 0 else ", ", Code(name), " = ", write_entry(number)]
        if claim["holds"] is None:
            is_unknown = claim.get("verdict") is None
            yield Callout("note", "It is unknown." if is_unknown else "It is undecided.", [*words, "."])
        elif claim["holds"]:
            yield Callout("right", "It holds.", [*words, "."])
        else:
            yield Callout("wrong", "It does not hold.", [*words, "."])


def _write_tolerance(sent: Mapping[str, Any]) -> str:
    """Return the tolerance of a claim in words; empty if it has none."""
    parts = [f"within {sent['tolerance']}"] if sent.get("tolerance") is not None else []
    parts += (
        [f"to {sent['decimals']} decimal{'s' * (sent['decimals'] != 1)}"]
        if sent.get("decimals") is not None
        else []
    )
    return " or ".join(parts)


def _show_evidence(evidence: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Block]:
    yield from list_sentences([_write_sentence(sentence) for sentence in evidence["said"]])
    gradients = evidence.get("gradients")
    if gradients:
        yield Paragraph([COMPARED])
        yield _tabulate_gradients(gradients)
    if "point" in evidence:
        yield Facts([(Code(name), [write_entry(number)]) for name, number in evidence["point"].items()])
    invariants = evidence.get("invariants")
    if invariants:
        yield Section(["What has to hold"], show_value(invariants, ["Statements about values"]))
    if evidence.get("condition"):
        yield Section(
            ["How much rounding is magnified"],
            show_value(evidence["condition"], ["The magnification of rounding"]),
        )
    yield from show_value({name: part for name, part in evidence.items() if name not in LAID_OUT})


def _tabulate_gradients(gradients: Mapping[str, Any]) -> Table:
    """Return a table with a row for each gradient, without the columns that hold nothing."""
    names = [name for name in CHECKED if any(checked.get(name) for checked in gradients.values())]
    rows: list[tuple[Inline, list[Cell]]] = []
    for gradient, checked in gradients.items():
        rows.append((Code(gradient), [Cell(_write_checked(name, checked)) for name in names]))
    return Table(["Gradients"], [CHECKED[name] for name in names], rows, corner="gradient of")


def _write_checked(name: str, checked: Mapping[str, Any]) -> Inline:
    found = checked.get(name)
    if name == "checked":
        return f"{found} of {checked['entries']}"
    if name == "at":
        return f"({', '.join(map(str, found))})" if found else "–"
    if name == "symbolic":
        return str(found["verdict"]) if found else "–"
    if isinstance(found, float):
        return write_number(found)
    return "–" if found is None else str(found)


def _write_sentence(message: str) -> Inlines:
    """Return words of an answer as a sentence, with names between backticks as code."""
    parts = CODE.split(f"{message[:1].upper()}{message[1:]}.")
    return [Code(part) if place % 2 else part for place, part in enumerate(parts) if part]


SHOWN: Mapping[str, Callable[[Any, Mapping[str, Any]], Iterator[Block]]] = {
    "jacobians": _show_jacobians,
    "hessian_vector": _show_second_derivatives,
    "claims": _show_claims,
    "limits": _show_limits,
    "evidence": _show_evidence,
}

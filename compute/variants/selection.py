"""Selection of variants: tries are drawn until one holds every constraint."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compute.arithmetic.namespace import Array
from compute.errors import QuestionErrors
from compute.grading.computations import Computation
from compute.variants.constraints import Constraint
from compute.variants.domains import Domain
from compute.variants.generator import Stream

REPEATED, REFUSED = "distinct", "accepted"


@dataclass(frozen=True, slots=True)
class Drawn:
    """One variant.

    steps: of each varied input; arrays: their entries.
    computation: the variant's; None if no try held every constraint.
    tries: how many were made; failed: how many of them failed first at each constraint.
    """

    steps: Mapping[str, Sequence[int]]
    arrays: Mapping[str, Array]
    computation: Computation | None
    tries: int
    failed: Mapping[str, int]


def draw_variants(
    template: Computation,
    inputs: Mapping[str, Array],
    domains: Mapping[str, Domain],
    checks: Sequence[Constraint],
    seed: int,
    count: int,
    tries: int,
) -> Iterator[Drawn]:
    """Yield variants 0, 1, ...: none is the template or an earlier one.

    inputs: the template's entries of the varied inputs, whose domains are drawn in the order of `domains`.
    """
    seen = {_key(inputs)}
    for number in range(count):
        failed: Counter[str] = Counter()
        for attempt in range(tries):
            stream = Stream(seed, number, attempt)
            steps = {name: domain.draw(stream, inputs[name].size) for name, domain in domains.items()}
            arrays = {name: _array(domains[name], own, inputs[name]) for name, own in steps.items()}
            tried = _try(template, arrays, checks, seen)
            if not isinstance(tried, str):
                seen.add(_key(arrays))
                yield Drawn(steps, arrays, tried, attempt + 1, failed)
                break
            failed[tried] += 1
        else:
            yield Drawn({}, {}, None, tries, failed)


def _array(domain: Domain, steps: Sequence[int], like: Array) -> Array:
    return np.array([domain.number(step) for step in steps], dtype=like.dtype).reshape(like.shape)


def _key(arrays: Mapping[str, Array]) -> tuple[bytes, ...]:
    return tuple(np.round(arrays[name] + 0.0, 9).tobytes() for name in sorted(arrays))


def _try(
    template: Computation,
    arrays: Mapping[str, Array],
    checks: Sequence[Constraint],
    seen: set[tuple[bytes, ...]],
) -> Computation | str:
    """Return the computation of a try, or the name of the first constraint that fails."""
    if _key(arrays) in seen:
        return REPEATED
    try:
        computation = template.with_inputs(arrays)
        computation.results()
        failed = next((check.name for check in checks if not check.holds(computation, arrays)), None)
    except QuestionErrors:
        return REFUSED
    return computation if failed is None else failed

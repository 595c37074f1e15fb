"""Grading held against a corpus of students' answers that were made without it.

`python -m benchmarks.grading`; `--kind`, `--family` and `--code` choose cases, `--failures N` prints the
first N cases that were graded otherwise than expected. `--seeds` makes the corpus larger, `--first-seed`
draws other numbers. `--hostile 10000` grades so many hostile answers instead.
"""

import argparse
import copy
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from benchmarks.grading_corpus.cases import Case, Expected
from benchmarks.grading_corpus.corpus import SEEDS, cases, sheets
from benchmarks.grading_corpus.hostile import MARKER, hostile_cases
from benchmarks.grading_corpus.sheets import Key
from service.endpoints import ENDPOINTS
from service.settings import Settings

LIMITS = Settings().limits
MISTAKEN = ("mistake", "two_mistakes")


def grade(request: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of POST /v1/grade."""
    answer: dict[str, Any] = json.loads(
        ENDPOINTS["grade"].understand(copy.deepcopy(request), LIMITS).answer()
    )
    return answer


@dataclass(frozen=True)
class Graded:
    """A case with the items of its answer, or with the error in place of one."""

    case: Case
    items: dict[Key, dict[str, Any]]
    error: str = ""

    def faults(self) -> list[str]:
        """Return what is otherwise than expected."""
        if self.error:
            return [self.error]
        found = []
        for key, expected in self.case.expect.items():
            item = self.items.get(key)
            found += [f"{key[0]} {key[1]}: {fault}" for fault in faults_of(item, expected)]
        return found


def codes_of(item: dict[str, Any]) -> list[str]:
    return [named["code"] for named in item.get("misconceptions") or []]


def has_full_marks(item: dict[str, Any]) -> bool:
    return item["score"] is not None and abs(item["score"] - item["max_score"]) < 1e-9


def faults_of(item: dict[str, Any] | None, expected: Expected) -> list[str]:
    if item is None:
        return ["is no item of the answer"]
    faults = []
    if expected.verdicts and item["verdict"] not in expected.verdicts:
        faults.append(f"{item['verdict']} instead of {' or '.join(sorted(expected.verdicts))}")
    if expected.full is not None and has_full_marks(item) != expected.full and item["max_score"]:
        faults.append(f"score {item['score']} of {item['max_score']}")
    if expected.codes and not expected.codes & set(codes_of(item)):
        faults.append(f"names {codes_of(item)} instead of {sorted(expected.codes)}")
    if expected.unnamed and codes_of(item):
        faults.append(f"names {codes_of(item)}")
    return faults


def graded(case: Case) -> Graded:
    try:
        answer = grade(case.request)
    except Exception as error:  # whatever is raised is a failure of this case alone
        return Graded(case, {}, f"{type(error).__name__}: {error}")
    return Graded(case, {(item["of"], item["name"]): item for item in answer["items"]})


def share(found: Iterable[bool]) -> str:
    """Return how many of some are true, in percent."""
    listed = list(found)
    return f"{sum(listed):6} of {len(listed):6}  {100 * sum(listed) / max(len(listed), 1):6.2f} %"


def items_where(
    results: list[Graded], kinds: tuple[str, ...], chosen: Callable[[Expected], bool]
) -> list[tuple[dict[str, Any], Expected]]:
    """Return items of cases of these kinds; an answer that is no answer has empty items."""
    lost: dict[str, Any] = {"verdict": "none", "score": 0.0, "max_score": 1.0}
    return [
        (one.items.get(key, lost), expected)
        for one in results
        if one.case.kind in kinds
        for key, expected in one.case.expect.items()
        if chosen(expected)
    ]


def figures(results: list[Graded]) -> dict[str, Iterable[bool]]:
    """Return the headline figures, each as a list of successes."""

    def all_full(kind: str) -> list[bool]:
        return [
            not one.error and all(has_full_marks(item) for item in one.items.values())
            for one in results
            if one.case.kind == kind
        ]

    def named(kinds: tuple[str, ...]) -> list[bool]:
        charged = items_where(results, kinds, lambda expected: bool(expected.codes))
        return [bool(expected.codes & set(codes_of(item))) for item, expected in charged]

    follows = items_where(
        results, ("slip", *MISTAKEN, "convention"), lambda e: e.verdicts == {"follow_through"}
    )
    repeated = items_where(results, MISTAKEN, lambda e: not e.verdicts)
    wrong = items_where(results, (*MISTAKEN, "slip", "slip_cut"), lambda e: e.full is False)
    noise = items_where(results, ("noise",), lambda e: e.unnamed)
    return {
        "right answers with full marks": all_full("right"),
        "rounded answers with full marks": all_full("rounded"),
        "follow-through granted": [has_full_marks(item) for item, _ in follows],
        "the same mistake again charged once": [has_full_marks(item) for item, _ in repeated],
        "false credit on wrong items": [item["verdict"] not in {"incorrect", "none"} for item, _ in wrong],
        "false credit on noise": [item["verdict"] not in {"incorrect", "none"} for item, _ in noise],
        "the mistake among those named": named(("mistake",)),
        "each of two mistakes named": named(("two_mistakes",)),
        "mistakes named for noise": [bool(codes_of(item)) for item, _ in noise],
        "slips located": [
            bool(item.get("slip")) or bool((item.get("entries") or {}).get("wrong"))
            for item, _ in items_where(results, ("slip", "slip_cut"), lambda e: e.full is False)
        ],
        "listed conventions accepted": [
            has_full_marks(item)
            for item, _ in items_where(results, ("convention",), lambda e: "accepted" in e.verdicts)
        ],
        "unlisted conventions without credit": [
            not has_full_marks(item)
            for item, _ in items_where(results, ("convention",), lambda e: e.full is False)
        ],
    }


def print_codes(results: list[Graded]) -> None:
    """Print how often each mistake was named, worst first."""
    named: dict[str, list[bool]] = defaultdict(list)
    for one in results:
        if one.case.kind != "mistake":
            continue
        for key, expected in one.case.expect.items():
            if expected.codes:
                these = codes_of(one.items.get(key, {}))
                named[one.case.codes[0]].append(bool(expected.codes & set(these)))
    for code, found in sorted(named.items(), key=lambda entry: (sum(entry[1]) / len(entry[1]), entry[0])):
        print(f"  {code:46} {sum(found):4} of {len(found):4}")


def print_failures(results: list[Graded], count: int) -> None:
    failing = [one for one in results if one.faults()]
    for one in failing[:count]:
        print(f"\n{one.case.kind}, {one.case.family}: {one.case.variant} {', '.join(one.case.codes)}")
        for fault in one.faults()[:8]:
            print(f"  {fault}")
        print(f"  {json.dumps(one.case.request)[:2000]}")


def print_kinds(results: list[Graded], by: Callable[[Case], str]) -> None:
    counts, fine = Counter[str](), Counter[str]()
    for one in results:
        counts[by(one.case)] += 1
        fine[by(one.case)] += not one.faults()
    for kind, count in counts.items():
        print(f"  {kind:24} {count:6} cases  {100 * fine[kind] / count:6.2f} % as expected")


def print_hostile(count: int) -> None:
    """Grade hostile answers, and print what they met and how long they took."""
    counts, longest, seconds = Counter[str](), 0.0, 0.0
    for case in hostile_cases(list(sheets()), count):
        started = time.process_time()
        try:
            answer = grade(case.request)
        except Exception as error:  # whatever is raised is a failure of this case alone
            counts["raises"] += 1
            print(case.variant, type(error).__name__)
            continue
        spent = time.process_time() - started
        longest, seconds = max(longest, spent), seconds + spent
        result = Graded(case, {(item["of"], item["name"]): item for item in answer["items"]})
        fine = {key: not faults_of(result.items.get(key), each) for key, each in case.expect.items()}
        hostile = {key: each.full is False for key, each in case.expect.items()}
        counts["hostile item without marks"] += all(fine[key] for key in fine if hostile[key])
        counts["all other items right"] += all(fine[key] for key in fine if not hostile[key])
        # A response may repeat the name of an item, but nothing that was written in it.
        text = json.dumps(answer)
        for of, name in case.expect:
            text = text.replace(name, "") if of == "value" and MARKER in name else text
        counts["nothing echoed"] += MARKER not in text
    for name, found in counts.items():
        print(f"  {name:38} {found:6} of {count:6}")
    print(f"  {1000 * seconds / count:.1f} ms each, at most {longest:.2f} s of one core")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind")
    parser.add_argument("--family")
    parser.add_argument("--code")
    parser.add_argument("--failures", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--hostile", type=int, default=0)
    asked = parser.parse_args()
    if asked.hostile:
        print_hostile(asked.hostile)
        return
    chosen = (
        case
        for case in cases(asked.seeds, asked.first_seed)
        if asked.kind in {None, case.kind}
        and asked.family in {None, case.family}
        and (asked.code is None or asked.code in case.codes)
    )
    results = [graded(case) for case in chosen]
    print(f"{len(results)} cases")
    print_kinds(results, lambda case: case.kind)
    print("by family")
    print_kinds(results, lambda case: case.family)
    print("figures")
    for name, found in figures(results).items():
        print(f"  {name:38} {share(found)}")
    print("mistakes named, worst first")
    print_codes(results)
    print_failures(results, asked.failures)


if __name__ == "__main__":
    main()

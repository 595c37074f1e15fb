"""How well answers are graded: `python -m benchmarks.grading`.

The answers are made by plain NumPy in `benchmarks.grading_answers`, which shares nothing with the graph.
Figures: right and rounded answers with full marks, follow-through granted, credit given to mistakes and
noise, mistakes that are named, noise that is named.
"""

import json
import sys
from collections import Counter, defaultdict
from typing import Any

from benchmarks.grading_answers import Case, make_cases
from service.endpoints import ENDPOINTS
from service.settings import Settings


def main(shown: int = 0) -> None:
    """Grade all answers and print the figures. shown: the failures to print of each kind."""
    limits = Settings().limits
    counts: Counter[str] = Counter()
    met: Counter[str] = Counter()
    by_code: defaultdict[str, list[bool]] = defaultdict(list)
    failures: defaultdict[str, list[str]] = defaultdict(list)
    for case in make_cases():
        answer = json.loads(ENDPOINTS["grade"].understand(case.request, limits).answer())
        for measure, holds in _judge(case, answer):
            counts[measure] += 1
            met[measure] += holds
            if measure == "mistake named":
                by_code[case.code].append(holds)
            if not holds:
                failures[measure].append(f"{case.family} {case.kind} {case.code}: {_summary(answer)}")
    for measure, count in counts.items():
        print(f"{measure:36} {met[measure]:6} of {count:6}  {met[measure] / count:8.2%}")
    for code, named in sorted(by_code.items(), key=lambda pair: sum(pair[1]) / len(pair[1])):
        if not all(named):
            print(f"  {code:44} {sum(named)} of {len(named)}")
    for measure, texts in failures.items():
        for text in texts[:shown]:
            print(f"{measure}: {text}")


def _judge(case: Case, answer: Any) -> list[tuple[str, bool]]:
    """Return the measures that an answer counts for, and whether it meets each."""
    items = {(item["of"], item["name"]): item for item in answer["items"]}
    if case.kind in ("right", "rounded"):
        return [(f"{case.kind}: full marks", answer["score"] == answer["max_score"])]
    if case.kind == "noise":
        named = any(item.get("misconceptions") for item in items.values())
        credited = [item["verdict"] in ("correct", "follow_through", "accepted") for item in items.values()]
        return [("noise: no name", not named), *(("noise: no credit", not one) for one in credited)]
    slipped = items[case.slip]
    measures = [("slip or mistake: no credit", slipped["verdict"] == "incorrect")]
    if case.kind == "mistake":
        codes = [found["code"] for found in slipped.get("misconceptions", [])]
        measures.append(("mistake named", case.code in codes))
    followed = [
        item["verdict"] in ("correct", "follow_through") for key, item in items.items() if key != case.slip
    ]
    return measures + [("follow-through granted", one) for one in followed]


def _summary(answer: Any) -> str:
    return str(answer["grader"]["codes"])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)

"""Grade the values in a student's notebook."""

import json
from pathlib import Path
from typing import Any

from workings import answer

RUBRIC = json.loads(Path(__file__).with_name("rubric.json").read_text(encoding="utf-8"))
NEEDS_A_PERSON = "A person has to look at this answer."  # as in needs_a_person.py


def check(name: str, env: dict[str, Any]) -> None:
    """Raise AssertionError unless a value has all its marks.

    env: the variables of the notebook. Values of the rubric are taken together, so that one that follows from
    an earlier slip is right; `...`, which Otter puts in the place of a solution, is no answer.
    """
    written = {key: env[key] for key in RUBRIC["marks"] if env.get(key, ...) is not ...}
    try:
        graded = answer("grade", **RUBRIC, answer=written).document
    except Exception:  # a variable that is no tensor; any other error would be a zero
        raise AssertionError(NEEDS_A_PERSON) from None
    [item] = [item for item in graded["items"] if item["name"] == name]
    if item["score"] is None:
        raise AssertionError(f"{NEEDS_A_PERSON} {item['message']}")
    if item["score"] < item["max_score"]:
        raise AssertionError(item.get("message") or item.get("verdict", "not right"))

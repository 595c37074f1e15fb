"""Mutated programs: each is answered or refused, and none fails otherwise."""

import re
import warnings

import numpy as np
import pytest

from compute.errors import QuestionError, QuestionErrors
from tests.compute.asking import answer
from tests.compute.programs.test_numpy_meaning import CASES, INPUTS, used

TOKEN = re.compile(r"'[^']*'|[A-Za-z_]\w*|[\d.]+|\*\*|//|[<>=!]=|\S")
STRANGE = [
    "None",
    "True",
    "'a'",
    "1e9",
    "-",
    ".T",
    ".shape",
    "[::0]",
    "[]",
    "if",
    "not",
    "lambda",
    "^",
    ":",
    "**",
]
TOKENS = [token for expression in CASES for token in TOKEN.findall(expression)] + 20 * STRANGE
MUTATIONS = 1_200


@pytest.mark.parametrize("seed", range(4))
def test_a_mutated_program_is_answered_or_refused(seed: int) -> None:
    rng = np.random.default_rng(seed)
    expressions = list(CASES)
    outcomes = {"answered": 0, "refused": 0}
    for _ in range(MUTATIONS // 4):
        tokens = TOKEN.findall(expressions[rng.integers(len(expressions))])
        for _ in range(rng.integers(1, 3)):
            at = int(rng.integers(len(tokens)))
            alike = [one for one in TOKENS if one[0].isalpha() == tokens[at][0].isalpha()]
            choices = alike if rng.random() < 0.8 else TOKENS
            tokens[at] = choices[rng.integers(len(choices))]
        text = " ".join(tokens)
        line = f"y = {text}"
        inputs = {name: value for name, value in INPUTS.items() if name in used(text)}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                answer("graph", inputs, program=(line,))
            outcomes["answered"] += 1
        except (QuestionError, QuestionErrors) as error:
            outcomes["refused"] += 1
            errors = error.errors if isinstance(error, QuestionErrors) else [error]
            assert all(one.message and one.expected and one.received for one in errors), line
    assert min(outcomes.values()) > MUTATIONS // 100

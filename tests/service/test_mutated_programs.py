"""Mutated programs: each is answered or refused at a place in it, soon, and none fails otherwise."""

import random
import re
import time
from typing import Any

import numpy as np
import pytest

from service.document import load_examples
from tests.compute.programs.test_numpy_meaning import CASES, used
from tests.conftest import Client, errors
from tests.oracles.cases import Array
from tests.oracles.programs import FUNCTIONS, draw_program

SEEDS = 4
LONGEST = 2  # seconds of processor time that a program may take
TOKEN = re.compile(r"'[^']*'|[A-Za-z_]\w*|[\d.]+(?:e-?\d+)?|\*\*|//|[<>=!]=|\S")
WORD = re.compile(r"[A-Za-z_][\w.]*")
PLACE = re.compile(r"line (\d+), column (\d+)( at \w+)?: \S")
STRANGE = [
    "None", "True", "'a'", "'ij->'", "-", ".T", ".shape", "[::0]", "[]", "[...]", "()", "if", "not",
    "lambda", "^", ":", "**", "=", ":=", ";", "#", "\\", '"', "'", "\n", "\t", "\0", "é", "😀",
    "\u202e", "for",
]  # fmt: skip
NUMBERS = ["0", "-1", "2.5", "1e308", "1e-320", "999999999", "9" * 30, "1e999", "0x10", "1_0", "1j", "007"]
Program = tuple[list[str], dict[str, Any]]


def collect_programs() -> list[Program]:
    """Return programs with their inputs: of the examples, and expressions of every function."""
    found: list[Program] = [
        (one["request"]["program"], one["request"]["inputs"])
        for one in load_examples()
        if one["path"] == "/v1/graph" and "inputs" in one["request"]
    ]
    found += [([f"y = {text}"], used(text)) for text in CASES]
    drawn = [draw_program(name, 0) for name in FUNCTIONS]
    return found + [(list(one.attributes["program"]), dict(one.inputs)) for one in drawn]


PROGRAMS = collect_programs()
TOKENS = [token for lines, _ in PROGRAMS for line in lines for token in TOKEN.findall(line)]


def mutate_line(rng: random.Random, line: str) -> str:
    """Replace, remove, insert, repeat or exchange a token or a character."""
    tokens = TOKEN.findall(line) or [""]
    at = rng.randrange(len(tokens))
    match rng.randrange(10):
        case 0 | 1 | 2:
            alike = [one for one in TOKENS if one[0].isalpha() == tokens[at][:1].isalpha()]
            tokens[at] = rng.choice(alike)
        case 3:
            tokens[at] = rng.choice(TOKENS)
        case 4:
            tokens[at] = rng.choice(STRANGE)
        case 5:
            numbers = [place for place, one in enumerate(tokens) if one[:1].isdigit()]
            tokens[rng.choice(numbers or [at])] = rng.choice(NUMBERS)
        case 6:
            del tokens[at]
        case 7:
            tokens.insert(at, rng.choice([*TOKENS, *STRANGE]))
        case 8:
            tokens[at:at] = tokens[at:][: rng.randint(1, 5)] * rng.choice((1, 2, 60))
        case _:
            place = rng.randrange(len(line) + 1)
            return line[:place] + rng.choice("()[],.=+*@ 0x'\t#") + line[place + rng.randrange(2) :]
    return " ".join(tokens)


def reshape(rng: random.Random, tensor: Array) -> Array:
    if not tensor.ndim:
        return tensor[None]
    return rng.choice([tensor[None], tensor.T, tensor.ravel(), tensor.ravel()[:1], tensor[:0]])


def mutate(rng: random.Random, lines: list[str], inputs: dict[str, Any]) -> Program:
    """Change one or two places of a program, or the shape of an input."""
    lines, inputs = list(lines), dict(inputs)
    for _ in range(rng.choice((1, 1, 2))):
        at = rng.randrange(len(lines))
        match rng.randrange(12):
            case 0 if inputs:
                name = rng.choice(sorted(inputs))
                inputs[name] = reshape(rng, np.asarray(inputs[name], dtype=object))
            case 1 if len(lines) > 1:
                lines.insert(rng.randrange(len(lines)), lines.pop(at))
            case 2 if len(lines) > 1:
                del lines[at]
            case _:
                lines[at] = mutate_line(rng, lines[at])
    words = {word for line in lines for word in WORD.findall(line)}
    kept = {name: one for name, one in inputs.items() if name in words or any(word in name for word in words)}
    return lines, {name: np.asarray(one).tolist() for name, one in kept.items()}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_mutated_program_is_answered_or_refused_where_it_is_wrong(
    client: Client, seed: int, pytestconfig: pytest.Config
) -> None:
    rng, rounds = random.Random(seed), pytestconfig.getoption("--fuzz-rounds")
    outcomes = {"answered": 0, "refused": 0}
    for _ in range(rounds):
        lines, inputs = mutate(rng, *rng.choice(PROGRAMS))
        asked: dict[str, Any] = {"program": lines, "inputs": inputs}
        if rng.random() < 0.5:  # gradients of what the last line names
            asked = {**asked, "program": [*lines, f"total = sum({lines[-1].partition('=')[0].strip()})"]}
            asked["upstream"] = {"total": 1}
        start = time.process_time()
        response = client.post("/v1/graph", json=asked)
        assert time.process_time() - start < LONGEST, asked
        assert response.status_code in (200, 413, 422), (asked, response.text)
        if response.status_code == 200:
            outcomes["answered"] += 1
            continue
        outcomes["refused"] += 1
        for pointer, error in errors(response, response.status_code).items():
            if not pointer.startswith("/program/"):
                of_all_lines = response.status_code == 413 or error["message"] == "assigns nothing"
                assert of_all_lines or pointer.startswith(("/inputs/", "/upstream/")), (asked, response.text)
                continue
            place = PLACE.match(error["message"])
            assert place is not None, (asked, response.text)
            line, column = int(place[1]), int(place[2])
            assert pointer == f"/program/{line - 1}", (asked, response.text)
            assert 1 <= column <= len(asked["program"][line - 1]) + 1, (asked, response.text)
    assert min(outcomes.values()) > rounds // 20

"""Random request bodies: examples with odd values, names, numbers and bytes inserted.

`python -m tests.service.http.generated_bodies SECONDS` holds the two readers against each other for so long.
"""

import json
import random
import struct
import sys
from collections import Counter
from time import monotonic
from typing import Any, NamedTuple

import numpy as np

from compute.errors import QuestionErrors
from service.asking import ask
from service.document import load_examples
from service.endpoints import find_endpoint
from service.http import reader
from service.http.problems import Problem, from_question
from service.questions.operations import ExactWanted
from service.settings import Settings

LIMITS = Settings(max_work=2_000_000, max_entries=200_000).limits
SLOW = ("/v1/optimizer/solve",)  # whose answers take SymPy; its refusals are compared all the same
EXAMPLES = [example for example in load_examples() if len(json.dumps(example["request"])) < 6_000]


class Raw(str):
    """Text that is written to a body unchanged."""

    __slots__ = ()


NUMBERS = [
    "0", "-0", "-0.0", "0.0", "0e0", "-0e-5", "1", "1.0", "1e0", "10e-1", "2", "2.5", "-1", "3e2", "1E+2",
    "9007199254740991", "9007199254740992", "9007199254740993", "-9007199254740993", "9223372036854775807",
    "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615",
    "18446744073709551616", "1e300", "1e308", "1.7976931348623157e308", "1.7976931348623158e308",
    "1.7976931348623159e308", "1e309", "1e400", "-1e400", "1e-300", "2.2250738585072011e-308", "5e-324",
    "2.4703282292062327e-324", "2.4703282292062328e-324", "1e-400", "-1e-400", "0.1", "0.30000000000000004",
    "123456789012345678", "0.1000000000000000055511151231257827021181583404541015625",
    "7.2057594037927933e16", "9.5e-8", "179769313486231580793728971405301e276", "1e23", "8.5e22",
    "6929495644600919.5", "3.5844466002796428e298",
]  # fmt: skip
NOT_NUMBERS = [
    "01", "-01", "00", "1.", ".5", "+1", "-", "1e", "1e+", "0x10", "1_000", "NaN", "Infinity", "-Infinity",
    "nan", "inf", "-", "--1", "1.2.3", "1,5", "tru", "TRUE", "None", "undefined", "'a'", "1d", "1f", "\u0661",
]  # fmt: skip
TEXTS = [
    '""', '"NaN"', '"Infinity"', '"-Infinity"', '"nan"', '"1/3"', '"2*sqrt(2)"', '"1/0"', '"x1"', '"a[b"',
    r'"\u005b"', r'"\u005B\u005d"', r'"\\u005b"', r'"\\["', r'"\"["', '"]["', r'"\u0000"', r'"a\u0000b"',
    r'"\ud800"', r'"\udc00\ud800"', r'"\ud83d\ude00"', '"😀"', '"é"', r'"\u00e9"', r'"\/\b\f\n\r\t"',
    r'"\x41"', r'"\u00"', r'"\uD8"', '"\t"', '"\x01"', '"\x7f"', '"\u2028"', '"\ufeff"', '"a\n"', '"*"',
    '"same"', '"float32"', '"exact"', '"relu"', '"mean"', '"1e400"', '"0.1"', '"' + "a" * 300 + '"', '"open',
]  # fmt: skip
OTHERS = [
    "true", "false", "null", "{}", "[]", "[[]]", "[[],[]]", "[[[]]]", '{"":1}', '{"a":1,"a":2}', "[1,[2]]",
    "[[1],2]", "[[1,2],[3]]", "[[1],[]]", "[[],[1]]", "[[1,2],[3,[4]]]", "[1,null]", "[true,false]",
    "[true,1]", "[1,true]", "[[true],[1]]", '["a",1]', '[1,"1/2"]', "[1,{}]", "[{}]", "[1,]", "[,1]", "[1 2]",
    "[1,2", "1]", '{"a":}', '{"a" 1}', "{1:2}", '{"a":1,}', "[[1,2],[3,4]]", "[0,1]", "[1,0]", "[1.0,2.0]",
    "[2,2]", "[-1,1]", "[[0,1],[1,0]]", "[[[1]]]", "[1e400,1]", "[1,-0]", "[1e400,[2]]", "[[-1,0],[1,2]]",
    '{"dtype":"float64","shape":[1],"data":"AAAAAAAA8D8="}', '{"dtype":"bool","shape":[2],"data":"AQA="}',
    '{"dtype":"float64","shape":[1.0],"data":"AAAAAAAA8D8"}', '{"shape":[2,2]}', '{"shape":["n",2]}',
    '{"remove":[0]}', '{"permute":[1,0]}', '{"add":1,"at":[0]}', '{"multiply":[2,2]}',
    '{"replace":0,"at":[null,1]}', '{"permute":[1,1]}', '{"remove":[0.0],"axis":-1}', '{"name":"adam"}',
    "/**/1", "1//", "\x0b", "\x00", "\u00a01",
]  # fmt: skip
NAMES = [
    r'"\u0000"', r'"x\u0000"', r'"\u0000x"', r'"x\u0000y"', '""', '"a[0"', r'"a\u005b0]"', r'"\u0078"',
    r'"\ud800"', '"x "', '"é"', '"\ufeffx"', '"layer[0].w"', '"/~"', '"' + "k" * 250 + '"',
]  # fmt: skip
SPACES = ["", "", "", "", " ", "\n", "\t", "\r\n", "  "]
DEPTHS = (3, 7, 8, 9, 10, 30, 64, 65, 300, 638, 639, 640, 900, 960, 1000, 1100)


class Outcome(NamedTuple):
    """Return the answer or the problem for a body."""

    kind: str
    content: bytes


def make_body(rng: random.Random) -> tuple[str, bytes]:
    """Return a path and a body for it."""
    example = rng.choice(EXAMPLES)
    question = json.loads(json.dumps(example["request"]))
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        _damage(rng, question)
    plainly = rng.random() < 0.5
    text = _dumps(question, rng, plainly)
    body = text.encode("utf-8", "surrogatepass")
    return example["path"], _damage_bytes(rng, body) if rng.random() < 0.15 else body


def answer(path: str, body: bytes) -> Outcome:
    """Return the answer to a body under the reader's current settings."""
    endpoint = find_endpoint(path)
    try:
        use: Any = (lambda job: b"") if path in SLOW else (lambda job: job.answer())
        return Outcome("answer", ask(endpoint, body, LIMITS, use))
    except ExactWanted:
        return Outcome("exact", b"")
    except Problem as problem:
        return Outcome(problem.kind, bytes(problem.response().body))
    except QuestionErrors as errors:
        return Outcome("refused", bytes(from_question(errors).response().body))


def are_same(fast: Any, strict: Any) -> bool:
    """Return whether two documents are identical, arrays being lists of float64 numbers."""
    if isinstance(fast, np.ndarray):
        return isinstance(strict, list) and _is_array(fast, strict)
    if isinstance(strict, dict):
        return (
            type(fast) is dict and list(fast) == list(strict)
            and all(are_same(fast[name], child) for name, child in strict.items())
        )  # fmt: skip
    if isinstance(strict, list):
        return type(fast) is list and len(fast) == len(strict) and all(map(are_same, fast, strict))
    return type(fast) is type(strict) and (_bits(fast) == _bits(strict))


def _is_array(array: Any, entries: Any) -> bool:
    if array.ndim == 0:
        return type(entries) in (int, float) and _bits(float(array)) == _bits(float(entries))
    if type(entries) is not list or len(entries) != len(array):
        return False
    return all(map(_is_array, map(np.asarray, array), entries))


def _bits(value: Any) -> Any:
    return struct.pack("<d", value) if isinstance(value, float) else value


def _damage(rng: random.Random, question: dict[str, Any]) -> None:
    """Insert an odd value at one place of a question."""
    node: Any = question
    while True:
        if not node:
            return
        key = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
        if not isinstance(node[key], list | dict) or rng.random() < 0.3:
            break
        node = node[key]
    match rng.randrange(8):
        case 0 | 1:
            node[key] = Raw(rng.choice(NUMBERS + NUMBERS + NOT_NUMBERS))
        case 2:
            node[key] = Raw(rng.choice(TEXTS))
        case 3:
            node[key] = Raw(rng.choice(OTHERS))
        case 4 if isinstance(node, list):
            node[key:] = node[key:] * rng.choice([0, 2, 70])
        case 4:
            node[Raw(rng.choice([*NAMES, json.dumps(rng.choice(list(question)))]))] = node[key]
        case 5 if isinstance(node[key], list):
            node[key] = node[key] * rng.choice([2, 8, 40])
        case 5:
            depth = rng.choice(DEPTHS)
            node[key] = Raw("[" * depth + rng.choice(["1", "", '"["', "1,2"]) + "]" * depth)
        case 6:
            node[key] = Raw("[" + ",".join(rng.choices(NUMBERS, k=rng.choice([1, 3, 70]))) + "]")
        case 7:
            wide = ",".join(rng.choices(NUMBERS[:14], k=rng.choice([2, 70])))
            kinds = [wide, wide, wide + ",1", f"[{wide}]", f"1,{wide}", "true", '"[",' + wide]
            node[key] = Raw("[" + ",".join(f"[{number}]" for number in rng.choices(kinds, k=2)) + "]")


def _dumps(node: Any, rng: random.Random, plainly: bool) -> str:
    """Return JSON, with random spaces and escapes unless it is plain."""
    space = "" if plainly else rng.choice(SPACES)
    if isinstance(node, Raw):
        return space + node
    if isinstance(node, dict):
        inner = ",".join(_dumps(k, rng, plainly) + ":" + _dumps(v, rng, plainly) for k, v in node.items())
        return space + "{" + inner + space + "}"
    if isinstance(node, list):
        return space + "[" + ",".join(_dumps(child, rng, plainly) for child in node) + space + "]"
    text = json.dumps(node, ensure_ascii=rng.random() < 0.5)
    if isinstance(node, str) and not plainly and rng.random() < 0.1:
        text = '"' + "".join(f"\\u{ord(character):04x}" for character in node if ord(character) < 2**16) + '"'
    return space + text


def _damage_bytes(rng: random.Random, body: bytes) -> bytes:
    at = rng.randrange(len(body))
    mark = b"\xef\xbb\xbf"
    junk = rng.choice([
        b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc3", b"\x00", b"[", b"]", b'"', b"\\",
        b",", b":", b"{", b"}", mark, b"\x0c", b"\xc2\xa0", b"1", b"-", b".",
    ])  # fmt: skip
    text = body.decode("utf-8", "replace")
    return rng.choice([
        mark + body, mark + mark + body, b" " + mark + body, body + b"\x00", body + b"\n\n", body + b"x",
        body + b"{}", body + mark, body[:at], body[:at] + junk + body[at:], body[:at] + junk + body[at + 1:],
        body + junk, text.encode("utf-16"), text.encode("latin-1", "replace"), b"", b" \n",
        b"[" + body + b"]", b"[1,2]", b"null", b'"text"', b"1", mark,
    ])  # fmt: skip


def disagreement(path: str, body: bytes, min_array_size: int) -> tuple[str, Outcome]:
    """Return how the readers disagree on a body, empty if they agree, and the outcome of the strict one.

    min_array_size: the fewest numbers that become an array.
    """
    before = reader.LARGE, reader.MIN_ARRAY_SIZE
    try:
        reader.LARGE, reader.MIN_ARRAY_SIZE = sys.maxsize, min_array_size
        strict = answer(path, body)
        reader.LARGE = -1
        fast = answer(path, body)
        document = reader._read_fast(body)
        same = document is None or are_same(document, reader.read_strictly(body))
    except Problem as problem:
        return f"only the strict reader refuses it: {problem}", strict
    finally:
        reader.LARGE, reader.MIN_ARRAY_SIZE = before
    if not same:
        return "the documents differ", strict
    return ("" if fast == strict else f"{strict} of the strict reader, {fast} of the fast one"), strict


def main(seconds: float, seed: int = 0) -> None:
    """Compare for some seconds, and print every disagreement and the number of bodies of each kind."""
    rng, until = random.Random(seed), monotonic() + seconds
    kinds: Counter[str] = Counter()
    while monotonic() < until:
        path, body = make_body(rng)
        found, strict = disagreement(path, body, rng.choice([1, 3, 8, reader.MIN_ARRAY_SIZE]))
        kinds[strict.kind] += 1
        if found:
            sys.stdout.write(f"{path} {body[:3000]!r}\n{found}\n\n")
    sys.stdout.write(f"{kinds.total()} bodies: {dict(kinds)}\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

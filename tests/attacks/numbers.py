"""Point: no status above 499 except 503, for any numbers."""

import re
from typing import Any

from tests.attacks.clients import Answer, ask, encode
from tests.attacks.report import Report, attack
from tests.attacks.server import Server

TRACE: dict[str, Any] = {
    "program": ["f = x**2 / 4"], "start": {"x": 1}, "steps": 2,
    "optimizer": {"name": "gradient_descent", "learning_rate": "eta"}, "unknown": ["eta"], "target": {"x": 0},
}  # fmt: skip
DIGITS = "7" * 4_400
FACTORS = "20249999999999999988750000000000000001"  # SymPy's factorint raises on it


def solve(**fields: Any) -> tuple[str, dict[str, Any]]:
    """Return a question to `/v1/optimizer/solve`."""
    return "/v1/optimizer/solve", TRACE | fields


def exact(*entries: Any) -> tuple[str, dict[str, Any]]:
    """Return a question about exact entries."""
    return "/v1/activation", {"function": "relu", "x": [*entries], "arithmetic": "exact"}


def cost(operation: str, shape: list[int], **settings: Any) -> tuple[str, dict[str, Any]]:
    """Return a question about the cost of sizes."""
    return "/v1/cost", {"operation": operation, "x": {"shape": shape}, **settings}


# Text that begins with # is sent as a JSON number, however long.
SIZES: dict[str, tuple[str, dict[str, Any]]] = {
    "conv2d beyond 64 bits": cost("conv2d", [2**52, 2**52], kernel={"shape": [3, 3]}),
    "conv2d with as large a kernel": cost("conv2d", [2**52, 2**52], kernel={"shape": [2**51, 2**51]}),
    "a patch of 2147483647": cost(
        "vision_transformer", [3, 2147483647, 2147483647],
        patch=2147483647, d_model=8, layers=1, heads=1, d_ff=8, classes=2,
    ),
    "softmax beyond 64 bits": cost("softmax", [2**62, 2**62, 2**62]),
    "pooling beyond 64 bits": cost("max_pool2d", [2**40, 2**40], size=2**31 - 1, stride=1),
    "attention beyond 64 bits": cost("self_attention", [2**40, 2**40], heads=1),
    "4,000 digits, floats": ("/v1/softmax", {"x": ["#" + DIGITS[:4_000]]}),
    "4,400 digits, floats": ("/v1/softmax", {"x": ["#" + DIGITS, "#0." + DIGITS, "#1e-" + DIGITS]}),
    "4,400 digits for a setting": ("/v1/softmax", {"x": [1], "axis": "#" + DIGITS, "scale": "#" + DIGITS}),
}  # fmt: skip
EXACT: dict[str, tuple[str, dict[str, Any]]] = {
    "4,400 digits": exact(DIGITS, "#" + DIGITS),
    "4,400 digits behind the point": exact("0." + DIGITS, "#0." + DIGITS),
    "an exponent of 5,000": exact("#1e5000", "#1e-5000", "1e5000", "1e-5000"),
    "an exponent of 4,400 digits": exact("1e" + DIGITS),
    "an exponent of 4,400 digits, a number": exact("#1e-" + DIGITS),
    "a power of 9**9**9": exact("9**9**9"),
    "a root that cannot be factored": exact(f"sqrt({FACTORS})"),
    "solve for a target of 4,400 digits": solve(target={"x": "#0." + DIGITS}),
    "solve for an exponent of 5,000": solve(target={"x": "#1e-5000"}),
    "solve with a rate of 4,400 digits": solve(
        optimizer={"name": "momentum", "learning_rate": "#0." + DIGITS, "momentum": "eta"}
    ),
    "solve with a rate of 1e18": solve(
        optimizer={"name": "gradient_descent", "learning_rate": 1e18}, start={"x": "eta"}
    ),
    "convergence with a rate of 1e18": solve(
        optimizer={"name": "momentum", "learning_rate": 1e18, "momentum": "eta"}
    ),
}
LONG_NUMBER = re.compile(rb'"#([^"]*)"')


async def _ask_all(server: Server, report: Report, questions: dict[str, tuple[str, dict[str, Any]]]) -> None:
    logged = len(server.log)
    for name, (path, fields) in questions.items():
        answer = await ask(server, path, LONG_NUMBER.sub(rb"\1", encode(fields)), patience=120)
        report.add(f"{name}: status", answer.status, least=200, most=422 if answer.status != 503 else 503)
    written = server.log[logged:]
    report.note("no number in the log", DIGITS[:100] not in written and FACTORS not in written)


@attack(is_cheap=True)
async def sizes_beyond_64_bits(server: Server, report: Report) -> None:
    """Sizes whose products are beyond 64 bits, and numbers of thousands of digits."""
    await _ask_all(server, report, SIZES)


@attack(exact_seconds=1)
async def exact_digits(server: Server, report: Report) -> None:
    """Exact numbers and exponents of thousands of digits, and some that SymPy cannot factor."""
    await _ask_all(server, report, EXACT)


@attack(is_cheap=True)
async def shapes_of_json(server: Server, report: Report) -> None:
    """Deep nesting, duplicate keys, numbers that are not JSON, text that is not Unicode."""
    bodies = {
        "deep lists": b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "deep objects": b'{"x":' * 100_000 + b"1" + b"}" * 100_000,
        "deep lists, not closed": b'{"x":' + b"[" * 1_000_000,
        "keys that repeat": b'{"x":[1],"x":[2]}',
        "20,000 keys that repeat": b"{" + b'"x":[1],' * 20_000 + b'"x":[2]}',
        "a lone surrogate": rb'{"x":["\ud800"]}',
        "bytes that are no UTF-8": b'{"x":["\xff\xfe"]}',
        "NaN": b'{"x":[NaN]}',
        "an infinite number": b'{"x":[1e999]}',
        "no end": b'{"x":[1,2',
        "nothing": b"",
        "brackets in text": b'{"x":["' + b"(" * 5_000 + b'"]}',
        "a deep expression": b'{"x":["' + b"-" * 190 + b'1"]}',
    }
    for name, body in bodies.items():
        answer: Answer = await ask(server, "/v1/softmax", body)
        report.add(f"{name}: status", answer.status, least=400, most=422)

"""Point: no status above 499 but 503, whatever the numbers."""

from typing import Any

from tests.attacks.clients import Answer, ask
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


QUESTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "cost of conv2d beyond 64 bits": cost(
        "conv2d", [4503599627370496, 4503599627370496], kernel={"shape": [3, 3]}
    ),
    "cost of a patch of 2147483647": cost(
        "vision_transformer", [3, 224, 224], patch=2147483647, d_model=8, layers=1, heads=1, d_ff=8, classes=2
    ),
    "cost of softmax beyond 64 bits": cost("softmax", [2**62, 2**62, 2**62]),
    "cost of pooling beyond 64 bits": cost("max_pool2d", [2**40, 2**40], size=2**31 - 1, stride=1),
    "4,400 digits, exact": exact(DIGITS),
    "4,400 digits behind the point, exact": exact(f"0.{DIGITS}"),
    "a number of 4,400 digits, exact": exact(int("7" * 4_000)),
    "an exponent of 4,400 digits, exact": exact("1e" + DIGITS),
    "an exponent of 5,000, exact": exact("1e5000", "1e-5000"),
    "a power of 9**9**9, exact": exact("9**9**9"),
    "a root that cannot be factored, exact": exact(f"sqrt({FACTORS})"),
    "solve with 4,400 digits": solve(target={"x": DIGITS}),
    "solve with 4,400 digits behind the point": solve(target={"x": f"0.{DIGITS}"}),
    "solve with an exponent of 5,000": solve(target={"x": "1e5000"}),
    "solve with a rate of 1e18": solve(
        optimizer={"name": "gradient_descent", "learning_rate": 1e18}, start={"x": "a"}, unknown=["a"]
    ),
    "solve with a rate of 1e18, convergence": solve(
        optimizer={"name": "momentum", "learning_rate": 1e18, "momentum": "beta"}, unknown=["beta"]
    ),
    "4,400 digits, floats": ("/v1/softmax", {"x": [DIGITS[:190], int("7" * 4_000)]}),
}  # fmt: skip


@attack(is_cheap=True)
async def sizes_and_digits(server: Server, report: Report) -> None:
    """Sizes beyond 64 bits, numbers and exponents of thousands of digits, numbers that cannot be factored."""
    for name, (path, fields) in QUESTIONS.items():
        answer = await ask(server, path, fields)
        report.add(f"{name}: status", answer.status, least=200, most=422 if answer.status != 503 else 503)
    report.note("no number in the log", DIGITS[:100] not in server.log and FACTORS not in server.log)


@attack(is_cheap=True)
async def shapes_of_json(server: Server, report: Report) -> None:
    """Deep nesting, keys that repeat, numbers that JSON does not have, text that is no Unicode."""
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

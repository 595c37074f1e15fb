"""Reading back what was written: LaTeX of numbers, evaluated by a small parser of its own."""

import math
import re
from collections.abc import Callable

TOKEN = re.compile(
    r"\s*(\\left\(|\\right\)|\\left\||\\right\||\\operatorname\{\w+\}|\\[a-zA-Z]+|\d+(?:\.\d+)?|[-+^{},])"
)
Function = Callable[..., float]
FUNCTIONS: dict[str, Function] = {
    r"\max": max,
    r"\min": min,
    r"\operatorname{sign}": lambda a: float((a > 0) - (a < 0)),
}


def sides(line: str) -> tuple[str, str, str]:
    """What an equation is of, how that comes about, and what it is worth."""
    symbol, _, rest = line.partition(" = ")
    how, _, worth = rest.rpartition(" = ")
    return symbol, how or worth, worth


def evaluate(text: str, functions: dict[str, Function] | None = None) -> float:
    """The number that a formula without symbols is."""
    tokens, at = [], 0
    while at < len(text):
        found = TOKEN.match(text, at)
        assert found, f"what is {text[at:]}?"
        tokens.append(found[1])
        at = found.end()
    reader = Reader(tokens, FUNCTIONS | (functions or {}))
    worth = reader.sum()
    assert not reader.tokens, f"{reader.tokens} are left of {text}"
    return worth


class Reader:
    """Sums of products of powers of atoms."""

    def __init__(self, tokens: list[str], functions: dict[str, Function]) -> None:
        self.tokens, self.functions = tokens, functions

    def take(self, *wanted: str) -> bool:
        if self.tokens[: len(wanted)] != list(wanted):
            return False
        del self.tokens[: len(wanted)]
        return True

    def demand(self, token: str) -> None:
        assert self.take(token), f"{token} is missing before {self.tokens}"

    def sum(self) -> float:
        worth = -self.product() if self.take("-") else self.product()
        while self.tokens and self.tokens[0] in "+-":
            worth = worth + self.product() if self.take("+") else worth - (self.take("-") and self.product())
        return worth

    def product(self) -> float:
        worth = self.power()
        while self.take(r"\cdot"):
            worth *= self.power()
        return worth

    def power(self) -> float:
        worth = self.atom()
        return worth ** self.braced() if self.take("^") else worth

    def braced(self) -> float:
        self.demand("{")
        worth = self.sum()
        self.demand("}")
        return worth

    def atom(self) -> float:
        if self.take(r"\frac"):
            above = self.braced()
            return above / self.braced()
        if self.take(r"\sqrt"):
            return math.sqrt(self.braced())
        if self.take(r"\infty"):
            return math.inf
        for opening, closing in ((r"\left(", r"\right)"), (r"\left|", r"\right|")):
            if self.take(opening):
                worth = self.sum()
                self.demand(closing)
                return abs(worth) if "|" in opening else worth
        token = self.tokens.pop(0)
        if token in self.functions:
            self.demand(r"\left(")
            operands = [self.sum()]
            while self.take(","):
                operands.append(self.sum())
            self.demand(r"\right)")
            return self.functions[token](*operands)
        assert token[0].isdigit(), f"what is {token}?"
        return float(token)

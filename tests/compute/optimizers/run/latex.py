"""A small parser and evaluator for the LaTeX of numbers."""

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
    """Return the symbol of an equation, its expression and its value."""
    symbol, _, rest = line.partition(" = ")
    expression, _, value = rest.rpartition(" = ")
    return symbol, expression or value, value


def evaluate(text: str, functions: dict[str, Function] | None = None) -> float:
    """Return the value of a formula without symbols."""
    tokens, position = [], 0
    while position < len(text):
        found = TOKEN.match(text, position)
        assert found, f"what is {text[position:]}?"
        tokens.append(found[1])
        position = found.end()
    reader = Reader(tokens, FUNCTIONS | (functions or {}))
    value = reader.sum()
    assert not reader.tokens, f"{reader.tokens} are left of {text}"
    return value


class Reader:
    """Recursive descent over sums of products of powers of atoms."""

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
        value = -self.product() if self.take("-") else self.product()
        while self.tokens and self.tokens[0] in "+-":
            value = value + self.product() if self.take("+") else value - (self.take("-") and self.product())
        return value

    def product(self) -> float:
        value = self.power()
        while self.take(r"\cdot"):
            value *= self.power()
        return value

    def power(self) -> float:
        value = self.atom()
        return value ** self.braced() if self.take("^") else value

    def braced(self) -> float:
        self.demand("{")
        value = self.sum()
        self.demand("}")
        return value

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
                value = self.sum()
                self.demand(closing)
                return abs(value) if "|" in opening else value
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

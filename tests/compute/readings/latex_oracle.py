r"""An evaluator of the LaTeX of workings, which knows the notation of textbooks and nothing of graphs.

Everything is a matrix: a number is 1 x 1 and a vector a row, as they are printed. Juxtaposition is the matrix
product, `\odot` and `\cdot` work on entries with broadcasting, and sums keep the axis that they sum over.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeAlias

import numpy as np

Matrix: TypeAlias = np.ndarray[Any, np.dtype[Any]]

_TOKEN = re.compile(
    r"\s*(\\(?:text|mathrm|mathbb|mathbf|operatorname)\{[^{}]*\}|\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\S)"
)
_SPACES = frozenset({"\\ ", "\\,"})
_AXES = {r"\text{rows}": 1, r"\text{columns}": 0}
_COMPARISONS: Mapping[str, Callable[[Matrix, Matrix], Matrix]] = {
    ">": np.greater, "<": np.less, "=": np.equal,
    r"\ge": np.greater_equal, r"\le": np.less_equal, r"\ne": np.not_equal,
}  # fmt: skip
_PREFIXES: Mapping[str, Callable[[Matrix], Matrix]] = {
    r"\tanh": np.tanh, r"\log": np.log, r"\sin": np.sin, r"\cos": np.cos, r"\exp": np.exp,
}  # fmt: skip
_NUMBERS = {
    "e": math.e, r"\pi": math.pi, r"\infty": math.inf, r"\mathrm{NaN}": math.nan, r"\text{true}": 1.0,
}  # fmt: skip


def _softmax(a: Matrix, axis: int) -> Matrix:
    powers = np.exp(a - a.max(axis=axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True))


_ENTRYWISE: Mapping[str, Callable[[Matrix], Matrix]] = {
    r"\sigma": lambda a: 1 / (1 + np.exp(-a)),
    r"\Phi": np.vectorize(lambda a: (1 + math.erf(a / math.sqrt(2))) / 2, otypes=[float]),
    r"\operatorname{erf}": np.vectorize(math.erf, otypes=[float]),
    r"\operatorname{sign}": np.sign,
}


class NotKnown(Exception):
    """LaTeX with a construct that the evaluator does not know."""


def evaluate(text: str) -> Matrix:
    """Return the matrix that a formula means. Raises NotKnown, and ValueError if shapes do not fit."""
    parser = _Parser([token for token in _TOKEN.findall(text) if token not in _SPACES])
    with np.errstate(all="ignore"):
        value = parser.condition()
    if parser.next is not None:
        raise NotKnown(parser.next)
    return value


class _Parser:
    """Recursive descent: a method per binding strength, each of which returns its value."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def next(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def condition(self) -> Matrix:
        """Comparisons may be chained: 0 < a < 6."""
        left = self._sum()
        if self.next not in _COMPARISONS:
            return left
        holds: Matrix = np.ones((1, 1), dtype=bool)
        while self.next in _COMPARISONS:
            compare = _COMPARISONS[self._take()]
            right = self._sum()
            holds = holds & compare(left, right)
            left = right
        return holds

    def _sum(self) -> Matrix:
        total = self._signed()
        while self.next in ("+", "-"):
            total = total + self._product() if self._take() == "+" else total - self._product()
        return total

    def _signed(self) -> Matrix:
        return -self._product() if self._accept("-") else self._product()

    def _product(self) -> Matrix:
        value = self._joined()
        while self.next in (r"\odot", r"\cdot", "/"):
            value = value / self._joined() if self._take() == "/" else value * self._joined()
        return value

    def _joined(self) -> Matrix:
        value = self._factor()
        while self._starts_factor():
            other = self._factor()
            value = value * other if 1 in (value.size, other.size) else value @ other
        return value

    def _starts_factor(self) -> bool:
        ends = {
            None, "+", "-", "/", r"\odot", r"\cdot", ",", "&", "}", ")", "]", r"\right", r"\end", r"\\",
            r"\text{if }", r"\text{otherwise}", *_COMPARISONS,
        }  # fmt: skip
        return self.next not in ends

    def _factor(self) -> Matrix:
        token = self.next
        if token is not None and token in _PREFIXES:
            self._take()
            power = self._group() if self._accept("^") else np.ones((1, 1))
            return np.power(_PREFIXES[token](self._factor()), power)
        if token == r"\sum":
            self._take()
            axis = self._take_axis()
            return np.asarray(self._product().sum(axis=axis, keepdims=True))
        return self._scripts(self._atom())

    def _scripts(self, value: Matrix) -> Matrix:
        while self._accept("^"):
            if self._tokens[self._at : self._at + 3] == ["{", r"\top", "}"]:
                self._at += 3
                value = value.T
            else:
                value = np.power(value, self._group())
        if self.next in ("_", "[", "'"):
            raise NotKnown(self.next)
        return value

    def _atom(self) -> Matrix:
        token = self._take()
        if re.match(r"\d", token):
            return np.array([[float(token)]])
        if token in _NUMBERS:
            return np.array([[_NUMBERS[token]]])
        if token == "{":
            self._at -= 1
            return self._group()
        if token == r"\left":
            return self._bracketed()
        if token == r"\frac":
            above = self._group()
            return above / self._group()
        if token == r"\sqrt":
            return np.sqrt(self._group())
        if token == r"\begin":
            return self._environment()
        if token == r"\mathbb{1}":
            self._expect(r"\left", r"\{")
            holds = self.condition()
            self._expect(r"\right", r"\}")
            return holds.astype(float)
        return self._function(token)

    def _function(self, token: str) -> Matrix:
        if token == r"\operatorname{softmax}":
            axis = self._take_axis()
            return _softmax(self._argument(), 1 if axis is None else axis)
        if token == r"\operatorname{mean}":
            axis = self._take_axis()
            return np.asarray(self._argument().mean(axis=axis, keepdims=True))
        if token == r"\mathbf{1}":
            return self._ones()
        if token in _ENTRYWISE:
            return _ENTRYWISE[token](self._argument())
        if token in (r"\max", r"\min") and self.next == r"\left":
            self._expect(r"\left", "(")
            first = self._sum()
            self._expect(",")
            second = self._sum()
            self._expect(r"\right", ")")
            return np.maximum(first, second) if token == r"\max" else np.minimum(first, second)
        if token == r"\operatorname{relu}":
            self._expect("_")
            slope = self._group()
            operand = self._argument()
            return np.where(operand > 0, operand, slope * operand)
        raise NotKnown(token)

    def _bracketed(self) -> Matrix:
        opening = self._take()
        if opening not in ("(", "|"):
            raise NotKnown(opening)
        value = self.condition()
        self._expect(r"\right", ")" if opening == "(" else "|")
        return value if opening == "(" else np.abs(value)

    def _environment(self) -> Matrix:
        name = self._word()
        if name == "pmatrix":
            rows = [[self._sum().item()]]
            while self.next in ("&", r"\\"):
                if self._take() == r"\\":
                    rows.append([])
                rows[-1].append(self._sum().item())
            self._end(name)
            return np.array(rows)
        if name != "cases":
            raise NotKnown(name)
        branches = []
        while True:
            value = self._sum()
            self._expect("&")
            if self._accept(r"\text{otherwise}"):
                break
            self._expect(r"\text{if }")
            branches.append((self.condition(), value))
            self._expect(r"\\")
        self._end(name)
        for holds, other in reversed(branches):
            value = np.where(holds, other, value)
        return value

    def _argument(self) -> Matrix:
        self._expect(r"\left", "(")
        value = self.condition()
        self._expect(r"\right", ")")
        return value

    def _group(self) -> Matrix:
        self._expect("{")
        value = self._sum()
        self._expect("}")
        return value

    def _ones(self) -> Matrix:
        self._expect("_", "{")
        sizes = [int(self._take())]
        while self._accept(r"\times"):
            sizes.append(int(self._take()))
        self._expect("}")
        if len(sizes) > 2:
            raise NotKnown(r"\times")
        return np.atleast_2d(np.ones(sizes))

    def _take_axis(self) -> int | None:
        """Take the script of a reduction; None without one."""
        if not self._accept("_"):
            return None
        self._expect("{")
        axis = self._take()
        if axis not in _AXES:
            raise NotKnown(axis)
        self._expect("}")
        return _AXES[axis]

    def _word(self) -> str:
        self._expect("{")
        letters = []
        while self.next != "}":
            letters.append(self._take())
        self._expect("}")
        return "".join(letters)

    def _end(self, name: str) -> None:
        self._expect(r"\end")
        if self._word() != name:
            self._fail()

    def _take(self) -> str:
        if self.next is None:
            self._fail()
        self._at += 1
        return self._tokens[self._at - 1]

    def _accept(self, token: str) -> bool:
        if self.next != token:
            return False
        self._at += 1
        return True

    def _expect(self, *tokens: str) -> None:
        for token in tokens:
            if not self._accept(token):
                self._fail()

    def _fail(self) -> NoReturn:
        raise NotKnown(str(self.next))

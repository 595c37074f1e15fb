"""Normalize what a student wrote, such as `−2√2`, `½` or `3·10⁻²`, to the syntax of expressions.

Text is refused, with a reason, where it has two readings: a grader must not guess. Reasons never repeat it.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from compute.arithmetic.expressions import (
    FUNCTIONS,
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_LENGTH,
    NAMED_NUMBERS,
    Expression,
    ExpressionError,
    TooDeep,
    check_symbol,
    parse,
)

MAX_NESTING = 100  # brackets in the normalized text; Python's parser takes 200
MAX_SIGNS = 20  # in a row
GROWTH = 10  # the most characters that one character can become
FORMS = "a number, a fraction such as 1/3, or an expression such as 2*sqrt(2)"

_ALIASES = {"ln": "log", "fabs": "abs", "absolute": "abs", "maximum": "max", "minimum": "min"}
_SIGMOID = ("(1/(1+exp(-(", "))))")
# Functions that the parser does not know: what stands before the operand, and after it.
_WRITTEN_OUT = {
    "sigmoid": _SIGMOID,
    "sigma": _SIGMOID,
    "expit": _SIGMOID,
    "relu": ("max(0,(", "))"),
    "square": ("((", ")**2)"),
    "log2": ("(log(", ")/log(2))"),
    "log10": ("(log(", ")/log(10))"),
}
_CALLABLE = {*FUNCTIONS, *_ALIASES, *_WRITTEN_OUT}
_FUNCTION_NAMES = {*FUNCTIONS, "ln", "sigmoid", "relu", "log2", "log10"}
_NOT_FINITE = {"inf", "infinity", "nan"}

_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta",
    "θ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "ο": "omicron",
    "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "υ": "upsilon", "φ": "phi", "χ": "chi", "ψ": "psi",
    "ω": "omega", "ς": "sigma", "ϵ": "epsilon", "ϑ": "theta", "ϕ": "phi", "ϱ": "rho",
}  # fmt: skip
_GREEK |= {letter.upper(): name.capitalize() for letter, name in _GREEK.items() if len(letter.upper()) == 1}
_LATEX_NAMES = {*_GREEK.values(), *FUNCTIONS, "ln", "varepsilon", "vartheta", "varphi"}
_LATEX_OPERATORS = {"cdot": "*", "times": "*", "div": "/", "le": "<=", "leq": "<=", "ge": ">=", "geq": ">=",
                    "ne": "!=", "neq": "!="}  # fmt: skip
_LATEX_FRACTIONS = {"frac", "tfrac", "dfrac"}
_LATEX_SPACES = {"quad", "qquad"}

_SUPERSCRIPTS = "⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹"
_SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉"
_RAISED = str.maketrans(_SUPERSCRIPTS, "+-0123456789")
_LOWERED = str.maketrans(_SUBSCRIPTS, "0123456789")
_FRACTIONS = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒"
_CHARACTERS = str.maketrans(
    {
        **dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\u2014\ufe63\uff0d", "-"),
        **dict.fromkeys("·×⋅∙•∗⨯✕✖", "*"),
        **dict.fromkeys("÷∕⁄", "/"),
        "≤": "<=",
        "≥": ">=",
        "≠": "!=",
        "µ": "μ",
        **dict.fromkeys("ΩΩ", "Ω"),
        "∆": "Δ",
        "∑": "Σ",
    }
)
# Characters without a width that come along when text is copied.
_INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"

_NAME_REST = r"(?:_(?:\{[A-Za-z0-9_]+\}|[A-Za-z0-9]*))*[" + _SUBSCRIPTS + "]*"
_PIECE = r"""
    (?P<space>\s+)
  | (?P<ellipsis>\.{2,}|…)
  | (?P<number>(?:%s)(?:[eE][+-]?\d+)?)
  | (?P<name>(?:(?:np|numpy|math)\.)?[A-Za-z][A-Za-z0-9]*%s | [%s]\d*%s)
  | (?P<latex>\\(?:[A-Za-z]+%s|[,;:!\s]))
  | (?P<power>\*\*|\^)
  | (?P<superscript>[%s]+)
  | (?P<comparison>[<>=!]=|[<>])
  | (?P<operator>[-+*/])
  | (?P<root>√)
  | (?P<fraction>[%s])
  | (?P<opening>[({])
  | (?P<closing>[)}])
  | (?P<separator>[,;])
"""
_DIGITS = {".": r"\d+(?:\.(?!\.)\d*)?|\.\d+", ",": r"\d+(?:,\d+)?|,\d+"}
_PIECES = {
    decimal: re.compile(
        _PIECE % (digits, _NAME_REST, "".join(_GREEK), _NAME_REST, _NAME_REST, _SUPERSCRIPTS, _FRACTIONS),
        re.VERBOSE | re.ASCII,
    )
    for decimal, digits in _DIGITS.items()
}
_RECURRING = re.compile(r"\(\d+\)", re.ASCII)
_FUSED = re.compile(r"(?:sqrt|exp|log|ln|sin|cos|tanh|abs)\d+", re.ASCII)
_PLAIN_FRACTION = re.compile(r"\d+\s*/\s*\d", re.ASCII)
_LATEX_SIZES = re.compile(r"\\(?:left|right)(?![A-Za-z])")
_EQUALS = re.compile(r"(?<![<>=!])=(?!=)")
_MODULE = re.compile(r"^(?:np|numpy|math)\.")
_EXPONENT = re.compile(r"[-+]?\d{1,40}", re.ASCII)

_REFUSED = {
    **dict.fromkeys("%‰", ("percent", "holds a percent sign; write a decimal, such as 0.5 for 50 %")),
    **dict.fromkeys("≈~∼≃≅±∓", ("approximate", "holds a sign of approximation; write the number alone")),
    **dict.fromkeys("°$€£", ("unit", "holds a sign of a unit; write the number alone")),
    ".": ("point", "holds a point that belongs to no number; write decimals as in 0.5"),
    "|": ("character", "holds a bar; write abs(x) for an absolute value"),
    "∞": ("not_finite", "holds infinity in an expression; infinity can only stand alone"),
    "[": ("brackets", "holds a square bracket within an expression; write round ones"),
    "]": ("brackets", "holds a square bracket within an expression; write round ones"),
    "_": ("character", "holds an underscore that belongs to no name; write numbers with digits alone"),
}


_SPACED_EXPONENT = re.compile(r"\d\s+[eE]\s*[-+\u2212]\s*\d|\d[eE]\s+[-+\u2212]\s*\d|\d[eE][-+\u2212]\s+\d")
_MIXED_LATEX = re.compile(r"\d\s*\\[dt]?frac")


class UnreadableEntry(ValueError):
    """An entry that cannot be read. code: a word for the reason; the message is for the student."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class UnreadableText(UnreadableEntry):
    """Text that cannot be read as a number."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code, f"the text {reason}")


@dataclass(frozen=True, slots=True)
class Notation:
    """How numbers are written. decimal: "." or ","; with "," a semicolon separates operands and entries."""

    decimal: str = "."

    def __post_init__(self) -> None:
        if self.decimal not in _DIGITS:
            raise ValueError('the decimal sign is "." or ","')


def clean(text: str) -> str:
    """Return text with ASCII forms of signs, digits and letters, without invisible characters at its ends."""
    if not text.isascii():
        text = "".join(map(_plain, text.translate(_CHARACTERS)))
    text = _LATEX_SIZES.sub("", text).strip().strip(_INVISIBLE).strip()
    return text[1:-1].strip() if len(text) > 2 and text[0] == text[-1] == "$" else text


def _plain(character: str) -> str:
    """Return the ASCII form of a digit, space, or letter in another style; other characters unchanged."""
    if character < "\x80":
        return character
    if character.isspace():
        return " "
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if "\uff01" <= character <= "\uff5e":  # full width
        return chr(ord(character) - 0xFEE0)
    if "\U0001d400" <= character <= "\U0001d7ff":  # italic and bold letters of formulas
        return unicodedata.normalize("NFKC", character)
    return character


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits on one text: its characters, the digits of a number in it, and its nesting."""

    longest: int = MAX_LENGTH
    digits: int = MAX_DIGITS
    deepest: int = MAX_DEPTH


def read_expression(
    text: str,
    notation: Notation,
    names: Collection[str] | None = (),
    limits: Limits = Limits(),
    known: Collection[str] = (),
) -> Expression:
    """Return the expression that a text means.

    names: the symbols that may be used; None for any.
    known: the symbols that the question has, if any may be used. A symbol of the question is meant by another
    spelling of it, such as x_1 for x1, and symbols beside each other are a product.
    Raises UnreadableText.
    """
    normalized = normalize(text, notation, names, limits, known)
    try:
        return parse(normalized, GROWTH * limits.longest, limits.digits, limits.deepest)
    except TooDeep as error:
        raise UnreadableText("too_deep", str(error)) from None
    except ExpressionError as error:  # a place in the normalized text would mislead
        raise UnreadableText("not_an_expression", str(error).partition(" near ")[0]) from None


def normalize(
    text: str,
    notation: Notation,
    names: Collection[str] | None = (),
    limits: Limits = Limits(),
    known: Collection[str] = (),
) -> str:
    """Return text in the syntax of expressions. Raises UnreadableText; see `read_expression`."""
    check_length(text, limits.longest)
    text = clean(text)
    if _SPACED_EXPONENT.search(text):
        raise UnreadableText(
            "spaced_exponent", "may hold a power of ten with a space in it; write 1.5e-3, or 1.5*e - 3"
        )
    if _MIXED_LATEX.search(text):
        raise UnreadableText("mixed_number", "may be a mixed number; write a fraction, as in 3/2")
    if not text:
        raise UnreadableText("empty", f"is empty; expected {FORMS}")
    if _EQUALS.search(text):
        raise _refuse_equation()
    return _Normalizer(text, notation, names, known, limits.digits).run()


def check_length(text: str, longest: int) -> None:
    """Raise UnreadableText if text is too long."""
    if len(text) > longest:
        raise UnreadableText("too_long", f"has {len(text)} characters; at most {longest} can be read")


class _Kind(Enum):
    """The kind of one piece of an expression; after an operator a value has to follow."""

    OPERATOR = auto()
    NUMBER = auto()
    NAME = auto()
    SYMBOL = auto()  # a name that the question has
    CONSTANT = auto()  # pi, which nobody takes for a function or a unit
    POWER = auto()
    BRACKET = auto()
    CALL = auto()
    ROOT = auto()


_NEVER_FACTORS = {
    (_Kind.NUMBER, _Kind.NUMBER),
    (_Kind.POWER, _Kind.NUMBER),
    (_Kind.CONSTANT, _Kind.NUMBER),
    (_Kind.NAME, _Kind.NUMBER),
    (_Kind.NAME, _Kind.NAME),
    (_Kind.SYMBOL, _Kind.NUMBER),
    (_Kind.SYMBOL, _Kind.NAME),
    (_Kind.NAME, _Kind.SYMBOL),
}


@dataclass(slots=True)
class _Bracket:
    """An open bracket. closing: the character that ends it; after: what is written there.

    divided: whether a division or power was open before it.
    is_numerator: whether a denominator in braces follows.
    """

    closing: str
    after: str
    levels: int
    divided: bool
    is_call: bool
    is_numerator: bool


@dataclass(frozen=True, slots=True)
class _Call:
    """A function whose bracket must follow. before, after: what is written in place of its bracket."""

    before: str
    after: str
    is_numerator: bool = False


class _Normalizer:
    """Reads one text from left to right."""

    def __init__(
        self,
        text: str,
        notation: Notation,
        names: Collection[str] | None,
        known: Collection[str],
        digits: int,
    ) -> None:
        self.text, self.notation, self.digits = text, notation, digits
        self.takes_any = names is None
        self.known = frozenset(known if names is None else names)
        self.beside: list[str] = []  # symbols with no sign between them, without underscores
        self.written: list[str] = []
        self.previous = _Kind.OPERATOR
        self.end = 0  # of the last piece
        self.spaced = False  # whether there is space before the current piece
        self.roots = 0  # signs of roots before the value that must follow
        self.signs = 0  # in a row
        self.divided = False  # whether a product without a sign would have two readings
        self.call: _Call | None = None  # whose bracket must follow
        self.open: list[_Bracket] = []
        self.levels = 0

    def run(self) -> str:
        """Return the normalized text."""
        pieces, at = _PIECES[self.notation.decimal], 0
        while at < len(self.text):
            found = pieces.match(self.text, at)
            if found is None:
                raise _refuse_character(self.text[at], self.notation)
            kind, piece = str(found.lastgroup), found.group()
            start, at = at, found.end()
            if kind != "space":
                self.spaced = start > self.end
                self._read(kind, piece, at)
                self.end = at
        if self.open:
            raise UnreadableText("brackets", "opens a bracket and does not close it")
        if self.previous is _Kind.OPERATOR:
            raise UnreadableText("incomplete", "ends where a number is expected")
        return "".join(self.written)

    def _read(self, kind: str, piece: str, end: int) -> None:
        if self.call is not None and kind != "opening":
            raise UnreadableText("brackets", "has a command without the braces that must follow it")
        match kind:
            case "number":
                self._read_number(piece, end)
            case "name":
                self._read_name(piece, end)
            case "latex":
                self._read_command(piece, end)
            case "fraction":
                self._begin_value(_Kind.NUMBER)
                self._write_value(f"({unicodedata.normalize('NFKC', piece).replace('⁄', '/')})", _Kind.NUMBER)
            case "superscript":
                self._read_superscript(piece)
            case "power" | "operator":
                self._read_operator(piece)
            case "comparison":
                self._read_comparison(piece)
            case "root":
                self._begin_value(_Kind.ROOT)
                self.roots += 1
                if self.roots > MAX_SIGNS:
                    raise UnreadableText("too_deep", "has too many signs in a row")
            case "opening":
                self._read_opening(piece)
            case "closing":
                self._read_closing(piece)
            case "separator":
                self._read_separator(piece)
            case _:
                raise _refuse_recurring()

    def _write(self, text: str, kind: _Kind) -> None:
        self.written.append(text)
        self.previous = kind

    def _write_value(self, text: str, kind: _Kind) -> None:
        """Write a value within the roots that stand before it."""
        roots, self.roots = self.roots, 0
        if roots and kind is _Kind.SYMBOL:
            kind = _Kind.NAME  # √x y may be √(x*y)
        self._write("sqrt(" * roots + text + ")" * roots, kind)

    def _begin_value(self, kind: _Kind) -> None:
        """Write the sign of a product if the value follows another one."""
        self.signs = 0
        if self.previous is _Kind.OPERATOR:
            return
        if (self.previous, kind) in _NEVER_FACTORS:
            raise self._refuse_adjacent(kind)
        if self.divided:
            raise UnreadableText(
                "ambiguous_product",
                "has a product without a sign after a division or in an exponent, which can be read in two"
                " ways; write brackets, as in 1/(2*x) or (1/2)*x",
            )
        self._write("*", _Kind.OPERATOR)

    def _refuse_adjacent(self, kind: _Kind) -> UnreadableText:
        """Return the reason for refusing two values with no sign between them."""
        if {_Kind.NAME, _Kind.SYMBOL, _Kind.CONSTANT} & {self.previous, kind}:
            return UnreadableText("missing_operator", "has no sign between a name and what follows; write *")
        rest = self.text[self.end :].lstrip()
        if rest[0] in _FRACTIONS or _PLAIN_FRACTION.match(rest):
            return UnreadableText("mixed_number", "may be a mixed number; write a fraction, as in 3/2")
        if rest[0] == ",":
            return _refuse_comma(self.notation)
        return UnreadableText(
            "missing_operator",
            "has two numbers with no sign between them; write * for a product, and nothing between thousands",
        )

    def _need_value_before(self) -> None:
        if self.previous is _Kind.OPERATOR:
            raise UnreadableText("incomplete", "has a sign or bracket where a number is expected")

    def _read_number(self, piece: str, end: int) -> None:
        decimal = self.notation.decimal
        if decimal in piece:
            ends_open = piece.endswith(decimal) and self.text.startswith("(", end)
            if ends_open or _RECURRING.match(self.text, end):
                raise _refuse_recurring()
        self._begin_value(_Kind.NUMBER)
        number = piece.replace(decimal, ".")
        if len(number) > self.digits:
            raise UnreadableText("too_many_digits", f"holds a number of more than {self.digits} digits")
        significant = number.lstrip("0")
        if not significant[:1].isdigit():
            significant = "0" + significant
        self._write_value(significant, _Kind.NUMBER)

    def _read_name(self, piece: str, end: int) -> None:
        name = _MODULE.sub("", piece)
        if name[0] in _GREEK:
            name = _GREEK[name[0]] + name[1:]
        self._read_word(name.replace("{", "").replace("}", "").translate(_LOWERED), end)

    def _read_word(self, name: str, end: int) -> None:
        """Read the name of a function, constant or symbol, or a word that joins conditions."""
        lowered = name.lower()
        following = self.text[end:].lstrip()[:1]
        if name in ("and", "or", "not"):
            if name != "not":
                self._need_value_before()
            self.divided = False
            self._write(f" {name} ", _Kind.OPERATOR)
        elif lowered in _CALLABLE and following == "(":
            self._begin_value(_Kind.CALL)
            self.call = _Call(*_WRITTEN_OUT.get(lowered, (f"{_ALIASES.get(lowered, lowered)}(", ")")))
        elif lowered in _FUNCTION_NAMES or _FUSED.fullmatch(lowered):
            raise UnreadableText(
                "function_without_brackets", "has a function without brackets; write them, as in sqrt(2)"
            )
        elif following == "(" and lowered != "pi":
            raise UnreadableText(
                "unknown_function",
                "has a name before a bracket that is no known function; write * for a product. The functions"
                f" are {', '.join(sorted(_CALLABLE))}",
            )
        else:
            found = self._find_name(name)
            kind = _Kind.CONSTANT if found == "pi" else _Kind.SYMBOL if found in self.known else _Kind.NAME
            if kind is _Kind.SYMBOL:
                self._check_beside(found)
            self._begin_value(kind)
            self._write_value(found, kind)

    def _check_beside(self, symbol: str) -> None:
        """Raise UnreadableText if symbols beside each other may also be one symbol of the question."""
        if self.previous is not _Kind.SYMBOL:
            self.beside.clear()
        self.beside.append(_shorten(symbol))
        runs = {"".join(self.beside[start:]) for start in range(len(self.beside) - 1)}
        if not runs.isdisjoint(_by_short(self.known)):
            raise _refuse_run()

    def _find_name(self, name: str) -> str:
        """Return the constant or symbol that a name means."""
        if name in NAMED_NUMBERS or name in ("Pi", "PI"):
            return name.lower()
        if name.lower() in _NOT_FINITE:
            raise UnreadableText("not_finite", "holds infinity or nan in an expression; they stand alone")
        if name in self.known:
            return name
        short, by_short = _shorten(name), _by_short(self.known)
        similar = by_short.get(short, ())  # x1 and x_1
        if len(similar) == 1:
            return similar[0]
        if similar:
            raise UnreadableText(
                "unknown_name",
                "uses a name that may be one of several symbols; write it as the question does",
            )
        if _is_run(short, by_short):
            raise _refuse_run()
        if self.takes_any:
            try:
                check_symbol(name)
            except ExpressionError as error:
                raise UnreadableText("unknown_name", str(error)) from None
            return name
        if self.previous in (_Kind.NUMBER, _Kind.POWER):
            raise UnreadableText(
                "unit", "holds a unit, or a name that is no number, after a number; write the number alone"
            )
        known = "pi and e" + (" and the symbols of the question" if self.known else "")
        raise UnreadableText("unknown_name", f"uses an unknown name; the names that can be used are {known}")

    def _read_command(self, piece: str, end: int) -> None:
        """Read a command of LaTeX."""
        name = piece[1:].replace("{", "").replace("}", "").translate(_LOWERED)
        if not name[:1].isalpha() or name in _LATEX_SPACES:
            return
        following = self.text[end:].lstrip()[:1]
        if name in _LATEX_FRACTIONS:
            self._begin_value(_Kind.CALL)
            self.call = _Call("((", ")", is_numerator=True)
        elif name == "sqrt" and following == "{":
            self._begin_value(_Kind.CALL)
            self.call = _Call("sqrt(", ")")
        elif name in _LATEX_OPERATORS:
            operator = _LATEX_OPERATORS[name]
            (self._read_operator if operator in "*/" else self._read_comparison)(operator)
        elif name == "infty":
            raise UnreadableText("not_finite", "holds infinity in an expression; infinity stands alone")
        elif name.partition("_")[0].removeprefix("var") in _LATEX_NAMES:
            self._read_word(name.removeprefix("var"), end)
        else:
            raise UnreadableText("unknown_name", "uses a command of LaTeX that is not known here")

    def _read_superscript(self, piece: str) -> None:
        self._need_value_before()
        exponent = piece.translate(_RAISED)
        if not _EXPONENT.fullmatch(exponent):
            raise UnreadableText("incomplete", "has raised characters that are no whole number")
        self._write(f"**({exponent})", _Kind.POWER)

    def _read_operator(self, piece: str) -> None:
        if self.previous is _Kind.OPERATOR:
            self.signs += 1
            if piece not in ("+", "-") or self.roots:
                self._need_value_before()
            if self.signs > MAX_SIGNS:
                raise UnreadableText("too_deep", "has too many signs in a row")
        else:
            self.divided = piece not in ("+", "-", "*")
        self._write("**" if piece == "^" else piece, _Kind.OPERATOR)

    def _read_comparison(self, piece: str) -> None:
        self._need_value_before()
        if not self.open:
            raise _refuse_equation()
        self.divided = False
        self._write(piece, _Kind.OPERATOR)

    def _read_opening(self, piece: str) -> None:
        """Read a bracket, or a brace where LaTeX needs one."""
        call, self.call = self.call, None
        is_exponent = bool(self.written) and self.written[-1] == "**"
        if piece == "{" and call is None and not is_exponent:
            raise UnreadableText("brackets", "holds a brace; write round brackets")
        if call is None:
            self._begin_value(_Kind.BRACKET)
        elif call.is_numerator and piece != "{":
            raise UnreadableText("brackets", "has a command without the braces that must follow it")
        before, after = (call.before, call.after) if call else ("(", ")")
        roots, self.roots = self.roots, 0
        before, after = "sqrt(" * roots + before, after + ")" * roots
        levels = before.count("(")
        self.levels += levels
        if self.levels > MAX_NESTING:
            raise UnreadableText("too_deep", "has too many brackets within one another")
        is_numerator = call is not None and call.is_numerator
        closing = ")" if piece == "(" else "}"
        is_call = call is not None
        self.open.append(_Bracket(closing, after, levels, self.divided, is_call, is_numerator))
        self.divided = False
        self._write(before, _Kind.OPERATOR)

    def _read_closing(self, piece: str) -> None:
        self._need_value_before()
        if not self.open or self.open[-1].closing != piece:
            raise UnreadableText("brackets", "closes a bracket that it does not open")
        bracket = self.open.pop()
        self.levels -= bracket.levels
        self.divided = bracket.divided
        if bracket.is_numerator:
            self.call = _Call("/(", ")" + bracket.after)
            self._write(")", _Kind.OPERATOR)
        else:
            self._write(bracket.after, _Kind.BRACKET)

    def _read_separator(self, piece: str) -> None:
        """Read what stands between two operands of a function."""
        if piece == "," and (self.notation.decimal == "," or not (self.open and self.open[-1].is_call)):
            raise _refuse_comma(self.notation)
        if piece == ";" and (self.notation.decimal == "." or not (self.open and self.open[-1].is_call)):
            raise UnreadableText("separator", "holds a semicolon; write one number")
        self._need_value_before()
        self.divided = False
        self._write(",", _Kind.OPERATOR)


def _shorten(name: str) -> str:
    """Return a name without underscores, which are the same symbol for a student."""
    return name.replace("_", "")


@lru_cache(maxsize=16)  # of many texts of one question
def _by_short(names: frozenset[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(_shorten(name), []).append(name)
    return found


def _is_run(text: str, names: Collection[str]) -> bool:
    """Return whether text is several names, one directly after the other."""
    lengths = {len(name) for name in names} - {0}
    ends = [True] + [False] * len(text)  # whether names end at each place
    for end in range(1, len(text) + 1):
        ends[end] = any(
            length <= end and ends[end - length] and text[end - length : end] in names for length in lengths
        )
    return ends[-1]


def _refuse_run() -> UnreadableText:
    return UnreadableText(
        "missing_operator", "holds symbols that may be one name or a product; write * for a product"
    )


def _refuse_recurring() -> UnreadableText:
    return UnreadableText(
        "ellipsis",
        "has decimals that go on, or digits in brackets; write a fraction such as 1/3, or all digits",
    )


def _refuse_comma(notation: Notation) -> UnreadableText:
    if notation.decimal == ",":
        reason = (
            'has a comma that is no decimal comma; write ";" between operands, and nothing between thousands'
        )
    else:
        reason = (
            'holds a comma; write a decimal point, or set notation.decimal to "," for decimal commas;'
            " write nothing between thousands"
        )
    return UnreadableText("comma", reason)


def _refuse_equation() -> UnreadableText:
    return UnreadableText("equation", "holds an equation or a comparison; write the value alone")


def _refuse_character(character: str, notation: Notation) -> UnreadableText:
    if character == "." and notation.decimal == ",":
        reason = "holds a point where the decimal sign is a comma; write 0,5, and nothing between thousands"
        return UnreadableText("point", reason)
    expected = "holds a character that cannot be read; expected digits, names, + - * / ^ and round brackets"
    return UnreadableText(*_REFUSED.get(character, ("character", expected)))

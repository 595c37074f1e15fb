"""The notation of people: √2, π, −, ½ and 2(3), as text that the strict parser reads."""

import re
from dataclasses import dataclass

from compute.arithmetic.expressions import NAMED_NUMBERS

MAX_WORDS = 10_000
_CHARACTERS = str.maketrans({
    "\u2212": "-", "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\ufe63": "-",
    "\uff0d": "-", "\u00b7": "*", "\u00d7": "*", "\u22c5": "*", "\u2219": "*", "\u2217": "*", "\u00f7": "/",
    "\u2044": "/", "\u2215": "/", "\u03c0": " pi ", "\u221e": " inf ", "\u00a0": " ", "\u2009": " ",
    "\u202f": " ", "[": "(", "]": ")", "{": "(", "}": ")", "\uff0b": "+", "\uff08": "(", "\uff09": ")",
    **{chr(0xFF10 + digit): str(digit) for digit in range(10)},
})  # fmt: skip
_FRACTIONS = {
    "\u00bd": "(1/2)", "\u00bc": "(1/4)", "\u00be": "(3/4)", "\u2153": "(1/3)", "\u2154": "(2/3)",
    "\u2155": "(1/5)", "\u215b": "(1/8)", "\u215c": "(3/8)", "\u215d": "(5/8)", "\u215e": "(7/8)",
}  # fmt: skip
_SUPERSCRIPTS = {
    "\u2070": "0", "\u00b9": "1", "\u00b2": "2", "\u00b3": "3", "\u2074": "4", "\u2075": "5", "\u2076": "6",
    "\u2077": "7", "\u2078": "8", "\u2079": "9", "\u207b": "-",
}  # fmt: skip
_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta",
    "θ": "theta", "κ": "kappa", "λ": "lambda_", "μ": "mu", "ν": "nu", "ξ": "xi", "ρ": "rho", "σ": "sigma",
    "τ": "tau", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "Δ": "Delta", "Σ": "Sigma", "Ω": "Omega",
}  # fmt: skip
_SUPERSCRIPT = re.compile(f"[{''.join(_SUPERSCRIPTS)}]+")
_FRACTION = re.compile(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}")
_ROOT = re.compile(r"\\sqrt\{([^{}]*)\}")
_LATEX = {r"\left": "", r"\right": "", r"\cdot": "*", r"\times": "*", r"\pi": " pi ", r"\infty": " inf ",
          r"\ln": " log", r"\log": " log", r"\exp": " exp", r"\,": " ", "$": ""}  # fmt: skip
_PREFIX = re.compile(r"\b(?:np|numpy|math|torch|sp|sympy)\.")
_LN = re.compile(r"\bln\b")
_COMMA = re.compile(r"(?<=\d),(?=\d)")
_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_TOKEN = re.compile(rf"\s*({_NUMBER}|[A-Za-z_]\w*|\*\*|[<>=!]=|[-+*/^(),<>]|\u221a)", re.ASCII)
_PLAIN = re.compile(rf"[-+]?{_NUMBER}", re.ASCII)
_INFINITY = re.compile(r"([-+]?)\s*inf(?:inity)?", re.IGNORECASE)
_MIXED = re.compile(r"\d\s*[" + "".join(_FRACTIONS) + r"]|\d\s+\d+\s*/\s*\d")
LATEX_DEPTH = 5
ROOT = "\u221a"
WORDS = ("and", "or", "not")


class NotationError(ValueError):
    """Text that cannot be read. code: public; the message says what to write instead."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Notation:
    """The way in which numbers are written. decimal: the decimal mark, `.` or `,`."""

    decimal: str = "."


def normalize(text: str, notation: Notation, longest: int) -> str:
    """Return text in the syntax of expressions; `inf`, `-inf` and `nan` for entries that are no numbers.

    Raises NotationError, whose message does not repeat the text.
    """
    if len(text) > longest:
        raise NotationError("too_long", f"The text is longer than {longest} characters.")
    if not text.strip():
        raise NotationError("blank", "The entry is empty.")
    _refuse(text)
    plain = _translate(text)
    plain = _read_commas(plain, notation)
    word = plain.strip().lower()
    if word == "nan":
        return "nan"
    if (infinity := _INFINITY.fullmatch(word)) is not None:
        return "-inf" if infinity[1] == "-" else "inf"
    if _PLAIN.fullmatch(plain.strip()):
        return plain.strip()
    return _join(_split(plain))


def is_plain_number(text: str) -> bool:
    """Return whether normalized text is a decimal number, not an expression."""
    return _PLAIN.fullmatch(text) is not None


def _refuse(text: str) -> None:
    """Raise NotationError for text that says less than a number."""
    if "..." in text or "\u2026" in text:
        raise NotationError("ellipsis", "Dots do not say which digits follow: write a fraction.")
    if any(sign in text for sign in "\u2248~\u2243"):
        raise NotationError("approximate", "Write the number without a sign for approximation.")
    if "%" in text:
        raise NotationError("percent", "Write a fraction of one in place of a percentage.")
    if _MIXED.search(text):
        raise NotationError("mixed_number", "Write a mixed number as a sum or as one fraction.")


def _translate(text: str) -> str:
    """Return text with signs, fractions, powers and LaTeX in the syntax of expressions."""
    for _ in range(LATEX_DEPTH):  # nested from the inside
        replaced = _ROOT.sub(r"sqrt(\1)", _FRACTION.sub(r"((\1)/(\2))", text))
        if replaced == text:
            break
        text = replaced
    for command, meaning in _LATEX.items():
        text = text.replace(command, meaning)
    for sign, fraction in _FRACTIONS.items():
        text = text.replace(sign, fraction)
    text = _SUPERSCRIPT.sub(lambda found: "**(" + "".join(_SUPERSCRIPTS[one] for one in found[0]) + ")", text)
    for letter, name in _GREEK.items():
        text = text.replace(letter, name)
    return _LN.sub("log", _PREFIX.sub("", text.translate(_CHARACTERS)))


def _read_commas(text: str, notation: Notation) -> str:
    """Return text with decimal points. Commas stay between the arguments of a function.

    Raises NotationError for a comma whose meaning would be a guess.
    """
    if "," not in text:
        return text
    if notation.decimal == ",":
        if text.count(",") > 1 and not any(name + "(" in text for name in ("max", "min", "where")):
            raise NotationError("comma", "A number has one decimal comma, and no marks of thousands.")
        return _COMMA.sub(".", text)
    if any(re.search(rf"\b{name}\s*\(", text) for name in ("max", "min", "where")):
        return text
    raise NotationError("comma", "The entry has a comma: write a decimal point, or set notation.decimal.")


def _split(text: str) -> list[str]:
    words, at = [], 0
    text = text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise NotationError("unreadable", "The text is not a number or an expression.")
        words.append(found[1])
        at = found.end()
        if len(words) > MAX_WORDS:
            raise NotationError("too_long", "The expression is too long.")
    return words


def _join(words: list[str]) -> str:
    """Return the words of an expression with implied products, and roots as calls."""
    written: list[str] = []
    previous, is_rooted = "", False
    for word in words:
        if word == ROOT:
            written.append("*sqrt(" if _ends_factor(previous) else "sqrt(")
            previous, is_rooted = "(", True
            continue
        if not is_rooted and _ends_factor(previous) and _begins_factor(word, previous):
            if previous[-1].isdigit() and word[0].isdigit():
                raise NotationError("mixed_number", "Two numbers stand side by side: write what joins them.")
            written.append("*")
        if is_rooted and word != "(":
            written.append(word + ")")
            previous = ")"
        else:
            written.append("" if is_rooted else word)
            previous = word
        is_rooted = False
    return "".join(written)


def _ends_factor(word: str) -> bool:
    return word not in WORDS and (
        word.endswith(")") or (bool(word) and (word[-1].isalnum() or word[-1] in "._"))
    )


def _begins_factor(word: str, previous: str) -> bool:
    if word in WORDS:
        return False
    if word.startswith("("):
        return previous.endswith(")") or previous[0].isdigit() or previous in NAMED_NUMBERS
    return word[0].isalnum() or word[0] in "._"

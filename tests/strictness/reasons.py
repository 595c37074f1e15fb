"""Reasons to refuse a question that fits its schema, which JSON Schema cannot express.

Each reason has patterns of the messages that it stands for. A refusal for anything else is a gap in the
document.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """A reason for refusals.

    why: why a schema cannot say it; messages: patterns that a refusal's message starts with; only: the
    endpoints that it is about, or all.
    """

    why: str
    messages: tuple[str, ...]
    only: tuple[str, ...] = ()


REASONS = (
    Reason(
        "Sizes of one tensor have to agree with those of others, with settings, and with the numbers of axes"
        " that the operation takes: a schema cannot compare two fields.",
        (
            r"the shapes? ",
            r"the rows differ in length",
            r"\S+ cannot combine",
            r"\S+ of shape .* has no such axis",
            r"is nested too deeply",
            r"has the wrong length$|is no base64$",  # bytes of a packed tensor, for its shape and dtype
            r"a window |nothing is left of the output",
            r"x and the kernel must both have channels",
            r"channels alone are nothing to normalize",
            r"each channel of each sample has one entry",
            r"the unbiased variance of a single entry",
            r"an image ",
            r"there is (one number|not one weight) for each",
            r"\S+ has (one number for each channel|other batch axes)",
            r"\S+ does not fit the axes",
            r"\S+ have? not the shape|has not the shape|does not have its parameter's shape",
            r"the bias must have one number|expected one weight per class",
            r"\S+ must have one number per channel|\S+ has other batch axes",
            r"\S+ does not fit the (normalized )?axes",
            r"\S+ have? not the shape|has not the shape",
            r"the batch axes do not fit",
            r"\d+ .* (cannot be (cut|split) into|cannot be shared evenly|cannot be rotated in pairs)",
            r"tokens of width \d+ cannot be shared",
            r"the columns cannot be split",
            r"the last column has no partner|the shift leads past",
            r"there are \d+ tokens",
            r"an axis is named twice",  # -1 and 1 may be one axis
            r"with a window \S+ is a band|entry .* stands for no key",
            r"a dense layer takes vectors|leaky_relu has one slope for all",
            r"x has |the axes ",
            r"axis ",
            r"\S+ is not a scalar",
        ),
    ),
    Reason(
        "Names have to be those of values, which depend on settings, on parts and on the number of layers;"
        " the gradient of a value has to exist, and a value has one source.",
        (
            r"there is no .* of this name",
            r"\S+ is unknown or no number",
            r"\S+ does not hold real numbers",
            r"\S+ is given twice|\S+ is sent twice",
            r"\S+ has no use here",
            r"\S+ has no use without (rotary|gated|a dropout mask|position|segment|pool)",  # of parts
            r"the program does not use|\S+ has no value",
            r"holds no|\S+ holds (numbers|nothing)",
            r"no value has this name|matches ",
            r"the value does not depend on the symbol",
            r"is a parameter under start already|is (missing|empty)$",
            # Given values may take the place of inputs, and leave sizes open.
            r"exactly one of probabilities and logits|these settings need a known number of steps",
            r"given winners cannot split ties",
        ),
    ),
    Reason(
        "Text is an expression of a grammar with parentheses, and its value has to lie within bounds:"
        " `format: expression` names the grammar.",
        (
            r"the (text|expression|constant) ",
            r"uses a name that is no symbol",
            r"is no (bound|norm|approximate|base of frequencies)",
            r"is (below|above|beyond) what has a meaning|is outside|is too small",
            r"\S+ of \S+ must be ",
            r"speaks of a dimension",
            r"has no meaning where the (logarithm|rate)",
            r"is not a finite number",
            r"uses a dimension name|cannot be ",
            r"has no (meaning|use) (where|if) the (logarithm|rate|prediction)",
            r"is no number that a (step can be made with|symbol can go to)",
            r"line \d+|has too many lines|assigns nothing|is not an assignment|\S+ does not fit",
            r"\S+ is not a scalar|the program ",
        ),
    ),
    Reason(
        "Weights of parts come nested, by full name or as a state dict; which are needed, settings say.",
        (
            r"\S+ is required, unless values that take its place are given",
            r"the number of layers is unknown|must be a number if single layers",
            r"there are too many layers",
            r"dropout_rate (is required with|has no use without) a dropout mask",
        ),
    ),
    Reason(
        "A comparison, a cost and a grade take the fields of the operation that they name: their schemas"
        " would repeat those of all operations.",
        (
            r"has to be |is required$|is no (change|shape|size|packed tensor|number|tensor)",
            r"\S+ (has no \S+: it belongs to|has no use)",
        ),
        only=("compare", "cost", "grade", "grade/check", "variants"),
    ),
    Reason(
        "Fields that one envelope alone takes are in the same schema: none depends on the query.",
        (r"there is no field of this name",),
        only=("grade",),
    ),
    Reason(
        "Whether a value holds booleans, and which entries a step can work on, depends on the graph.",
        (
            r"is (no|not a) number$",
            r"is no dtype that can be taken here",
            r"\S+ cannot hold booleans|\S+ holds? booleans",
            r"entries? ",
            r"is no row of the table|is no class|is no (index|entry|row)|is not (a row|an entry)",
            r"holds (a number|numbers|an entry)|the mask holds",
        ),
    ),
    Reason(
        "A number has to fit into the arithmetic that is asked for.",
        (
            r"is a number beyond float64",
            r"holds a number beyond float32",
            r"(holds|has|is) too (many|large|much)|\S+ is a symbol of another tensor",
        ),
    ),
)
_PATTERNS = {reason: re.compile("|".join(f"(?:{one})" for one in reason.messages)) for reason in REASONS}


def reason_of(message: str, endpoint: str) -> Reason | None:
    """Return the reason for a refusal's message; None if it is not listed."""
    for reason, pattern in _PATTERNS.items():
        if (not reason.only or endpoint in reason.only) and pattern.match(message):
            return reason
    return None

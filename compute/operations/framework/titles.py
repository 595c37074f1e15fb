"""Names of operations as titles."""

import re

ABBREVIATIONS = frozenset({
    "glu", "gru", "kl", "l1", "lp", "lstm", "mae", "mse", "nll", "rms", "rnn",
})  # fmt: skip
DIMENSIONS = re.compile(r"([123])d\b")  # of convolutions and poolings


def write_title(name: str) -> str:
    """Return the name of an operation as a title: `Max pool 2D`, `LSTM` or `RMS norm`."""
    words = [word.upper() if word in ABBREVIATIONS else word for word in name.split("_")]
    title = DIMENSIONS.sub(r" \1D", " ".join(words))
    return f"{title[:1].upper()}{title[1:]}"

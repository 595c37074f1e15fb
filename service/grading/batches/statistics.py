"""Statistics of graded lines, in memory that does not grow with their number."""

import math
from collections import Counter
from fractions import Fraction
from typing import Any

MAX_KEYS = 10_000  # distinct scores, items or codes that are counted
MAX_EXAMPLES = 5
MAX_LISTED = 1000  # ids of ungradable answers
BINS = 10
Id = str | int


class ItemStatistics:
    """The scores of one item, with the rest of the score: sums that give the mean and the correlation."""

    def __init__(self) -> None:
        self.count = 0
        self.all_right = self.all_wrong = True
        self._max = Fraction(0)
        self._sums = [Fraction(0)] * 5

    def add(self, score: Fraction, rest: Fraction, most: Fraction) -> None:
        """Add the score of one submission. rest: its score without this item; most: the marks of the item."""
        self.count += 1
        self._max = max(self._max, most)
        self.all_right &= score >= most
        self.all_wrong &= score <= 0
        new = (score, rest, score * score, rest * rest, score * rest)
        self._sums = [old + more for old, more in zip(self._sums, new, strict=True)]

    def describe(self) -> dict[str, Any]:
        """Return the statistics. `discrimination` is null if the item or the rest does not vary."""
        x, y, xx, yy, xy = self._sums
        spread = (self.count * xx - x * x) * (self.count * yy - y * y)
        product = self.count * xy - x * y
        return {
            "count": self.count,
            "mean": float(x / self.count),
            "max_score": float(self._max),
            "discrimination": float(product) / math.sqrt(spread) if spread else None,
            "tells_nothing": self.all_right or self.all_wrong,
        }


class Summary:
    """The statistics of a batch. Sums are exact fractions, so that they do not depend on an order."""

    def __init__(self) -> None:
        self.failed = 0
        self._scores = Counter[Fraction]()
        self._bins = [0] * BINS
        self._sum = Fraction(0)
        self._count = self._ungradable = 0
        self._is_exact = True
        self._items: dict[tuple[str, str, str], ItemStatistics] = {}
        self._codes = Counter[str]()
        self._examples: dict[str, list[Id]] = {}
        self._ungradable_ids: list[Id] = []

    def add(self, id_: Id, graded: dict[str, Any]) -> None:
        """Add the answer to one submission. Raises KeyError, TypeError or ValueError for another object."""
        score, most = Fraction(graded["score"]), Fraction(graded["max_score"])
        items = [
            ((str(item["name"]), str(item["of"]), str(item.get("question", ""))),
             item["score"], item["max_score"])
            for item in graded["items"]
        ]  # fmt: skip
        scored = [(key, Fraction(got), Fraction(full)) for key, got, full in items if got is not None]
        codes = {
            str(one["code"]) for item in graded["grader"]["items"] for one in item.get("misconceptions", ())
        }
        if graded["gradable"] is not True:
            self._ungradable += 1
            if len(self._ungradable_ids) < MAX_LISTED:
                self._ungradable_ids.append(id_)
        else:
            self._add_score(score, most)
            for key, got, full in scored:
                if key in self._items or len(self._items) < MAX_KEYS:
                    self._items.setdefault(key, ItemStatistics()).add(got, score - got, full)
        for code in sorted(codes):
            if code in self._codes or len(self._codes) < MAX_KEYS:
                self._codes[code] += 1
                examples = self._examples.setdefault(code, [])
                if len(examples) < MAX_EXAMPLES:
                    examples.append(id_)

    def _add_score(self, score: Fraction, most: Fraction) -> None:
        self._count += 1
        self._sum += score
        share = score / most if most else Fraction(0)
        self._bins[max(0, min(BINS - 1, math.floor(share * BINS)))] += 1
        if score in self._scores or len(self._scores) < MAX_KEYS:
            self._scores[score] += 1
        else:
            self._is_exact = False

    def describe(self) -> dict[str, Any]:
        """Return the summary as JSON values."""
        return {
            "count": self._count + self._ungradable,
            "failed": self.failed,
            "ungradable": {"count": self._ungradable, "ids": self._ungradable_ids},
            "scores": {
                "count": self._count,
                "mean": float(self._sum / self._count) if self._count else None,
                "quartiles": [self._quantile(Fraction(part, 4)) for part in (1, 2, 3)],
                "median": self._quantile(Fraction(1, 2)),
                "histogram": self._bins,
            },
            "items": [
                {"name": name, "of": of} | ({"question": question} if question else {}) | item.describe()
                for (name, of, question), item in sorted(self._items.items())
            ],
            "misconceptions": [
                {"code": code, "count": count, "ids": self._examples[code]}
                for code, count in sorted(self._codes.items(), key=lambda pair: (-pair[1], pair[0]))
            ],
        }

    def _quantile(self, part: Fraction) -> float | None:
        """Return a quantile with linear interpolation, as NumPy's; None with too many distinct scores."""
        if not self._count or not self._is_exact:
            return None
        place = part * (self._count - 1)
        low = math.floor(place)
        first, second = self._at(low), self._at(min(low + 1, self._count - 1))
        return float(first + (place - low) * (second - first))

    def _at(self, rank: int) -> Fraction:
        for score in sorted(self._scores):
            rank -= self._scores[score]
            if rank < 0:
                return score
        raise IndexError(rank)

"""Generator 1: integers from a seed, the same in every version and every language.

It is SplitMix64, started afresh for each try of each variant; docs/variants.md has the algorithm in full.
"""

VERSION = 1
_MASK = 2**64 - 1
_STEP = 0x9E3779B97F4A7C15


def mix(word: int) -> int:
    """Return the output function of SplitMix64 at a 64-bit word."""
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
    return word ^ (word >> 31)


class Stream:
    """The integers of one try. seed: of the request; variant, attempt: counted from 0."""

    def __init__(self, seed: int, variant: int, attempt: int) -> None:
        self._state = mix((mix((mix(seed & _MASK) + variant) & _MASK) + attempt) & _MASK)

    def word(self) -> int:
        """Return the next 64 bits."""
        self._state = (self._state + _STEP) & _MASK
        return mix(self._state)

    def below(self, bound: int) -> int:
        """Return an integer from 0 to bound - 1."""
        return (self.word() * bound) >> 64

    def shuffle(self, items: list[int]) -> None:
        """Shuffle a list in place, from its last place down to its second."""
        for place in range(len(items) - 1, 0, -1):
            other = self.below(place + 1)
            items[place], items[other] = items[other], items[place]

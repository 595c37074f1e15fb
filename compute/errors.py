"""What a question can have wrong with it, said so that a person can mend it.

    QuestionError(Exception)        one fault, at one place of the question
      TooLarge                      well-formed, but beyond a limit
    QuestionErrors(Exception)       several of them, found together
      UnfitEntries                  entries of a tensor that a step cannot work on

Messages describe what came; they never repeat text that came.
"""

from collections.abc import Iterable

from compute.suggestions import suggest_name

Path = tuple[str | int, ...]
LISTED = 20  # describing more would cost time and help nobody


class QuestionError(Exception):
    """One fault: where it is, what was expected there, and what came instead."""

    def __init__(self, path: Path, message: str, expected: str, received: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message
        self.expected = expected
        self.received = received

    def within(self, *prefix: str | int) -> "QuestionError":
        """The same fault, seen from further out."""
        return type(self)((*prefix, *self.path), self.message, self.expected, self.received)


class TooLarge(QuestionError):
    """The question is well-formed but asks for more than a limit allows."""


class QuestionErrors(Exception):
    """Several faults found in one pass over the question; total: how many, where not all are listed."""

    def __init__(self, errors: Iterable[QuestionError], total: int = 0) -> None:
        self.errors = list(errors)
        self.total = max(total, len(self.errors))
        super().__init__("; ".join(error.message for error in self.errors))


class UnfitEntries(QuestionErrors):
    """Entries that a primitive cannot work on. name: its operand, later the value that this is."""

    def __init__(self, name: str, message: str, expected: str, received: str = "others") -> None:
        super().__init__([QuestionError((name,), message, expected, received)])
        self.name = name

    def of(self, name: str) -> "UnfitEntries":
        """The same, of a value by its name."""
        [one] = self.errors
        return UnfitEntries(name, one.message, one.expected, one.received)

    def within(self, *prefix: str | int) -> QuestionErrors:
        """The same, at the field that the tensor stands in."""
        return QuestionErrors([self.errors[0].within(*prefix)])

    def computed(self, *path: str | int) -> QuestionErrors:
        """The same, of a value that stands in no field, since it is computed."""
        [one] = self.errors
        return at(path, f"{self.name} {one.message}", one.expected, one.received)


def at(path: Path, message: str, expected: str, received: str) -> QuestionErrors:
    """One fault, ready to be raised."""
    return QuestionErrors([QuestionError(path, message, expected, received)])


def unknown_name(path: Path, kind: str, name: str, known: Iterable[str]) -> QuestionError:
    """Return the fault of using a name that does not exist, with the one that was probably meant."""
    choices = list(known)
    listed = ", ".join(choices[:40]) + (", ..." if len(choices) > 40 else "")
    return QuestionError(
        path,
        f"there is no {kind} of this name{hint(name, choices)}",
        f"one of: {listed}" if choices else f"no name, since there is no {kind} here",
        f"an unknown name of {len(name)} character" + ("s" if len(name) != 1 else ""),
    )


def hint(name: str, known: Iterable[str]) -> str:
    """Return the end of a message that suggests a name in place of an unknown one; empty if none fits."""
    suggested = suggest_name(name, known)
    return f"; did you mean {suggested}?" if suggested else ""

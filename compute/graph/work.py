"""How work is predicted: operations that stand for the time which one core takes.

`compute.readings.cost` counts the arithmetic that courses count. Work counts what a run really does: every
entry that is read or written, every matrix of a product, every turn of a loop. The limit on it
(`WORKINGS_MAX_WORK`) assumes `RATE` of these operations in a second, so that the default of 20e9 stands for
about 20 seconds. The numbers below were measured; `python -m benchmarks.predicted_work` holds predictions
against measured time.
"""

from compute.dimensions import Shape, product

RATE = 1_000_000_000
CALL = 1_500  # one call of a NumPy function on few entries, with the Python around it
STEP = 4_000  # one step of a run: its rule, the calls that most have, and a look at what came out
ENTRY = 4  # one entry that is computed or moved; exponentials take twice as much, additions a quarter
MATRIX = 300  # one matrix of a product of stacks of matrices
WRITTEN = 50  # one number of an answer as text, which is hashed and compressed too
NAMED = 20_000  # one array of an answer: its name, formula, shape and place in the body


def count_entries(shape: Shape) -> int:
    """The number of entries of an array; 0 where a size is a letter, since nothing is computed then."""
    size = product(shape)
    return size if isinstance(size, int) else 0


def copy_work(*shapes: Shape) -> int:
    """The work of computing or moving all entries of arrays of these shapes once."""
    return ENTRY * sum(map(count_entries, shapes))


def matmul_work(shape: Shape, inner: int) -> int:
    """The work of a product of stacks of matrices with this result, which sums over so many terms."""
    entries = count_entries(shape)
    return entries * (inner + ENTRY) + MATRIX * count_entries(shape[:-2])

"""From documents to questions of operations, programs, costs and comparisons, and to their answers."""

"""A table of vectors, one for each symbol of a vocabulary."""

from typing import Annotated

from compute.errors import QuestionError, describe
from compute.graph.spec import ValueSpec
from compute.graph.value import Value, apply
from compute.operations.framework.constants import add_constant
from compute.operations.framework.declaration import Attribute, Constant, Input, StoredTensor, operation


@operation(
    (
        ValueSpec("vectors", "d", "... d", "The row of the table for each index.", "E"),
        ValueSpec("output", "d", "... d", "The same, times the scale if there is one.", "Y"),
    ),
    stored=(StoredTensor("weight", ("weights",)),),
)
def embedding(
    indices: Annotated[Value, Input("...", "Which row of the table: whole numbers from 0 on.", "i")],
    weights: Annotated[Value, Input("vocabulary d", "The table, a vector for each.", "W", parameter=True)],
    *,
    padding_index: Annotated[
        int | None,
        Attribute(
            "The row that stands for padding, and gets no gradient; negative from the end. None if not said."
        ),
    ] = None,
    scale: Annotated[
        Constant | None,
        Attribute("What the vectors are multiplied by, such as sqrt(d); nothing if not said."),
    ] = None,
) -> Value:
    """The rows of a table: a one-hot vector for each index, times the table.

    Source: Mikolov et al., Efficient Estimation of Word Representations in Vector Space (2013), section 3;
    the scale sqrt(d) as in Vaswani et al., Attention Is All You Need (2017), section 3.4.
    """  # fmt: skip
    count = weights.shape[0]
    if padding_index is not None and isinstance(count, int):
        if not -count <= padding_index < count:
            raise QuestionError(
                ("padding_index",), "is no row of the table",
                f"a whole number from {-count} to {count - 1}", describe(padding_index),
            )  # fmt: skip
        padding_index %= count
    vectors = apply("look_up", weights, indices, padding=padding_index).named("vectors", leading=indices.axes)
    if scale is None:
        return apply("identity", vectors).named("output", leading=indices.axes)
    return (add_constant(weights.graph, "scale", scale) * vectors).named("output", leading=indices.axes)

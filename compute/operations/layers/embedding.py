"""The embedding layer: a table of vectors, one for each symbol of a vocabulary."""

from typing import Annotated

from compute.errors import QuestionError, describe
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.framework.constants import add_constant
from compute.operations.framework.declaration import Attribute, Constant, Input, StoredTensor, operation


@operation(
    (
        ValueSpec("vectors", "d", "... d", "The row of the table for each index.", "E"),
        ValueSpec("output", "d", "... d", "The vectors, times the scale if there is one.", "Y"),
    ),
    stored=(StoredTensor("weight", ("weights",)),),
)
def embedding(
    indices: Annotated[Value, Input("...", "The rows of the table: whole numbers from 0.", "i")],
    weights: Annotated[Value, Input("vocabulary d", "The table, a vector per row.", "W", parameter=True)],
    *,
    padding_index: Annotated[
        int | None,
        Attribute(
            "The row of the padding symbol, which gets no gradient; negative counts from the end. By default"
            " there is none."
        ),
    ] = None,
    scale: Annotated[
        Constant | None,
        Attribute("A factor of the vectors, such as sqrt(d); none by default."),
    ] = None,
) -> Value:
    """An embedding: for each index a row of the table, which is a one-hot vector times the table.

    Source: Mikolov et al., Efficient Estimation of Word Representations in Vector Space (2013), section 3;
    the scale sqrt(d) as in Vaswani et al., Attention Is All You Need (2017), section 3.4.
    """  # fmt: skip
    count = weights.shape[0]
    if padding_index is not None and isinstance(count, int):
        if not -count <= padding_index < count:
            raise QuestionError(
                ("padding_index",), "is not a row of the table",
                f"a whole number from {-count} to {count - 1}", describe(padding_index),
            )  # fmt: skip
        padding_index %= count
    vectors = apply("embedding_lookup", weights, indices, padding=padding_index).named(
        "vectors", leading=indices.axes
    )
    if scale is None:
        return apply("identity", vectors).named("output", leading=indices.axes)
    return (add_constant(weights.graph, "scale", scale) * vectors).named("output", leading=indices.axes)

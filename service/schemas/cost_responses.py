"""The response schema of POST /v1/cost."""

from typing import Any

from pydantic import Field

from service.schemas.responses import Cost
from service.schemas.types import LEFT_OUT, Size, Wire


class MemoryCost(Cost):
    """The cost of the forward computation, and the memory for all values."""

    bytes: Size = Field(description="The bytes of all inputs and named values.")
    activations: Size = Field(
        description="The entries of the values that a run keeps: of each line, or of the output, and of"
        " values inside that gradients need. A value that only rearranges another takes none."
    )


class OutputShape(Wire):
    """The value that the last line or the operation computes."""

    name: str
    axes: list[str]
    shape: list[Size]


class TrainingCost(Wire):
    """The multiply-adds of one step of training.

    The backward pass computes the gradients of the parameters from one of the output, and what they need; of
    all inputs if nothing is a parameter. The gradient of each factor of a product takes as many multiply-adds
    as the product.
    """

    forward: Size
    backward: Size
    total: Size


class SequentialDepth(Wire):
    """The longest chain of steps that need one another, however many others run at once.

    A product, a sum or one function of all entries is one step; a time step of a recurrent layer is several.
    """

    steps: Size
    big_o: str = Field(examples=["O(n)"])


class CachedAttention(Wire):
    """The keys and values that attentions of one name keep while a sequence is decoded."""

    name: str = Field(description="The name, with `*` for the indices of a list.")
    times: Size = Field(description="The number of such attentions.")
    batch: Size
    heads: Size = Field(description="The key and value heads, `kv_heads`.")
    length: Size
    key_width: Size
    value_width: Size
    bytes: Size = Field(
        description="times * batch * heads * length * (key_width + value_width) * bytes_per_number."
    )


class KeyValueCache(Wire):
    """The keys and values of all attentions."""

    bytes: Size
    layers: list[CachedAttention]


class FieldAlongAxis(Wire):
    """Entry i of a value depends on `size` entries of the image, from `start` + `stride` i on."""

    axis: int = Field(description="The axis of the image, counted from 0.")
    size: Size = Field(description="With gaps, from the first entry to the last. Padding counts.")
    stride: Size = Field(description="A fraction after upsampling; 0 if all entries depend on the same.")
    start: Size = Field(description="Below 0 on the padding.")
    everything: bool = Field(False, description="Whether it is the whole axis.")


class ReceptiveField(Wire):
    """The receptive field of a value."""

    name: str
    fields: list[FieldAlongAxis]


class StepShape(Wire):
    """The shape and cost of one named value."""

    name: str
    axes: list[str]
    shape: list[Size]
    multiply_adds: Size
    elementwise: Size
    comparisons: Size
    times: Size = Field(description="The number of such values, if one layer represents all.")


class PartCost(Wire):
    """The total cost of all parts with one name, including their own parts."""

    name: str = Field(
        description="The name, with `*` for the indices of a list.", examples=["layer[*].attention"]
    )
    times: Size = Field(description="The number of such parts.")
    multiply_adds: Size
    elementwise: Size
    comparisons: Size
    parameters: Size


class LineCost(Wire):
    """The cost of one line of a program."""

    line: int = Field(description="The number of the line, from 1.")
    name: str
    shape: list[Size]
    parameters: Size = Field(description="Those that no earlier line uses.")
    multiply_adds: Size
    elementwise: Size
    comparisons: Size
    activations: Size
    depth: Size = Field(description="The longest chain of steps up to the value.")
    parts: list[PartCost] = Field([], description="The parts of an operation that has some.")


class CostResponse(Wire):
    """The cost of an operation or a program, in numbers or polynomials in dimension names."""

    operation: str = Field(description="`graph` for a program.")
    conventions: dict[str, Any]
    output: OutputShape
    cost: MemoryCost
    big_o: str = Field(
        description="The growth of the multiply-adds, or of other arithmetic if there are none.",
        examples=["O(d²n + n²d)"],
    )
    training: TrainingCost
    sequential_depth: SequentialDepth
    kv_cache: KeyValueCache = Field(LEFT_OUT, description="Of attentions, if there are any.")
    receptive_fields: list[ReceptiveField] = Field(
        [], description="Of the values that depend on the input named `receptive_field`."
    )
    lines: list[LineCost] = Field([], description="The table of a program.")
    parts: list[PartCost] = Field(
        [], description="The cost by part, for operations made of other operations."
    )
    steps: list[StepShape] = Field([], description="Each value of an operation.")

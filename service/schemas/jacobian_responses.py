"""Response schemas of Jacobians."""

from pydantic import Field

from service.schemas.types import AnswerTensor, AnswerTensors, Wire


class ZeroBlock(Wire):
    """The dependence of entries along one axis on entries along another."""

    of_axis: int = Field(description="The axis of the value that is differentiated.")
    wrt_axis: int = Field(description="The axis of the value that it is differentiated with respect to.")
    of_label: str = Field(description="The meaning of `of_axis`.")
    wrt_label: str = Field(description="The meaning of `wrt_axis`.")
    pattern: str = Field(description="`zero`, `diagonal`, `lower_triangular`, `upper_triangular`, `banded`.")
    behind: int = Field(description="The most places before its own that an entry depends on.")
    ahead: int = Field(description="The most places after its own that an entry depends on.")
    message: str


class ZeroSlices(Wire):
    """Indices along one axis at which a Jacobian is zero throughout."""

    side: str = Field(description="The value that the axis belongs to: `of` or `wrt`.")
    axis: int
    label: str = Field(description="The meaning of the axis.")
    indices: list[int]


class Jacobian(Wire):
    """The Jacobian of one value with respect to another."""

    of: str
    wrt: str
    value: AnswerTensor = Field(description="In the shape of `of` followed by the shape of `wrt`.")
    contributions: AnswerTensors = Field(
        {}, description="With `by_path`: its parts, by the values that use `wrt`; their sum is the Jacobian."
    )
    zeros: list[ZeroBlock] = Field(
        description="Patterns of zeros that hold for all numbers: they follow from operations, shapes,"
        " settings, masks and indices alone."
    )
    zero_slices: list[ZeroSlices] = Field(
        description="Indices at which the whole slice is zero, for all numbers."
    )
    accidental_zero_slices: list[ZeroSlices] = Field(
        description="Indices at which the whole slice is zero for these numbers, and not for all: a unit that"
        " relu switches off, or a weight that is 0."
    )

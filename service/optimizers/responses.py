"""What comes back from questions about optimizers. These describe answers and are not used to write them."""

from typing import Any, TypeAlias

from pydantic import Field

from service.schemas.responses import Note
from service.schemas.types import LEFT_OUT, AnswerEntry, AnswerTensor, AnswerTensors, Wire

Buffers: TypeAlias = dict[str, AnswerTensors]
Text: TypeAlias = str | None
Truth: TypeAlias = bool | None
MaybeNumber: TypeAlias = float | str | None
MaybeWhole: TypeAlias = int | None


class Batch(Wire):
    """The part of the data that a step saw."""

    rows: list[int]
    loss: AnswerEntry = Field(description="Its loss at the parameters before the step.")


class StepApproximations(Wire):
    """Exact numbers of a step as floats; null where a symbol is free."""

    parameters: dict[str, Any] = Field({})
    loss: Any = Field(None)


class TraceStep(Wire):
    """One step. Step 0 is the start: parameters and loss alone."""

    step: int = Field(description="Counted from 1; 0 is the start.")
    learning_rate: AnswerEntry = Field(LEFT_OUT, description="As the schedule has it for this step.")
    parameters: AnswerTensors = Field({}, description="After the step.")
    loss: AnswerEntry = Field(
        LEFT_OUT, description="Of all data, at these parameters; not with gradients handed in."
    )
    gradient: AnswerTensors = Field(
        {},
        description="What the step was made from: at the parameters before it, unless the rule looks ahead.",
    )
    used_gradient: AnswerTensors = Field(
        {}, description="The same, clipped and with coupled decay, where either was asked for."
    )
    state: Buffers = Field(
        {}, description="What the rule keeps, by parameter and name of the buffer, after the step."
    )
    update: AnswerTensors = Field({}, description="What was added to the parameters.")
    batch: Batch = Field(LEFT_OUT, description="With mini-batches.")
    formula: dict[str, Any] = Field(
        {},
        description="By parameter and name: the equation of each buffer, of the update and of the parameter"
        " in LaTeX, with numbers put in, nested as the parameter is. For parameters of up to 16 entries;"
        " Newton's method has one vector of up to 4, `all parameters`.",
    )
    approximations: StepApproximations = Field(LEFT_OUT, description="In exact arithmetic.")


class TraceSummary(Wire):
    """What became of a trace, in floats; null where it is not known."""

    steps: int = Field(description="How many were made.")
    stopped_by: str = Field(
        description="`steps`, `gradient_norm`, `loss`, `not_finite`, or `size` where exact numbers grew long."
    )
    converged_at: MaybeWhole = Field(
        description="The first step from which on the gradient's norm stayed at most the tolerance."
    )
    tolerance: float = Field(description="The bound of stop_when, or 1e-6.")
    gradient_norm: MaybeNumber = Field(
        description="At the last parameters; of gradients handed in, of the last one that was there."
    )
    monotone: Truth = Field(description="Whether the loss never rose by more than rounding.")
    rose_at: MaybeWhole = Field(description="The first step at which it did.")
    diverging_from: MaybeWhole = Field(
        description="The step behind the least loss, where the trace ends in numbers that are not finite,"
        " a million times above its first loss, or above it after three rises in a row."
    )
    oscillating: list[str] = Field(
        description="Parameters with an entry whose last five updates alternate in sign."
    )
    first_loss: MaybeNumber
    last_loss: MaybeNumber
    least_loss: MaybeNumber
    least_loss_at: MaybeWhole


class SurfaceGrid(Wire):
    """The loss on a grid, for drawing: `loss[i][j]` is at the i-th point of the first axis and the j-th of
    the second.
    """

    axes: list[str] = Field(
        description="The two entries that it runs over; the others stand at the trace's end."
    )
    points: list[AnswerTensor] = Field(description="Where it was computed along each axis.")
    loss: AnswerTensor


class TraceResponse(Wire):
    """The answer of optimizer/trace.

    With `Accept: application/x-ndjson` it comes line by line: operation, conventions and formulas; each step
    as it is made; at last summary, surface and notes. A line `{"problem": ...}` ends what cannot go on.
    """

    operation: str
    conventions: dict[str, Any] = Field(
        description="Every setting as it was used, and at which parameters loss and gradient are taken."
    )
    formulas: list[str] = Field(description="The update rule in LaTeX.")
    trace: list[TraceStep]
    summary: TraceSummary
    surface: SurfaceGrid = Field(LEFT_OUT, description="Where it was asked for.")
    notes: list[Note]


class SolvedEquation(Wire):
    """An entry of a parameter after the last step, and where it is to be."""

    parameter: str = Field(examples=["x"])
    expression: str = Field(examples=["1 - eta/2"])
    target: str


class SolutionStep(Wire):
    """One step of a solution's own trace."""

    step: int
    parameters: AnswerTensors
    loss: AnswerEntry


class OneSolution(Wire):
    """One value for each unknown."""

    values: dict[str, str] = Field(examples=[{"eta": "2"}])
    approximations: dict[str, Any] = Field(description="As floats; null where other symbols are free.")
    latex: dict[str, str]
    exact: bool = Field(description="Whether the values are exact numbers, and no floats.")
    multiplicity: MaybeWhole = Field(description="How often it is a root, of equations in one unknown.")
    conditions: list[str] = Field(description="On other symbols, under which it is a solution.")
    arrives: Truth = Field(
        description="Whether its own trace ends at the target; null where symbols leave it open or it was not"
        " followed, as solutions beyond the first 12 are not."
    )
    verified: Text = Field(description="How that was found: `exactly` or `in floats`.")
    remarks: list[str] = Field(description="Values that the rule is not made for, such as a rate below 0.")
    trace: list[SolutionStep]


class SolutionFamily(Wire):
    """Infinitely many solutions: all that fulfil the relations."""

    relations: list[str] = Field(examples=[["beta == 1 - eta/2"]])
    free: list[str] = Field(description="Unknowns that may take any value which the relations leave them.")


class BestRate(Wire):
    """The learning rate with which a rule contracts fastest."""

    learning_rate: str
    momentum: Text = Field(description="Where it was chosen together with the rate.")
    contraction_factor: str
    source: str


class Direction(Wire):
    """What a rule does along the eigenvectors of one eigenvalue of the second derivatives."""

    eigenvalue: str
    multiplicity: int
    conditions: list[str] = Field(
        description="Under which it contracts, together; `False` where it never does."
    )
    learning_rate_range: Text = Field(
        description="The same, solved for the learning rate where that is a symbol."
    )
    converges: Truth = Field(description="Null where symbols leave it open.")
    contraction_factor: str = Field(description="By what errors shrink with each step in the long run.")
    moves: bool
    note: Text


class IterationMatrix(Wire):
    """A step as a matrix, for any eigenvalue."""

    state: list[str] = Field(description="What its rows stand for: the parameter, and a buffer.")
    matrix: list[list[str]]
    curvature: str = Field(description="The symbol that stands for the eigenvalue.")
    polynomial: str = Field(description="Its characteristic polynomial.")
    conditions: list[str] = Field(
        description="Under which both its eigenvalues are less than 1 in magnitude."
    )


class ConvergenceFound(Wire):
    """Whether and how fast a rule converges on a quadratic loss."""

    known: bool = Field(
        description="Whether anything can be said; where not, as of a loss that is not quadratic, see `why`."
    )
    iteration: IterationMatrix = LEFT_OUT
    directions: list[Direction] = Field([])
    exact: bool = Field(True, description="Whether eigenvalues are exact.")
    conditions: list[str] = Field([], description="For all directions together.")
    learning_rate_range: Text = Field(None, description="The same, solved for the learning rate.")
    converges: Truth = None
    contraction_factor: Text = None
    best: BestRate = Field(LEFT_OUT, description="The best rate with the momentum that was given.")
    best_together: BestRate = Field(LEFT_OUT, description="The best rate and momentum.")
    why: Text = Field(None, description="Why something of this is not known.")
    notes: list[str] = Field([])


class SolveResponse(Wire):
    """The answer of optimizer/solve."""

    operation: str
    conventions: dict[str, Any] = Field(description="Every setting as it was used.")
    formulas: list[str] = Field(description="The update rule in LaTeX.")
    equations: list[SolvedEquation] = Field([])
    kind: Text = Field(None, description="`finite`, `none` or `infinite`; these fields come with `unknown`.")
    complete: bool = Field(
        False,
        description="Whether these are certainly all real solutions, but for special values of symbols.",
    )
    how: str = Field("", description="How they were found, or why there are none or not all.")
    solutions: list[OneSolution] = Field([])
    families: list[SolutionFamily] = Field([])
    factored: list[str] = Field([], description="Equations in several unknowns as products.")
    convergence: ConvergenceFound

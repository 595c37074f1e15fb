"""Models of the responses about optimizers. They document responses; they do not serialize them."""

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
    """The mini-batch of a step."""

    rows: list[int]
    loss: AnswerEntry = Field(description="The loss on the batch, at the parameters before the step.")


class StepApproximations(Wire):
    """The exact numbers of a step as floats; null if there is a free symbol."""

    parameters: dict[str, Any] = Field({})
    loss: Any = Field(None)


class TraceStep(Wire):
    """One step. Step 0 is the start, with parameters and loss alone."""

    step: int = Field(
        description="The number of the step, from 1; 0 is the start. Both count on from a `step` sent."
    )
    learning_rate: AnswerEntry | dict[str, AnswerEntry] = Field(
        LEFT_OUT,
        description="The learning rate of this step, by the schedule; by parameter if groups have their own.",
    )
    parameters: AnswerTensors = Field({}, description="The parameters after the step.")
    loss: AnswerEntry = Field(
        LEFT_OUT, description="The loss on all data at these parameters; left out if `gradients` was sent."
    )
    gradient: AnswerTensors = Field(
        {},
        description="The gradient that the step uses: at the parameters before the step, unless the rule"
        " looks ahead.",
    )
    used_gradient: AnswerTensors = Field(
        {},
        description="The gradient after clipping, negated to maximize, with coupled decay; if any was asked"
        " for.",
    )
    state: Buffers = Field(
        {},
        description="The buffers of the rule after the step, by parameter and name of the buffer; with those"
        " of a running average, and of a schedule that depends on losses under `learning rate`. It can be"
        " sent as the `state` of another trace.",
    )
    update: AnswerTensors = Field({}, description="The amount added to the parameters.")
    average: AnswerTensors = Field(
        {}, description="The running average of the parameters, if `ema_decay` was sent."
    )
    batch: Batch = Field(LEFT_OUT, description="The batch of the step, with mini-batches.")
    formula: dict[str, Any] = Field(
        {},
        description="By parameter and name: the equations of each buffer, of the update and of the parameter"
        " in LaTeX, with numbers put in, nested like the parameter. For parameters of up to 16 entries; for"
        " Newton's method, one vector of up to 4 entries, named `all parameters`.",
    )
    approximations: StepApproximations = Field(
        LEFT_OUT, description="In exact arithmetic: the numbers as floats."
    )


class TraceSummary(Wire):
    """The outcome of a trace, in floats; null if unknown."""

    steps: int = Field(description="The number of steps made.")
    stopped_by: str = Field(
        description="`steps`, `gradient_norm`, `loss`, `not_finite`, or `size` if exact numbers grew long."
    )
    converged_at: MaybeWhole = Field(
        description="The step from which the gradient's norm stays within the tolerance."
    )
    tolerance: float = Field(description="The gradient_norm of stop_when, or 1e-6.")
    gradient_norm: MaybeNumber = Field(
        description="The norm at the last parameters; if `gradients` was sent, the norm of the last one."
    )
    monotone: Truth = Field(
        description="Whether the loss never rises by more than rounding; with `maximize`, never falls."
    )
    rose_at: MaybeWhole = Field(description="The first step at which the loss rises; with `maximize`, falls.")
    diverging_from: MaybeWhole = Field(
        description="The step after the best loss, if the trace ends in numbers that are not finite, at a"
        " loss a million times the first one, or above the first one after three rises in a row."
    )
    oscillating: list[str] = Field(
        description="Parameters with an entry whose last five updates alternate in sign."
    )
    first_loss: MaybeNumber
    last_loss: MaybeNumber
    least_loss: MaybeNumber
    least_loss_at: MaybeWhole


class SurfaceGrid(Wire):
    """The loss on a grid, for plots: `loss[i][j]` belongs to the i-th point of the first axis and the j-th
    point of the second.
    """

    axes: list[str] = Field(
        description="The two entries that vary; the others have their values at the end of the trace."
    )
    points: list[AnswerTensor] = Field(description="The points along each axis.")
    loss: AnswerTensor


class OtherTrace(Wire):
    """The losses of another optimizer on the same problem."""

    conventions: dict[str, Any] = Field(description="Every setting as it was used.")
    steps: list[int] = Field(description="The numbers of the steps that are shown.")
    losses: list[AnswerEntry] = Field(description="The loss at the parameters after each of them.")
    parameters: AnswerTensors = Field(description="The parameters after the last step.")
    stopped_by: str = Field(description="As in the summary of the trace.")
    approximations: list[Any] = Field([], description="In exact arithmetic: the losses as floats.")


class TraceResponse(Wire):
    """The answer of optimizer/trace.

    With `Accept: application/x-ndjson` it is sent line by line: operation, conventions and formulas; each
    step as soon as it is computed; finally summary, others, surface and notes. If the trace cannot go on,
    the last line is `{"problem": ...}`.
    """

    operation: str
    conventions: dict[str, Any] = Field(
        description="Every setting as it was used, and the parameters at which loss and gradient are taken."
    )
    formulas: list[str] = Field(description="The update rule in LaTeX.")
    trace: list[TraceStep]
    summary: TraceSummary
    others: dict[str, OtherTrace] = Field(
        {}, description="The losses of the other optimizers, by their names, if any were sent."
    )
    surface: SurfaceGrid = Field(LEFT_OUT, description="The loss on a grid, if it was asked for.")
    notes: list[Note]


class SolvedEquation(Wire):
    """An entry of a parameter after the last step, and its target."""

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
    approximations: dict[str, Any] = Field(
        description="The values as floats; null if they contain other symbols."
    )
    latex: dict[str, str]
    exact: bool = Field(description="Whether the values are exact numbers rather than floats.")
    multiplicity: MaybeWhole = Field(
        description="The multiplicity of the root, for equations in one unknown."
    )
    conditions: list[str] = Field(description="Conditions on other symbols under which it is a solution.")
    arrives: Truth = Field(
        description="Whether its own trace ends at the target; null if that depends on symbols, or was not"
        " checked: only the first 12 solutions are."
    )
    verified: Text = Field(description="The way of checking that: `exactly` or `in floats`.")
    remarks: list[str] = Field(
        description="Values outside the usual range of the rule, such as a rate below 0."
    )
    trace: list[SolutionStep]


class SolutionFamily(Wire):
    """Infinitely many solutions: all that satisfy the relations."""

    relations: list[str] = Field(examples=[["beta == 1 - eta/2"]])
    free: list[str] = Field(description="Unknowns that may take any value that the relations allow.")


class BestRate(Wire):
    """The learning rate at which a rule converges fastest."""

    learning_rate: str
    momentum: Text = Field(description="The momentum, if it was chosen together with the rate.")
    contraction_factor: str
    source: str


class Direction(Wire):
    """The behavior of a rule along the eigenvectors of one eigenvalue of the Hessian."""

    eigenvalue: str
    multiplicity: int
    conditions: list[str] = Field(
        description="Conditions under which it contracts, all together; `False` if it never does."
    )
    learning_rate_range: Text = Field(
        description="The conditions, solved for the learning rate if that is a symbol."
    )
    converges: Truth = Field(description="Whether it converges; null if that depends on symbols.")
    contraction_factor: str = Field(
        description="The factor by which errors shrink with each step in the long run."
    )
    moves: bool
    note: Text


class IterationMatrix(Wire):
    """The matrix of a step, for any eigenvalue."""

    state: list[str] = Field(description="The meaning of its rows: the parameter, and a buffer.")
    matrix: list[list[str]]
    curvature: str = Field(description="The symbol that stands for the eigenvalue.")
    polynomial: str = Field(description="Its characteristic polynomial.")
    conditions: list[str] = Field(
        description="Conditions under which both its eigenvalues are below 1 in absolute value."
    )


class ConvergenceFound(Wire):
    """The convergence of a rule on a quadratic loss."""

    known: bool = Field(
        description="Whether convergence is known; if not, as for a loss that is not quadratic, see `why`."
    )
    iteration: IterationMatrix = LEFT_OUT
    directions: list[Direction] = Field([])
    exact: bool = Field(True, description="Whether the eigenvalues are exact.")
    conditions: list[str] = Field([], description="Conditions for all directions together.")
    learning_rate_range: Text = Field(None, description="The conditions, solved for the learning rate.")
    converges: Truth = None
    contraction_factor: Text = None
    best: BestRate = Field(LEFT_OUT, description="The best rate for the momentum given.")
    best_together: BestRate = Field(LEFT_OUT, description="The best rate and momentum.")
    why: Text = Field(None, description="The reason why some of this is unknown.")
    notes: list[str] = Field([])


class SolveResponse(Wire):
    """The answer of optimizer/solve."""

    operation: str
    conventions: dict[str, Any] = Field(description="Every setting as it was used.")
    formulas: list[str] = Field(description="The update rule in LaTeX.")
    equations: list[SolvedEquation] = Field([])
    kind: Text = Field(None, description="`finite`, `none` or `infinite`; only if `unknown` was sent.")
    complete: bool = Field(
        False,
        description="Whether these are all real solutions, except for special values of symbols.",
    )
    how: str = Field("", description="The method of solving, or the reason why solutions are missing.")
    solutions: list[OneSolution] = Field([])
    families: list[SolutionFamily] = Field([])
    factored: list[str] = Field([], description="Equations in several unknowns, factored.")
    convergence: ConvergenceFound

"""The endpoints of POST /v1/{name}: one for each operation, and one for each other computation.

An endpoint plans a document as a job and has the types that document its request and response.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from compute.operations import FAMILIES
from compute.operations.framework.declaration import Operation
from compute.optimizers import OPTIMIZERS
from compute.optimizers.rules.schedules import SCHEDULES
from compute.programs.functions import FUNCTIONS
from compute.question.limits import Limits
from service.grading.checks import GradeCheckRequest, GradeCheckResponse, understand_check
from service.grading.grading import understand_grading
from service.grading.responses import GradeResponse
from service.grading.schemas import GradeRequest
from service.optimizers import solutions, traces
from service.optimizers.responses import SolveResponse, TraceResponse
from service.optimizers.schemas import solve_request, trace_request
from service.questions.comparisons import understand_comparison
from service.questions.costs import understand_cost
from service.questions.operations import understand
from service.questions.programs import GRAPH, program_request, understand_program
from service.schemas.comparison_responses import CompareResponse
from service.schemas.cost_responses import CostResponse
from service.schemas.requests import CompareRequest, CostRequest, request_model
from service.schemas.responses import program_response, response_model
from service.variants import variants
from service.variants.schemas import VariantsRequest, VariantsResponse


class Job(Protocol):
    """A question that has been planned and checked against the limits, but not yet answered."""

    @property
    def work(self) -> int:
        """The predicted number of elementary operations, including those of writing the answer."""

    def answer(self) -> bytes:
        """Return the body of the response."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One computation, requested by POST.

    name: the path below /v1 and, with underscores, the operation id.
    tag: the group that lists it.
    summary, description: its documentation.
    request, response: return the types of the two bodies; called late, because building them takes time.
    understand: plans a document as a job. Raises QuestionErrors listing everything wrong with it.
    holds_answers: whether bodies hold what students wrote, which makes no body unreadable.
    streams: whether its jobs also have `lines`, which yields the answer line by line.
    """

    name: str
    tag: str
    summary: str
    description: str
    request: Callable[[], Any]
    response: Callable[[], Any]
    understand: Callable[[dict[str, Any], Limits], Job]
    streams: bool = False
    holds_answers: bool = False

    @property
    def path(self) -> str:
        """The path of the route."""
        return f"/v1/{self.name}"


def _operation_endpoint(operation: Operation, family: str) -> Endpoint:
    return Endpoint(
        name=operation.name,
        tag=family,
        summary=operation.summary,
        description=operation.description,
        request=partial(request_model, operation.name),
        response=partial(response_model, operation.name),
        understand=partial(understand, operation.name),
    )


ENDPOINTS: dict[str, Endpoint] = {
    endpoint.name: endpoint
    for endpoint in (
        *(
            _operation_endpoint(operation, family.name)
            for family in FAMILIES
            for operation in family.operations
        ),
        Endpoint(
            name="compare",
            tag="readings",
            summary="The effect of a change on every value of an operation",
            description="Takes the fields of an operation and `changes`. Returns before, after and the"
            " difference for every name; whether after is a permutation of before; and, for small changes,"
            " the change that the Jacobian predicts.",
            request=lambda: CompareRequest,
            response=lambda: CompareResponse,
            understand=understand_comparison,
        ),
        Endpoint(
            name=GRAPH,
            tag="programs",
            summary="A program of your own, forward and backward",
            description="Lines such as `z = conv1d(x, k) + b`, parsed by a whitelist and never executed. A"
            " program takes the fields of operations and gets the same answers: `given`, `upstream`,"
            " contributions, Jacobians, cost, formulas. `claims` are verified, and `diagram` draws the graph."
            " Functions beside the operations: "
            + ", ".join(entry.signature for entry in FUNCTIONS.values())
            + ".",
            request=program_request,
            response=program_response,
            understand=understand_program,
        ),
        Endpoint(
            name=traces.NAME,
            tag="optimizers",
            summary="An optimizer step by step, with its state and its formulas",
            description="Minimizes the loss of a program, or applies gradients that are sent. Each step has"
            " parameters, loss, gradient, every buffer by its textbook name, the update, and equations with"
            f" numbers put in. Optimizers: {', '.join(OPTIMIZERS)}. Schedules: {', '.join(SCHEDULES)}. With"
            " `Accept: application/x-ndjson` each step is sent as one line, as soon as it is computed.",
            request=trace_request,
            response=lambda: TraceResponse,
            understand=traces.understand_trace,
            streams=True,
        ),
        Endpoint(
            name=solutions.NAME,
            tag="optimizers",
            summary="Hyperparameters or start values that reach a target",
            description="Takes the fields of a trace, with symbols in hyperparameters or start values, and a"
            " target for the parameters after the last step. Returns all real solutions, exact, each verified"
            " by its own trace; the reason if there is none; the relations if there are infinitely many. For"
            " a quadratic loss, also whether and how fast the rule converges, and the best learning rate.",
            request=solve_request,
            response=lambda: SolveResponse,
            understand=solutions.understand_solution,
        ),
        Endpoint(
            name="cost",
            tag="readings",
            summary="The cost of an operation, from shapes alone",
            description="Multiply-adds, comparisons, parameters and memory, in numbers, or in polynomials in"
            ' the dimension names if a shape is given in letters: `{"shape": ["n", "d"]}`.',
            request=lambda: CostRequest,
            response=lambda: CostResponse,
            understand=understand_cost,
        ),
        Endpoint(
            name="grade",
            tag="grading",
            summary="Marks for a student's values, and the reason",
            description="Takes a question, marks by name, and what a student wrote. Each value is right,"
            " right by another accepted convention, right from the student's own earlier slip, or wrong: then"
            " known mistakes that reproduce it are named. What cannot be read is `ungradable`, which is not"
            " zero. Gradients and steps of optimizers are graded like values.",
            request=lambda: GradeRequest,
            response=lambda: GradeResponse,
            understand=understand_grading,
            holds_answers=True,
        ),
        Endpoint(
            name="grade/check",
            tag="grading",
            summary="The weaknesses of a rubric, before a class meets it",
            description="Takes what `/v1/grade` takes, with the model answer in the place of a student's."
            " Returns the known mistakes that these inputs hide and a change of an input that shows them,"
            " tolerances that are too coarse, marks that do not add up, and names that do not exist.",
            request=lambda: GradeCheckRequest,
            response=lambda: GradeCheckResponse,
            understand=understand_check,
            holds_answers=True,
        ),
        Endpoint(
            name=variants.NAME,
            tag="grading",
            summary="Fresh inputs for a question, from a seed",
            description="Takes a question as a template, optionally its rubric, and a seed. Returns variants"
            " with their solutions and measures of difficulty. The same seed gives the same variants in every"
            " version. A variant that cannot be found within the bounded tries says which constraints failed,"
            " and how often.",
            request=lambda: VariantsRequest,
            response=lambda: VariantsResponse,
            understand=variants.understand_variants,
        ),
    )
}

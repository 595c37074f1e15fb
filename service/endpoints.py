"""Every computation that POST /v1/{name} answers: one entry for each operation, and the other readings.

An entry knows how to understand a document as a job, and the schemas that document it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from compute.answers import Limits
from compute.operations import FAMILIES
from compute.operations.declaration import Operation
from compute.optimizers import OPTIMIZERS
from compute.optimizers.schedules import SCHEDULES
from compute.programs.functions import FUNCTIONS
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


class Job(Protocol):
    """A question understood and allowed, not yet answered."""

    @property
    def work(self) -> int:
        """Predicted elementary operations, writing the answer included."""

    def answer(self) -> bytes:
        """Compute the answer and return the body of the response."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One computation, asked by POST.

    name: its path below /v1, and with underscores its operation id.
    tag: the group that it is listed in.
    request, response: give the types that document the two bodies; made late, since making them takes time.
    understand: makes a job of a document; raises QuestionErrors for everything that is wrong with it.
    streams: whether its jobs also have `lines`, the answer line by line as it is computed.
    """

    name: str
    tag: str
    summary: str
    description: str
    request: Callable[[], Any]
    response: Callable[[], Any]
    understand: Callable[[dict[str, Any], Limits], Job]
    streams: bool = False

    @property
    def path(self) -> str:
        """The path of the route."""
        return f"/v1/{self.name}"


def _of_operation(operation: Operation, family: str) -> Endpoint:
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
        *(_of_operation(one, family.name) for family in FAMILIES for one in family.operations),
        Endpoint(
            name="compare",
            tag="readings",
            summary="An operation twice: what a change does to every value",
            description="Takes an operation's own fields and `changes`, and answers before, after and"
            " difference for every name; whether one is the other in another order; and, for small changes,"
            " what the Jacobian predicts.",
            request=lambda: CompareRequest,
            response=lambda: CompareResponse,
            understand=understand_comparison,
        ),
        Endpoint(
            name=GRAPH,
            tag="programs",
            summary="A program of your own, forward and backward",
            description="Lines such as `z = conv1d(x, k) + b`, read by whitelist and never executed. All that"
            " operations answer is answered for them: `given`, `upstream`, contributions, Jacobians, cost,"
            " formulas; `claims` are verified, and `diagram` draws the graph. Functions beside the"
            f" operations: {', '.join(one.signature for one in FUNCTIONS.values())}.",
            request=program_request,
            response=program_response,
            understand=understand_program,
        ),
        Endpoint(
            name=traces.NAME,
            tag="optimizers",
            summary="An optimizer step by step, with its state and its formulas",
            description="Minimizes a program's loss, or follows gradients that are handed in: each step with"
            " parameters, loss, gradient, every buffer by its textbook name, the update, and equations with"
            f" numbers put in. Optimizers: {', '.join(OPTIMIZERS)}. Schedules: {', '.join(SCHEDULES)}. With"
            " `Accept: application/x-ndjson` steps come one a line, as they are made.",
            request=trace_request,
            response=lambda: TraceResponse,
            understand=traces.understand_trace,
            streams=True,
        ),
        Endpoint(
            name=solutions.NAME,
            tag="optimizers",
            summary="Which hyperparameters or start values reach a target",
            description="Takes what a trace takes, with symbols in hyperparameters or start values, and a"
            " target for the parameters after the last step: all real solutions, exact, each verified by its"
            " own trace; or why there is none, or the condition where there are infinitely many. For a"
            " quadratic loss also when the rule converges, how fast, and the best learning rate.",
            request=solve_request,
            response=lambda: SolveResponse,
            understand=solutions.understand_solution,
        ),
        Endpoint(
            name="cost",
            tag="readings",
            summary="What an operation costs, from shapes alone",
            description="Multiply-adds, comparisons, parameters and memory, in numbers, or as polynomials in"
            ' the dimension names where a shape is given in letters: `{"shape": ["n", "d"]}`.',
            request=lambda: CostRequest,
            response=lambda: CostResponse,
            understand=understand_cost,
        ),
    )
}

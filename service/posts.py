"""Everything that can be asked by POST /v1/{name}: an entry for each operation, and the other readings.

An entry knows how to understand a document as a job, and what documentation says of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from compute.answers import Limits
from compute.operations import CATALOGUE
from compute.optimizers import OPTIMIZERS
from compute.optimizers.schedules import SCHEDULES
from compute.programs.functions import FUNCTIONS
from service.optimizers import solutions, traces
from service.questions.comparisons import understand_comparison
from service.questions.costs import understand_cost
from service.questions.operations import understand
from service.questions.programs import GRAPH, understand_program
from service.schemas.references import camel


class Job(Protocol):
    """A question understood and allowed, not yet answered."""

    @property
    def work(self) -> int:
        """Predicted elementary operations, writing the answer included."""

    def answer(self) -> bytes:
        """The body of the response."""


@dataclass(frozen=True, slots=True)
class Post:
    """One thing to ask; request and response are names of schemas.

    streams: whether its jobs have `lines` too, the answer line by line as it is computed.
    """

    name: str
    tag: str
    summary: str
    description: str
    request: str
    response: str
    understand: Callable[[dict[str, Any], Limits], Job]
    streams: bool = False


def _computation(name: str) -> Post:
    operation = CATALOGUE[name]
    return Post(
        name=name,
        tag="operations",
        summary=operation.summary,
        description=operation.description,
        request=f"{camel(name)}Request",
        response=f"{camel(name)}Response",
        understand=partial(understand, name),
    )


POSTS: dict[str, Post] = {
    post.name: post
    for post in (
        *map(_computation, CATALOGUE),
        Post(
            name="compare",
            tag="readings",
            summary="An operation twice: what a change does to every value",
            description="Takes an operation's own fields and `changes`, and answers before, after and"
            " difference for every name; whether one is the other in another order; and, for small changes,"
            " what the Jacobian predicts.",
            request="CompareRequest",
            response="CompareResponse",
            understand=understand_comparison,
        ),
        Post(
            name=GRAPH,
            tag="operations",
            summary="A program of your own, forward and backward",
            description="Lines such as `z = conv1d(x, k) + b`, read by whitelist and never executed. All that"
            " operations answer is answered for them: `given`, `upstream`, contributions, Jacobians, cost,"
            " formulas; `claims` are verified, and `diagram` draws the graph. Functions beside the"
            f" operations: {', '.join(one.signature for one in FUNCTIONS.values())}.",
            request="GraphRequest",
            response="GraphResponse",
            understand=understand_program,
        ),
        Post(
            name=traces.NAME,
            tag="optimizers",
            summary="An optimizer step by step, with its state and its formulas",
            description="Minimizes a program's loss, or follows gradients that are handed in: each step with"
            " parameters, loss, gradient, every buffer by its textbook name, the update, and equations with"
            f" numbers put in. Optimizers: {', '.join(OPTIMIZERS)}. Schedules: {', '.join(SCHEDULES)}. With"
            " `Accept: application/x-ndjson` steps come one a line, as they are made.",
            request="TraceRequest",
            response="TraceResponse",
            understand=traces.understand_trace,
            streams=True,
        ),
        Post(
            name=solutions.NAME,
            tag="optimizers",
            summary="Which hyperparameters or start values reach a target",
            description="Takes what a trace takes, with symbols in hyperparameters or start values, and a"
            " target for the parameters after the last step: all real solutions, exact, each verified by its"
            " own trace; or why there is none, or the condition where there are infinitely many. For a"
            " quadratic loss also when the rule converges, how fast, and the best learning rate.",
            request="SolveRequest",
            response="SolveResponse",
            understand=solutions.understand_solution,
        ),
        Post(
            name="cost",
            tag="readings",
            summary="What an operation costs, from shapes alone",
            description="Multiply-adds, comparisons, parameters and memory, in numbers, or as polynomials in"
            ' the dimension names where a shape is given in letters: `{"shape": ["n", "d"]}`.',
            request="CostRequest",
            response="CostResponse",
            understand=understand_cost,
        ),
    )
}

"""The endpoints of POST /v1/{name}: one for each operation, and one for each other computation.

An endpoint plans a document as a job and has the types that document its request and response.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel, create_model

from compute.operations import FAMILIES
from compute.operations.framework.declaration import Operation
from compute.optimizers import OPTIMIZERS
from compute.optimizers.rules.schedules import SCHEDULES
from compute.question.limits import Limits
from service.grading.checks import GradeCheckRequest, GradeCheckResponse, understand_check
from service.grading.envelopes.catalogue import ENVELOPES
from service.grading.envelopes.choice import EnvelopeParameter, choose_envelope, document_envelopes
from service.grading.grading import understand_grading, understand_in_envelope
from service.grading.protocols import lambda_feedback, mued
from service.grading.responses import GradeResponse
from service.grading.schemas import GradeRequest
from service.http.problems import Problem
from service.http.representations import JSON
from service.jobs import Job
from service.optimizers import solutions, traces
from service.optimizers.responses import SolveResponse, TraceResponse
from service.optimizers.schemas import solve_request, trace_request
from service.pages.checks import build_check
from service.pages.comparisons import build_comparison
from service.pages.costs import build_cost
from service.pages.equations import build_equations
from service.pages.formats import FORMAT_CONTENT, FORMATS, FormatParameter, choose_format
from service.pages.grades import build_grade
from service.pages.jobs import Build, understand_page
from service.pages.moments import build_moments
from service.pages.solutions import build_solution
from service.pages.traces import build_trace
from service.pages.variants import build_variants
from service.questions.comparisons import understand_comparison
from service.questions.costs import understand_cost
from service.questions.moments import understand_moments
from service.questions.operations import understand
from service.questions.programs import GRAPH, program_request, understand_program
from service.schemas.comparison_responses import CompareResponse
from service.schemas.cost_responses import CostResponse
from service.schemas.moments import MomentsRequest, MomentsResponse
from service.schemas.requests import CompareRequest, CostRequest, request_model
from service.schemas.responses import program_response, response_model
from service.variants import variants
from service.variants.schemas import VariantsRequest, VariantsResponse


@dataclass(frozen=True, slots=True)
class Variant:
    """Another way to answer the requests of an endpoint.

    understand: plans a document as a job, as that of the endpoint does.
    media_type: that of the response.
    headers: further headers of the response.
    fields: the fields of the request that it alone takes; None for none.
    """

    understand: Callable[[dict[str, Any], Limits], Job]
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    fields: type[BaseModel] | None = None


@cache  # a second model of the same name would have another one in the document
def _extend_model(model: type[BaseModel], *fields: type[BaseModel]) -> type[BaseModel]:
    """Return a model that has the fields of others as well."""
    return create_model(model.__name__, __base__=(*fields, model), __doc__=model.__doc__)


@dataclass(frozen=True, slots=True)
class ForeignErrors:
    """The errors of a protocol that has a form of its own for them.

    model: their type.
    render: returns the response to a problem.
    """

    model: type[Any]
    render: Callable[[Problem], Response]


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
    prefix: the path up to the name.
    media_type: that of the response.
    is_negotiated: whether it refuses requests whose Accept header names none of its variants.
    variants: other ways to answer its requests, by the names that `choose` returns.
    choose: returns the name of the variant that a request asks for, or "". Raises Problem or QuestionErrors.
    parameters: types of the query parameters and headers that `choose` reads, by name, for the document.
    content: other media types of the response, for the document.
    headers: headers of the response.
    errors: the form of its errors, if it is not that of problems.
    page: lays out a request and its answer as a document; None if it has none.
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
    prefix: str = "/v1/"
    media_type: str = JSON
    is_negotiated: bool = False
    variants: dict[str, Variant] = field(default_factory=dict)
    choose: Callable[[Request], str] | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    content: dict[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    errors: ForeignErrors | None = None
    page: Build | None = None

    @property
    def has_variants(self) -> bool:
        """Whether the Accept header chooses among its variants."""
        return self.streams or self.is_negotiated or self.page is not None

    @property
    def path(self) -> str:
        """The path of the route."""
        return f"{self.prefix}{self.name}"

    def documented_request(self) -> Any:
        """Return the type of the request for the document: with the fields that variants alone take."""
        model = self.request()
        fields = [variant.fields for variant in self.variants.values() if variant.fields is not None]
        return _extend_model(model, *fields) if fields else model

    def chosen_by(self, request: Request) -> "Endpoint":
        """Return the endpoint that answers a request: this one, or one with a variant's answers.

        Raises Problem or QuestionErrors if the request asks for a variant that does not exist.
        """
        name = "" if self.choose is None else self.choose(request)
        return self._vary(name) if name else self

    def list_variants(self) -> list["Endpoint"]:
        """Return an endpoint for each variant, with a name of its own."""
        return [self._vary(name) for name in self.variants]

    def _vary(self, name: str) -> "Endpoint":
        chosen = self.variants[name]
        return replace(
            self,
            name=f"{self.name}:{name}",
            understand=chosen.understand,
            media_type=chosen.media_type,
            headers={**self.headers, **chosen.headers},
        )


def _operation_endpoint(operation: Operation, family: str) -> Endpoint:
    return Endpoint(
        name=operation.name,
        tag=family,
        summary=operation.summary,
        description=operation.description,
        request=partial(request_model, operation.name),
        response=partial(response_model, operation.name),
        understand=partial(understand, operation.name),
        page=build_solution,
    )


def _with_pages(endpoint: Endpoint) -> Endpoint:
    """Return an endpoint that also answers with documents, if it can lay them out."""
    if endpoint.page is None:
        return endpoint
    pages = {
        form.name: Variant(
            partial(understand_page, endpoint.understand, endpoint.request, endpoint.page, form),
            f"{form.media_type}; charset=utf-8",
            form.headers,
        )
        for form in FORMATS.values()
    }
    choose_variant = endpoint.choose

    def choose(request: Request) -> str:
        name = choose_format(request)
        if name is None and choose_variant is not None:
            return choose_variant(request)
        return name or ""

    return replace(
        endpoint,
        variants={**endpoint.variants, **pages},
        choose=choose,
        parameters={"format": FormatParameter, **endpoint.parameters},
        content=FORMAT_CONTENT | endpoint.content,
    )


ENDPOINTS: dict[str, Endpoint] = {
    endpoint.name: _with_pages(endpoint)
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
            page=build_comparison,
        ),
        Endpoint(
            name=GRAPH,
            tag="programs",
            summary="A program of your own, forward and backward",
            description="Lines such as `z = conv1d(x, k) + b`, parsed by a whitelist and never executed. A"
            " program takes the fields of operations and gets the same answers: `given`, `upstream`,"
            " contributions, Jacobians, cost, formulas. `claims` are verified, and `diagram` draws the graph."
            " Expressions mean what they mean in NumPy; `GET /v1/functions` lists the functions beside the"
            " operations, with an example of each.",
            request=program_request,
            response=program_response,
            understand=understand_program,
            page=build_solution,
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
            page=build_trace,
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
            page=build_equations,
        ),
        Endpoint(
            name="cost",
            tag="readings",
            summary="The cost of an operation or a network, from shapes alone",
            description="Multiply-adds, comparisons, parameters and memory, in numbers, or in polynomials in"
            ' the dimension names if a shape is given in letters: `{"shape": ["n", "d"]}`. A `program` is'
            " answered with a table by line. Also the cost of training, the longest chain of steps, key-value"
            " caches, and receptive fields.",
            request=lambda: CostRequest,
            response=lambda: CostResponse,
            understand=understand_cost,
            page=build_cost,
        ),
        Endpoint(
            name="moments",
            tag="readings",
            summary="Expectations and variances of a network with random weights",
            description="Takes a program, the shapes of its inputs in numbers or letters, and their"
            " distributions: by mean and variance, by name, or as an initializer (Xavier, He, LeCun). Returns"
            " the expectation, the variance and the second moment of each line, and of the gradients"
            " backward, with the rules that they follow from and what these assume.",
            request=lambda: MomentsRequest,
            response=lambda: MomentsResponse,
            understand=understand_moments,
            page=build_moments,
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
            page=build_grade,
            holds_answers=True,
            is_negotiated=True,
            variants={
                one.name: Variant(partial(understand_in_envelope, one), one.media_type, fields=one.fields)
                for one in ENVELOPES.values()
            },
            choose=choose_envelope,
            parameters={"envelope": EnvelopeParameter},
            content=document_envelopes(),
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
            page=build_check,
            holds_answers=True,
        ),
        Endpoint(
            name="evaluate",
            prefix="/",
            tag="grading",
            summary="A submission in µEd's protocol",
            description="Takes a submission as µEd describes it, with the question and its rubric under"
            " `configuration.grade` or `task.metadata.grade`, and returns a list of feedback. With"
            " `preSubmissionFeedback.enabled` it says what the submission was read as, and grades nothing.",
            request=lambda: mued.MuedRequest,
            response=lambda: mued.MuedResponse,
            understand=mued.understand_evaluation,
            holds_answers=True,
            choose=mued.check_version,
            parameters={"x_api_version": mued.ApiVersion},
            headers={mued.VERSION_HEADER: mued.API_VERSION},
            errors=ForeignErrors(mued.MuedError, mued.render_error),
        ),
        Endpoint(
            name="lambda_feedback",
            tag="grading",
            summary="A response in Lambda Feedback's protocol",
            description="The commands of an evaluation function: `eval` grades `response` by the question and"
            " rubric in `params`, `preview` says what it was read as, and `healthcheck` grades answers whose"
            " grades are known.",
            request=lambda: lambda_feedback.LambdaFeedbackRequest,
            response=lambda: lambda_feedback.LambdaFeedbackResponse,
            understand=partial(lambda_feedback.understand_command, ""),
            holds_answers=True,
            variants={
                command: Variant(partial(lambda_feedback.understand_command, command))
                for command in lambda_feedback.COMMANDS
            },
            choose=lambda_feedback.read_command,
            parameters={"command": lambda_feedback.Command},
            errors=ForeignErrors(lambda_feedback.LambdaFeedbackError, lambda_feedback.render_error),
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
            page=build_variants,
        ),
    )
}


_BY_PATH = {endpoint.path: endpoint for endpoint in ENDPOINTS.values()}


def find_endpoint(path: str) -> Endpoint:
    """Return the endpoint that POST to a path reaches. Raises KeyError if there is none."""
    return _BY_PATH[path]


# Everything that a worker may be asked for by name: the endpoints and their variants.
JOBS: dict[str, Endpoint] = {
    each.name: each for endpoint in ENDPOINTS.values() for each in (endpoint, *endpoint.list_variants())
}

"""Answer questions in the caller's process, without HTTP.

The reading and the writing of documents live in `service`, so this does too: the answers are those of the
service because the same code reads the same document. `compute.answer` imports this module on its first call,
which keeps `import compute` light and free of the libraries of the web.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from compute.arithmetic.exact.bounds import PROGRESS, beyond
from compute.errors import QuestionErrors, at, unknown_name
from service import exceptions
from service.answers import Answer
from service.arrays import can_be_packed, pack_arrays, unpack_arrays
from service.asking import ask, understand
from service.endpoints import ENDPOINTS, JOBS, Endpoint
from service.http.problems import Problem, from_question
from service.http.reader import read_decimals, read_leniently
from service.questions.operations import EXACT_WORK, ExactWanted, import_exact
from service.settings import Settings

AGAIN = 1.0  # seconds of processor time after which an exception that was swallowed is raised again
EXACT = threading.RLock()  # exact arithmetic keeps its progress and its permission in the process


class _OutOfTime(BaseException):
    pass


def answer(operation: str, fields: dict[str, Any]) -> Answer:
    """Return the answer to the fields of an operation or another computation. Raises exceptions.Problem."""
    document = pack_arrays(fields)
    endpoint = _find_endpoint(operation)
    if can_be_packed(endpoint.request(), fields):
        document = {"encoding": "packed", **document}
    try:
        body = orjson.dumps(document)
    except (TypeError, ValueError):  # orjson.JSONEncodeError is a TypeError
        error = at((), "the fields hold a value that JSON has no form for", "numbers, text, lists, dicts and"
                   " NumPy arrays", "a value of another type")  # fmt: skip
        raise _as_exception(from_question(error)) from None
    return Answer(unpack_arrays(orjson.loads(answer_body(operation, body))), fields)


def answer_body(operation: str, body: bytes, form: str = "") -> bytes:
    """Return the body of the response to the body of a request. Raises exceptions.Problem.

    form: html, markdown, tex or vegalite for a document in the place of JSON.
    """
    endpoint, settings = _find_endpoint(operation, form), Settings()
    try:
        try:
            return ask(endpoint, body, settings.limits, lambda job: job.answer())
        except ExactWanted:
            return _answer_exactly(endpoint, body, settings.exact_seconds)
    except QuestionErrors as error:
        raise _as_exception(from_question(error)) from None
    except Problem as problem:
        raise _as_exception(problem) from None


def _as_exception(problem: Problem) -> exceptions.Problem:
    response = problem.response()
    return exceptions.make_problem(response.status_code, orjson.loads(response.body))


def _find_endpoint(operation: str, form: str = "") -> Endpoint:
    if operation not in ENDPOINTS:
        error = QuestionErrors([unknown_name((), "computation", operation, ENDPOINTS)])
        raise _as_exception(from_question(error))
    endpoint = ENDPOINTS[operation]
    if form and form not in endpoint.variants:
        protocol = at((), f"{operation} answers in the form of a protocol", "a computation with documents",
                      operation)  # fmt: skip
        raise _as_exception(from_question(protocol))
    return JOBS[f"{operation}:{form}"] if form else endpoint


def _answer_exactly(endpoint: Endpoint, body: bytes, seconds: float) -> bytes:
    from service.workers.exact import LIMITS  # noqa: PLC0415 - loads SymPy

    document = read_leniently(body, keeps_digits=True) if endpoint.holds_answers else read_decimals(body)
    with EXACT:
        PROGRESS.begin()
        before, EXACT_WORK.is_done_here = EXACT_WORK.is_done_here, True
        try:
            with _limit_time(seconds):
                return understand(endpoint, document, LIMITS).answer()
        except _OutOfTime:
            raise beyond("took too long", f"at most {seconds:g} seconds of processor time") from None
        except RecursionError:
            raise beyond("is nested too deeply", "an expression with less nesting") from None
        except (Problem, QuestionErrors):
            raise
        except Exception as error:
            problem = import_exact("failures").refusal(error)
            if problem is None:
                raise
            raise problem from None
        finally:
            EXACT_WORK.is_done_here = before


@contextmanager
def _limit_time(seconds: float) -> Iterator[None]:
    """Limit the processor time of the block, if this is the main thread of a system with such a timer.

    A timer that the caller runs is left alone: then, as in other threads, only the limits on size hold.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not (is_main and hasattr(signal, "ITIMER_PROF")) or signal.getitimer(signal.ITIMER_PROF)[0]:
        yield
        return
    is_open = True

    def end(*_: object) -> None:
        if is_open:
            raise _OutOfTime

    before = signal.signal(signal.SIGPROF, end)
    try:
        signal.setitimer(signal.ITIMER_PROF, seconds, AGAIN)
        yield
    finally:
        is_open = False
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)

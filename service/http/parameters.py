"""Query parameters that choose one of several names."""

from collections.abc import Collection

from fastapi import Request

from compute.errors import QuestionErrors, unknown_name


def read_choice(request: Request, parameter: str, known: Collection[str]) -> str | None:
    """Return the value of a query parameter; None if it was not sent.

    Raises QuestionErrors if it is unknown.
    """
    if not request.scope.get("query_string"):  # as in most requests
        return None
    asked = request.query_params.get(parameter)
    if asked is not None and asked not in known:
        raise QuestionErrors([unknown_name(("query", parameter), parameter, asked, known)])
    return asked

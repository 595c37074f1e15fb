"""Hooks for schemathesis: how to generate text, and which refusals are expected."""

from typing import Any

import schemathesis
from hypothesis import strategies as st

from service.endpoints import find_endpoint
from tests.strictness.reasons import reason_of

numbers = st.one_of(
    st.integers(-20, 20).map(str),
    st.sampled_from(["1/3", "2*sqrt(2)", "pi/4", "exp(-1)", "1e-3", "NaN", "Infinity", "-Infinity"]),
)
schemathesis.openapi.format("expression", numbers)


@schemathesis.check
def refused_for_what_no_schema_can_say(ctx: Any, response: Any, case: Any) -> None:
    """A question that fits its schema is answered, or refused for a reason that is on the list."""
    if not case.meta.generation.mode.is_positive or response.status_code != 422:
        return
    name = find_endpoint(case.operation.path).name
    for error in response.json()["errors"]:
        assert reason_of(error["message"], name), f"{error['pointer']}: {error['message']}"

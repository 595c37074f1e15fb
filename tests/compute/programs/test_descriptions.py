"""The `received` of errors in programs."""

import pytest

from tests.compute.programs.test_programs import first_error


@pytest.mark.parametrize(
    ("line", "received"),
    [
        ("z = softplus(x, beta=0)", "beta = 0"),
        ("z = hardtanh(x, min_val=1, max_val='1/2')", "max_val = 0.5"),
        ("z = x >> x", "the operator >>"),
        ("z = x << x", "the operator <<"),
        ("z = not x", "the operator not"),
        ("z = 'secret'", "text of 6 characters"),
        ("z = x.secret", "an attribute"),
        ("z = x in x", "a comparison"),
        ("z = x if x else x", "a conditional expression"),
        ("z = None", "nothing"),
        ("z = x + $", "the character $"),
        ("z = é", "U+00E9"),
        ("z = x +", "the end of the line"),
        ("z = (x", "( without its pair"),
        ("z = (x]", "] after ("),
        ("z = x)", ") with none open"),
        ("z = sum(x, axis=3)", "a of shape (3), axis = 3"),
        ("z = conv1d(x, x, stride=0)", "stride = 0"),
        ("z = conv1d(x, x, padding=(1, 2, 3))", "padding = [1, 2, 3]"),
        ("z = conv1d(x, x, mode='secret')", "mode: text of 6 characters"),
        ("z = sum(x, axis=x)", "axis: an expression"),
        ("z = conv1d(x)", "x"),
        ("z = exp(x, x)", "2 arguments"),
        ("z = secret(x)", "an unknown name of 6 characters"),
        ("z = x[5.5]", "the number 5.5"),
        ("z = 1/0", "a constant that has no value"),
        ("import os", "an import"),
        ("z += x", "an assignment with an operator"),
        ("x", "an expression without a name"),
        ("z = y = x", "an assignment to something other than one name"),
        ("z = " + "(" * 200 + "x" + ")" * 200, "41 deep"),
        ("z = 1e999", "a number beyond float64"),
    ],
)
def test_received_is_described(line: str, received: str) -> None:
    assert first_error(["a = x", line], {"x": [1.0, 2, 3]}).received == received

"""The list of declared readings: fields that collide are refused when the list is loaded."""

import pytest

from compute.operations import CATALOGUE
from compute.question.declared_readings.catalogue import READINGS, check_fields
from compute.question.declared_readings.declaration import AnswerPart, RequestField
from compute.question.declared_readings.diagram import DiagramReading
from compute.question.declared_readings.jacobian import JacobianReading


@pytest.mark.parametrize("name", ["heads", "x", "attention"])
def test_a_field_of_an_operation_cannot_ask_for_a_reading(name: str) -> None:
    """A setting, an input and a submodule."""

    class Colliding(DiagramReading):
        field = RequestField(name, bool, False, "A reading.")

    with pytest.raises(ValueError, match=f"the field {name} of a reading is a field of "):
        check_fields([Colliding()], CATALOGUE)


def test_two_readings_have_fields_and_parts_of_their_own() -> None:
    class Twin(DiagramReading):
        field = RequestField("twin", bool, False, "A reading.")
        part = AnswerPart("jacobians", list[str], "The part of another.")

    with pytest.raises(ValueError, match="two readings have the field or part"):
        check_fields([JacobianReading(), Twin()], CATALOGUE)
    with pytest.raises(ValueError, match="two readings have the field or part"):
        check_fields([*READINGS, DiagramReading()], CATALOGUE)

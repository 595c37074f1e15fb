"""The readings that an answer may hold beside values and gradients, in the order in which they run."""

from collections.abc import Collection, Iterable, Mapping

from compute.operations import CATALOGUE
from compute.operations.framework.declaration import Operation
from compute.question.declared_readings.claims import ClaimsReading
from compute.question.declared_readings.declaration import Reading
from compute.question.declared_readings.diagnose import DiagnoseReading
from compute.question.declared_readings.diagram import DiagramReading
from compute.question.declared_readings.hessian_vector import HessianVectorReading
from compute.question.declared_readings.jacobian import JacobianReading
from compute.question.declared_readings.limits import LimitsReading
from compute.question.declared_readings.substitute import SubstituteReading
from compute.question.declared_readings.verify import VerifyReading
from compute.question.declared_readings.workings import WorkingsReading

READINGS: tuple[Reading, ...] = (
    JacobianReading(),
    HessianVectorReading(),
    SubstituteReading(),
    DiagnoseReading(),
    ClaimsReading(),
    LimitsReading(),
    DiagramReading(),
    WorkingsReading(),
    VerifyReading(),  # the last, since it verifies the others
)


def check_fields(readings: Iterable[Reading], catalogue: Mapping[str, Operation]) -> None:
    """Raise ValueError if a reading's field or part has the name of another, or of an operation's field."""
    fields: set[str] = set()
    parts: set[str] = set()
    for reading in readings:
        name = reading.field.name
        for operation in catalogue.values():
            own: tuple[Collection[str], ...] = (operation.inputs, operation.attributes, operation.parts)
            if any(name in names for names in own):
                raise ValueError(f"the field {name} of a reading is a field of {operation.name}")
        if name in fields or (reading.part is not None and reading.part.name in parts):
            raise ValueError(f"two readings have the field or part {name}")
        fields.add(name)
        if reading.part is not None:
            parts.add(reading.part.name)


check_fields(READINGS, CATALOGUE)

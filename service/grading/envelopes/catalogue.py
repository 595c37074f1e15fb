"""All envelopes. A new one is a module and its name in one of these lists."""

from service.grading.envelopes import (
    canvas_csv,
    coderunner,
    gradescope,
    lambda_feedback,
    lti_ags,
    moodle_csv,
    mued,
    otter,
    prairielearn,
)
from service.grading.envelopes.declaration import ClassEnvelope, Envelope

ENVELOPES: dict[str, Envelope] = {
    module.ENVELOPE.name: module.ENVELOPE
    for module in (gradescope, prairielearn, coderunner, lti_ags, otter, lambda_feedback, mued)
}
CLASS_ENVELOPES: dict[str, ClassEnvelope] = {
    module.ENVELOPE.name: module.ENVELOPE for module in (moodle_csv, canvas_csv)
}

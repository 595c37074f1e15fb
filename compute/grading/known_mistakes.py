"""Every known mistake by its code, in operations and in optimizers."""

from collections.abc import Mapping

from compute.grading.explanations import Explained, explain
from compute.operations.misconceptions import MISCONCEPTIONS
from compute.optimizers.run.misconceptions import MISTAKES

KNOWN_MISTAKES: Mapping[str, Explained] = {
    code: explain(declared) for code, declared in (*MISCONCEPTIONS.items(), *MISTAKES.items())
}

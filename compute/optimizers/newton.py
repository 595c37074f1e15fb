"""Newton's method, over all parameters as one vector."""

from typing import Annotated

import numpy as np

from compute.optimizers.declaration import Change, Number, Setting, State, optimizer


@optimizer(
    r"x_t = x_{t-1} - \eta_t (H_t + \lambda I)^{-1} g_t, \quad H_t = \nabla^2 f(x_{t-1})",
    learning_rate=1,
    buffers={"hessian": "H"},
    takes_all=True,
)
def newton(
    state: State,
    *,
    damping: Annotated[
        Number, Setting("What is added to the diagonal of the Hessian.", r"\lambda", least=0)
    ] = 0,
) -> Change:
    """Newton's method: a step to where the gradient of a quadratic would be zero.

    Source: Nocedal and Wright, Numerical optimization (2006), equation 2.15; damping: Levenberg, A method for
    the solution of certain non-linear problems in least squares (1944).
    """
    assert state.hessian is not None  # since it takes all parameters
    hessian = state.keep("hessian", state.hessian())
    diagonal = np.eye(len(state.kept["hessian"]), dtype=np.int64).astype(state.kept["hessian"].dtype)
    step = state.xp.solve(hessian + damping * diagonal, state.gradient)
    return -state.learning_rate * step

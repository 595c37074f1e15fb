"""Newton's method, over all parameters as one vector."""

from typing import Annotated

import numpy as np

from compute.optimizers.rules.declaration import Change, Number, Setting, State, optimizer


@optimizer(
    r"x_t = x_{t-1} - \eta_t (H_t + \lambda I)^{-1} g_t, \quad H_t = \nabla^2 f(x_{t-1})",
    learning_rate=1,
    buffers={"hessian": "H"},
    updates_jointly=True,
)
def newton(
    state: State,
    *,
    damping: Annotated[Number, Setting("Added to the diagonal of the Hessian.", r"\lambda", least=0)] = 0,
) -> Change:
    """Newton's method: a step to the stationary point of the quadratic approximation.

    Source: Nocedal and Wright, Numerical optimization (2006), equation 2.15; damping: Levenberg, A method for
    the solution of certain non-linear problems in least squares (1944).
    """
    assert state.hessian is not None  # set for rules that update jointly
    hessian = state.keep("hessian", state.hessian())
    diagonal = np.eye(len(state.new_buffers["hessian"]), dtype=np.int64).astype(
        state.new_buffers["hessian"].dtype
    )
    step = state.xp.solve(hessian + damping * diagonal, state.gradient)
    return -state.learning_rate * step

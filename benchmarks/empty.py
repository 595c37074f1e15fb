"""An empty FastAPI application that imports NumPy: a lower bound for the start-up time."""

import numpy as np
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def zero() -> float:
    """Return a number from NumPy."""
    return float(np.zeros(1)[0])

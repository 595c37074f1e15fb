"""An empty FastAPI application with NumPy imported: the least that such a service takes to start."""

import numpy as np
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def zero() -> float:
    """Something that needs NumPy."""
    return float(np.zeros(1)[0])

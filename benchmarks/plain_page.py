"""A plain FastAPI application: 60 operations with ordinary pydantic models, and FastAPI's own page.

The baseline for the service's page. Swagger UI's files come from the same package, so both pages run the same
version of it; here its settings are FastAPI's own.
"""

from typing import Any

from fastapi import FastAPI
from fastapi_swagger import patch_fastapi
from pydantic import BaseModel, Field, create_model

OPERATIONS = 60
GROUPS = 12


def _request(number: int) -> type[BaseModel]:
    return create_model(
        f"Request{number}",
        name=(str, Field(description="The name of the series.", max_length=200)),
        values=(
            list[float],
            Field(description="The numbers, in order.", min_length=1, examples=[[1.0, 2.5]]),
        ),
        window=(int, Field(3, description="How many neighbours are averaged.", ge=1)),
        rate=(float, Field(0.5, description="The weight of the latest value.", gt=0, le=1)),
        centred=(bool, Field(False, description="Whether the window is centred.")),
        unit=(str | None, Field(None, description="The unit of the numbers.")),
    )


def _response(number: int) -> type[BaseModel]:
    return create_model(
        f"Response{number}",
        name=(str, Field(description="The name of the series.")),
        values=(list[float], Field(description="The smoothed numbers, in order.")),
        error=(float, Field(description="The mean squared difference.")),
        warnings=(list[str], Field([], description="Remarks on the numbers.")),
    )


def make_app() -> FastAPI:
    """Make the application."""
    app = FastAPI(title="Plain", docs_url=None, redoc_url=None, swagger_ui_oauth2_redirect_url=None)
    for number in range(OPERATIONS):
        _add(app, number, _request(number), _response(number))
    patch_fastapi(app, swagger_ui_parameters={})
    return app


def _add(app: FastAPI, number: int, request: type[BaseModel], response: type[BaseModel]) -> None:
    async def smooth(series: Any) -> Any:
        """Smooth a series of numbers, and return the distances of the smoothed numbers."""
        return series

    smooth.__annotations__["series"] = request
    app.add_api_route(
        f"/smooth/{number}",
        smooth,
        methods=["POST"],
        response_model=response,
        operation_id=f"smooth_{number}",
        summary=f"Smooth a series in way {number}",
        tags=[f"group {number % GROUPS}"],
    )


app = make_app()

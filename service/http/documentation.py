"""The OpenAPI document and its page, which needs no network: the assets come with a package."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from fastapi import FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse

from service.http.problems import Problem

ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}


def add_documentation(app: FastAPI, document: Callable[[], dict[str, Any]]) -> None:
    """Serve the document at /openapi.json and the page that shows it at /docs."""

    @cache
    def rendered() -> bytes:
        return orjson.dumps(document())

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return Response(rendered(), media_type="application/json")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="openapi.json",
            title=app.title,
            swagger_js_url="docs/swagger-ui-bundle.js",
            swagger_css_url="docs/swagger-ui.css",
            swagger_favicon_url="docs/favicon-32x32.png",
            swagger_ui_parameters={
                "tryItOutEnabled": True,
                "displayRequestDuration": True,
                "defaultModelsExpandDepth": 0,
                "docExpansion": "list",
            },
        )

    @app.get("/docs/{asset}", include_in_schema=False)
    async def asset(asset: str) -> Response:
        if asset not in ASSETS:
            raise Problem("not_found", "the page is at /docs")
        headers = {"Cache-Control": "public, max-age=86400"}
        return Response(_asset(asset), headers=headers, media_type=ASSETS[asset])

    @app.get("/", include_in_schema=False)
    async def root() -> Response:
        return RedirectResponse("docs")


@cache
def _asset(name: str) -> bytes:
    return files("fastapi_swagger.resources").joinpath(name).read_bytes()

"""Operations as methods: `client.linear(x=..., w=...)` is `client.ask("linear", x=..., w=...)`."""

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

PATHS = {"check": "grade/check", "solve": "optimizer/solve"}  # of methods that have another name


class Methods:
    """Finds the method of an operation, known to this version of the client or not."""

    ask: Callable[..., Any]

    def __getattr__(self, name: str) -> "Method":
        if name.startswith("_"):
            raise AttributeError(name)
        return Method(self.ask, name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *_known()]


class Method:  # its documentation takes 20 ms to load, so it is loaded when it is wanted
    def __init__(self, ask: Callable[..., Any], name: str) -> None:
        self._ask, self.__name__ = ask, name

    def __call__(self, **fields: Any) -> Any:
        return self._ask(PATHS.get(self.__name__, self.__name__), **fields)

    def __repr__(self) -> str:
        return f"{self.__name__}{self.__signature__}"

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        return inspect.getdoc(self._declared())

    @property
    def __signature__(self) -> inspect.Signature:
        signature = inspect.signature(self._declared())
        return signature.replace(parameters=[*signature.parameters.values()][1:])

    def _declared(self) -> Callable[..., Any]:
        """Return the function that declares the fields; one that takes any if the operation is unknown."""
        declared: Callable[..., Any] = _known().get(self.__name__, Method).__call__
        return declared


def _known() -> dict[str, Any]:
    """Return the types of the methods by name."""
    types = import_module("workings.operations")
    declared = types.Operations.__annotations__
    return {name: getattr(types, kind.partition("[")[0]) for name, kind in declared.items()}

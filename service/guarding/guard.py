"""Let requests in: by key, by rate and by budget."""

from collections.abc import Callable, Collection, Iterable

from limits import RateLimitItem
from starlette.types import ASGIApp, Receive, Scope, Send

from service.guarding.keys import MAX_SECRET, Key, Keys
from service.guarding.quotas import Quotas
from service.http.problems import Problem
from service.http.watch import client_key
from service.settings import Settings
from service.settings_checks import parse_rate
from service.telemetry.records import Record, note_reason

OPEN = ("/docs", "/health", "/problems", "/examples", "/explorer")
"""Paths that need no key, with all below them: the documentation, and what load balancers ask."""
OPEN_FILES = frozenset(("/", "/openapi.json", "/openapi-3.0.json"))
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="Workings"'}
UNKNOWN = "expected a known API key, as `Authorization: Bearer KEY` or `X-API-Key: KEY`"


class Guard:
    """Middleware that lets requests in, or answers 401, 403 or 429.

    keys: the keys that may ask; None lets everybody in.
    address_rate: requests of one client address in a time; None without a limit.
    """

    def __init__(
        self, app: ASGIApp, keys: Keys | None, address_rate: RateLimitItem | None, quotas: Quotas
    ) -> None:
        self.app = app
        self._keys, self._address_rate, self._quotas = keys, address_rate, quotas

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or is_open(path):
            await self.app(scope, receive, send)
            return
        key = None
        try:
            if self._address_rate is not None:
                client = client_key((scope.get("client") or ("",))[0])
                await self._check_rate(self._address_rate, f"address/{client}", "your address")
            if self._keys is not None:
                key = self._admit(self._keys, scope, path)
                await self._check_quotas(key)
        except Problem as problem:
            note_reason(problem.kind)
            await problem.response(scope.get("root_path", ""))(scope, receive, send)
            return
        try:
            await self.app(scope, receive, send)
        finally:
            if key is not None and key.daily_work is not None:
                record: Record = scope["state"]["record"]
                await self._quotas.spend(key.name, record.work)

    def _admit(self, keys: Keys, scope: Scope, path: str) -> Key:
        """Return the key of a request. Raises Problem 401 or 403."""
        secret = read_secret(scope)
        key = keys.find(secret) if secret else None
        if key is None:
            raise Problem("unauthorized", UNKNOWN, headers=CHALLENGE)
        scope["state"]["record"].key_name = key.name
        if not key.allows(path):
            raise Problem("forbidden", "this key may not use this path")
        return key

    async def _check_quotas(self, key: Key) -> None:
        if key.rate is not None:
            await self._check_rate(key.rate, f"key/{key.name}", "this key")
        if key.daily_work is not None and (wait := await self._quotas.overspent(key.name, key.daily_work)):
            detail = (
                f"this key has spent its {key.daily_work} elementary operations of today; try again tomorrow"
            )
            raise Problem("too_many_requests", detail, headers={"Retry-After": str(wait)})

    async def _check_rate(self, rate: RateLimitItem, who: str, whose: str) -> None:
        if wait := await self._quotas.hit(rate, who):
            raise Problem(
                "too_many_requests",
                f"{whose} may send {rate}; try again in {wait} seconds",
                headers={"Retry-After": str(wait)},
            )


def make_guard(
    settings: Settings, paths: Collection[str], quotas: Quotas
) -> Callable[[ASGIApp], Guard] | None:
    """Return the guard that the settings ask for, as middleware; None if they ask for none.

    paths: the paths that exist. Raises UnreadableKeys if the file of keys cannot be used.
    """
    if settings.key_file is None and not settings.address_rate:
        return None
    keys = None if settings.key_file is None else Keys(settings.key_file, paths)
    rate = parse_rate(settings.address_rate) if settings.address_rate else None
    return lambda app: Guard(app, keys, rate, quotas)


def is_open(path: str) -> bool:
    """Return whether a path needs no key."""
    return path in OPEN_FILES or any(path == root or path.startswith(f"{root}/") for root in OPEN)


def read_secret(scope: Scope) -> str:
    """Return the key that a request sends; empty if there is none, several, or one that is too long."""
    found = {secret for secret in _secrets(scope["headers"]) if secret}
    secret = found.pop() if len(found) == 1 else ""
    return secret if len(secret) <= MAX_SECRET else ""


def _secrets(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[str]:
    for name, value in headers:
        if name == b"x-api-key":
            yield value.decode("latin-1").strip()
        elif name == b"authorization":
            scheme, _, secret = value.decode("latin-1").strip().partition(" ")
            if scheme.lower() == "bearer":
                yield secret.strip()

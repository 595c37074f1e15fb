"""API keys, in a file that is read again when it changes."""

import hashlib
import hmac
import logging
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from os import stat_result
from pathlib import Path
from time import monotonic
from typing import Annotated, Any

import yaml
from limits import RateLimitItem
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from compute.names.suggestions import suggest_name
from service.settings_checks import parse_rate

LOGGER = logging.getLogger("workings")
MAX_FILE = 2**24  # bytes
MAX_SECRET = 256  # characters
CHECKED_EVERY = 1.0  # seconds
RANDOM_BYTES = 32
API = "/v1/"


class UnreadableKeys(Exception):
    """The file of keys cannot be used; the message says why, and never what it holds."""


def _check_rate(text: str) -> str:
    parse_rate(text)
    return text


Rate = Annotated[str, AfterValidator(_check_rate)]


class Entry(BaseModel):
    """One key as the file has it.

    Keys are random, so that their hashes need no salt and no slow function: nobody can try 2^256 of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    name: str = Field(pattern=r"^[\w.@ -]{1,64}$")
    hash: str = Field(pattern="^[0-9a-f]{64}$")
    rate: Rate | None = None
    daily_work: int | None = Field(default=None, gt=0)
    routes: list[str] | None = Field(default=None, min_length=1)


@dataclass(frozen=True, slots=True)
class Key:
    """A key that may ask.

    name: its name, for logs and for those who look after keys.
    digest: the SHA-256 digest of the key.
    rate: requests in a time; None without a limit.
    daily_work: elementary operations a day, in UTC; None without a limit.
    patterns: the paths that it may use; None for all.
    """

    name: str
    digest: bytes
    rate: RateLimitItem | None = None
    daily_work: int | None = None
    patterns: tuple[str, ...] | None = None

    def allows(self, path: str) -> bool:
        """Return whether the key may use a path."""
        return self.patterns is None or any(fnmatchcase(path, pattern) for pattern in self.patterns)


class Keys:
    """The keys of a file.

    path: the file, YAML or JSON: a list of entries.
    paths: the paths that exist, which the routes of a key have to match.

    Raises UnreadableKeys if the file cannot be used. The old keys stay if a later one cannot.
    """

    def __init__(self, path: Path, paths: Collection[str]) -> None:
        self._path, self._paths = path, paths
        self._checked_at = monotonic()
        self._version = _version(path)
        self._keys = read_keys(path, paths)

    def find(self, secret: str) -> Key | None:
        """Return the key that a client sent. All keys are compared, in constant time."""
        self._read_again()
        digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
        found = None
        for key in self._keys:
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found

    def _read_again(self) -> None:
        """Read the file again if it has changed, at most once a second."""
        now = monotonic()
        if now - self._checked_at < CHECKED_EVERY:
            return
        self._checked_at = now
        try:
            version = _version(self._path)
            if version == self._version:
                return
            self._version = version
            self._keys = read_keys(self._path, self._paths)
        except UnreadableKeys as error:
            LOGGER.error("The old API keys stay: %s.", error)
        else:
            LOGGER.info("API keys were read again: %d.", len(self._keys))


def read_keys(path: Path, paths: Collection[str]) -> tuple[Key, ...]:
    """Return the keys of a file. Raises UnreadableKeys."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE + 1)
    except OSError as error:
        raise UnreadableKeys(f"{path} cannot be read: {error.strerror}") from None
    if len(text) > MAX_FILE:
        raise UnreadableKeys(f"{path} is too large: expected at most {MAX_FILE} bytes")
    try:
        document = yaml.safe_load(text)
        entries = _ENTRIES.validate_python(document)
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        line = "" if place is None else f", line {place.line + 1}"
        raise UnreadableKeys(f"{path}{line}: expected YAML or JSON") from None
    except ValidationError as error:
        raise UnreadableKeys(f"{path}: {_describe(error)}") from None
    names = [entry.name for entry in entries]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UnreadableKeys(f"{path}: expected each name once; {twice} comes twice")
    return tuple([_make_key(entry, path, paths) for entry in entries])


def make_key(name: str) -> tuple[str, str]:
    """Return a new random key, and the entry of the file for it, as YAML."""
    secret = secrets.token_urlsafe(RANDOM_BYTES)
    entry = Entry(name=name, hash=hashlib.sha256(secret.encode()).hexdigest())
    return secret, yaml.safe_dump([entry.model_dump(exclude_none=True)], sort_keys=False)


_ENTRIES: TypeAdapter[list[Entry]] = TypeAdapter(list[Entry])


def _make_key(entry: Entry, path: Path, paths: Collection[str]) -> Key:
    patterns = None
    if entry.routes is not None:
        patterns = tuple([route if route.startswith("/") else API + route for route in entry.routes])
        for route, pattern in zip(entry.routes, patterns, strict=True):
            if not any(fnmatchcase(known, pattern) for known in paths):
                raise UnreadableKeys(
                    f"{path}: {entry.name}: routes: no path is {pattern!r}{_hint(route, paths)}"
                )
    rate = None if entry.rate is None else parse_rate(entry.rate)
    return Key(entry.name, bytes.fromhex(entry.hash), rate, entry.daily_work, patterns)


def _hint(route: str, paths: Iterable[str]) -> str:
    suggested = suggest_name(route, [path.removeprefix(API) for path in paths])
    return "" if suggested is None else f"; did you mean {suggested}?"


def _describe(error: ValidationError) -> str:
    """Return the first error of a file, without the values in it."""
    first: Any = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    return f"entry {place}: {message}" if place else f"expected a list of entries: {message}"


def _version(path: Path) -> tuple[int, int, int]:
    """Return what changes when a file is written again or replaced. Raises UnreadableKeys."""
    try:
        found: stat_result = path.stat()
    except OSError as error:
        raise UnreadableKeys(f"{path} cannot be read: {error.strerror}") from None
    return found.st_mtime_ns, found.st_ino, found.st_size

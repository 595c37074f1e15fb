"""Logs: each message, request and ended worker is one line, as text or as JSON.

Modules log with the standard library and configure nothing: an application that embeds the service decides
where its messages go. `workings serve` passes `configuration` to uvicorn, so that the messages of uvicorn, of
other libraries and of Python's warnings take the same form. The standard library does this with two short
formatters. structlog formats messages of other libraries through it as well, so it would be a second system
beside the first.

A message may have `fields` (`extra={"fields": {...}}`), which are numbers, names of ours and ids. Its further
lines, and the traceback of an exception, are its `traceback`. Line breaks and control characters are escaped,
so whatever a message repeats, it cannot end a line or begin another.
"""

import json
import logging
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from time import gmtime, strftime
from typing import Any

import orjson

from service.defects import format_defect
from service.settings import LogFormat, RequestLevel
from service.telemetry.records import UNMATCHED, Record, current_record

REQUESTS = logging.getLogger("workings.requests")
STATED = frozenset(("method", "route", "status", "duration_ms"))  # by the message of a request
PROBES = frozenset(("/health/live", "/health/ready", "/metrics"))  # asked every few seconds by machines
STDERR = 2
PLAIN = re.compile(r"[\w.:/+=@{}~-]+", re.ASCII)


class StandardError(logging.Handler):
    """Writes each line to standard error at once, since several processes write there."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            line = self.format(record).encode("utf-8", "backslashreplace") + b"\n"
            while line:
                line = line[os.write(STDERR, line) :]
        except Exception:  # as other handlers do: logging must not break what is logged
            self.handleError(record)


class JsonFormatter(logging.Formatter):
    """Formats a message as a JSON object of ASCII characters."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without its end."""
        message, traceback = _split(record)
        content = {
            "timestamp": _timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": message,
            "process": record.process,
            **_fields(record),
        }
        if traceback:
            content["traceback"] = traceback
        try:
            line = orjson.dumps(content)
            if line.isascii():
                return line.decode("ascii")
        except TypeError:  # half a surrogate pair
            pass
        return json.dumps(content, separators=(",", ":"), default=str)


class ConsoleFormatter(logging.Formatter):
    """Formats a message as text: time, level, message, `name=value` for each other field, its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without its end, and the lines of a traceback, which are indented."""
        message, traceback = _split(record)
        fields = "".join(
            f" {name}={_write(value)}" for name, value in _fields(record).items() if name not in STATED
        )
        lines = [f"{_timestamp(record.created)} {record.levelname:<8} {_escape(message)}{fields}"]
        lines += [f"    {_escape(line)}" for line in traceback.split("\n") if line]
        return "\n".join(lines)


FORMATTERS: Mapping[LogFormat, type[logging.Formatter]] = {"console": ConsoleFormatter, "json": JsonFormatter}


def configuration(form: LogFormat, level: int) -> dict[str, Any]:
    """Return the configuration of `workings serve` for `logging.config.dictConfig`.

    form: form of the lines.
    level: least severity of messages of the service and of uvicorn; other libraries log warnings.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": FORMATTERS[form]}},
        "handlers": {"stderr": {"()": StandardError, "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": max(level, logging.WARNING)},
        "loggers": {"workings": {"level": level}, "uvicorn": {"level": level}},
    }


class RequestLines:
    """Logs one line for each request when it ends.

    Defects are errors, and other answers with a status of 5xx are warnings, so that they are seen when
    successes are not.

    level: level of all other requests.
    """

    def __init__(self, level: int) -> None:
        self._level = level

    def __call__(self, record: Record) -> None:
        """Log the line of a request."""
        level = self._level
        if record.status >= 500:
            level = logging.ERROR if record.reason == "internal" else logging.WARNING
        elif record.route in PROBES:
            level = logging.DEBUG
        if not REQUESTS.isEnabledFor(level):
            return
        fields = describe(record)
        arguments = (record.method, fields["route"], record.status, fields["duration_ms"])
        # Not `REQUESTS.log`, which would search the stack for the line that calls it.
        line = REQUESTS.makeRecord(
            REQUESTS.name, level, __file__, 0, "%s %s %d in %s ms", arguments, None, extra={"fields": fields}
        )
        REQUESTS.handle(line)


def request_lines(level: RequestLevel) -> list[RequestLines]:
    """Return the listeners that log requests at a level."""
    return [] if level == "off" else [RequestLines(logging.getLevelNamesMapping()[level.upper()])]


def describe(record: Record) -> dict[str, Any]:
    """Return the fields of the line of a request. None of them holds what a client sent, but the id may."""
    fields: dict[str, Any] = {
        "request_id": record.request_id,
        "method": record.method,
        "route": record.route or UNMATCHED,
        "status": record.status,
    }
    if record.reason:
        fields["reason"] = record.reason
    if record.key_name:
        fields["key_name"] = record.key_name
    fields |= {
        "received_bytes": record.received_bytes,
        "sent_bytes": record.sent_bytes,
        "predicted_work": record.predicted_work,
        "duration_ms": round(record.elapsed * 1e3, 3),
    }
    for phase, seconds in record.seconds.items():
        fields[f"{phase}_ms"] = round(seconds * 1e3, 3)
    return fields


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return the fields of a message, and the ids of the request and of the trace that it belongs to.

    A message that has a `request_id`, even None, is not given that of the request that is being answered.
    """
    known = record.__dict__
    fields: dict[str, Any] = {**known.get("fields", {})}
    if "request_id" not in fields and (request := current_record.get()) is not None:
        fields["request_id"] = request.request_id
    if "trace_id" in known:
        fields |= {"trace_id": known["trace_id"], "span_id": known["span_id"]}
    return {name: value for name, value in fields.items() if value is not None}


def _split(record: logging.LogRecord) -> tuple[str, str]:
    """Return the first line of a message, and the other lines with the traceback of its exception."""
    message, _, rest = record.getMessage().strip("\n").partition("\n")
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        rest += ("\n" if rest else "") + format_defect(error)
    return message, rest.rstrip("\n")


def _timestamp(seconds: float) -> str:
    """Return a time in UTC, in the form of ISO 8601 with milliseconds."""
    whole, thousandths = divmod(int(seconds * 1000), 1000)
    return f"{_second(whole)}.{thousandths:03d}Z"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(seconds))


def _escape(text: str) -> str:
    """Return a text with escapes for line breaks, control characters and those that change the direction."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _write(value: Any) -> str:
    """Return a value as one word."""
    text = str(value)
    return text if PLAIN.fullmatch(text) else json.dumps(text)

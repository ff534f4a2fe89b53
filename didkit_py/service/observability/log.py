"""Structured events on stdout, one JSON object a line, that cannot carry a claim by accident.

Only the keys of HARMLESS are written as they are; the value of any other key is withheld. A traceback is written as
places and types, without messages and without local variables, because both may quote what somebody sent.

Logging is best effort: an event that cannot be made or written is dropped. It fails no request, for what a request did
is done by then, and it makes none wait for a reader who does not read.
"""

import contextlib
import io
import json
import logging
import os
import re
import select
import sys
import traceback
from collections.abc import Callable, MutableMapping
from typing import Any, Final, TextIO

import orjson
import structlog
from structlog.typing import FilteringBoundLogger

from didkit_py.unicode.visible import visible, visible_json

HARMLESS: Final = frozenset({
    "attempts", "base_url", "bytes", "check", "code", "count", "direction", "duration_ms", "error", "event", "format",
    "host", "kind", "level", "library", "line", "method", "migration", "name", "next_at", "origin", "outcome", "place",
    "port", "queue", "reason", "request_id", "route", "row", "rule", "run_id", "seconds", "service", "spec", "status",
    "step", "task", "time", "trace", "type", "version",
})  # fmt: skip
WITHHELD: Final = "[withheld]"
MAX_TEXT: Final = 200  # characters; names and codes are shorter, tokens and documents longer
PIPE_BUF: Final = 4_096  # POSIX, <limits.h>, on Linux: so many bytes a pipe takes whole
_EVENT: Final = re.compile(r"\A[a-z][a-z0-9 _-]{0,63}\Z")  # an event is a fixed name, never a sentence made from values
_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}

EventFields = MutableMapping[str, Any]


def get_logger() -> FilteringBoundLogger:
    """A logger: `log.info("offer-created", count=1)`."""
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


def configure(
    *,
    service: str,
    level: str = "info",
    stream: TextIO | None = None,
    on_event: Callable[[str], None] | None = None,
) -> None:
    """Send every event of this process, the libraries' too, to `stream` (stdout) as JSON lines.

    `on_event` hears the level of each event that is written.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            *([_count_level(on_event)] if on_event else []),
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            _name_service(service),
            show_trace_without_values,
            withhold_unknown,
            _as_json,
        ],
        wrapper_class=_best_effort(structlog.make_filtering_bound_logger(_LEVELS[level])),
        logger_factory=lambda *_: _Lines(stream or sys.stdout),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [_LibraryHandler()]
    root.setLevel(max(_LEVELS[level], logging.WARNING))


def silence() -> None:
    """Write no event: what a command prints is its result."""
    structlog.configure(processors=[_drop])


def _best_effort(kind: type[FilteringBoundLogger]) -> type[FilteringBoundLogger]:
    """The same logger, whose calls raise nothing."""

    class BestEffort(kind):  # type: ignore[misc,valid-type] # structlog makes the class at run time
        def _proxy_to_logger(self, *args: object, **fields: object) -> None:
            with contextlib.suppress(Exception):
                super()._proxy_to_logger(*args, **fields)

    return BestEffort


class _Lines:
    """Writes each event as a line, under the names that structlog calls."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        """Write the line, or drop it."""
        write_line(self._stream, line)

    debug = info = warning = error = critical = msg


def write_line(stream: TextIO | None, line: str) -> None:
    """Write a line past the stream's buffer, or drop it where that cannot be done at once. Raises nothing.

    A closed pipe, one that nobody reads, a full disk, a terminal that stands still, a text that is no Unicode: none of
    them is a reason to end or to wait. `stream` is None in a process that was started with its output closed.
    """
    octets = (line + "\n").encode("utf-8", "backslashreplace")
    with contextlib.suppress(AttributeError, OSError, ValueError):
        try:
            descriptor = stream.fileno()  # type: ignore[union-attr] # None is an AttributeError, and so no output
        except io.UnsupportedOperation:  # in memory
            stream.write(octets.decode())  # type: ignore[union-attr]
            return
        for start in range(0, len(octets), PIPE_BUF):  # what is no longer than that is written without waiting
            if hasattr(select, "poll"):  # not on Windows
                poll = select.poll()
                poll.register(descriptor, select.POLLOUT)
                if not any(events & select.POLLOUT for _, events in poll.poll(0)):
                    return
            os.write(descriptor, octets[start : start + PIPE_BUF])


def _drop(_: object, __: str, ___: EventFields) -> EventFields:
    raise structlog.DropEvent


def withhold_unknown(_: object, __: str, fields: EventFields) -> EventFields:
    """Processor: the same event with every value that is not known to be harmless withheld."""
    shown = {key: _harmless(value) if key in HARMLESS else WITHHELD for key, value in fields.items()}
    if not _EVENT.match(str(fields.get("event", ""))):
        shown["event"] = WITHHELD
    return shown


def _harmless(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_harmless(item) for item in value[:50]]
    return value if isinstance(value, str) and len(value) <= MAX_TEXT else WITHHELD


def show_trace_without_values(_: object, __: str, fields: EventFields) -> EventFields:
    """Processor: `exc_info` becomes `error` (its type) and `trace` (file, line and function of each frame)."""
    found = fields.pop("exc_info", None)
    error = sys.exc_info()[1] if found is True else found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        fields["error"] = type(error).__name__
        fields["trace"] = _places(error)
    return fields


def _places(error: BaseException) -> list[str]:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    earlier = [*_places(cause), f"which led to {type(error).__name__}"] if cause else [type(error).__name__]
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f"{'/'.join(frame.filename.split('/')[-3:])}:{frame.lineno} {frame.name}" for frame in frames]
    return [*earlier, *lines][-40:]


def _name_service(service: str) -> structlog.typing.Processor:
    def name(_: object, __: str, fields: EventFields) -> EventFields:
        fields["service"] = service
        return fields

    return name


def _count_level(on_event: Callable[[str], None]) -> structlog.typing.Processor:
    def tell(_: object, __: str, fields: EventFields) -> EventFields:
        on_event(str(fields["level"]))
        return fields

    return tell


def _as_json(_: object, __: str, fields: EventFields) -> str:
    first = {key: fields[key] for key in ("time", "level", "event") if key in fields}
    body = {**first, **fields}
    try:
        line = orjson.dumps(body).decode()
    except TypeError:  # a text that is no Unicode, or an integer beyond 64 bits
        line = json.dumps(body, default=lambda _: WITHHELD)
    return line if visible(line) == line else visible_json(json.loads(line))


class _LibraryHandler(logging.Handler):
    """Turns a library's log record into an event; its message is left out, for it may quote what somebody sent."""

    def emit(self, record: logging.LogRecord) -> None:
        say = get_logger().error if record.levelno >= logging.ERROR else get_logger().warning
        say("library", library=record.name, place=f"{record.filename}:{record.lineno}", exc_info=record.exc_info)


silence()  # until `configure` says where events go

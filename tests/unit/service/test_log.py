import io
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from didkit_py.service.observability.log import WITHHELD, configure, get_logger, silence

CANARY = "canary-GBP-20000"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    configure(service="wallet", level="info", stream=stream)
    yield stream
    root.handlers, root.level = handlers, level
    silence()


def read(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_service_level_and_request(lines: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        get_logger().info("offer-created", count=2)
    (line,) = read(lines)
    del line["time"]
    assert line == {"event": "offer-created", "level": "info", "service": "wallet", "request_id": "r1", "count": 2}


def test_the_value_of_an_unknown_key_is_withheld(lines: io.StringIO) -> None:
    get_logger().info("claim-read", amount=CANARY, email=CANARY, code="malformed")
    (line,) = read(lines)
    assert line["amount"] == line["email"] == WITHHELD
    assert line["code"] == "malformed"
    assert CANARY not in lines.getvalue()


@pytest.mark.parametrize("value", [{"amount": CANARY}, [{"amount": CANARY}], CANARY * 20, object(), CANARY.encode()])
def test_a_harmless_key_cannot_carry_what_is_no_short_plain_value(lines: io.StringIO, value: object) -> None:
    get_logger().info("something", code=value)
    assert CANARY not in lines.getvalue()
    assert len(read(lines)) == 1


def test_an_event_that_is_a_sentence_made_from_values_is_withheld(lines: io.StringIO) -> None:
    get_logger().info(f"released {CANARY} to Bob")
    assert read(lines)[0]["event"] == WITHHELD


def test_a_traceback_shows_places_and_types_only(lines: io.StringIO) -> None:
    def inner() -> None:
        amount = CANARY
        raise KeyError(amount)

    try:
        try:
            inner()
        except KeyError as error:
            raise ValueError(CANARY) from error
    except ValueError:
        get_logger().error("unexpected", exc_info=True)
    (line,) = read(lines)
    assert line["error"] == "ValueError"
    assert line["trace"][0] == "KeyError"
    assert any(place.endswith(" inner") for place in line["trace"])
    assert CANARY not in lines.getvalue()


def test_a_librarys_record_becomes_an_event_without_its_message(lines: io.StringIO) -> None:
    logging.getLogger("asyncio").error("Task exception %s", CANARY)
    logging.getLogger("asyncio").info("chatter")
    (line,) = read(lines)
    assert (line["event"], line["library"], line["level"]) == ("library", "asyncio", "error")
    assert CANARY not in lines.getvalue()


def test_events_below_the_level_are_not_written(lines: io.StringIO) -> None:
    get_logger().debug("detail")
    assert lines.getvalue() == ""


def test_a_line_holds_no_sign_that_a_terminal_obeys(lines: io.StringIO) -> None:
    name = "a\x1b]0;t\x07\x9b2J\u202e\u2028b"
    get_logger().info("something", name=name)
    assert read(lines)[0]["name"] == name
    assert lines.getvalue().rstrip("\n").isascii()


def log_into(stream: Any) -> None:
    """Two events into the stream, as a service's log; raises what logging raises."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    try:
        configure(service="wallet", stream=stream)
        get_logger().info("request", status=200)
        get_logger().error("unexpected", exc_info=ValueError("x"))
        logging.getLogger("library").error("anything")
    finally:
        root.handlers, root.level = handlers, level
        silence()


def test_a_log_that_cannot_be_written_raises_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed_pipe:
        log_into(closed_pipe)
    log_into(closed_pipe)  # the stream itself is closed now
    with Path("/dev/full").open("w") as full_disk:
        log_into(full_disk)
    with open(os.devnull) as read_only:  # noqa: PTH123 - not writable
        log_into(read_only)


@pytest.mark.parametrize("blocking", [True, False])
def test_a_pipe_that_nobody_reads_is_not_waited_for(blocking: bool) -> None:  # noqa: FBT001 - the kind of pipe
    reading, writing = os.pipe()
    os.set_blocking(writing, blocking)
    with os.fdopen(writing, "w") as pipe, os.fdopen(reading, "rb") as reader:
        for _ in range(400):  # a pipe holds 65,536 bytes
            log_into(pipe)
        kept = reader.read1(1_000_000)
    assert len(kept) > 60_000
    assert {json.loads(line)["service"] for line in kept.splitlines()[:50]} == {"wallet"}


@pytest.mark.parametrize("value", ["\ud800", 2**70, -(2**70), ["\udcff"]])
def test_an_event_that_is_no_usual_json_is_one_line_all_the_same(lines: io.StringIO, value: object) -> None:
    get_logger().info("request", code=value)
    assert read(lines)[0]["code"] == value


def test_a_processor_that_fails_costs_the_event_and_nothing_else(lines: io.StringIO) -> None:
    def fail(_: str) -> None:
        raise RuntimeError

    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    configure(service="wallet", stream=lines, on_event=fail)
    get_logger().info("request", status=200)
    root.handlers, root.level = handlers, level
    assert not lines.getvalue()

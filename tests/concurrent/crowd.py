"""Many at once: requests over kept-alive connections, by little more than sockets, and calls without HTTP."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any, Final, TypeVar
from urllib.parse import urlencode, urlsplit

AT_ONCE: Final = 128
CROWD: Final = int(os.environ.get("CROWD", "500"))  # how many come with the same thing; `make crowds`: 10,000
FORM: Final = "application/x-www-form-urlencoded"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a service."""

    status: int
    body: bytes = field(repr=False)

    def json(self) -> Any:
        return json.loads(self.body)


def post_form(url: str, form: Mapping[str, str]) -> bytes:
    """A form as it goes over the wire; `url` is what the Host header says, whatever port it is sent to."""
    parts, body = urlsplit(url), urlencode(form).encode()
    given = {"Host": parts.netloc, "Content-Type": FORM, "Content-Length": str(len(body))}
    lines = [f"POST {parts.path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
    return "\r\n".join(lines).encode() + body


async def call_all(calls: Iterable[Callable[[], Awaitable[T]]]) -> list[T]:
    """Make all of these calls, 128 at once; what they gave, in the order they came."""
    waiting, given = iter(calls), list[T]()

    async def one_after_the_other() -> None:
        for call in waiting:
            given.append(await call())

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(one_after_the_other())
    return given


async def rush(ports: Sequence[int], requests: Iterable[bytes]) -> list[Answer]:
    """Send all of these, 128 at once, to these ports in turn; the answers in the order they came."""
    answers, unanswered = await rush_while_some_die(ports, requests)
    assert not unanswered
    return answers


async def rush_while_some_die(ports: Sequence[int], requests: Iterable[bytes]) -> tuple[list[Answer], list[bytes]]:
    """The same; a connection that the service cuts off is not made again, and leaves its last request unanswered."""
    waiting, answers, unanswered = iter(requests), list[Answer](), list[bytes]()
    async with asyncio.TaskGroup() as tasks:
        for port in islice(cycle(ports), AT_ONCE):
            tasks.create_task(_one_connection(port, waiting, answers, unanswered))
    return answers, unanswered


async def _one_connection(port: int, waiting: Iterator[bytes], answers: list[Answer], unanswered: list[bytes]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for request in waiting:
            try:
                writer.write(request)
                answers.append(await _answer(reader))
            except (ConnectionError, asyncio.IncompleteReadError):
                unanswered.append(request)
                return
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
    return Answer(int(head.split(" ", 2)[1]), await reader.readexactly(length))

"""The log of the programs under test, caught as they write it."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from didkit_py.service.observability.log import configure, silence


@dataclass(slots=True)
class Log:
    """What was written since the test began."""

    stream: io.StringIO = field(default_factory=io.StringIO)
    told: Callable[[str], None] = lambda _: None

    def hear(self, level: str) -> None:
        self.told(level)

    def lines(self, **having: str) -> list[dict[str, Any]]:
        """The lines that have these values."""
        found = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        return [line for line in found if having.items() <= line.items()]


@contextmanager
def caught() -> Iterator[Log]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    log = Log()
    configure(service="under-test", stream=log.stream, on_event=log.hear)
    yield log
    root.handlers, root.level = handlers, level
    silence()

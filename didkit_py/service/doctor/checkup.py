"""A check-up of a program's folder: what it is, how a fault is told, and the walk over the table of checks.

Nothing in the folder is changed, and no finding holds a secret. A check is a small function that returns in peace, or
raises `Fault` with its remedy, or `NotChecked` where something before it is missing.
"""

import sqlite3
import sys
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final, Protocol

from didkit_py.encoding import Json
from didkit_py.errors import DidkitError
from didkit_py.keys.party import PartyKeys
from didkit_py.parties.source import KeySources
from didkit_py.reading import origin
from didkit_py.service.fetching.fetch import Fetched
from didkit_py.service.fetching.lists import TrustedLists
from didkit_py.service.setup.keyfile import ServiceKeys
from didkit_py.service.setup.settings import ServiceSettings

OK: Final = "ok"
FAULT: Final = "fault"
NOT_CHECKED: Final = "not checked"


class Fault(Exception):  # noqa: N818 - it is a finding
    """Something is not as it must be."""

    def __init__(self, code: str, message: str, *, remedy: str) -> None:
        """`code` is stable, `message` says what was found, `remedy` what to do."""
        super().__init__(message)
        self.code = code
        self.remedy = remedy


class NotChecked(Exception):  # noqa: N818 - likewise
    """It cannot be said, and the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorFinding:
    """What became of one check."""

    check: str
    outcome: str
    code: str = ""
    message: str = ""
    remedy: str = ""

    def to_json(self) -> dict[str, Json]:
        told = {"code": self.code, "message": self.message, "remedy": self.remedy}
        return {"check": self.check, "outcome": self.outcome, **{name: text for name, text in told.items() if text}}


class DoctorFetching(Protocol):
    """What a check-up wants of a Fetcher."""

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        accept: str | None = None,
        ok_only: bool = True,
        headers: dict[str, str] | None = None,
    ) -> Fetched:
        """What stands at `url`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What a check-up must know of a program; each registers its own as an entry point."""

    name: str
    settings: type[ServiceSettings]
    distinctive: frozenset[str]  # files, and settings in settings.toml, that only its folders have
    also: frozenset[str] = frozenset()  # what else its folders have, which decides where no mark is left
    migrations: Traversable
    publishes_key: bool  # at /.well-known/did.json, signed with keys that the service opens by itself
    needs_lists: bool  # it can judge nothing without the lists of a trust list
    checks: tuple["DoctorCheck", ...] = ()  # its own, after those of all


@dataclass(slots=True, kw_only=True)
class Checkup:
    """One folder under examination; what a check finds out serves those after it."""

    folder: Path
    program: Program
    settings: ServiceSettings | None
    problem: DidkitError | None  # why there are no settings
    fetcher: DoctorFetching
    key_sources: KeySources
    clock: Callable[[], datetime]
    python: tuple[int, ...] = sys.version_info[:3]
    sqlite: tuple[int, ...] = sqlite3.sqlite_version_info
    keys: ServiceKeys | None = None
    running: bool = False  # this very service listens on its port
    published: PartyKeys | None = None  # as it is published
    lists: TrustedLists | None = None
    clocks: dict[str, timedelta] = field(default_factory=dict)  # how far those of others are ahead of ours

    @property
    def set(self) -> ServiceSettings:
        """The settings. Raises NotChecked."""
        if self.settings is None:
            raise NotChecked("the settings cannot be read")
        return self.settings

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        accept: str | None = None,
        ok_only: bool = True,
        headers: dict[str, str] | None = None,
    ) -> Fetched:
        """What stands at `url`; the clock of its server is noted."""
        fetched = await self.fetcher.get(url, max_bytes=max_bytes, accept=accept, ok_only=ok_only, headers=headers)
        if fetched.date is not None:
            self.clocks[origin(url)] = fetched.date - self.clock()
        return fetched


@dataclass(frozen=True, slots=True)
class DoctorCheck:
    """One row of the table of checks."""

    name: str
    run: Callable[[Checkup], Awaitable[None]]


async def examine(case: Checkup, checks: Iterable[DoctorCheck]) -> list[DoctorFinding]:
    """The finding of each check, in order."""
    return [await _examine(case, check) for check in checks]


async def _examine(case: Checkup, check: DoctorCheck) -> DoctorFinding:
    try:
        await check.run(case)
    except NotChecked as reason:
        return DoctorFinding(check=check.name, outcome=NOT_CHECKED, message=str(reason))
    except Fault as fault:
        return _fault(check, fault.code, str(fault), fault.remedy)
    except DidkitError as error:
        return _fault(check, error.code, str(error), error.advice)
    except OSError as error:
        remedy = "Run this command as the user that the service runs as."
        return _fault(check, "cannot-be-read", f"{error.filename or case.folder}: {error.strerror}", remedy)
    return DoctorFinding(check=check.name, outcome=OK)


def _fault(check: DoctorCheck, code: str, message: str, remedy: str) -> DoctorFinding:
    return DoctorFinding(check=check.name, outcome=FAULT, code=code, message=message, remedy=remedy)


def program_of(folder: Path, given: Iterable[str], programs: Iterable[Program]) -> Program:
    """Whose folder it is: that of the program of which most is there."""
    there = {*given, *(entry.name for entry in folder.iterdir())}
    return max(programs, key=lambda each: (len(each.distinctive & there), len(each.also & there)))

"""`didkit-py doctor FOLDER`: a check-up that changes nothing, and names a remedy for each fault."""

import asyncio
import os
import re
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click

from didkit_py.command import REJECTED
from didkit_py.errors import DidkitError, NotFound
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.service.clock import utc_now
from didkit_py.service.doctor.checkup import (
    FAULT,
    Checkup,
    DoctorCheck,
    DoctorFinding,
    Fault,
    Program,
    examine,
    program_of,
)
from didkit_py.service.doctor.local_checks import (
    check_database_file,
    check_disk,
    check_folder,
    check_key_file,
    check_operator,
    check_origins,
    check_port,
    check_ports,
    check_settings,
    check_versions,
)
from didkit_py.service.doctor.remote_checks import (
    check_address,
    check_clock,
    check_database_server,
    check_issuers,
    check_published_key,
    check_terms,
    check_trust_list,
)
from didkit_py.service.fetching.fetch import Fetcher
from didkit_py.service.setup.commands import print_result
from didkit_py.service.setup.settings import FILE_NAME, ServiceSettings, load
from didkit_py.unicode.visible import one_line

ENTRY_POINTS: Final = "didkit_py.checkups"
SETTING: Final = re.compile(r"^(\w+) *=", re.MULTILINE)


async def check_one_program(case: Checkup) -> None:
    """The folder is that of one program."""
    there = {*_given(case.folder), *(entry.name for entry in case.folder.iterdir())}
    others = [each.name for each in installed() if each is not case.program and each.distinctive & there]
    if others:
        message = f"the folder of a {case.program.name} also holds what belongs to: {', '.join(others)}"
        raise Fault("folder-shared", message, remedy="Give each program a folder of its own, made by its `init`.")


CHECKS: Final = (
    DoctorCheck("versions", check_versions),
    DoctorCheck("folder", check_folder),
    DoctorCheck("one program", check_one_program),
    DoctorCheck("settings", check_settings),
    DoctorCheck("ports", check_ports),
    DoctorCheck("loopback origins", check_origins),
    DoctorCheck("keys", check_key_file),
    DoctorCheck("operator", check_operator),
    DoctorCheck("disk", check_disk),
    DoctorCheck("database file", check_database_file),
    DoctorCheck("database server", check_database_server),
    DoctorCheck("port", check_port),
    DoctorCheck("address", check_address),
    DoctorCheck("published key", check_published_key),
    DoctorCheck("trust list", check_trust_list),
    DoctorCheck("issuers", check_issuers),
    DoctorCheck("terms", check_terms),
    DoctorCheck("clock", check_clock),
)


def examine_and_print(context: click.Context, folder: Path, *, as_json: bool) -> None:
    """Look for faults in the set-up of the issuer, vendor or wallet in FOLDER, and name a remedy for each.

    Nothing is changed, and no secret is shown. Ends with 4 when there is a fault.
    """
    program, findings = asyncio.run(examine_folder(folder))
    faults = sum(finding.outcome == FAULT for finding in findings)
    body = {"program": program.name, "faults": faults, "findings": [finding.to_json() for finding in findings]}
    ending = f"{faults} fault(s) found." if faults else "No fault found."
    lines = [f"{folder} ({program.name})"]
    for one in findings:
        line = f"{one.outcome:12} {one.check:17} {one_line(one.message)}".rstrip()
        lines.append(f"{line} ({one.code})\n{'':13}{one.remedy}" if one.outcome == FAULT else line)
    print_result(body, "\n".join([*lines, ending]), as_json=as_json)
    if faults:
        context.exit(REJECTED)


async def examine_folder(folder: Path) -> tuple[Program, list[DoctorFinding]]:
    """Whose folder it is, and what was found. Raises NotFound where there are no settings."""
    if not (folder / FILE_NAME).is_file():
        raise NotFound(f"{folder} holds no service", hint="Name the folder that the command init has made.")
    program = program_of(folder, _given(folder), installed())
    settings, problem = None, None
    try:
        settings = load(program.settings, folder, os.environ)
    except DidkitError as error:
        problem = error
    async with Fetcher(_own_origins(settings)) as fetcher:
        case = Checkup(
            folder=folder,
            program=program,
            settings=settings,
            problem=problem,
            fetcher=fetcher,
            key_sources=KEY_SOURCES.accepting(settings.optional_algorithms if settings else ()),
            clock=utc_now,
        )
        return program, await examine(case, (*CHECKS, *program.checks))


def installed() -> list[Program]:
    """What each installed program says of itself."""
    return [found.load() for found in sorted(entry_points(group=ENTRY_POINTS), key=lambda each: each.name)]


def _given(folder: Path) -> frozenset[str]:
    """The names of the settings in the file, even where it is no good TOML."""
    return frozenset(SETTING.findall((folder / FILE_NAME).read_text(encoding="utf-8-sig", errors="replace")))


def _own_origins(settings: ServiceSettings | None) -> set[str]:
    """What may be fetched on this machine: what the service may, and the service itself."""
    if settings is None:
        return set()
    base = settings.base_url
    own = {base} if urlsplit(base).scheme == "http" else set()
    return {*settings.loopback_origins, *own, f"http://{settings.host}:{settings.port}"}

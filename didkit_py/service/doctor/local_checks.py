"""The checks that need nothing but this machine: versions, files, settings, keys, the port, the database file."""

import asyncio
import json
import os
import shutil
import sqlite3
import stat
from pathlib import Path
from typing import Final

from didkit_py.errors import CannotOpen, DidkitError
from didkit_py.reading import is_loopback, origin
from didkit_py.service.doctor.checkup import Checkup, Fault, NotChecked
from didkit_py.service.setup.folders import DATABASE, KEYS
from didkit_py.service.setup.keyfile import open_keyfile, read_unlock
from didkit_py.service.storage.database import Row
from didkit_py.service.storage.migrations import READ_RECORD, SchemaMismatch, pending_migrations, read_migrations
from didkit_py.service.storage.sqlite_connection import OLDEST_SQLITE

OLDEST_PYTHON: Final = (3, 11)
MIN_FREE_BYTES: Final = 256 * 2**20  # a vacuum after an erasure writes the whole database once more
CONNECT_SECONDS: Final = 2.0
RESTORE: Final = "Restore it from the backup of the folder; `init` makes a new party with new keys."
ARGON2ID: Final = b"$argon2id$"


async def check_versions(case: Checkup) -> None:
    """Python and SQLite are new enough."""
    for name, have, need in (("Python", case.python, OLDEST_PYTHON), ("SQLite", case.sqlite, OLDEST_SQLITE)):
        if have < need:
            shown, needed = (".".join(map(str, numbers)) for numbers in (have, need))
            code = f"{name.lower()}-too-old"
            raise Fault(code, f"{name} is {shown}", remedy=f"Use a Python that comes with {name} {needed} or newer.")


async def check_folder(case: Checkup) -> None:
    """The folder is its owner's alone, and everything in it belongs to the same user."""
    state = case.folder.stat()
    if stat.S_IMODE(state.st_mode) & 0o077:
        raise Fault("folder-open", f"others can look into {case.folder}", remedy=f"Run: chmod 700 {case.folder}")
    for entry in case.folder.iterdir():
        if entry.lstat().st_uid != state.st_uid:
            remedy = f"Run: chown -R --reference={case.folder} {case.folder}; start the service as that user only."
            raise Fault("wrong-owner", f"{entry.name} belongs to another user than the folder", remedy=remedy)


async def check_settings(case: Checkup) -> None:
    """The settings can be read, each is known, and each has a value that fits."""
    if case.problem is not None:
        raise case.problem


async def check_ports(case: Checkup) -> None:
    """The service and its metrics do not want the same port."""
    if getattr(case.set, "metrics_port", None) == case.set.port:
        raise Fault("ports-alike", "port and metrics_port are the same", remedy="Set metrics_port to another number.")


async def check_origins(case: Checkup) -> None:
    """What must be fetched on this machine may be fetched."""
    settings = case.set
    wanted = [settings.trust_list_url] if settings.trust_list_url else []
    wanted += case.key_sources.locations(settings.trust_list_signer) if settings.trust_list_signer else ()
    for url in wanted:
        if url.startswith("http:") and is_loopback(url) and origin(url) not in settings.loopback_origins:
            remedy = f'Add "{origin(url)}" to loopback_origins, spelled like that: localhost and 127.0.0.1 differ.'
            raise Fault("origin-not-listed", f"{origin(url)} may not be fetched", remedy=remedy)


async def check_key_file(case: Checkup) -> None:
    """The sealed keys are there, are private, and open."""
    sealed, unlock = case.folder / KEYS, case.set.key_file
    for file in dict.fromkeys((sealed, unlock)):
        require_private(file, "key-file", remedy=RESTORE)
    if not case.program.publishes_key:
        _require_sealed(sealed)  # it opens with the passphrase of a person, whom nobody asks here
        return
    try:
        case.keys = await asyncio.to_thread(lambda: open_keyfile(sealed, unlock=read_unlock(unlock)))
    except CannotOpen as error:
        remedy = f"Set key_file to the file that was made with {KEYS}. " + RESTORE
        raise Fault("keys-do-not-open", str(error), remedy=remedy) from error


def require_private(file: Path, what: str, *, remedy: str) -> None:
    """The file is there, holds something, and is its owner's alone. Raises Fault."""
    if not file.is_file():
        raise Fault(f"{what}-missing", f"there is no {file}", remedy=remedy)
    state = file.stat()
    if not state.st_size:
        raise Fault(f"{what}-empty", f"{file} is empty", remedy=remedy)
    if stat.S_IMODE(state.st_mode) & 0o077:
        raise Fault(f"{what}-open", f"others than its owner may read {file}", remedy=f"Run: chmod 600 {file}")


def _require_sealed(file: Path) -> None:
    try:
        members = json.loads(file.read_bytes())
    except ValueError:
        members = None
    if not isinstance(members, dict) or "sealed" not in members:
        raise Fault("keys-do-not-open", f"{file} is no sealed key", remedy=RESTORE)


async def check_operator(case: Checkup) -> None:
    """The operator can sign in."""
    file: Path | None = getattr(case.set, "operator_file", None)
    if file is None:
        raise NotChecked("a wallet has no operator")
    require_private(file, "operator-file", remedy=RESTORE)
    if not (await asyncio.to_thread(file.read_bytes)).startswith(ARGON2ID):
        raise Fault("operator-file-wrong", f"{file} holds no Argon2id hash of a passphrase", remedy=RESTORE)


async def check_disk(case: Checkup) -> None:
    """There is room to write."""
    free = shutil.disk_usage(case.folder).free
    if free < MIN_FREE_BYTES:
        message = f"{free // 2**20} MiB are free where {case.folder} is"
        raise Fault("disk-nearly-full", message, remedy=f"Make room: at least {MIN_FREE_BYTES // 2**20} MiB.")


async def check_database_file(case: Checkup) -> None:
    """The database in the folder can be written, and its schema is one that this program knows."""
    file = case.folder / DATABASE
    if case.set.database_url is not None:
        raise NotChecked("the database is on a PostgreSQL server")
    if not file.exists():
        raise NotChecked("the first start makes the database")
    if not file.stat().st_mode & stat.S_IWUSR or not os.access(file, os.W_OK):
        raise Fault("database-not-writable", f"{file} cannot be written", remedy=f"Run: chmod 600 {file}")
    require_known_schema(case, await asyncio.to_thread(_applied, file))


def _applied(file: Path) -> list[Row]:
    in_use = file.with_name(f"{file.name}-wal").exists()  # else even a reader would make a journal
    options = "mode=ro" if in_use else "mode=ro&immutable=1"
    try:
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?{options}", uri=True, timeout=CONNECT_SECONDS)
        try:
            there = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'").fetchone()
            rows = connection.execute(READ_RECORD).fetchall() if there else []
        finally:
            connection.close()
    except sqlite3.Error as error:
        reason = getattr(error, "sqlite_errorname", type(error).__name__)
        raise Fault("database-damaged", f"{file} cannot be read ({reason})", remedy=RESTORE) from error
    return [dict(zip(("number", "name", "digest"), row, strict=True)) for row in rows]


def require_known_schema(case: Checkup, applied: list[Row]) -> None:
    """The schema is how this program's begins. Raises Fault."""
    known = read_migrations(case.program.migrations)
    try:
        pending_migrations(known, applied)
    except SchemaMismatch as error:
        pairs = zip(applied, known, strict=False)
        newer = all((row["name"], row["digest"]) == (one.name, one.digest) for row, one in pairs)
        remedy = (
            "Install the version of the program that was used last."
            if newer
            else "Another program, or a changed one, has made this database: check the folder and database_schema."
        )
        raise Fault("schema-newer" if newer else "schema-foreign", str(error), remedy=remedy) from error


async def check_port(case: Checkup) -> None:
    """Nobody listens on the port, or this very service does."""
    host, port = case.set.host, case.set.port
    if port == 0:
        raise NotChecked("the system chooses the port")
    if not await _listens(host, port):
        return
    case.running = await _is_this_service(case, host, port)
    if not case.running:
        remedy = "Stop the other program, or choose another port in the settings and in the web server before it."
        raise Fault("port-taken", f"another program listens on {host}, port {port}", remedy=remedy)


async def _listens(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except OSError:  # a timeout is one
        return False
    writer.close()
    return True


async def _is_this_service(case: Checkup, host: str, port: int) -> bool:
    """Whether it answers under our name: ours refuses every name but its own."""
    name = case.set.base_url.partition("://")[2]
    try:
        await case.get(f"http://{host}:{port}/static/style.css", max_bytes=2**20, headers={"Host": name})
    except DidkitError:
        return False
    return True

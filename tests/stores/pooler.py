"""A PgBouncer of the test's own before the PostgreSQL server, on loopback."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.needs import pooler_path
from tools.driving.postgres import USER, postgres_address, url_of

START_SECONDS = 20
IGNORED = "search_path,client_min_messages,default_transaction_isolation,lock_timeout,statement_timeout"
MORE_IGNORED = "idle_in_transaction_session_timeout,tcp_keepalives_idle,default_transaction_read_only"


@contextmanager
def pgbouncer(pool_mode: str, *settings: str) -> Iterator[int]:
    """Its port; it drops start-up parameters unseen, as its users are advised to set it."""
    host, port = postgres_address()
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        own = int(held.getsockname()[1])
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "users").write_text(f'"{USER}" ""\n')
        lines = (
            "[databases]",
            f"* = host={host} port={port}",
            "[pgbouncer]",
            "listen_addr = 127.0.0.1",
            f"listen_port = {own}",
            "unix_socket_dir =",
            "auth_type = trust",
            f"auth_file = {folder / 'users'}",
            f"logfile = {folder / 'log'}",
            f"pool_mode = {pool_mode}",
            f"ignore_startup_parameters = {IGNORED},{MORE_IGNORED}",
            *settings,
        )
        (folder / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
        words = [str(pooler_path()), "-q", str(folder / "pgbouncer.ini")]
        if os.geteuid() == 0:  # as which it refuses to run
            os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
            words = [str(shutil.which("setpriv")), "--reuid", "postgres", "--clear-groups", "--", *words]
        process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        try:
            _wait_for(own, process)
            yield own
        finally:
            process.terminate()
            process.wait()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("PgBouncer did not start")


def through(port: int, url: str) -> str:
    """The URL of the same database by way of the pooler."""
    return f"postgresql://{USER}@127.0.0.1:{port}/{url.removeprefix(url_of(''))}"

"""Commands start without what they do not use: help loads click alone, and what serves nothing loads no web server."""

import json
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from didkit_py.command import didkit

# What costs more to load than all of click. `--help` of every command does without.
HEAVY = [
    *("aiohttp", "asyncio", "asyncpg", "base58", "cryptography", "http.client", "jinja2", "jsonschema_rs", "jwcrypto"),
    *(
        "msgspec",
        "multiformats",
        "nacl",
        "orjson",
        "prometheus_client",
        "rfc8785",
        "segno",
        "sqlite3",
        "ssl",
        "structlog",
        "uvloop",
    ),
]
# What only a program that serves needs, and one that keeps its tables in PostgreSQL.
OF_SERVERS = ("aiohttp.web", "http.server", "jinja2", "prometheus_client", "segno", "uvloop", "asyncpg")
AFTER = f"print(__import__('json').dumps(sorted(set({HEAVY!r}) & set(__import__('sys').modules))))"


def paths(command: click.Command, *words: str) -> Iterator[tuple[str, ...]]:
    """Every command and group, at every depth."""
    yield words
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from paths(found, *words, name)


ALL = sorted(paths(didkit))


def loaded(*words: str) -> tuple[str, list[str]]:
    """What the help of a command says, and which of HEAVY it loaded."""
    run = (
        "import atexit, sys; sys.argv = ['didkit-py', *sys.argv[1:]]\n"
        f"atexit.register(lambda: {AFTER})\n"
        "from didkit_py.command import main; main()"
    )
    command = [sys.executable, "-c", run, *words, "--help"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
    return lines[0], json.loads(lines[-1])


def test_every_depth_is_looked_at() -> None:
    assert {(), ("issuer", "terms", "publish"), ("wallet", "ledger", "verify"), ("key", "new")} <= set(ALL)


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_loads_nothing_but_click_and_its_own_options(words: tuple[str, ...]) -> None:
    first, heavy = loaded(*words)
    assert first.startswith(f"Usage: {' '.join(('didkit-py', *words))}")
    assert heavy == []


@pytest.mark.parametrize(
    "module",
    [
        "issuer.commands",
        "verifier.commands",
        "wallet.commands",
        "didkit_py.commands.credential",
        "didkit_py.commands.did",
        "didkit_py.commands.doctor",
        "didkit_py.commands.key",
    ],
)
def test_a_command_that_serves_nothing_loads_no_web_server_templates_or_driver(module: str) -> None:
    code = f"import {module}, sys, json; print(json.dumps(sorted(set({OF_SERVERS!r}) & set(sys.modules))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == []


def test_serving_loads_the_web_server_so_that_the_check_above_can_fail() -> None:
    code = f"import issuer.app, sys, json; print(json.dumps(sorted(set({OF_SERVERS!r}) & set(sys.modules))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert {"aiohttp.web", "jinja2"} <= set(json.loads(done.stdout))

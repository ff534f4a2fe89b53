"""A place that cannot be written is told in a sentence with its path and what to do, by every command."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from didkit_py.command import didkit

NOBODY = 65_534
PASSPHRASE = "seven wet dogs ran home"


@contextmanager
def somebody() -> Iterator[int]:
    """A user whom permissions bind: another one while we are root. The number of the user."""
    if os.geteuid() != 0:
        yield os.geteuid()
        return
    os.seteuid(NOBODY)
    try:
        yield NOBODY
    finally:
        os.seteuid(0)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody can reach, with a passphrase in a file."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        (folder / "passphrase").write_text(PASSPHRASE)
        (folder / "passphrase").chmod(0o644)
        yield folder
        for root, _, _ in os.walk(folder):
            Path(root).chmod(0o700)


def init(program: str, folder: Path, place: Path) -> list[str]:
    option = "--passphrase-file" if program == "wallet" else "--operator-passphrase-file"
    words = [program, "init", str(folder), "--name", "Someone", "--base-url", "http://localhost:1", "--port", "1"]
    return [*words, option, str(place / "passphrase"), *(["--types", "contact"] if program == "issuer" else [])]


def told(result: Result, path: Path | str, *, code: int = 5) -> str:
    """The remedy, when all is as it is promised."""
    assert "Traceback" not in result.output
    assert 'File "' not in result.output
    said = json.loads(result.output.splitlines()[-1])
    assert (result.exit_code, said["error"]) != (1, "unexpected"), said
    assert result.exit_code == code, said
    assert str(path) in said["message"] + said["hint"], said
    return str(said["hint"])


@pytest.mark.parametrize("program", ["issuer", "verifier", "wallet"])
def test_init_says_so_when_it_may_not_write_or_a_part_of_the_path_is_a_file(place: Path, program: str) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o555)
    with somebody():
        result = CliRunner().invoke(didkit, [*init(program, closed / "folder", place), "--json"])
    assert "write there" in told(result, closed)
    result = CliRunner().invoke(didkit, [*init(program, place / "passphrase" / "folder", place), "--json"])
    assert "another place" in told(result, place)


def test_a_new_key_says_so_when_it_may_not_write(place: Path) -> None:
    place.chmod(0o555)
    with somebody():
        result = CliRunner().invoke(didkit, ["key", "new", str(place / "key.jwk"), "--json"])
    told(result, place / "key.jwk", code=3)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("issuer", ["offers"]),
        ("issuer", ["serve"]),
        ("verifier", ["requests"]),
        ("verifier", ["serve"]),
        ("wallet", ["serve"]),
        ("wallet", ["credentials", "--passphrase-file", "passphrase"]),
    ],
)
def test_a_folder_that_may_be_read_and_not_written_is_said_so(place: Path, program: str, words: list[str]) -> None:
    folder = place / "folder"
    assert CliRunner().invoke(didkit, init(program, folder, place)).exit_code == 0
    with somebody() as user:
        pass
    if os.geteuid() == 0:
        for file in (folder, *folder.rglob("*")):
            os.chown(file, user, -1)
    folder.chmod(0o500)
    given = [str(place / word) if word == "passphrase" else word for word in words]
    with somebody():
        result = CliRunner().invoke(didkit, [program, given[0], str(folder), *given[1:]])
    assert "Traceback" not in result.output
    assert 'File "' not in result.output
    assert result.exit_code == 5, result.output
    assert str(folder) in result.output
    assert "write" in result.output


def test_a_folder_of_another_user_is_said_so(place: Path) -> None:
    folder = place / "folder"
    assert CliRunner().invoke(didkit, init("issuer", folder, place)).exit_code == 0
    folder.chmod(0o000)
    with somebody():
        for command in ("offers", "serve"):
            result = CliRunner().invoke(didkit, ["issuer", command, str(folder)])
            assert (result.exit_code, "Traceback" in result.output, 'File "' in result.output) == (5, False, False)
            assert "Permission denied" in result.output

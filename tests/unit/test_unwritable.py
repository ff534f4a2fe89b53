"""A place that cannot be written is told in a sentence with its path and what to do, by every command."""

import ctypes
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from didkit_py.command import didkit

pytestmark = pytest.mark.skipif(
    os.geteuid() == 0 and not sys.platform.startswith("linux"), reason="permissions do not bind root here"
)
PASSPHRASE = "seven wet dogs ran home"
CAPABILITY_VERSION = 0x20080522
PASSES_PERMISSIONS = 0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH


class Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


@contextmanager
def bound_by_permissions() -> Iterator[None]:
    """While we are root: without the two capabilities that make permissions mean nothing (Linux, capset(2))."""
    if os.geteuid() != 0:
        yield
        return
    libc, header, sets = ctypes.CDLL(None, use_errno=True), Header(CAPABILITY_VERSION, 0), (Sets * 2)()
    assert libc.capget(ctypes.byref(header), sets) == 0
    before = sets[0].effective
    sets[0].effective &= ~PASSES_PERMISSIONS
    assert libc.capset(ctypes.byref(header), sets) == 0
    try:
        yield
    finally:
        sets[0].effective = before
        assert libc.capset(ctypes.byref(header), sets) == 0


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
    with bound_by_permissions():
        result = CliRunner().invoke(didkit, [*init(program, closed / "folder", place), "--json"])
    assert "write there" in told(result, closed)
    result = CliRunner().invoke(didkit, [*init(program, place / "passphrase" / "folder", place), "--json"])
    assert "another place" in told(result, place)


def test_a_new_key_says_so_when_it_may_not_write(place: Path) -> None:
    place.chmod(0o555)
    with bound_by_permissions():
        result = CliRunner().invoke(didkit, ["key", "new", str(place / "key.jwk"), "--json"])
    told(result, place / "key.jwk", code=3)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("issuer", ["offers"]),
        ("issuer", ["serve"]),
        ("verifier", ["results"]),
        ("verifier", ["serve"]),
        ("wallet", ["serve"]),
        ("wallet", ["credentials", "--passphrase-file", "passphrase"]),
    ],
)
def test_a_folder_that_may_be_read_and_not_written_is_said_so(place: Path, program: str, words: list[str]) -> None:
    folder = place / "folder"
    assert CliRunner().invoke(didkit, init(program, folder, place)).exit_code == 0
    folder.chmod(0o500)
    given = [str(place / word) if word == "passphrase" else word for word in words]
    with bound_by_permissions():
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
    with bound_by_permissions():
        for command in ("offers", "serve"):
            result = CliRunner().invoke(didkit, ["issuer", command, str(folder)])
            assert (result.exit_code, "Traceback" in result.output, 'File "' in result.output) == (5, False, False)
            assert "Permission denied" in result.output

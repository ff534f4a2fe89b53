"""Files that a person may have saved with an editor: a byte order mark is no fault, UTF-16 gets a sentence."""

import codecs
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from didkit_py.command import didkit
from didkit_py.errors import CannotOpen, Malformed
from didkit_py.service.setup.commands import read_passphrase
from didkit_py.service.setup.input_files import read_file
from didkit_py.service.setup.keyfile import read_secret
from didkit_py.service.setup.settings import BadSettings, ServiceSettings, load
from issuer.publishing.documents import _read_draft
from tests.needs import REPOSITORY

SETTINGS = 'name = "Zoë"\nbase_url = "http://localhost:1"\nport = 1\n'
JWK = json.dumps({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})  # RFC 8037, A.2


def settings_in(folder: Path) -> object:
    return load(ServiceSettings, folder, {})


def passphrase_in(folder: Path) -> object:
    return read_passphrase(folder / "passphrase", whose="", option="")


def secret_in(folder: Path) -> object:
    (folder / "passphrase").chmod(0o600)
    return read_secret(folder / "passphrase")


def document_in(folder: Path) -> object:
    return read_file(folder / "request.json", max_bytes=1_000)


def terms_in(folder: Path) -> object:
    return _read_draft(folder, "http://localhost:1")


TEXTS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "settings.toml": (SETTINGS, settings_in),
    "passphrase": ("seven wet dogs ran home\n", passphrase_in),
    "request.json": ('{"dcql_query": {}}', document_in),
    "terms.json": ('{"layers": {"human": {"documents": []}, "lawyer": []}}', terms_in),
}
CASES = [*TEXTS.items(), ("passphrase", (TEXTS["passphrase"][0], secret_in))]


@pytest.mark.parametrize(("name", "case"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_byte_order_mark_before_a_file_of_a_person_changes_nothing(
    tmp_path: Path, name: str, case: tuple[str, Callable[[Path], object]]
) -> None:
    text, read = case
    (tmp_path / name).write_bytes(text.encode())
    plain = read(tmp_path)
    (tmp_path / name).write_bytes(codecs.BOM_UTF8 + text.encode())
    assert read(tmp_path) == plain


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
@pytest.mark.parametrize(("name", "case"), TEXTS.items(), ids=lambda value: value if isinstance(value, str) else "")
def test_a_file_in_utf_16_is_refused_with_what_to_do(
    tmp_path: Path, name: str, case: tuple[str, Callable[[Path], object]], encoding: str
) -> None:
    text, read = case
    (tmp_path / name).write_bytes(text.encode(encoding))
    with pytest.raises(Malformed) as failed:
        read(tmp_path)
    assert "UTF-8" in str(failed.value)
    assert "UTF-8" in failed.value.advice or isinstance(failed.value, BadSettings)


def test_a_secret_in_utf_16_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text("seven wet dogs", encoding="utf-16")
    with pytest.raises(CannotOpen) as failed:
        secret_in(tmp_path)
    assert "UTF-8" in failed.value.advice


def test_a_mark_that_comes_twice_is_no_mark(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_bytes(codecs.BOM_UTF8 * 2 + SETTINGS.encode())
    with pytest.raises(BadSettings):
        settings_in(tmp_path)


def test_commands_read_a_key_a_token_and_values_behind_a_mark(tmp_path: Path) -> None:
    file = tmp_path / "key.jwk"
    said = []
    for mark in (b"", codecs.BOM_UTF8):
        file.write_bytes(mark + JWK.encode())
        said.append(CliRunner().invoke(didkit, ["key", "show", str(file), "--json"]))
    assert [one.exit_code for one in said] == [0, 0]
    assert said[0].output == said[1].output
    asked = next((REPOSITORY / "verifier" / "requests").glob("*.json"))
    assert read_file(asked, max_bytes=65_536) == asked.read_bytes()

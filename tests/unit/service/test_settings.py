from dataclasses import dataclass
from pathlib import Path

import pytest

from didkit_py.service.setup.settings import (
    BadSettings,
    ServiceSettings,
    describe,
    flag,
    load,
    setting,
    whole_number,
)

NEEDED = 'base_url = "https://issuer.example"\nname = "Northshore"\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(ServiceSettings):
    copies: int = setting(whole_number(1, 50), 10, unit="copies", help="How many one-use copies are issued at once.")
    strict: bool = setting(flag(), True, help="Whether it is strict.")


def write(folder: Path, text: str) -> Path:
    (folder / "settings.toml").write_text(text)
    return folder


def test_a_file_and_the_defaults_make_the_settings(tmp_path: Path) -> None:
    found = load(Settings, write(tmp_path, NEEDED + "copies = 3\nloopback_origins = ['http://localhost:8001']\n"), {})
    assert (found.base_url, found.name, found.copies, found.port) == ("https://issuer.example", "Northshore", 3, 8080)
    assert found.loopback_origins == ("http://localhost:8001",)
    assert found.key_file == tmp_path / "unlock.key"
    assert found.trust_list_url is None


def test_variables_win_over_the_file(tmp_path: Path) -> None:
    environment = {
        "DIDKIT_COPIES": "7",
        "DIDKIT_STRICT": "false",
        "DIDKIT_LOOPBACK_ORIGINS": "http://localhost:1 http://127.0.0.1:2",
        "DIDKIT_KEY_FILE": "/run/keys/unlock",
        "PATH": "/bin",
    }
    found = load(Settings, write(tmp_path, NEEDED + "copies = 3\n"), environment)
    assert (found.copies, found.strict) == (7, False)
    assert found.loopback_origins == ("http://localhost:1", "http://127.0.0.1:2")
    assert found.key_file == Path("/run/keys/unlock")


def test_variables_are_enough_without_a_file(tmp_path: Path) -> None:
    found = load(Settings, tmp_path, {"DIDKIT_BASE_URL": "http://localhost:9000", "DIDKIT_NAME": "Bob's"})
    assert found.base_url == "http://localhost:9000"


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadSettings) as caught:
        load(Settings, write(tmp_path, 'colour = "red"\ncopies = 51\nname = "N"\n'), {"DIDKIT_PORT": "eighty"})
    said = str(caught.value)
    assert "colour: unknown setting" in said
    assert "copies: expected a whole number from 1 to 50" in said
    assert "base_url: missing; expected an https origin" in said
    assert "DIDKIT_PORT: expected a whole number from 0 to 65535" in said


@pytest.mark.parametrize(
    "line",
    [
        'base_url = "http://issuer.example"',
        'base_url = "https://issuer.example/path"',
        'base_url = "https://issuer.example/"',
        'base_url = "https://user@issuer.example"',
        'base_url = "https://issuer.example:443"',
        "port = 65536",
        "port = true",
        "port = 80.0",
        "strict = 1",
        'name = "two\\nlines"',
        'name = ""',
        'log_level = "loud"',
        'loopback_origins = ["https://localhost:1"]',
        'loopback_origins = ["http://localhost:1/path"]',
        'loopback_origins = ["http://192.168.0.1:1"]',
        'loopback_origins = ["http://localhost.:1"]',
        "loopback_origins = [1]",
        'trust_list_signer = "web:example.com"',
        'trust_list_url = "ftp://example.com"',
        "refresh_seconds = 0",
        "name = [",
    ],
)
def test_a_wrong_value_is_refused(tmp_path: Path, line: str) -> None:
    name = line.split(" ", maxsplit=1)[0]
    rest = "".join(f"{each}\n" for each in NEEDED.splitlines() if not each.startswith(name + " "))
    with pytest.raises(BadSettings, match="expected"):
        load(Settings, write(tmp_path, rest + line + "\n"), {})


def test_each_setting_can_be_described() -> None:
    rows = {row.name: row for row in describe(Settings)}
    assert rows["copies"].variable == "DIDKIT_COPIES"
    assert (rows["copies"].default, rows["copies"].unit) == ("10", "copies")
    assert rows["base_url"].default == ""
    assert rows["trust_list_url"].default == rows["loopback_origins"].default == "none"
    assert all(row.help.endswith(".") and row.expected for row in rows.values())


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://bose@127.0.0.1:5432/vendors",
        "postgresql://[::1]/vendors",
        "postgresql:///vendors?host=/run/postgresql",
        "postgresql://bose@db.example/vendors?sslmode=verify-full&sslrootcert=/etc/ssl/own.pem",
    ],
)
def test_a_database_is_named_by_a_url(tmp_path: Path, url: str) -> None:
    assert load(Settings, write(tmp_path, NEEDED), {"DIDKIT_DATABASE_URL": url}).database_url == url


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://bose:open-sesame@127.0.0.1/vendors",
        "postgresql://127.0.0.1/vendors?password=open-sesame",
        "postgresql://127.0.0.1/vendors?passfile=open-sesame",
        "postgresql://127.0.0.1/vendors?synchronous_commit=open-sesame",
        "postgresql://127.0.0.1/?user=open-sesame",
        "postgresql:///vendors-open-sesame",
        "postgresql://127.0.0.1:open-sesame/vendors",
        "mysql://127.0.0.1/open-sesame",
        "open-sesame.sqlite3",
        "",
    ],
)
def test_a_database_url_with_a_password_or_of_another_kind_is_refused_and_not_shown(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadSettings, match="database_url: expected a URL such as postgresql") as caught:
        load(Settings, write(tmp_path, NEEDED + f'database_url = "{url}"\n'), {})
    assert "open-sesame" not in str(caught.value)


@pytest.mark.parametrize("schema", ["", "pg_own", 'a"b', "a b", "x" * 64])
def test_a_schema_has_a_plain_name(tmp_path: Path, schema: str) -> None:
    with pytest.raises(BadSettings, match="DIDKIT_DATABASE_SCHEMA"):
        load(Settings, write(tmp_path, NEEDED), {"DIDKIT_DATABASE_SCHEMA": schema})
    assert load(Settings, tmp_path, {"DIDKIT_DATABASE_SCHEMA": "Bose.1:2_3-4"}).database_schema == "Bose.1:2_3-4"


@pytest.mark.parametrize("name", ["\u0645\u0647\u0633\u0627\u200c\u0646\u06cc\u0627", "\u0dc1\u0dca\u200d\u0dbb\u0dd3"])
def test_a_name_keeps_the_joiners_of_its_script(tmp_path: Path, name: str) -> None:
    text = "".join(f"{each}\n" for each in NEEDED.splitlines() if not each.startswith("name "))
    assert load(Settings, write(tmp_path, f'{text}name = "{name}"\n'), {}).name == name


@pytest.mark.parametrize("sign", ["\\u202E", "\\u200B", "\\u2066", "\\u001B", "\\u009B", "\\n", "\\u3164"])
def test_a_name_with_a_sign_that_cannot_be_seen_is_refused(tmp_path: Path, sign: str) -> None:
    text = "".join(f"{each}\n" for each in NEEDED.splitlines() if not each.startswith("name "))
    with pytest.raises(BadSettings, match="name: expected"):
        load(Settings, write(tmp_path, f'{text}name = "Shop{sign}s"\n'), {})

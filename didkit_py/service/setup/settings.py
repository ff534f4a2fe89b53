"""Settings from `settings.toml` in a program's folder, overridden by `DIDKIT_…` variables, as one frozen value.

Each program declares its own dataclass of `setting(…)` fields below `ServiceSettings`. A secret is never a setting:
settings name the files that hold secrets.
"""

import dataclasses
import ipaddress
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, TypeVar
from urllib.parse import parse_qs, urlsplit

from didkit_py.errors import Malformed
from didkit_py.keys.names import OPTIONAL_ALG_NAMES
from didkit_py.reading import is_loopback, is_url, origin
from didkit_py.service.setup.input_files import read_file
from didkit_py.unicode.visible import is_visible

T = TypeVar("T")
S = TypeVar("S", bound="ServiceSettings")

FILE_NAME: Final = "settings.toml"
PREFIX: Final = "DIDKIT_"
MAX_FILE_BYTES: Final = 65_536  # a file of settings is read by a person
DATABASE_OPTIONS: Final = frozenset({"host", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl"})
SCHEMA_NAME: Final = re.compile(r"[A-Za-z0-9_.:-]{1,63}")
REQUIRED: Final = object()  # the default of a setting that has none


class BadSettings(Malformed):
    """A setting is unknown, missing or wrong."""

    code = "bad-settings"
    hint = "Correct the settings named, in settings.toml or in the environment, and start again."


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingKind(Generic[T]):
    """How one kind of setting is read; `read` takes a TOML value or a variable's text, and raises ValueError."""

    expected: str  # completes the sentence "expected …"
    read: Callable[[object, Path], T]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One setting as documentation shows it."""

    name: str
    variable: str
    expected: str
    unit: str
    default: str  # empty when the setting must be given
    help: str


def setting(kind: SettingKind[T], default: object = REQUIRED, *, help: str, unit: str = "") -> Any:  # noqa: A002, ANN401 - `help` is what command lines call it; a dataclass field has the type of its annotation
    """A dataclass field that `load` fills; `default` is the final value, or a text for paths."""
    described = {"kind": kind, "help": help, "unit": unit}
    return field(metadata=described) if default is REQUIRED else field(default=default, metadata=described)


def text(*, at_most: int = 200, one_of: tuple[str, ...] = ()) -> SettingKind[str]:
    """A text of one line, of signs that can be seen; joiners where their script needs them."""

    def read(value: object, _: Path) -> str:
        _insist(isinstance(value, str) and 0 < len(value) <= at_most and is_visible(value))
        _insist(not one_of or value in one_of)
        return str(value)

    return SettingKind(
        expected=f"one of {', '.join(one_of)}" if one_of else f"a text of 1 to {at_most} characters", read=read
    )


def whole_number(minimum: int, maximum: int) -> SettingKind[int]:
    """A whole number inside the bounds."""

    def read(value: object, _: Path) -> int:
        number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
        _insist(type(number) is int and minimum <= number <= maximum)
        return int(str(number))

    return SettingKind(expected=f"a whole number from {minimum} to {maximum}", read=read)


def flag() -> SettingKind[bool]:
    """True or false."""

    def read(value: object, _: Path) -> bool:
        _insist(value is True or value is False or value in {"true", "false"})
        return value is True or value == "true"

    return SettingKind(expected="true or false", read=read)


def some_of(*names: str) -> SettingKind[tuple[str, ...]]:
    """Any of these names; a variable separates them by spaces."""

    def read(value: object, _: Path) -> tuple[str, ...]:
        given = value.split() if isinstance(value, str) else value
        _insist(isinstance(given, list | tuple) and all(one in names for one in given))
        return tuple(dict.fromkeys(map(str, given))) if isinstance(given, list | tuple) else ()

    return SettingKind(expected=f"a list of any of {', '.join(names)}", read=read)


def path() -> SettingKind[Path]:
    """A file or folder; a relative one is meant from the program's folder."""

    def read(value: object, folder: Path) -> Path:
        _insist(isinstance(value, str) and bool(value) and "\0" not in value)
        return folder / str(value)

    return SettingKind(expected="the path of a file, relative to the folder of the settings", read=read)


def url() -> SettingKind[str]:
    """An https URL, or http on loopback."""

    def read(value: object, _: Path) -> str:
        _insist(isinstance(value, str) and is_url(value))
        return str(value)

    return SettingKind(expected="an https URL (http only on loopback)", read=read)


def public_origin() -> SettingKind[str]:
    """An https origin, or an http one on loopback, in its normal spelling."""

    def read(value: object, _: Path) -> str:
        _insist(isinstance(value, str) and is_url(value) and origin(value) == value)
        return str(value)

    return SettingKind(
        expected="an https origin without a path, such as https://issuer.example (http only on loopback)", read=read
    )


def origins_on_loopback() -> SettingKind[tuple[str, ...]]:
    """Origins on this machine, each with its port; a variable separates them by spaces."""

    def read(value: object, _: Path) -> tuple[str, ...]:
        given = value.split() if isinstance(value, str) else value
        listed = [item for item in given if isinstance(item, str)] if isinstance(given, list) else None
        _insist(listed is not None and listed == given and all(map(_is_loopback_origin, listed)))
        return tuple(listed or ())

    return SettingKind(
        expected="a list of http origins on loopback with ports, such as http://localhost:8001", read=read
    )


def did() -> SettingKind[str]:
    """A DID; its method is judged by whoever resolves it."""

    def read(value: object, _: Path) -> str:
        _insist(isinstance(value, str) and value.startswith("did:") and value.isascii() and " " not in value)
        return str(value)

    return SettingKind(expected="a DID, such as did:web:issuer.example", read=read)


def database_url() -> SettingKind[str]:
    """Where a PostgreSQL database is; never with a password, which would then stand in files and environments."""

    def read(value: object, _: Path) -> str:
        _insist(isinstance(value, str) and value.isascii() and value.isprintable() and " " not in value)
        parts = urlsplit(str(value))
        options = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
        _insist(parts.scheme == "postgresql" and parts.password is None and not parts.fragment)
        _insist(len(parts.path) > 1 and (parts.hostname or "host" in options))
        _insist(options.keys() <= DATABASE_OPTIONS and (parts.port is None or parts.port > 0))
        return str(value)

    return SettingKind(expected="a URL such as postgresql://user@host:5432/database, without a password", read=read)


def database_schema() -> SettingKind[str]:
    """The name of a schema."""

    def read(value: object, _: Path) -> str:
        _insist(isinstance(value, str) and SCHEMA_NAME.fullmatch(value) and not value.startswith("pg_"))
        return str(value)

    return SettingKind(expected="1 to 63 letters, digits, dots, colons, dashes and underscores", read=read)


def _is_loopback_origin(text: str) -> bool:
    if not is_url(text) or origin(text) != text or not is_loopback(text) or urlsplit(text).scheme != "http":
        return False
    host = urlsplit(text).hostname or ""
    return host == "localhost" or ipaddress.ip_address(host).is_loopback


def _insist(holds: object) -> None:
    if not holds:
        raise ValueError


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """What every program can be told."""

    base_url: str = setting(
        public_origin(),
        help="The origin under which everybody else reaches this service. A web server in front hands on the header "
        "Host (nginx: `proxy_set_header Host $http_host`).",
    )
    name: str = setting(text(at_most=100), help="The name of the party, as people see it.")
    host: str = setting(text(), "127.0.0.1", help="The address to listen on.")
    port: int = setting(whole_number(0, 65_535), 8080, help="The port to listen on; 0 lets the system choose.")
    key_file: Path = setting(  # noqa: RUF009 - it returns a field
        path(), Path("unlock.key"), help="The file whose content opens the sealed keys."
    )
    loopback_origins: tuple[str, ...] = setting(
        origins_on_loopback(),
        (),
        help="Origins on this machine that may be fetched although they are neither https nor public.",
    )
    trust_list_url: str | None = setting(url(), None, help="Where the list of trusted issuers is published.")
    trust_list_signer: str | None = setting(did(), None, help="Who must have signed the list of trusted issuers.")
    optional_algorithms: tuple[str, ...] = setting(
        some_of(*OPTIONAL_ALG_NAMES),
        (),
        help="Signature algorithms of issuers and publishers that are accepted beside the usual ones.",
    )
    database_url: str | None = setting(
        database_url(), None, help="The PostgreSQL database to use; a file in the folder unless said."
    )
    database_schema: str | None = setting(
        database_schema(),
        None,
        help="The schema of the service's tables in PostgreSQL; named after the origin unless said.",
    )
    database_password_file: Path | None = setting(  # noqa: RUF009 - likewise
        path(), None, help="The file whose only line is the password for PostgreSQL."
    )
    refresh_seconds: int = setting(
        whole_number(1, 86_400), 300, unit="seconds", help="How often status, trust and terms lists are fetched again."
    )
    log_level: str = setting(
        text(one_of=("debug", "info", "warning", "error")), "info", help="The least urgent event to log."
    )


def load(wanted: type[S], folder: Path, environment: Mapping[str, str]) -> S:
    """The settings of the program in `folder`; variables win over the file. Raises BadSettings naming every fault."""
    given = _read_file(folder / FILE_NAME)
    fields = {each.name: each for each in dataclasses.fields(wanted)}
    faults = [f"{name[:40]}: unknown setting" for name in given if name not in fields]
    values: dict[str, Any] = {}
    for name, each in fields.items():
        raw = environment.get(_variable(name), given.get(name, _default(each)))
        try:
            values[name] = _read(each, raw, folder)
        except (ValueError, OverflowError):
            place = _variable(name) if _variable(name) in environment else name
            problem = "missing; " if raw is REQUIRED else ""
            faults.append(f"{place}: {problem}expected {each.metadata['kind'].expected}")
    if faults:
        raise BadSettings(f"{folder / FILE_NAME}: " + "; ".join(faults))
    return wanted(**values)


def describe(wanted: type[ServiceSettings]) -> list[Row]:
    """Every setting of a program, in order of declaration."""
    return [
        Row(
            name=each.name,
            variable=_variable(each.name),
            expected=each.metadata["kind"].expected,
            unit=each.metadata["unit"],
            default=_shown(_default(each)),
            help=each.metadata["help"],
        )
        for each in dataclasses.fields(wanted)
    ]


def _read_file(file: Path) -> Mapping[str, object]:
    try:
        octets = read_file(file, max_bytes=MAX_FILE_BYTES) if file.exists() else b""
    except OSError as error:
        raise BadSettings(f"{file}: cannot be read ({error.strerror})") from error
    except Malformed as error:
        raise BadSettings(str(error), hint=error.advice) from error
    try:
        return tomllib.loads(octets.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSettings(f"{file}: expected TOML in UTF-8 ({error})") from error


def _read(each: dataclasses.Field[Any], raw: object, folder: Path) -> object:
    _insist(raw is not REQUIRED)
    default = _default(each)
    if raw is default:
        return folder / default if isinstance(default, Path) else default
    return each.metadata["kind"].read(raw, folder)


def _default(each: dataclasses.Field[Any]) -> object:
    return REQUIRED if each.default is dataclasses.MISSING else each.default


def _shown(default: object) -> str:
    if default is REQUIRED:
        return ""
    if default is None or default == ():
        return "none"
    return str(default).lower() if isinstance(default, bool) else str(default)


def _variable(name: str) -> str:
    return PREFIX + name.upper()

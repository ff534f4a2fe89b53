"""Where a service's tables are in PostgreSQL, and how the way there is protected."""

import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from didkit_py.service.setup.keyfile import read_secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a service keeps its tables."""

    url: str  # postgresql://user@host:port/database, without a password
    schema: str  # its tables are apart from those of other services in the same database
    password_file: Path | None = None


def password_of(address: Address) -> str:
    """The password, or an empty text, so that the driver does not look into the environment for one."""
    if address.password_file is None:
        return ""
    return read_secret(address.password_file).decode(errors="replace")


def encryption(url: str) -> ssl.SSLContext | Literal[False] | None:
    """How the connection is protected: by a verified certificate, unless the server is on this machine.

    None leaves it to `sslmode` in the URL.
    """
    parts = urlsplit(url)
    asked = parse_qs(parts.query)
    if "sslmode" in asked:
        return None
    host = asked.get("host", [parts.hostname or ""])[0]
    return False if host.startswith("/") or is_this_machine(host) else ssl.create_default_context()


def is_this_machine(host: str) -> bool:
    """Whether a name or address is loopback by its spelling."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def quoted(name: str) -> str:
    """A name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'

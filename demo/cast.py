"""Who takes part, on which port, in which folder, and with which secrets."""

import json
import secrets
import socket
from pathlib import Path
from typing import Final

from tools.driving.parties import Party, Role

HOME: Final = Path(__file__).resolve().parent.parent / ".demo"
PORTS: Final = HOME / "ports.json"
STATUS_TTL_SECONDS: Final = 2  # how long a copy of the insurer's status list may be kept, so that nobody waits long


CAST: Final = (
    Role(key="terms-body", program="issuer", name="Fair Terms Office", types=("terms-signatory",)),
    Role(key="credit-union", program="issuer", name="Harbour Credit Union", types=("affordability-range",)),
    Role(
        key="insurer",
        program="issuer",
        name="Hedgerow Insurance",
        types=("insurer-good-standing",),
        setting=f"status_ttl_seconds = {STATUS_TTL_SECONDS}",
    ),
    Role(key="manufacturer", program="issuer", name="Chryota", types=("authorized-dealer",)),
    Role(key="mail-checker", program="issuer", name="Letterbox Check", types=("contact",), alg="EdDSA"),
    Role(key="dealer-receipts", program="issuer", name="Riverside Chryota (receipts)", types=("digital-receipt",)),
    Role(key="dealer", program="verifier", name="Riverside Chryota"),
    Role(key="clearsound", program="verifier", name="Clearsound", alg="EdDSA"),
    Role(key="bobs", program="verifier", name="Bob's Chryota"),
    Role(key="bobs-new", program="verifier", name="Best Deal Motors"),
    Role(key="wallet", program="wallet", name="Sally's wallet"),
)
MALLORY: Final = "mallory"  # a stranger with a web address of her own and software of her own


def ports() -> dict[str, int]:
    """A port for everybody: chosen once, then stored, since identifiers contain them."""
    if PORTS.exists():
        stored: dict[str, int] = json.loads(PORTS.read_text())
        if set(stored) == {*(role.key for role in CAST), MALLORY}:
            return stored
    held = {key: socket.socket() for key in (*(role.key for role in CAST), MALLORY)}
    for one in held.values():
        one.bind(("127.0.0.1", 0))
    chosen = {key: int(one.getsockname()[1]) for key, one in held.items()}
    for one in held.values():
        one.close()
    PORTS.parent.mkdir(parents=True, exist_ok=True)
    PORTS.write_text(json.dumps(chosen, indent=1))
    return chosen


def parties(folder: Path) -> dict[str, Party]:
    """Everybody, with folders below `folder`; passphrases are made when there are none."""
    numbers = ports()
    (folder / "secrets").mkdir(parents=True, exist_ok=True)
    found = {}
    for role in CAST:
        secret = folder / "secrets" / f"{role.key}.passphrase"
        if not secret.exists():
            secret.touch(mode=0o600)
            secret.write_text("-".join(secrets.token_hex(2) for _ in range(4)) + "\n")
        found[role.key] = Party(role=role, port=numbers[role.key], folder=folder / role.key, passphrase_file=secret)
    return found


def origins() -> list[str]:
    """Every address of the story, which each program must be told that it may fetch."""
    return [f"http://localhost:{port}" for port in ports().values()]

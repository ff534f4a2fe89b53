"""`didkit-py credential`: look into a credential, a status list or a request, and verify who signed it if asked to."""

import asyncio
import json
from pathlib import Path
from typing import Final

import click

from didkit_py.commands.inspecting import MAX_BYTES, Inspected, inspect
from didkit_py.commands.key import read_key
from didkit_py.encoding import Json
from didkit_py.errors import BadKeyBinding, Expired, NotYetValid, UnknownKey
from didkit_py.formats.sd_jwt import digest_of
from didkit_py.formats.sd_jwt_vc import KEY_BINDING_TYPE
from didkit_py.jose import parse_compact, verify_compact
from didkit_py.keys.party import KeyPurpose
from didkit_py.keys.public import PublicKey
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.service.clock import utc_now
from didkit_py.service.fetching.evidence import fetch_keys
from didkit_py.service.fetching.fetch import Fetcher
from didkit_py.service.setup.commands import print_result
from didkit_py.service.setup.input_files import read_file

NOTHING_VERIFIED: Final = "NOTHING WAS VERIFIED: anybody can have written this. Add --verify to check who signed it."
NOT_JUDGED: Final = "Not judged: whether the signer is trusted to say this, revocation, and for whom it was shown."


def inspect_file(
    file: Path, issuer_key: Path | None, loopback_origins: tuple[str, ...], *, verify: bool, as_json: bool
) -> None:
    """Lay open the credential, status list or request in FILE (- reads the standard input), without trusting it."""
    if issuer_key is not None and not verify:
        raise click.UsageError("--issuer-key is used with --verify.")
    text = read_file(file, max_bytes=MAX_BYTES).strip().decode("ascii", "replace")
    seen = inspect(text)
    verified = asyncio.run(_verify(text, seen, issuer_key, loopback_origins)) if verify else []
    notice = NOT_JUDGED if verify else NOTHING_VERIFIED
    body: dict[str, Json] = {"notice": notice, "verified": [*verified], **seen.to_json(now=utc_now())}
    # What is not ASCII is escaped, so that it cannot play tricks with a terminal.
    shown = {name: value for name, value in body.items() if name != "notice" and value not in (None, [])}
    lines = (f"{name.replace('_', ' ')}: {json.dumps(value, indent=2)}" for name, value in shown.items())
    print_result(body, "\n".join([notice, "", *lines]), as_json=as_json)


async def _verify(text: str, seen: Inspected, issuer_key: Path | None, loopback_origins: tuple[str, ...]) -> list[str]:
    """What holds, in words. Raises what does not."""
    key = read_key(issuer_key) if issuer_key else await _fetch_key(seen, loopback_origins)
    signed, *parts = text.split("~")
    verify_compact(parse_compact(signed, typ=str(seen.header.get("typ")), max_length=MAX_BYTES), key)
    _require_time(seen)
    holds = [f"the signature, by the key {key.thumbprint}", "the dates"]
    if parts and parts[-1]:
        _verify_binding(text, seen)
        holds.append("the key binding, for the audience and nonce that it names itself")
    return holds


async def _fetch_key(seen: Inspected, loopback_origins: tuple[str, ...]) -> PublicKey:
    """The key that the header names, from the document of its DID, or of the issuer's. Raises UnknownKey."""
    kid, issuer = seen.header.get("kid"), seen.payload.get("iss")
    texts = (text for text in (kid, issuer) if isinstance(text, str))
    named = next((text for text in texts if any(row.serves(text) for row in KEY_SOURCES.rows)), None)
    if named is None:
        raise UnknownKey("neither kid nor iss is a DID", hint="Give the signer's key with --issuer-key.")
    async with Fetcher(loopback_origins) as fetcher:
        keys = await fetch_keys(fetcher, KEY_SOURCES.party_of(named), key_sources=KEY_SOURCES)
    is_request = seen.header.get("typ") == "oauth-authz-req+jwt"
    purpose = KeyPurpose.AUTHENTICATION if is_request else KeyPurpose.ASSERTION
    return keys.key(kid if isinstance(kid, str) else None, purpose, now=utc_now())


def _require_time(seen: Inspected) -> None:
    state = seen.validity(utc_now())["state"]
    if state == "over":
        raise Expired("exp is over")
    if state == "not yet valid":
        raise NotYetValid("nbf has not come yet")


def _verify_binding(text: str, seen: Inspected) -> None:
    presented, _, binding = text.rpartition("~")
    confirmation = seen.payload.get("cnf")
    if not isinstance(confirmation, dict) or "jwk" not in confirmation:
        raise BadKeyBinding("the credential names no key of its holder", spec="RFC 7800, 3.2")
    claims = verify_compact(parse_compact(binding, typ=KEY_BINDING_TYPE), PublicKey.from_jwk(confirmation["jwk"]))
    if claims.get("sd_hash") != digest_of(f"{presented}~"):
        raise BadKeyBinding("sd_hash does not cover what is shown", spec="RFC 9901, 7.3")

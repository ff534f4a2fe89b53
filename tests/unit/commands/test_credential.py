"""`didkit-py credential inspect`: all is laid open, nothing is believed, and hostile input ends in plain words."""

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from didkit_py.command import didkit
from didkit_py.dids.key import key_did
from didkit_py.encoding import Json, b64url, timestamp, write_json
from didkit_py.formats.sd_jwt import hide
from didkit_py.formats.sd_jwt_vc import bind
from didkit_py.jose import sign_compact
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.status.token_list import create_status_list


def signer(number: int) -> SoftwareSigner:
    public = SoftwareSigner.from_secret(bytes([number] * 32)).public
    did = key_did(public)
    return SoftwareSigner.from_secret(bytes([number] * 32), key_id=f"{did}#{public.to_multikey()}")


ISSUER: Final = signer(3)
HOLDER: Final = signer(4)
NOW: Final = datetime.now(UTC)
CLAIMS: Final[dict[str, Json]] = {"name": "Sally", "city": "Leeds", "car": {"model": "Dart"}}


async def credential(**changes: Json) -> str:
    """A credential with three claims disclosed and one decoy."""
    claims, disclosures = hide(
        CLAIMS, [("name",), ("city",), ("nickname",), ("car", "model")], salts=lambda: secrets.token_bytes(16)
    )
    registered: dict[str, Json] = {
        "iss": ISSUER.key_id.partition("#")[0],
        "vct": "urn:example:card",
        "iat": timestamp(NOW - timedelta(days=1)),
        "exp": timestamp(NOW + timedelta(days=1)),
        "cnf": {"jwk": HOLDER.public.to_jwk()},
        "_sd_alg": "sha-256",
    }
    signed = await sign_compact(registered | claims | changes, typ="dc+sd-jwt", signer=ISSUER)
    return "~".join((signed, *disclosures, ""))


async def presentation() -> str:
    """Only the name is shown, to one verifier."""
    signed, name, *_ = (await credential()).split("~")
    return await bind(f"{signed}~{name}~", nonce="n-1", audience="https://shop.example", now=NOW, signer=HOLDER)


def run(text: str, *words: str) -> Result:
    """In a thread, since a command runs an event loop of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(CliRunner().invoke, didkit, ["credential", "inspect", "-", *words], input=text).result()


def told(text: str, *words: str) -> Any:
    result = run(text, "--json", *words)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


async def test_a_credential_is_laid_open_with_its_disclosures_in_their_places() -> None:
    seen = told(await credential())
    assert seen["kind"] == "credential (SD-JWT VC)"
    assert {name: seen["payload"][name] for name in CLAIMS} == CLAIMS
    assert sorted(seen["disclosed"]) == ["car.model", "city", "name"]
    assert seen["hidden_digests"] == 1  # the decoy
    assert (seen["validity"]["state"], seen["key_binding"]) == ("running", None)
    assert "_sd" not in json.dumps(seen["payload"])


async def test_a_presentation_shows_what_is_kept_back_as_a_number_and_for_whom_it_was_made() -> None:
    seen = told(await presentation())
    assert (seen["disclosed"], seen["payload"]["name"]) == (["name"], "Sally")
    assert "city" not in seen["payload"]
    assert seen["hidden_digests"] == 3
    assert seen["key_binding"]["payload"]["aud"] == "https://shop.example"


async def test_it_says_first_that_nothing_was_verified_until_it_was() -> None:
    text = await presentation()
    assert run(text).output.startswith("NOTHING WAS VERIFIED")
    assert told(text)["verified"] == []
    verified = told(text, "--verify")
    assert len(verified["verified"]) == 3
    assert verified["notice"].startswith("Not judged")


@pytest.mark.parametrize(
    ("changes", "code"), [({"exp": 1_700_000_000}, "expired"), ({"nbf": 4_000_000_000}, "not-yet-valid")]
)
async def test_dates_are_shown_and_judged_only_when_asked_to(changes: dict[str, Json], code: str) -> None:
    text = await credential(**changes)
    assert told(text)["validity"]["state"] in {"over", "not yet valid"}
    refused = run(text, "--verify", "--json")
    assert (refused.exit_code, json.loads(refused.output)["error"]) == (4, code)


async def test_a_signature_that_does_not_fit_is_refused_only_when_asked_to(tmp_path: Path) -> None:
    other = tmp_path / "other.jwk"
    other.write_bytes(write_json(HOLDER.public.to_jwk()))
    text = await credential()
    refused = run(text, "--verify", "--issuer-key", str(other), "--json")
    assert (refused.exit_code, json.loads(refused.output)["error"]) == (4, "bad-signature")
    other.write_bytes(write_json(ISSUER.public.to_jwk()))
    assert told(text, "--verify", "--issuer-key", str(other))["verified"]
    assert run(text, "--issuer-key", str(other)).exit_code == 2


async def test_a_key_binding_over_other_disclosures_is_refused() -> None:
    signed, _, binding = (await presentation()).split("~")
    assert told(f"{signed}~{binding}")["key_binding"]  # laid open all the same
    refused = run(f"{signed}~{binding}", "--verify", "--json")
    assert json.loads(refused.output)["error"] == "bad-key-binding"


async def test_a_status_list_is_told_in_numbers() -> None:
    text = await create_status_list(
        {3: 1, 5: 1, 8: 2},
        size=1_024,
        bits=2,
        uri="https://issuer.example/status-lists/1",
        signer=ISSUER,
        now=NOW,
        ttl=timedelta(hours=1),
        lifetime=timedelta(days=1),
    )
    seen = told(text, "--verify")
    assert seen["kind"] == "status list"
    # Token Status List, 7.1: 0 is valid, 1 invalid, 2 suspended
    assert seen["status_list"] == {
        "bits": 2,
        "entries": 1_024,
        "by_status": {"valid": 1_021, "invalid": 2, "suspended": 1},
    }
    assert "characters" in seen["payload"]["status_list"]["lst"]


def forged(header: object, payload: object) -> str:
    return ".".join((b64url(write_json(header)), b64url(write_json(payload)), "AAAA"))


def test_what_verifying_would_refuse_to_read_is_still_shown() -> None:
    seen = told(forged({"alg": "none", "typ": "dc+sd-jwt", "x5c": ["AAAA"]}, {"a": 1}) + "~")
    assert (seen["header"]["alg"], seen["payload"]) == ("none", {"a": 1})
    assert run(forged({"alg": "none", "typ": "dc+sd-jwt"}, {"iss": "did:web:x.example"}), "--verify").exit_code in {
        4,
        5,
    }


def test_what_plays_tricks_with_a_terminal_is_escaped() -> None:
    shown = run(forged({"alg": "none"}, {"a": "\x1b[2J\u202e\x9b"})).output
    assert {"\x1b", "\u202e", "\x9b"}.isdisjoint(shown)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no token",
        "a.b.c",
        "é.é.é",
        forged([], {}),
        forged({}, []),
        forged({}, {"a": 1}) + "~!~",
        forged({}, {"_sd": 7}) + "~",
        forged({}, {"_sd": ["x", "x"]}) + "~",
        forged({}, {"exp": "soon"}),
        forged({}, {"a": 1}) + "~W10~",
        forged({"typ": "statuslist+jwt"}, {"status_list": {"bits": 3, "lst": "AAAA"}}),
        forged({"typ": "statuslist+jwt"}, {"status_list": {"bits": 2, "lst": "AAAA"}}),
        forged({"typ": "statuslist+jwt"}, {}),
        forged({}, {"a": 1}) + "~" * 300,
        "x" * 3_000_000,
    ],
    ids=range(16),
)
def test_hostile_input_ends_in_plain_words(text: str) -> None:
    result = run(text)
    assert result.exit_code in {3, 4}, result.output
    assert result.output.startswith("error ")
    assert "Traceback" not in result.output

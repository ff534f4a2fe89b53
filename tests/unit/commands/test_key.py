"""`didkit-py key` and `didkit-py did`, with the keys that the standards print."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from click.testing import CliRunner, Result

from didkit_py.command import didkit
from didkit_py.commands import did as did_commands
from didkit_py.dids.document import create_document, keys_of_document
from didkit_py.dids.web import web_did
from didkit_py.errors import BadDidDocument, ForbiddenAddress, Unreachable
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.service.setup.keyfile import create_unlock, open_keyfile, read_unlock

# RFC 8037, A.1 to A.3: a private key, and the thumbprint of its public part.
PRIVATE: Final = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
PUBLIC: Final = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
THUMBPRINT: Final = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
SPEC_DID: Final = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"  # did:key, 1


def run(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(didkit, words, input=stdin)


def told(*words: str, stdin: str | None = None) -> Any:
    result = run(*words, "--json", stdin=stdin)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


@pytest.fixture
def jwk(tmp_path: Path) -> Path:
    file = tmp_path / "key.jwk"
    file.write_text(json.dumps({**PUBLIC, "d": PRIVATE}))
    return file


def test_a_key_is_shown_as_the_standard_prints_it_without_its_private_part(jwk: Path) -> None:
    shown = told("key", "show", str(jwk))
    assert (shown["jwk"], shown["thumbprint"]) == (PUBLIC, THUMBPRINT)
    for result in (run("key", "show", str(jwk)), run("key", "show", str(jwk), "--json")):
        assert PRIVATE not in result.output
    assert told("key", "show", "-", stdin=json.dumps(PUBLIC))["thumbprint"] == THUMBPRINT


def test_the_private_part_is_shown_only_to_who_asks_for_it(jwk: Path) -> None:
    assert told("key", "show", str(jwk), "--private")["private_jwk"]["d"] == PRIVATE
    refused = run("key", "show", "-", "--private", stdin=json.dumps(PUBLIC))
    assert (refused.exit_code, "no private key" in refused.output) == (3, True)


def test_a_private_part_of_another_key_is_refused() -> None:
    other = json.dumps({**PUBLIC, "d": "A" * 42 + "E"})
    assert "belongs to another key" in run("key", "show", "-", stdin=other).output


@pytest.mark.parametrize("alg", ["ES256", "EdDSA"])
def test_a_new_key_is_its_owners_alone_and_never_replaces_one(tmp_path: Path, alg: str) -> None:
    file = tmp_path / "new.jwk"
    made = told("key", "new", str(file), "--alg", alg)
    assert file.stat().st_mode & 0o777 == 0o600
    assert {name: made[name] for name in ("jwk", "thumbprint", "did")} == told("key", "show", str(file))
    again = run("key", "new", str(file), "--json")
    assert (again.exit_code, json.loads(again.output)["error"]) == (4, "file-exists")
    assert told("key", "show", str(file))["thumbprint"] == made["thumbprint"]
    assert run("key", "new", str(tmp_path / "nowhere" / "x")).exit_code == 3


def test_sealed_keys_are_such_as_the_programs_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("didkit_py.keys.sealed.MEMORY_BYTES", 8_192)
    monkeypatch.setattr("didkit_py.keys.sealed.PASSES", 1)
    sealed, unlock = tmp_path / "keys.sealed", tmp_path / "unlock.key"
    create_unlock(unlock)
    made = told("key", "new", str(sealed), "--unlock-file", str(unlock))
    assert open_keyfile(sealed, unlock=read_unlock(unlock)).public.thumbprint == made["thumbprint"]
    shown = run("key", "show", str(sealed), "--unlock-file", str(unlock))
    assert made["did"] in shown.output
    assert unlock.read_text().strip() not in shown.output


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"kty": "OKP"}', '{"kty": "RSA", "n": "AQAB", "e": "AQAB"}', "x" * 20_000]
)
def test_what_is_no_key_is_an_error_and_no_crash(content: str) -> None:
    for words in (("key", "show", "-"), ("did", "key", "-")):
        assert run(*words, stdin=content).exit_code == 3


# DIDs


def test_a_key_has_a_did_key_that_resolves_to_it(jwk: Path) -> None:
    named = told("did", "key", str(jwk))
    for did in named.values():
        document = told("did", "resolve", did)
        assert document["id"] == did
        (method,) = document["verificationMethod"]
        assert method["publicKeyJwk"] == dict(sorted(PUBLIC.items()))
        assert document["assertionMethod"] == [method["id"]]


def test_the_did_key_of_the_specification_resolves() -> None:
    (method,) = told("did", "resolve", SPEC_DID)["verificationMethod"]
    assert method["id"] == f"{SPEC_DID}#{SPEC_DID.removeprefix('did:key:')}"
    assert method["publicKeyJwk"]["crv"] == "Ed25519"


def test_an_address_has_a_did_web() -> None:
    # did:web, 3.2: a port's colon is percent-encoded, a path's slashes become colons.
    assert told("did", "web", "https://w3c-ccg.github.io")["did"] == "did:web:w3c-ccg.github.io"
    found = told("did", "web", "https://example.com:3000/user/alice")
    assert found["did"] == "did:web:example.com%3A3000:user:alice"
    assert found["document"] == "https://example.com:3000/user/alice/did.json"
    assert run("did", "web", "http://example.com").exit_code == 3


@pytest.mark.parametrize("did", ["", "did:web", "did:ion:x", "did:key:z6Mk", "did:web:localhost/../x", "did:jwk:e30"])
def test_what_is_no_did_is_an_error_and_no_crash(did: str) -> None:
    assert run("did", "resolve", did).exit_code == 3


async def test_a_did_web_is_fetched_where_it_may_be_and_must_describe_itself() -> None:
    async with TestServer(web.Application(), host="127.0.0.1") as idle:
        origin = f"http://127.0.0.1:{idle.port}"
        with pytest.raises(ForbiddenAddress):
            await did_commands.fetch_or_derive(web_did(origin), ())
        with pytest.raises(Unreachable):
            await did_commands.fetch_or_derive(web_did(origin), (origin,))
    documents: dict[str, Any] = {}

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(documents)

    app = web.Application()
    app.router.add_get("/.well-known/did.json", answer)
    async with TestServer(app, host="127.0.0.1") as server:
        origin = f"http://127.0.0.1:{server.port}"
        public = SoftwareSigner.from_secret(bytes([5] * 32)).public
        documents |= create_document(web_did(origin), {"key-1": public})
        found = await did_commands.fetch_or_derive(web_did(origin), (origin,))
        assert keys_of_document(found, did=web_did(origin)).id == web_did(origin)
        documents["id"] = "did:web:other.example"
        with pytest.raises(BadDidDocument):
            await did_commands.fetch_or_derive(web_did(origin), (origin,))

"""The commands, as another process would call them: what they print, and how they end."""

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from didkit_py.dids.methods import read_document
from didkit_py.encoding import rfc3339
from didkit_py.errors import BadSignature, BadTerms, Untrusted
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.terms.document import create_signatory_statement, parse_terms, verify_terms
from didkit_py.trust import TrustedIssuer, verify_trust_list
from issuer.cli import group
from tests.e2e.issuer.office import DEALER, NOW, STANDING, Clock, open_office
from tools.make_members import TARGET, make_rows

TERMS = Path(__file__).resolve().parents[3] / "examples" / "terms"


def run(*words: object, code: int = 0) -> Any:
    result = CliRunner().invoke(group, [*map(str, words), "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def values(tmp_path: Path, content: object) -> Path:
    file = tmp_path / "values.json"
    file.write_text(json.dumps(content))
    return file


def test_init_makes_a_folder_for_its_owner_alone(founded: Path) -> None:
    names = {file.name for file in founded.iterdir()}
    assert names == {"settings.toml", "keys.sealed", "unlock.key", "operator.hash"}
    assert stat.S_IMODE(founded.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in founded.iterdir()} == {0o600}


def test_init_leaves_a_folder_in_use_as_it_is(founded: Path, tmp_path: Path) -> None:
    before = (founded / "keys.sealed").read_bytes()
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("long enough")
    words = ["init", founded, "--name", "X", "--base-url", "http://localhost:1", "--port", 1, "--types", "contact"]

    refused = run(*words, "--operator-passphrase-file", passphrase, code=4)

    assert refused["error"] == "folder-in-use"
    assert (founded / "keys.sealed").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"--types": "contact,nonsense"}, "bad-template"),
        ({"--base-url": "http://issuer.example"}, "bad-settings"),
        ({"--base-url": "http://localhost:1/path"}, "bad-settings"),
        ({"--loopback-origin": "http://10.0.0.1:80"}, "bad-settings"),
    ],
)
def test_init_with_a_wrong_setting_makes_nothing(tmp_path: Path, change: dict[str, str], error: str) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("long enough")
    given = {"--name": "X", "--base-url": "http://localhost:1", "--port": "1", "--types": "contact"} | change
    words = [word for pair in given.items() for word in pair]

    refused = run("init", tmp_path / "x", *words, "--operator-passphrase-file", passphrase, code=3)

    assert refused["error"] == error
    assert not (tmp_path / "x").exists()


def test_init_wants_a_passphrase_worth_the_name(tmp_path: Path) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("short\n")
    words = ["init", tmp_path / "x", "--name", "X", "--base-url", "http://localhost:1", "--port", 1]
    assert run(*words, "--types", "contact", "--operator-passphrase-file", passphrase, code=3)["error"] == "malformed"


def test_a_folder_without_an_issuer_says_how_to_make_one(tmp_path: Path) -> None:
    refused = run("offers", tmp_path, code=4)
    assert refused["error"] == "not-found"
    assert "init" in refused["hint"]


def test_import_counts_and_names_rows_and_the_second_time_makes_nothing(folder: Path, tmp_path: Path) -> None:
    good = sum(not row.mistake and row.octets != b"" for row in make_rows())
    bad = sum(bool(row.mistake) for row in make_rows())

    dry = run("import", folder, TARGET, "--dry-run")
    first = run("import", folder, TARGET, "--codes-out", tmp_path / "codes.csv")
    again = run("import", folder, TARGET)

    assert (dry["created"], dry["batch"], len(dry["rejected"])) == (good, None, bad)
    assert (first["created"], first["unchanged"], len(first["rejected"])) == (good, 0, bad)
    assert (again["created"], again["unchanged"]) == (0, good)
    assert {"line", "column", "reason"} == set(first["rejected"][0])
    offers = {row["offer_id"]: row for row in run("offers", folder)}
    codes = [line.split(",") for line in (tmp_path / "codes.csv").read_text().splitlines()[1:]]
    assert {(member, offers[offer_id]["reference"]) for member, offer_id, _ in codes} == {
        (member, member) for member, _, _ in codes
    }
    assert set(offers[codes[0][1]]) >= {"offer_id", "type", "reference", "state", "link", "offer_uri"}


def test_import_without_a_file_for_codes_makes_nothing(folder: Path) -> None:
    assert run("import", folder, TARGET, code=3)["error"] == "bad-import"
    assert run("offers", folder) == []


def test_offer_prints_link_and_code_and_the_list_has_no_code(folder: Path, tmp_path: Path) -> None:
    made = run("offer", folder, "insurer-good-standing", "--values", values(tmp_path, STANDING))

    assert set(made) == {"offer_id", "link", "offer_uri", "tx_code"}
    assert made["offer_uri"].endswith(f"/credential-offers/{made['offer_id']}")
    listed = CliRunner().invoke(group, ["offers", str(folder), "--json"]).stdout
    assert made["tx_code"] not in listed.replace(made["offer_id"], "")


def test_the_same_claim_for_the_same_reference_is_offered_once(folder: Path, tmp_path: Path) -> None:
    words = ["offer", folder, "insurer-good-standing", "--values", values(tmp_path, STANDING), "--reference", "7"]
    run(*words)
    assert run(*words, code=4)["error"] == "illegal-move"


@pytest.mark.parametrize(
    ("kind", "content", "more"),
    [
        ("contact", {}, []),
        ("insurer-good-standing", {**STANDING, "standing": "splendid"}, []),
        ("insurer-good-standing", {**STANDING, "policy_number": "1"}, []),
        ("insurer-good-standing", STANDING, ["--subject", "did:web:x.example"]),
        ("authorized-dealer", DEALER, []),
        ("insurer-good-standing", [1], []),
    ],
)
def test_an_offer_that_does_not_fit_its_type_is_refused(
    folder: Path, tmp_path: Path, kind: str, content: object, more: list[str]
) -> None:
    refused = run("offer", folder, kind, "--values", values(tmp_path, content), *more, code=3)
    assert refused["hint"]
    assert "splendid" not in json.dumps(refused)
    assert run("offers", folder) == []


async def test_terms_are_published_byte_for_byte_and_named_by_their_content(folder: Path, clock: Clock) -> None:
    async with open_office(folder, clock) as office:
        published = await office.parts.publications.publish_terms(TERMS, now=NOW)
        again = await office.parts.publications.publish_terms(TERMS, now=NOW)
        assert published == again
        assert await office.parts.publications.terms() == (published,)

        document = parse_terms((await office.get(published.url.removeprefix(office.url))).body)
        layers = {}
        for layer in document.layers:
            answer = await office.get(layer.href.removeprefix(office.url))
            assert answer.headers["Content-Type"].startswith("text/")
            layers[layer.digest] = answer.body
        did = read_document(office.parts.did, (await office.get("/.well-known/did.json")).body)
        verified = verify_terms(document, layers=layers, publisher=did)

    assert verified.document.id == published.id
    assert sorted(verified.layers.values()) == sorted(
        (TERMS / name).read_bytes() for name in ("plain.en.md", "full.en.txt")
    )


def test_one_changed_byte_makes_another_document_of_the_same_name(folder: Path, tmp_path: Path) -> None:
    first = run("terms", "publish", folder, TERMS)
    draft = tmp_path / "draft"
    draft.mkdir()
    for file in TERMS.iterdir():
        (draft / file.name).write_bytes(file.read_bytes())
    (draft / "plain.en.md").write_bytes((TERMS / "plain.en.md").read_bytes().replace(b"not", b"now", 1))

    second = run("terms", "publish", folder, draft)

    assert (first["family"], first["version"]) == (second["family"], second["version"])
    assert first["id"] != second["id"]
    assert {row["id"] for row in run("terms", "list", folder)} == {first["id"], second["id"]}


def test_terms_whose_texts_stand_elsewhere_are_refused(folder: Path, tmp_path: Path) -> None:
    draft = tmp_path / "draft"
    draft.mkdir()
    text = (TERMS / "terms.json").read_text()
    (draft / "terms.json").write_text(text.replace("plain.en.md", "../../etc/passwd"))
    assert run("terms", "publish", folder, draft, code=3)["error"] == "bad-import"
    (draft / "terms.json").write_text(text)
    assert run("terms", "publish", folder, draft, code=3)["error"] == "bad-import"


async def test_the_trust_list_names_issuers_and_terms_and_is_signed_anew_when_it_changes(
    folder: Path, clock: Clock
) -> None:
    async with open_office(folder, clock) as office:
        empty = await office.get("/trust-list")
        await office.parts.publications.publish_terms(TERMS, now=NOW)
        publisher = read_document(office.parts.did, (await office.get("/.well-known/did.json")).body)
        assert verify_trust_list(empty.text, publisher=publisher, now=NOW, key_sources=KEY_SOURCES).issuers == {}
        with_terms = verify_trust_list(
            (await office.get("/trust-list")).text, publisher=publisher, now=NOW, key_sources=KEY_SOURCES
        )
        (terms,) = await office.parts.publications.terms()
        assert [(each.id, each.url) for each in with_terms.terms] == [(terms.id, terms.url)]


def test_trusting_an_issuer_replaces_what_was_said_of_it(folder: Path) -> None:
    words = ["trust", "add", folder, "--id", "did:web:union.example", "--name", "Union"]
    run(*words, "--vct", "urn:a", "--vct", "urn:b")
    run(*words, "--vct", "urn:b", "--status-lists", "https://union.example/status-lists")

    assert run("trust", "list", folder) == [
        {
            "id": "did:web:union.example",
            "name": "Union",
            "vcts": ["urn:b"],
            "status_lists": "https://union.example/status-lists",
        }
    ]
    assert run(*words, "--vct", "urn:b", "--status-lists", "ftp://x", code=3)["error"] == "malformed"


async def test_an_issuer_that_is_taken_off_the_list_is_not_on_the_next_one_that_is_fetched(
    folder: Path, clock: Clock
) -> None:
    union = TrustedIssuer(id="did:web:union.example", name="Union", vcts=frozenset({"urn:a"}), status_lists=None)
    async with open_office(folder, clock) as office:
        publisher = read_document(office.parts.did, (await office.get("/.well-known/did.json")).body)
        await office.parts.publications.trust(union)
        before = verify_trust_list(
            (await office.get("/trust-list")).text, publisher=publisher, now=NOW, key_sources=KEY_SOURCES
        )
        assert [*before.issuers] == [union.id]
        removed = await asyncio.to_thread(run, "trust", "remove", folder, "--id", union.id)
        assert removed == {"id": union.id}
        after = verify_trust_list(
            (await office.get("/trust-list")).text, publisher=publisher, now=NOW, key_sources=KEY_SOURCES
        )
        assert after.issuers == {}
        with pytest.raises(Untrusted):
            after.require(union.id, "urn:a")
        again = await asyncio.to_thread(run, "trust", "remove", folder, "--id", union.id, code=4)
        assert again["error"] == "not-found"


def test_revoking_what_was_never_issued_is_refused(folder: Path, tmp_path: Path) -> None:
    made = run("offer", folder, "insurer-good-standing", "--values", values(tmp_path, STANDING))
    for name in (made["offer_id"], "nothing"):
        assert run("revoke", folder, name, code=4)["error"] == "not-found"
    assert run("issued", folder) == []


async def test_a_signature_under_terms_is_verified_before_it_is_confirmed(
    folder: Path, clock: Clock, business: SoftwareSigner
) -> None:
    async with open_office(folder, clock) as office:
        terms = await office.parts.publications.publish_terms(TERMS, now=NOW)
        did = business.key_id.partition("#")[0]
        signature = await create_signatory_statement(terms.id, signed_at=NOW, signer=business)
        said: dict[str, Any] = {
            "terms": {"id": terms.id, "family": terms.family, "version": terms.version},
            "signature": signature,
            "signedAt": rfc3339(NOW),
            "level": "reviewed",
        }
        impostor = SoftwareSigner.from_secret(bytes([3] * 32), key_id=business.key_id)
        other = await create_signatory_statement("ni:///sha-256;" + "A" * 43, signed_at=NOW, signer=business)
        wrong = [
            {**said, "signature": await create_signatory_statement(terms.id, signed_at=NOW, signer=impostor)},
            {**said, "signature": other},
            {**said, "signedAt": "2026-01-01T00:00:00Z"},
            {**said, "terms": {**said["terms"], "version": "2.0"}},
            {**said, "terms": {**said["terms"], "id": "ni:///sha-256;" + "A" * 43}},
        ]
        for content in wrong:
            with pytest.raises((BadTerms, BadSignature)):
                await office.offer("terms-signatory", content, subject=did)
        assert (await office.parts.store.counts(now=NOW)).total == 0

        assert (await office.offer("terms-signatory", said, subject=did)).code

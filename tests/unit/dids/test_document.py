"""Which key speaks for a DID, for which purpose, and what a document may not say."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from didkit_py.dids.document import create_document, did_of, keys_of_document
from didkit_py.encoding import Json
from didkit_py.errors import BadDid, BadDidDocument, Malformed, UnknownKey, Untrusted
from didkit_py.keys.party import KeyPurpose, PartyKeys
from didkit_py.keys.signer import SoftwareSigner

DID = "did:web:bose.example"
KEY = SoftwareSigner.from_secret(bytes(31) + b"\x01").public
OTHER = SoftwareSigner.from_secret(bytes(31) + b"\x02", alg="EdDSA").public
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def method(name: str, **members: object) -> dict[str, Any]:
    return {"id": name, "type": "JsonWebKey", "controller": DID, "publicKeyJwk": KEY.to_jwk(), **members}


def document(*methods: dict[str, Any], **members: Any) -> PartyKeys:
    return keys_of_document({"id": DID, "verificationMethod": list(methods), **members}, did=DID)


def test_what_we_publish_is_what_we_read() -> None:
    written = create_document(DID, {"sign-1": KEY, "sign-2": OTHER})
    read = keys_of_document(written, did=DID)
    assert read.key(f"{DID}#sign-1", KeyPurpose.ASSERTION) == KEY
    assert read.key(f"{DID}#sign-2", KeyPurpose.AUTHENTICATION) == OTHER
    with pytest.raises(UnknownKey):
        read.key(f"{DID}#sign-1", KeyPurpose.KEY_AGREEMENT)


def test_a_document_of_another_did_is_refused() -> None:
    with pytest.raises(BadDidDocument):
        keys_of_document({"id": "did:web:clearsound.example"}, did=DID)


def test_a_key_serves_only_the_purposes_that_list_it() -> None:
    read = document(method(f"{DID}#a"), authentication=[f"{DID}#a"])
    assert read.key(f"{DID}#a", KeyPurpose.AUTHENTICATION) == KEY
    with pytest.raises(UnknownKey):
        read.key(f"{DID}#a", KeyPurpose.ASSERTION)


def test_relative_ids_belong_to_the_document_they_stand_in() -> None:
    read = document(method("#a"), assertionMethod=["#a"])
    assert read.key(f"{DID}#a", KeyPurpose.ASSERTION) == KEY
    assert read.key("#a", KeyPurpose.ASSERTION) == KEY


def test_an_embedded_method_serves_only_where_it_stands() -> None:
    read = document(assertionMethod=[method("#a")])
    assert read.key("#a", KeyPurpose.ASSERTION) == KEY
    with pytest.raises(UnknownKey):
        read.key("#a", KeyPurpose.AUTHENTICATION)


def test_no_kid_is_enough_only_where_one_key_serves() -> None:
    one = document(method("#a"), method("#b"), assertionMethod=["#a"])
    two = document(method("#a"), method("#b"), assertionMethod=["#a", "#b"])
    assert one.key(None, KeyPurpose.ASSERTION) == KEY
    with pytest.raises(UnknownKey):
        two.key(None, KeyPurpose.ASSERTION)


def test_a_method_with_another_controller_still_counts() -> None:
    read = document(method("#a", controller="did:web:group.example"), assertionMethod=["#a"])
    assert set(read.keys) == {f"{DID}#a"}


@pytest.mark.parametrize(
    "unusable",
    [
        method("#a", type="RsaVerificationKey2018"),
        method("#a", publicKeyJwk={"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}),
        method("#a", publicKeyJwk={**KEY.to_jwk(), "d": "AQ"}),
        method("#a", type="Multikey", publicKeyMultibase="zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme"),
        method("#a", revoked="2026-01-01T00:00:00Z"),
        method("#a", expires="someday"),
        method("did:web:clearsound.example#a"),
    ],
    ids=["type", "curve", "private", "codec", "revoked", "unreadable-expiry", "foreign-id"],
)
def test_an_unusable_method_is_passed_over_and_the_others_stay(unusable: dict[str, Any]) -> None:
    read = document(unusable, method("#b"), assertionMethod=[unusable["id"], "#b"])
    assert read.key("#b", KeyPurpose.ASSERTION) == KEY
    with pytest.raises(UnknownKey):
        read.key(unusable["id"], KeyPurpose.ASSERTION)


@pytest.mark.parametrize(
    "foreign",
    [
        {"id": "urn:uuid:1", "type": "X", "controller": DID},  # K16
        *({"id": name, "type": "JsonWebKey", "controller": DID} for name in ("https://x.example/#k", "#", "k", "", 7)),
        {"type": "JsonWebKey"},
        *("did:web:x.example#k", "k", 7, None, [], {}),
        {**method("#b"), "id": "urn:uuid:1"},
        method("#c", expires="9999-12-31T23:59:59-23:59"),
        method("#c", type=["JsonWebKey"], publicKeyJwk="x"),
        method("#c", controller=7),
    ],
    ids=lambda foreign: str(foreign)[:40],
)
def test_a_foreign_entry_spoils_no_other(foreign: Any) -> None:
    listed: dict[str, Any] = {"verificationMethod": [foreign, foreign, method("#b")], "assertionMethod": ["#b"]}
    embedded: dict[str, Any] = {"verificationMethod": [method("#b")], "assertionMethod": [foreign, "#b", foreign]}
    around = {"@context": [7], "alsoKnownAs": {"a": 1}, "service": ["x"], "controller": [DID], "proof": None}
    for members in (listed, embedded, {**listed, **around}):
        read = keys_of_document({"id": DID, **members}, did=DID)
        assert read.key("#b", KeyPurpose.ASSERTION, now=NOON) == KEY
        assert read.key(None, KeyPurpose.ASSERTION, now=NOON) == KEY


def test_an_id_that_two_different_methods_have_names_neither() -> None:
    twice = [method("#a"), method("#a", publicKeyJwk=OTHER.to_jwk()), method("#b")]
    read = document(*twice, assertionMethod=["#a", "#b"])
    assert read.key("#b", KeyPurpose.ASSERTION) == KEY
    assert read.key(None, KeyPurpose.ASSERTION) == KEY
    with pytest.raises(UnknownKey):
        read.key("#a", KeyPurpose.ASSERTION)


def test_a_method_that_stands_embedded_for_two_purposes_serves_both() -> None:
    read = document(assertionMethod=[method("#a")], authentication=[method("#a")])
    assert read.key("#a", KeyPurpose.ASSERTION) == read.key("#a", KeyPurpose.AUTHENTICATION) == KEY


@pytest.mark.parametrize("members", [{"deactivated": True}, {"didDocumentMetadata": {"deactivated": True}}])
def test_no_key_of_a_deactivated_document_serves(members: dict[str, Any]) -> None:
    read = document(method("#a"), assertionMethod=["#a"], **members)
    with pytest.raises(Untrusted, match="withdrawn") as caught:
        read.key("#a", KeyPurpose.ASSERTION)
    assert caught.value.reason == "did-deactivated"


def test_members_that_are_null_count_as_absent() -> None:
    jwk = {**KEY.to_jwk(), "alg": None, "use": None, "key_ops": None, "d": None}
    none = {"deactivated": None, "authentication": None, "keyAgreement": None, "didDocumentMetadata": None}
    read = document(method("#a", expires=None, revoked=None, publicKeyJwk=jwk), assertionMethod=["#a"], **none)
    assert read.key("#a", KeyPurpose.ASSERTION) == KEY


def test_a_key_with_an_end_serves_until_then_and_only_who_says_the_time() -> None:
    read = document(method("#a", expires="2026-11-21T12:00:00Z"), assertionMethod=["#a"])
    assert read.key("#a", KeyPurpose.ASSERTION, now=NOON - timedelta(seconds=1)) == KEY
    for now in (NOON, None):
        with pytest.raises(UnknownKey):
            read.key("#a", KeyPurpose.ASSERTION, now=now)


@pytest.mark.parametrize(
    "members",
    [
        {"verificationMethod": [method("#a"), method(f"{DID}#a")]},
        {"verificationMethod": [method("#a")], "assertionMethod": [method("#a", publicKeyJwk=OTHER.to_jwk())]},
    ],
)
def test_two_methods_of_one_name_are_refused(members: dict[str, Any]) -> None:
    with pytest.raises(BadDidDocument):
        keys_of_document({"id": DID, **members}, did=DID)


@pytest.mark.parametrize(
    "body",
    [[], {"id": 1}, {"id": DID, "verificationMethod": {}}, {"id": DID, "verificationMethod": ["#a"]}],
)
def test_a_document_of_another_shape_is_malformed(body: Json) -> None:
    with pytest.raises(Malformed):
        keys_of_document(body, did=DID)


def test_the_did_of_a_url_is_what_stands_before_path_query_and_fragment() -> None:
    for text in (DID, f"{DID}#a", f"{DID}/path?x=1#a", f"{DID}?x=1"):
        assert did_of(text) == DID


@pytest.mark.parametrize("text", ["", "did:", "did:web", "did:WEB:a", "https://bose.example", "did:web:a b", "#a"])
def test_what_is_no_did_is_refused(text: str) -> None:
    with pytest.raises(BadDid):
        did_of(text)

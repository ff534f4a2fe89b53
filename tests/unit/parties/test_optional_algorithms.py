"""A party's keys of an algorithm that only a setting lets in count where it does, and nowhere else."""

import pytest

from didkit_py.dids.document import create_document
from didkit_py.dids.jwk import jwk_did
from didkit_py.encoding import write_json
from didkit_py.errors import UnknownKey
from didkit_py.keys.party import KeyPurpose
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.parties.table import KEY_SOURCES

ISSUER = "did:web:insurer.example"
LATTICE = SoftwareSigner.from_secret(bytes(31) + b"\x01", alg="ML-DSA-44", key_id=f"{ISSUER}#new")
CURVE = SoftwareSigner.from_secret(bytes(31) + b"\x01", key_id=f"{ISSUER}#old")
ACCEPTING = KEY_SOURCES.accepting(["ML-DSA-44"])


def test_a_document_keeps_its_other_keys() -> None:
    body = write_json(create_document(ISSUER, {"new": LATTICE.public, "old": CURVE.public}))
    usual, more = KEY_SOURCES.keys_of(ISSUER, body), ACCEPTING.keys_of(ISSUER, body)
    assert set(usual.keys) == {f"{ISSUER}#old"}
    assert set(more.keys) == {f"{ISSUER}#old", f"{ISSUER}#new"}
    assert more.key(f"{ISSUER}#new", KeyPurpose.ASSERTION) == LATTICE.public
    with pytest.raises(UnknownKey):
        usual.key(f"{ISSUER}#new", KeyPurpose.ASSERTION)


def test_the_same_goes_for_a_did_that_is_the_key() -> None:
    did = jwk_did(LATTICE.public)
    assert ACCEPTING.keys_of(did).key("#0", KeyPurpose.ASSERTION) == LATTICE.public
    with pytest.raises(UnknownKey):
        KEY_SOURCES.keys_of(did).key("#0", KeyPurpose.ASSERTION)


def test_letting_it_in_changes_no_other_table() -> None:
    assert "ML-DSA-44" in ACCEPTING.rows[0].algorithms
    assert "ML-DSA-44" not in KEY_SOURCES.rows[0].algorithms

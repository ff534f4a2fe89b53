"""Who asks: DIDs are accepted, every other prefix of OpenID4VP 1.0 (5.9.3) is refused."""

import pytest

from didkit_py.errors import BadDid, BadRequestObject, Malformed
from didkit_py.oid4vp.client_id import client_id_of, parse_client_id
from didkit_py.oid4vp.request import fault
from didkit_py.parties.table import KEY_SOURCES


def test_a_did_is_read_with_its_prefix() -> None:
    client = parse_client_id("decentralized_identifier:did:web:dealer.example", key_sources=KEY_SOURCES)
    assert client.full == "decentralized_identifier:did:web:dealer.example"
    assert client.prefix == "decentralized_identifier"
    assert client.identifier == "did:web:dealer.example"
    assert client == client_id_of("did:web:dealer.example", key_sources=KEY_SOURCES)


@pytest.mark.parametrize(
    "text",
    [  # the examples of OpenID4VP 1.0, 5.9.3, and the two cases of 5.9.2
        "redirect_uri:https://client.example.org/cb",
        "openid_federation:https://federation-verifier.example.com",
        "verifier_attestation:verifier.example",
        "x509_san_dns:client.example.org",
        "x509_hash:Uvo3HtuIxuhC92rShpgqcT3YXwrqRxWEviRiA0OZszk",
        "origin:https://verifier.example.com",
        "example-client",
        "did:web:dealer.example",
        "Decentralized_identifier:did:web:dealer.example",
        " decentralized_identifier:did:web:dealer.example",
        "",
    ],
)
def test_a_client_that_is_no_did_is_not_authenticated(text: str) -> None:
    with pytest.raises(BadRequestObject) as caught:
        parse_client_id(text, key_sources=KEY_SOURCES)
    assert fault(caught.value) == "vrf.unauthenticated"


@pytest.mark.parametrize(
    "did",
    [
        "did:example:123",  # the example of the standard: a method that nobody resolves
        "did:web:Dealer.example",
        "did:web:dealer.example#key-1",
        "did:web:dealer.example?x=1",
        "dealer.example",
        "",
    ],
)
def test_a_did_that_we_cannot_read_is_not_authenticated(did: str) -> None:
    with pytest.raises(BadDid) as caught:
        parse_client_id(f"decentralized_identifier:{did}", key_sources=KEY_SOURCES)
    assert fault(caught.value) == "vrf.unauthenticated"


def test_a_client_id_has_a_bound() -> None:
    with pytest.raises(Malformed):
        parse_client_id("decentralized_identifier:did:key:z" + "a" * 5_000, key_sources=KEY_SOURCES)


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://dealer.example/oid4vp/response/1", True),
        ("https://DEALER.example:443/x", True),
        ("https://dealer.example:8443/x", False),
        ("https://dealer.example.evil.example/x", False),
        ("https://evil.example/dealer.example", False),
        ("https://www.dealer.example/x", False),
    ],
)
def test_a_did_web_speaks_for_its_own_origin_only(url: str, own: bool) -> None:  # noqa: FBT001
    assert client_id_of("did:web:dealer.example", key_sources=KEY_SOURCES).may_use(url) is own


def test_a_did_web_on_loopback_speaks_for_its_port() -> None:
    client = client_id_of("did:web:localhost%3A8101", key_sources=KEY_SOURCES)
    assert client.may_use("http://localhost:8101/x")
    assert not client.may_use("http://localhost:8102/x")

"""Links that start a presentation, and the form that fetches the request."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from didkit_py.encoding import read_json
from didkit_py.errors import BadRequestObject, Malformed, TooLarge
from didkit_py.formats.table import FORMATS
from didkit_py.oauth import InvalidRequestUriMethod
from didkit_py.oid4vp.client_id import parse_client_id
from didkit_py.oid4vp.request import (
    RequestLink,
    create_request_link,
    create_request_uri_form,
    fault,
    parse_request_link,
    parse_request_uri_form,
)
from didkit_py.parties.table import KEY_SOURCES

CLIENT = "decentralized_identifier:did:web:dealer.example"
URI = "https://dealer.example/oid4vp/requests/1"


def link(**parameters: str) -> str:
    return "openid4vp://?" + urlencode({"client_id": CLIENT, "request_uri": URI, **parameters})


def test_a_link_is_written_as_the_standard_spells_it() -> None:
    parts = urlsplit(create_request_link(parse_client_id(CLIENT, key_sources=KEY_SOURCES), URI))
    assert parts.scheme == "openid4vp"
    assert parse_qs(parts.query) == {"client_id": [CLIENT], "request_uri": [URI], "request_uri_method": ["post"]}


@pytest.mark.parametrize(
    "start",
    [
        "openid4vp://?",
        "openid4vp:?",
        "OPENID4VP://?",
        "https://wallet.example/answer?",
        "http://localhost:8200/answer?",
    ],
)
def test_a_link_is_read_from_every_place_that_offers_it(start: str) -> None:
    text = start + urlencode({"client_id": CLIENT, "request_uri": URI, "request_uri_method": "post", "other": "1"})
    assert parse_request_link(text, key_sources=KEY_SOURCES) == RequestLink(
        client_id=CLIENT, request_uri=URI, method="post"
    )


def test_without_a_method_the_request_is_fetched_by_get() -> None:
    assert parse_request_link(link(), key_sources=KEY_SOURCES).method == "get"
    assert parse_request_link(link(request_uri_method="get"), key_sources=KEY_SOURCES).method == "get"


@pytest.mark.parametrize("method", ["POST", "put", "Get"])
def test_another_method_has_an_error_of_its_own(method: str) -> None:
    with pytest.raises(InvalidRequestUriMethod):
        parse_request_link(link(request_uri_method=method), key_sources=KEY_SOURCES)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "openid4vp://",
        "openid4vp://?client_id",
        "http://wallet.example/?" + urlencode({"client_id": CLIENT, "request_uri": URI}),
        "javascript:alert(1)?" + urlencode({"client_id": CLIENT, "request_uri": URI}),
        "openid4vp://?" + urlencode({"client_id": CLIENT}),
        "openid4vp://?" + urlencode({"request_uri": URI}),
        "openid4vp://?" + urlencode([("client_id", CLIENT), ("request_uri", URI), ("request_uri", URI)]),
        "openid4vp://?client_id=%ff&request_uri=%ff",
        link(request_uri="http://dealer.example/1"),
        link(request_uri="https://user@dealer.example/1"),
        link(request_uri="https://dealer.example/1#part"),
        link(request_uri="file:///etc/passwd"),
        "https://[::1/?client_id=a",
    ],
)
def test_a_link_that_says_too_little_or_doubtful_things_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        parse_request_link(text, key_sources=KEY_SOURCES)


def test_a_link_has_a_bound() -> None:
    with pytest.raises(TooLarge):
        parse_request_link(link(state="a" * 9_000), key_sources=KEY_SOURCES)


def test_a_request_is_fetched_from_its_clients_own_origin_only() -> None:
    with pytest.raises(BadRequestObject) as caught:
        parse_request_link(link(request_uri="https://evil.example/1"), key_sources=KEY_SOURCES)
    assert fault(caught.value) == "req.origin"
    with pytest.raises(ValueError, match="own origin"):
        create_request_link(parse_client_id(CLIENT, key_sources=KEY_SOURCES), "https://evil.example/1")


def test_a_request_inside_the_link_is_refused() -> None:
    with pytest.raises(BadRequestObject):
        parse_request_link(link(request="eyJhbGciOiJub25lIn0.e30."), key_sources=KEY_SOURCES)


def test_what_a_wallet_posts_is_read_by_the_vendor() -> None:
    form = create_request_uri_form("qPmxiNFCR3QTm19POc8uAA", formats=FORMATS, key_sources=KEY_SOURCES)
    assert set(form) == {"wallet_metadata", "wallet_nonce"}
    read = parse_request_uri_form({**form, "unknown": "ignored"})
    assert read.wallet_nonce == "qPmxiNFCR3QTm19POc8uAA"
    formats = read.wallet_metadata["vp_formats_supported"]
    assert isinstance(formats, dict)
    assert list(formats) == ["dc+sd-jwt"]


def test_all_wallets_say_the_same_about_themselves() -> None:
    one, other = (
        create_request_uri_form("a" * 22, formats=FORMATS, key_sources=KEY_SOURCES),
        create_request_uri_form("b" * 22, formats=FORMATS, key_sources=KEY_SOURCES),
    )
    assert read_json(one["wallet_metadata"]) == read_json(other["wallet_metadata"])


def test_the_form_of_the_standard_is_read() -> None:
    # OpenID4VP 1.0, 5.10
    metadata = '{"vp_formats_supported":{"dc+sd-jwt":{"sd-jwt_alg_values": ["ES256"],"kb-jwt_alg_values": ["ES256"]}}}'
    form = parse_request_uri_form({"wallet_metadata": metadata, "wallet_nonce": "qPmxiNFCR3QTm19POc8u"})
    assert form.wallet_nonce == "qPmxiNFCR3QTm19POc8u"
    assert parse_request_uri_form({}).wallet_nonce is None


@pytest.mark.parametrize(
    "form",
    [
        {"wallet_nonce": ""},
        {"wallet_nonce": "a b"},
        {"wallet_nonce": "a" * 513},
        {"wallet_metadata": "{"},
        {"wallet_metadata": "[]"},
        {"wallet_metadata": '{"a":1,"a":2}'},
        {"wallet_metadata": '{"a":"' + "x" * 20_000 + '"}'},
    ],
)
def test_a_misshapen_form_is_malformed(form: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        parse_request_uri_form(form)

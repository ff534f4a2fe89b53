"""Receiving against an issuer in this process that answers with the real messages, honestly and otherwise."""

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest

from didkit_py.credentials.credential import Credential, StatusReference
from didkit_py.dids.document import create_document, keys_of_document
from didkit_py.dids.web import web_did
from didkit_py.encoding import Json, b64url, from_b64url, read_json, write_json
from didkit_py.errors import (
    BadAnswer,
    BadCredential,
    BadDidDocument,
    BadDisclosure,
    BadSignature,
    DidkitError,
    Expired,
    Malformed,
    NotYetValid,
    Rejected,
    Unavailable,
    UnknownKey,
    Unreachable,
    UnsupportedAlgorithm,
)
from didkit_py.formats.sd_jwt import parse_sd_jwt
from didkit_py.formats.sd_jwt_vc import SD_JWT_VC, bind, secure
from didkit_py.formats.table import FORMATS
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oauth import (
    CREDENTIAL_STATUS,
    TOKEN_STATUS,
    InvalidGrant,
    InvalidNonce,
    InvalidToken,
    UnknownCredentialConfiguration,
    UnsupportedGrantType,
    bearer_token,
)
from didkit_py.oid4vci.credential_request import CredentialRequest, CredentialResponse
from didkit_py.oid4vci.key_proof import verify_key_proofs
from didkit_py.oid4vci.metadata import BadMetadata, IssuerMetadata, ServerMetadata, create_configuration
from didkit_py.oid4vci.nonce import NonceResponse, create_nonce, verify_nonce
from didkit_py.oid4vci.offer import create_offer, create_offer_link
from didkit_py.oid4vci.token import TokenRequest, TokenResponse
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.reading import Reader
from didkit_py.roles.receiving import PreviewedOffer, Received, collect, preview, receive, redeem
from didkit_py.service.http.error_responses import wire_answer
from didkit_py.service.http.routing import RouteFacts

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
URL = "http://localhost:8101"
DID = "did:web:localhost%3A8101"
VCT = "https://types.example/contact"
CODE, TX_CODE, TOKEN = "the-code-of-the-offer", "493536", "the-access-token"
NONCE_KEY = bytes(range(32))
ISSUER_KEY = SoftwareSigner.from_secret(b"i" * 32, key_id=f"{DID}#key-1")
PERSON = tuple(SoftwareSigner.from_secret(bytes([n]) * 32) for n in range(1, 11))
VENDOR_DID = "did:web:vendor.example"
VENDOR = SoftwareSigner.from_secret(b"v" * 32, alg="EdDSA", key_id=f"{VENDOR_DID}#key-1")
LINK = create_offer_link(f"{URL}/credential-offers/1")


@dataclass(frozen=True, kw_only=True)
class Answer:
    body: bytes
    content_type: str = "application/json"
    status: int = 200


def as_json(value: object, status: int = 200) -> Answer:
    return Answer(body=write_json(value), status=status)


@dataclass
class Issuer:
    """An issuer at URL; tests replace what it would honestly say."""

    now: datetime = NOW
    for_business: bool = False
    metadata_changes: Mapping[str, Any] = field(default_factory=dict)
    instead: dict[str, Callable[[], Answer]] = field(default_factory=dict)  # path -> what is answered there
    credential_changes: Mapping[str, Any] = field(default_factory=dict)
    copy_changes: Callable[[int], Mapping[str, Any]] = lambda _: {}
    sends: Callable[[list[str]], Sequence[str]] = lambda texts: texts
    signer: SoftwareSigner = ISSUER_KEY
    spoiled_nonces: int = 0
    one_salt: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)
    _count: "itertools.count[int]" = field(default_factory=itertools.count)

    def random(self, size: int) -> bytes:
        return next(self._count).to_bytes(size, "big")

    async def get(self, url: str, *, max_bytes: int, accept: str | None = None) -> Answer:
        answer = await self._answer("GET", url, b"", {})
        if answer.status != 200:
            raise Unreachable(f"status {answer.status}")
        return answer

    async def post(
        self, url: str, *, body: bytes, content_type: str, max_bytes: int, headers: Mapping[str, str] | None = None
    ) -> Answer:
        return await self._answer("POST", url, body, dict(headers or {}) | {"Content-Type": content_type})

    async def _answer(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        assert url.startswith(URL), url
        path = url.removeprefix(URL)
        self.asked.append((method, path))
        if path in self.instead:
            return self.instead[path]()
        try:
            said = self.page(path) if method == "GET" else await self.endpoint(path, body, headers)
        except DidkitError as error:
            table = TOKEN_STATUS if path == "/token" else CREDENTIAL_STATUS
            status, name = wire_answer(error, RouteFacts(kind="wire", gives={}, errors=table))
            return as_json({"error": name}, status)
        return as_json(said)

    def page(self, path: str) -> object:
        server = ServerMetadata(issuer=URL, token_endpoint=f"{URL}/token", pre_authorized_anonymous=True)
        return {
            "/credential-offers/1": self.offer(),
            "/.well-known/openid-credential-issuer": self.metadata(),
            "/.well-known/oauth-authorization-server": server.to_json(),
            "/.well-known/did.json": create_document(DID, {"key-1": ISSUER_KEY.public}),
        }[path]

    async def endpoint(self, path: str, body: bytes, headers: Mapping[str, str]) -> object:
        if path == "/token":
            return self.token(body).to_json()
        if path == "/nonce":
            return NonceResponse(c_nonce=self.nonce()).to_json()
        assert path == "/credential"
        return (await self.credential(body, headers)).to_json()

    def offer(self) -> object:
        offer = create_offer(
            issuer=URL, configuration_ids=("contact",), pre_authorized_code=CODE, tx_code_description="By post."
        )
        return offer.to_json()

    def metadata(self) -> dict[str, Any]:
        contact = create_configuration(
            vct=VCT,
            title="Contact",
            description="How to reach you.",
            claims=[(("email",), "E-mail address")],
            for_business=self.for_business,
            signing_alg="ES256",
            in_format=SD_JWT_VC,
        )
        metadata = IssuerMetadata(
            issuer=URL,
            credential_endpoint=f"{URL}/credential",
            nonce_endpoint=f"{URL}/nonce",
            batch_size=10,
            configurations={"contact": contact},
        )
        return metadata.to_json(formats=FORMATS) | dict(self.metadata_changes)

    def nonce(self) -> str:
        return create_nonce(key=NONCE_KEY, now=self.now, random=self.random)

    def token(self, body: bytes) -> TokenResponse:
        request = TokenRequest.from_form(dict(parse_qsl(body.decode(), strict_parsing=True)))
        request.require_tx_code(expected=True)
        if (request.code, request.tx_code) != (CODE, TX_CODE):
            raise InvalidGrant(f"wrong codes: {request.code} {request.tx_code}")
        return TokenResponse(access_token=TOKEN, expires_in=3600)

    async def credential(self, body: bytes, headers: Mapping[str, str]) -> CredentialResponse:
        if bearer_token(headers.get("Authorization")) != TOKEN:
            raise InvalidToken("another token")
        request = CredentialRequest.from_json(read_json(body), batch_size=10)
        documents = {
            VENDOR_DID: keys_of_document(create_document(VENDOR_DID, {"key-1": VENDOR.public}), did=VENDOR_DID)
        }
        proven = verify_key_proofs(request.proofs, expected_audience=URL, parties=documents, now=self.now)
        verify_nonce(proven.nonce, key=NONCE_KEY, now=self.now)
        if self.spoiled_nonces:
            self.spoiled_nonces -= 1
            raise InvalidNonce("grew old")
        texts = [await self.copy(number, proof.key) for number, proof in enumerate(proven.proofs)]
        return CredentialResponse(credentials=tuple(self.sends(texts)))

    async def copy(self, number: int, key: PublicKey | None) -> str:
        credential = Credential(
            vct=VCT,
            vct_integrity="sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            issuer=DID,
            subject=None,
            claims={"email": "sally@example.com"},
            disclosable=(("email",),),
            issued_at=NOW.replace(hour=0),
            expires_at=NOW + timedelta(days=90),
            status=StatusReference(uri=f"{URL}/status-lists/0", index=number),
        )
        changes = {**self.credential_changes, **self.copy_changes(number)}
        holder = changes.pop("holder", key)
        secured = await secure(
            replace(credential, **changes),
            holder_key=holder,
            salts=lambda: bytes(16) if self.one_salt else self.random(16),
            signer=self.signer,
        )
        return secured.text


def now() -> datetime:
    return NOW


async def taken(issuer: Issuer, signers: Sequence[SoftwareSigner] = PERSON[:3]) -> Received:
    previewed = await preview(LINK, fetch=issuer, formats=FORMATS)
    return await receive(
        previewed, tx_code=TX_CODE, signers=signers, fetch=issuer, clock=now, formats=FORMATS, key_sources=KEY_SOURCES
    )


def bound_key(text: str) -> Json:
    return Reader(parse_sd_jwt(text).payload, at="credential").object("cnf").value("jwk")


async def test_a_preview_shows_who_offers_what_and_spends_nothing() -> None:
    issuer = Issuer()

    previewed = await preview(LINK, fetch=issuer, formats=FORMATS)

    assert previewed.titles == ("Contact",)
    assert previewed.offer.tx_code is not None
    assert previewed.offer.tx_code.description == "By post."
    assert {method for method, _ in issuer.asked} == {"GET"}


async def test_an_offer_by_value_is_previewed_without_fetching_it() -> None:
    issuer = Issuer()
    link = "openid-credential-offer://?credential_offer=" + quote(json.dumps(issuer.offer()))

    assert (await preview(link, fetch=issuer, formats=FORMATS)).offer.pre_authorized_code == CODE
    assert ("GET", "/credential-offers/1") not in issuer.asked


async def test_a_person_receives_ten_copies_each_bound_to_a_key_of_its_own() -> None:
    received = await taken(Issuer(), PERSON)

    assert received.configuration_id == "contact"
    assert [bound_key(text) for text in received.texts] == [signer.public.to_jwk() for signer in received.signers]
    assert {signer.public for signer in received.signers} == {signer.public for signer in PERSON}
    assert [each.claims["email"] for each in received.credentials] == ["sally@example.com"] * 10


async def test_copies_in_another_order_are_paired_by_key() -> None:
    received = await taken(Issuer(sends=lambda texts: texts[::-1]))

    assert received.signers == PERSON[2::-1]
    assert [bound_key(text) for text in received.texts] == [signer.public.to_jwk() for signer in received.signers]


async def test_a_business_receives_one_credential_bound_to_a_key_of_its_did() -> None:
    received = await taken(Issuer(for_business=True), [VENDOR])

    assert [bound_key(text) for text in received.texts] == [VENDOR.public.to_jwk()]


async def test_an_issuer_may_send_fewer_copies_than_keys_and_none_without_batches() -> None:
    assert len((await taken(Issuer(sends=lambda texts: texts[:2]))).texts) == 2
    metadata = {name: value for name, value in Issuer().metadata().items() if name != "batch_credential_issuance"}
    single = Issuer(instead={"/.well-known/openid-credential-issuer": lambda: as_json(metadata)})
    assert (await taken(single)).signers == PERSON[:1]


async def test_a_repeat_under_the_same_token_with_the_same_keys_works() -> None:
    issuer = Issuer()
    previewed = await preview(LINK, fetch=issuer, formats=FORMATS)
    token = await redeem(previewed, tx_code=TX_CODE, fetch=issuer)

    for _ in range(2):
        received = await collect(
            previewed, token, signers=PERSON[:2], fetch=issuer, clock=now, formats=FORMATS, key_sources=KEY_SOURCES
        )
        assert received.signers == PERSON[:2]
    assert issuer.asked.count(("POST", "/token")) == 1


async def test_a_nonce_that_grew_old_is_replaced_once() -> None:
    issuer = Issuer(spoiled_nonces=1)
    assert len((await taken(issuer)).texts) == 3
    assert issuer.asked.count(("POST", "/nonce")) == 2

    stubborn = Issuer(spoiled_nonces=2)
    with pytest.raises(InvalidNonce) as refused:
        await taken(stubborn)
    assert refused.value.reason == "invalid_nonce"
    assert stubborn.asked.count(("POST", "/credential")) == 2


async def test_a_wrong_transaction_code_is_refused_under_its_wire_name_without_the_codes() -> None:
    issuer = Issuer()
    previewed = await preview(LINK, fetch=issuer, formats=FORMATS)
    with pytest.raises(InvalidGrant) as refused:
        await receive(
            previewed,
            tx_code="000000",
            signers=PERSON,
            fetch=issuer,
            clock=now,
            formats=FORMATS,
            key_sources=KEY_SOURCES,
        )

    assert refused.value.reason == "invalid_grant"
    assert CODE not in str(refused.value)
    assert "000000" not in str(refused.value)
    assert ("POST", "/credential") not in issuer.asked


@pytest.mark.parametrize("tx_code", [None, "", "12345", "abcdef"])
async def test_a_transaction_code_that_cannot_be_right_costs_no_attempt(tx_code: str | None) -> None:
    issuer = Issuer()
    previewed = await preview(LINK, fetch=issuer, formats=FORMATS)
    with pytest.raises(Malformed, match="transaction code"):
        await redeem(previewed, tx_code=tx_code, fetch=issuer)
    assert ("POST", "/token") not in issuer.asked


async def test_identifiers_of_the_token_response_are_used_in_the_request() -> None:
    issuer = Issuer()
    previewed = await preview(LINK, fetch=issuer, formats=FORMATS)
    token = TokenResponse(access_token=TOKEN, identifiers={"contact": ("contact-2026",)})
    with pytest.raises(DidkitError) as refused:
        await collect(
            previewed, token, signers=PERSON[:1], fetch=issuer, clock=now, formats=FORMATS, key_sources=KEY_SOURCES
        )
    assert refused.value.reason == "unknown_credential_identifier"


SOMEONE = SoftwareSigner.from_secret(b"s" * 32)
ELSEWHERE = "did:web:localhost%3A8102"


@pytest.mark.parametrize(
    ("issuer", "error", "match"),
    [
        (lambda: Issuer(credential_changes={"vct": "https://types.example/other"}), BadCredential, "another type"),
        (lambda: Issuer(credential_changes={"issuer": ELSEWHERE}), BadCredential, "does not speak"),
        (
            lambda: Issuer(credential_changes={"issuer": "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"}),
            BadCredential,
            "does not speak",
        ),
        (lambda: Issuer(credential_changes={"issuer": URL}), DidkitError, "DID"),
        (lambda: Issuer(credential_changes={"expires_at": NOW}), Expired, "over"),
        (lambda: Issuer(credential_changes={"issued_at": NOW + timedelta(seconds=61)}), NotYetValid, "begun"),
        (lambda: Issuer(credential_changes={"holder": None}), BadCredential, "no key of ours"),
        (lambda: Issuer(credential_changes={"holder": SOMEONE.public}), BadCredential, "no key of ours"),
        (lambda: Issuer(credential_changes={"holder": PERSON[0].public}), BadCredential, "has its copy"),
        (lambda: Issuer(copy_changes=lambda n: {"claims": {"email": f"{n}@example.com"}}), BadCredential, "different"),
        (lambda: Issuer(copy_changes=lambda n: {"issuer": f"{DID}:tenant"} if n else {}), BadCredential, "different"),
        (lambda: Issuer(one_salt=True), BadCredential, "salt"),
        (lambda: Issuer(sends=lambda texts: [*texts, texts[0]]), BadCredential, "more credentials"),
        (lambda: Issuer(sends=lambda texts: [texts[0]] * 3), BadCredential, "has its copy"),
        (lambda: Issuer(signer=SoftwareSigner.from_secret(b"x" * 32, key_id=f"{DID}#key-1")), BadSignature, "hold"),
        (
            lambda: Issuer(signer=SoftwareSigner.from_secret(b"i" * 32, key_id=f"{DID}#key-2")),
            UnknownKey,
            "no such key",
        ),
        (
            lambda: Issuer(signer=SoftwareSigner.from_secret(b"i" * 32, alg="EdDSA", key_id=f"{DID}#key-1")),
            UnsupportedAlgorithm,
            "fit",
        ),
        (
            lambda: Issuer(sends=lambda texts: [texts[0].replace("~", "~" + texts[1].split("~")[1] + "~", 1)]),
            BadDisclosure,
            "digest",
        ),
        (lambda: Issuer(sends=lambda texts: ["eyJ.e.s~"]), Malformed, "base64url"),
        (lambda: Issuer(sends=lambda texts: []), Malformed, "at least 1"),
        (
            lambda: Issuer(instead={"/.well-known/did.json": lambda: as_json(create_document(ELSEWHERE, {}))}),
            BadDidDocument,
            "asked",
        ),
        (lambda: Issuer(instead={"/.well-known/did.json": lambda: as_json({}, 404)}), Unreachable, "404"),
    ],
)
async def test_one_fault_in_what_the_issuer_sends_and_nothing_is_received(
    issuer: Callable[[], Issuer], error: type[DidkitError], match: str
) -> None:
    with pytest.raises(error, match=match) as refused:
        await taken(issuer())
    assert "sally@example.com" not in str(refused.value)


@pytest.mark.parametrize("bad", [0, 1, 2])
async def test_a_fault_is_found_in_whichever_copy_it_is(bad: int) -> None:
    def spoil(texts: list[str]) -> list[str]:
        header, payload, rest = texts[bad].split(".", 2)
        claims = json.loads(from_b64url(payload)) | {"exp": 2_000_000_000}
        texts[bad] = f"{header}.{b64url(write_json(claims))}.{rest}"
        return texts

    with pytest.raises(BadSignature):
        await taken(Issuer(sends=spoil))
    with pytest.raises(Expired):
        await taken(Issuer(copy_changes=lambda n: {"expires_at": NOW} if n == bad else {}))
    with pytest.raises(BadCredential, match="another type"):
        await taken(Issuer(copy_changes=lambda n: {"vct": "https://types.example/other"} if n == bad else {}))


async def test_a_presentation_is_no_credential() -> None:
    bound = await bind(
        await Issuer().copy(0, PERSON[0].public), nonce="n" * 22, audience="x", now=NOW, signer=PERSON[0]
    )
    with pytest.raises(BadCredential, match="presentation"):
        await taken(Issuer(sends=lambda _: [bound]))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"credential_issuer": "http://localhost:8102"}, BadMetadata),
        ({"credential_configurations_supported": {}}, UnknownCredentialConfiguration),
        ({"credential_configurations_supported": {"contact": {"format": "mso_mdoc", "doctype": "x"}}}, BadMetadata),
        ({"credential_configurations_supported": {"contact": {"format": "dc+sd-jwt", "vct": VCT}}}, BadMetadata),
        ({"credential_response_encryption": {"encryption_required": True}}, BadMetadata),
        ({"credential_endpoint": "http://issuer.example.com/credential"}, Malformed),
    ],
)
async def test_metadata_that_we_cannot_work_with_ends_the_preview(
    changes: dict[str, Any], error: type[DidkitError]
) -> None:
    with pytest.raises(error):
        await preview(LINK, fetch=Issuer(metadata_changes=changes), formats=FORMATS)


async def test_an_issuer_that_wants_attested_keys_is_refused_before_the_code_is_spent() -> None:
    metadata = Issuer().metadata()
    configuration = metadata["credential_configurations_supported"]["contact"]
    configuration["proof_types_supported"]["jwt"]["key_attestations_required"] = {}
    with pytest.raises(BadMetadata, match="attested"):
        await preview(LINK, fetch=Issuer(metadata_changes=metadata), formats=FORMATS)


async def test_a_server_that_the_issuer_does_not_list_is_not_asked() -> None:
    offer = json.loads(json.dumps(Issuer().offer()))
    (grant,) = offer["grants"].values()
    grant["authorization_server"] = "http://localhost:8102"
    issuer = Issuer(instead={"/credential-offers/1": lambda: as_json(offer)})
    with pytest.raises(BadMetadata, match="server"):
        await preview(LINK, fetch=issuer, formats=FORMATS)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(body=b"{}", content_type="text/html"), Malformed),
        (Answer(body=b"eyJ.e.", content_type="application/jwt"), Malformed),
        (Answer(body=b"{"), Malformed),
        (Answer(body=b'{"grants":{}}'), UnsupportedGrantType),
        (Answer(body=b"{}", status=404), Unreachable),
    ],
)
async def test_an_address_that_gives_no_offer_is_no_offer(answer: Answer, error: type[DidkitError]) -> None:
    with pytest.raises(error):
        await preview(LINK, fetch=Issuer(instead={"/credential-offers/1": lambda: answer}), formats=FORMATS)


@pytest.mark.parametrize("path", ["/token", "/nonce", "/credential"])
@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (as_json({"error": "invalid_token", "error_description": TOKEN}, 401), InvalidToken, "invalid_token"),
        (as_json({"error": "made_up"}, 400), Rejected, "made_up"),
        (as_json({"error": "temporarily_unavailable"}, 503), Unreachable, ""),
        (Answer(body=b"<html>", content_type="text/html", status=500), Unreachable, ""),
        (Answer(body=b"<html>", content_type="text/html", status=403), Unreachable, ""),
        (Answer(body=b"<html>", content_type="text/html"), Malformed, ""),
        (Answer(body=b"", status=302), Unreachable, ""),
        (as_json([]), Malformed, ""),
    ],
)
async def test_refusals_and_nonsense_of_the_other_side_become_our_errors(
    path: str, answer: Answer, error: type[DidkitError], reason: str
) -> None:
    with pytest.raises(error) as refused:
        await taken(Issuer(instead={path: lambda: answer}))
    assert refused.value.reason == reason
    assert TOKEN not in str(refused.value)


async def test_a_deferred_answer_is_reported_as_not_yet_known() -> None:
    later = as_json({"transaction_id": "8xLOxBtZp8", "interval": 3600}, 202)
    with pytest.raises(Unavailable) as deferred:
        await taken(Issuer(instead={"/credential": lambda: later}))
    assert deferred.value.reason == "deferred"


async def test_an_issuer_without_nonce_endpoint_gets_proofs_without_nonce() -> None:
    metadata = {name: value for name, value in Issuer().metadata().items() if name != "nonce_endpoint"}
    issuer = Issuer(instead={"/.well-known/openid-credential-issuer": lambda: as_json(metadata)})
    with pytest.raises(DidkitError) as refused:  # this issuer wants one all the same
        await taken(issuer)
    assert refused.value.reason == "invalid_proof"
    assert ("POST", "/nonce") not in issuer.asked


async def test_a_key_that_the_issuer_does_not_bind_to_is_not_sent() -> None:
    for issuer, signer in ((Issuer(), VENDOR), (Issuer(for_business=True), PERSON[0])):
        with pytest.raises(BadMetadata, match="binds no"):
            await taken(issuer, [signer])
        assert ("POST", "/credential") not in issuer.asked


async def test_a_proof_algorithm_that_the_issuer_does_not_list_is_not_used() -> None:
    metadata = Issuer().metadata()
    configuration = metadata["credential_configurations_supported"]["contact"]
    configuration["proof_types_supported"]["jwt"]["proof_signing_alg_values_supported"] = ["EdDSA"]
    with pytest.raises(UnsupportedAlgorithm):
        await taken(Issuer(metadata_changes=metadata))


@pytest.mark.parametrize("signers", [(), (PERSON[0], PERSON[0])])
async def test_no_key_or_one_key_twice_is_our_own_mistake(signers: Sequence[SoftwareSigner]) -> None:
    with pytest.raises(ValueError, match="signer"):
        await taken(Issuer(), signers)


async def test_what_was_previewed_and_received_shows_no_secret_and_no_claim() -> None:
    issuer = Issuer()
    previewed = await preview(LINK, fetch=issuer, formats=FORMATS)
    received = await receive(
        previewed, tx_code=TX_CODE, signers=PERSON, fetch=issuer, clock=now, formats=FORMATS, key_sources=KEY_SOURCES
    )

    assert isinstance(previewed, PreviewedOffer)
    assert CODE not in repr(previewed)
    assert "sally" not in repr(received)
    assert received.texts[0] not in repr(received)


def test_the_issuers_did_is_the_one_of_its_address() -> None:
    assert web_did(URL) == DID


def with_contact(**changes: Any) -> dict[str, Any]:
    metadata = Issuer().metadata()
    metadata["credential_configurations_supported"]["contact"] |= changes
    return metadata


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        (with_contact(cryptographic_binding_methods_supported=["did:key", "cose_key"]), BadMetadata),
        (with_contact(cryptographic_binding_methods_supported=["did:web"]), BadMetadata),
        (with_contact(proof_types_supported={"di_vp": {}}), BadMetadata),
        (with_contact(proof_types_supported={"attestation": {}}), BadMetadata),
        (
            with_contact(proof_types_supported={"jwt": {"proof_signing_alg_values_supported": ["ES512"]}}),
            UnsupportedAlgorithm,
        ),
        (with_contact(vct=None), BadAnswer),
        (with_contact(format="vc+sd-jwt"), BadMetadata),
        ({"credential_request_encryption": {"encryption_required": True}}, BadMetadata),
        ({"nonce_endpoint": "/nonce"}, BadAnswer),
        ({"authorization_servers": "x"}, BadAnswer),
    ],
)
async def test_what_would_end_the_exchange_is_known_before_the_code_is_typed(
    metadata: dict[str, Any], error: type[DidkitError]
) -> None:
    issuer = Issuer(metadata_changes=metadata)
    with pytest.raises(error):
        await preview(LINK, fetch=issuer, bindings=("jwk",), formats=FORMATS)
    assert {method for method, _ in issuer.asked} == {"GET"}


async def test_a_business_knows_before_the_code_is_spent_that_only_keys_without_a_name_are_bound() -> None:
    with pytest.raises(BadMetadata, match="did:web"):
        await preview(LINK, fetch=Issuer(), bindings=("did:web",), formats=FORMATS)


@pytest.mark.parametrize("endpoint", ["credential_endpoint", "nonce_endpoint"])
async def test_an_endpoint_on_this_machine_of_an_issuer_elsewhere_is_found_before_the_code_is_spent(
    endpoint: str,
) -> None:
    elsewhere = "https://issuer.example"
    offer = json.loads(json.dumps(Issuer().offer()).replace(URL, elsewhere))
    metadata = json.loads(json.dumps(Issuer().metadata()).replace(URL, elsewhere))
    server = ServerMetadata(issuer=elsewhere, token_endpoint=f"{elsewhere}/token").to_json()
    pages = {"openid-credential-issuer": metadata, "oauth-authorization-server": server}

    class Elsewhere(Issuer):
        async def get(self, url: str, *, max_bytes: int, accept: str | None = None) -> Answer:
            return as_json(pages[url.rpartition("/")[2]])

    link = "openid-credential-offer://?credential_offer=" + quote(json.dumps(offer))
    assert (await preview(link, fetch=Elsewhere(), formats=FORMATS)).issuer.issuer == elsewhere
    metadata[endpoint] = "http://localhost:8101/x"
    with pytest.raises(BadMetadata, match=endpoint):
        await preview(link, fetch=Elsewhere(), formats=FORMATS)


async def test_an_offer_is_received_though_the_issuer_lists_and_offers_another_that_cannot_be_read() -> None:
    metadata = Issuer().metadata()
    metadata["credential_configurations_supported"] |= {"other": {"format": "dc+sd-jwt"}, "list": [], "text": "x"}
    offer = json.loads(json.dumps(Issuer().offer()))
    offer["credential_configuration_ids"] = ["other", "contact", "unlisted"]
    issuer = Issuer(metadata_changes=metadata, instead={"/credential-offers/1": lambda: as_json(offer)})

    received = await taken(issuer)

    assert received.configuration_id == "contact"
    assert len(received.texts) == 3


@pytest.mark.parametrize(
    ("path", "answer", "place"),
    [
        ("/.well-known/openid-credential-issuer", Answer(body=b"{}", content_type="application/octet-stream"), "type"),
        ("/.well-known/openid-credential-issuer", Answer(body=b"{"), "8101"),
        ("/.well-known/openid-credential-issuer", as_json([]), "issuer_metadata: expected an object"),
        ("/.well-known/oauth-authorization-server", as_json({"issuer": URL}), "server_metadata.token_endpoint"),
        ("/credential-offers/1", Answer(body=b"not json"), "8101"),
        ("/token", as_json({"token_type": "Bearer"}), "token_response.access_token"),
        ("/nonce", as_json({}), "nonce_response.c_nonce"),
        ("/credential", as_json({"credentials": []}), "credential_response.credentials"),
    ],
)
async def test_what_the_other_side_sends_is_its_fault_and_the_place_is_named(
    path: str, answer: Answer, place: str
) -> None:
    with pytest.raises(BadAnswer, match=place):
        await taken(Issuer(instead={path: lambda: answer}))


@pytest.mark.parametrize("content_type", ["", "text/plain", "text/json", "application/octet-stream"])
@pytest.mark.parametrize("path", ["/token", "/nonce", "/credential"])
async def test_after_the_code_is_spent_no_content_type_costs_the_document(path: str, content_type: str) -> None:
    class Mislabelled(Issuer):
        async def _answer(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
            answer = await super()._answer(method, url, body, headers)
            return replace(answer, content_type=content_type) if url == f"{URL}{path}" else answer

    assert len((await taken(Mislabelled())).texts) == 3


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/token", {"expires_in": "3600"}),
        ("/token", {"expires_in": None, "authorization_details": [], "scope": 7, "token_type": "BEARER"}),
        ("/nonce", {"c_nonce_expires_in": "soon", "x": []}),
        ("/credential", {"transaction_id": "x", "notification_id": "n" * 5_000}),
    ],
)
async def test_after_the_code_is_spent_no_member_that_nobody_needs_costs_the_document(
    path: str, more: dict[str, Any]
) -> None:
    class Odd(Issuer):
        async def _answer(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
            answer = await super()._answer(method, url, body, headers)
            return as_json(json.loads(answer.body) | more) if url == f"{URL}{path}" else answer

    assert len((await taken(Odd())).texts) == 3

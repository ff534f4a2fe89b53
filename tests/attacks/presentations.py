"""Credentials and presentations that a thief, a holder or an issuer has tampered with."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from types import EllipsisType
from typing import Any, Final

from didkit_py.credentials.credential import Credential, StatusReference
from didkit_py.credentials.ladder import ladder_claims
from didkit_py.credentials.template import template_named
from didkit_py.encoding import Json, b64url, from_b64url, read_json, sha256, write_json
from didkit_py.errors import (
    BadCredential,
    BadDisclosure,
    BadKey,
    BadKeyBinding,
    BadResponse,
    BadSignature,
    BadStatusList,
    Expired,
    Malformed,
    NotYetValid,
    QueryNotAnswered,
    Revoked,
    Stale,
    TooLarge,
    UnknownKey,
    Unreachable,
    UnsupportedAlgorithm,
    Untrusted,
    WrongType,
)
from didkit_py.formats.sd_jwt_vc import SD_JWT_VC, secure, select
from didkit_py.formats.table import FORMATS
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oid4vp.dcql import DcqlQuery
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.status.token_list import VerifiedStatusList, pack
from didkit_py.trust import TrustedIssuer, TrustList
from didkit_py.verification import Evidence, KeyBinding, verify_credential, verify_presentation
from tests.attacks import forging
from tests.attacks.case import Case, Function, all_of, cases
from tests.attacks.forging import FORGER, NOW, Token, document, signer, timed

UNION: Final = "did:web:creditunion.example"
INSURER: Final = "did:web:insurer.example"
AUDIENCE: Final = "decentralized_identifier:did:web:dealer.example"
NONCE: Final = "n-0S6_WzA2Mj-0S6_WzA2Mj"
LIST: Final = "https://insurer.example/status-lists/1"
AFFORDABILITY: Final = template_named("affordability-range")
STANDING: Final = template_named("insurer-good-standing")
UNION_KEY: Final = signer(1, f"{UNION}#key-1")
INSURER_KEY: Final = signer(2, f"{INSURER}#key-1", alg="EdDSA")
HOLDER: Final = signer(9)
TRUST: Final = TrustList(
    publisher="did:web:terms.example",
    issued_at=NOW,
    expires_at=NOW + timedelta(days=7),
    issuers={
        UNION: TrustedIssuer(id=UNION, name="The union", vcts=frozenset({AFFORDABILITY.vct}), status_lists=None),
        INSURER: TrustedIssuer(id=INSURER, name="The insurer", vcts=frozenset({STANDING.vct}), status_lists=None),
    },
)
STEP: Final = ("at_least", "20000")


def status_list(statuses: Mapping[int, int] | None = None, *, issuer: str = INSURER, size: int = 64) -> Evidence:
    """What a verifier holds, with this status list of the insurer."""
    found = VerifiedStatusList(
        uri=LIST,
        issuer=issuer,
        bits=2,
        packed=pack(statuses or {}, size=size, bits=2),
        issued_at=NOW - timedelta(hours=1),
        expires_at=NOW + timedelta(days=1),
        ttl=timedelta(hours=12),
    )
    return Evidence(
        trust=TRUST,
        parties={UNION: document(UNION, UNION_KEY.public), INSURER: document(INSURER, INSURER_KEY.public)},
        status_lists={LIST: found},
        fetched_at={LIST: NOW - timedelta(minutes=5)},
        key_sources=KEY_SOURCES,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A presentation in its parts; it is written, signed and bound anew after each change."""

    credential: Token
    disclosures: tuple[str, ...]
    proof: Token | None
    evidence: Evidence = field(default_factory=status_list)
    now: datetime = NOW
    finish: Callable[[str], str] = field(default=lambda text: text)

    def text(self) -> str:
        shown = "~".join((self.credential.text(), *self.disclosures, ""))
        if self.proof is None:
            return self.finish(shown)
        claims = {"sd_hash": b64url(sha256(shown.encode())), **self.proof.claims()}
        return self.finish(shown + replace(self.proof, payload=claims).text())


def affordability() -> Credential:
    values = {
        "scheme": "urn:didkit-py:scheme:affordability:gbp-ladder:1",
        "currency": "GBP",
        "basis": "pre-qualified-credit",
        **ladder_claims(Decimal(23_000), AFFORDABILITY),
    }
    return AFFORDABILITY.fill(values, issuer=UNION, now=NOW)


def standing() -> Credential:
    values: dict[str, Json] = {
        "standing": "good",
        "period": {"from": "2026-01-01", "to": "2026-12-31"},
        "lines": ["motor"],
        "since_band": "5+ years",
    }
    return STANDING.fill(values, issuer=INSURER, now=NOW, status=StatusReference(uri=LIST, index=7))


async def presented(credential: Credential, by: SoftwareSigner, paths: Collection[tuple[str, ...]]) -> Presented:
    salts = iter(range(1, 100))
    secured = await secure(
        credential, holder_key=HOLDER.public, salts=lambda: sha256(bytes([next(salts)]))[:16], signer=by
    )
    issued, *disclosures, _ = select(secured.text, paths).split("~")
    proof = Token(
        header={"alg": "ES256", "typ": "kb+jwt"},
        payload={"iat": timed(NOW), "aud": AUDIENCE, "nonce": NONCE},
        by=HOLDER,
    )
    return Presented(credential=Token.of(issued, by), disclosures=tuple(disclosures), proof=proof)


async def good_step() -> Presented:
    return await presented(affordability(), UNION_KEY, [STEP])


async def good_two() -> Presented:
    return await presented(affordability(), UNION_KEY, [STEP, ("range",)])


async def good_standing() -> Presented:
    return await presented(standing(), INSURER_KEY, [])


def judge(shown: Presented) -> object:
    return verify_credential(
        shown.text(),
        evidence=shown.evidence,
        now=shown.now,
        key_binding=KeyBinding.REQUIRED,
        expected_nonce=NONCE,
        expected_audience=AUDIENCE,
        in_format=SD_JWT_VC,
    )


def secrets(shown: Presented) -> Collection[str]:
    return ("20000", "GBP", "pre-qualified", NONCE, shown.text()[:40], *shown.disclosures)


CREDENTIAL: Final = Function(name="verify_credential", good=good_step, judge=judge, secrets=secrets)
TWO: Final = Function(name="verify_credential, two disclosures", good=good_two, judge=judge, secrets=secrets)
WITH_STATUS: Final = Function(name="verify_credential, with status", good=good_standing, judge=judge, secrets=secrets)

# --- changes


def credential(*changes: Callable[[Token], Token]) -> Callable[[Presented], Presented]:
    """The issuer's token changed; the holder binds what came of it."""
    return lambda shown: replace(shown, credential=all_of(*changes)(shown.credential))


def proof(*changes: Callable[[Token], Token]) -> Callable[[Presented], Presented]:
    """The holder's proof changed."""

    def change(shown: Presented) -> Presented:
        assert shown.proof is not None
        return replace(shown, proof=all_of(*changes)(shown.proof))

    return change


def header(**members: Json | EllipsisType) -> Callable[[Presented], Presented]:
    return credential(forging.header(**members))


def claims(**members: Json | EllipsisType) -> Callable[[Presented], Presented]:
    return credential(forging.payload(**members))


def finished(finish: Callable[[str], str]) -> Callable[[Presented], Presented]:
    return lambda shown: replace(shown, finish=finish)


def judged(**values: Any) -> Callable[[Presented], Presented]:
    return lambda shown: replace(shown, **values)


def unproven(shown: Presented) -> Presented:
    return replace(shown, proof=None)


def referred(*raw: Json) -> Callable[[Presented], Presented]:
    """Disclosures of any shape that the issuer itself signed digests of, at the top."""

    def change(shown: Presented) -> Presented:
        texts = tuple(b64url(write_json(each)) for each in raw)
        before = shown.credential.claims().get("_sd", [])
        assert isinstance(before, list)
        digests: list[Json] = [*before, *(b64url(sha256(text.encode())) for text in texts)]
        return replace(claims(_sd=digests)(shown), disclosures=(*shown.disclosures, *texts))

    return change


def unreferred(raw: Json) -> Callable[[Presented], Presented]:
    """A disclosure that the holder made up."""
    return lambda shown: replace(shown, disclosures=(*shown.disclosures, b64url(write_json(raw))))


def edited(shown: Presented) -> Presented:
    """A disclosed value turned around, everything else as it was."""
    parts = read_json(from_b64url(shown.disclosures[0]))
    assert isinstance(parts, list)
    return replace(shown, disclosures=(b64url(write_json([*parts[:-1], not parts[-1]])),))


def digest_twice(shown: Presented) -> Presented:
    found = shown.credential.claims()["at_least"]
    assert isinstance(found, dict)
    assert isinstance(found["_sd"], list)
    return claims(at_least={"_sd": [*found["_sd"], found["_sd"][0]]})(shown)


def digest_in_two_places(shown: Presented) -> Presented:
    found = shown.credential.claims()["at_least"]
    assert isinstance(found, dict)
    return claims(at_most=found)(shown)


def one_less(shown: Presented) -> Presented:
    """One disclosure dropped after the holder had signed."""
    assert shown.proof is not None
    whole = "~".join((shown.credential.text(), *shown.disclosures, ""))
    bound = proof(forging.payload(sd_hash=b64url(sha256(whole.encode()))))(shown)
    return replace(bound, disclosures=shown.disclosures[:1])


def deep(levels: int) -> Callable[[Presented], Presented]:
    """Disclosures inside disclosures, each of them flat enough alone."""

    def change(shown: Presented) -> Presented:
        texts: list[str] = []
        inner: Json = "end"
        for level in range(levels):
            text = b64url(write_json([f"salt-{level}", "down", inner]))
            texts.append(text)
            inner = {"_sd": [b64url(sha256(text.encode()))]}
        return replace(claims(down=inner)(shown), disclosures=(*shown.disclosures, *texts))

    return change


def confirmation(jwk: Mapping[str, Json]) -> Json:
    return {"jwk": dict(jwk)}


def status_entry(**members: Json) -> Json:
    return {"status_list": {"idx": 7, "uri": LIST, **members}}


MANY: Final[tuple[Json, ...]] = tuple([f"salt-{number}", f"claim-{number}", number] for number in range(201))
PRIVATE: Final[Mapping[str, Json]] = {**HOLDER.public.to_jwk(), "d": b64url((9).to_bytes(32, "big"))}
SD: Final = "RFC 9901, 7.1"
KB: Final = "RFC 9901, 7.3"
VC: Final = "SD-JWT VC, 2"
BCP: Final = "RFC 8725, 3.1"
TSL: Final = "Token Status List, 8.3"

CASES: Final[tuple[Case[Any], ...]] = (
    *cases(
        CREDENTIAL,
        # the header, under the issuer's own signature where it has one
        ("a credential with alg none is refused", header(alg="none"), UnsupportedAlgorithm, BCP),
        ("a credential with alg None in capitals is refused", header(alg="NONE"), UnsupportedAlgorithm, BCP),
        ("a credential signed by HMAC with the public key is refused", header(alg="HS256"), UnsupportedAlgorithm, BCP),
        ("a credential that names RS256 is refused", header(alg="RS256"), UnsupportedAlgorithm, BCP),
        ("a credential with a list of algorithms is refused", header(alg=["ES256"]), UnsupportedAlgorithm, BCP),
        ("a credential without alg is refused", header(alg=...), UnsupportedAlgorithm, BCP),
        ("a credential that names another key's algorithm is refused", header(alg="EdDSA"), UnsupportedAlgorithm, BCP),
        ("a credential with crit is refused", header(crit=["exp"], exp=1), UnsupportedAlgorithm, "RFC 7515, 4.1.11"),
        ("a credential with b64 is refused", header(b64=False), UnsupportedAlgorithm, "RFC 7797, 3"),
        ("a compressed credential is refused", header(zip="DEF"), UnsupportedAlgorithm, "RFC 8725, 3.6"),
        (
            "a credential that brings its own key is refused",
            credential(forging.header(jwk=FORGER.public.to_jwk()), forging.signed_by(FORGER)),
            UnsupportedAlgorithm,
            "RFC 8725, 3.10",
        ),
        ("a credential with a certificate chain is refused", header(x5c=["MIIB"]), UnsupportedAlgorithm, VC),
        (
            "a credential that says where its key is fetched is refused",
            header(jku="https://forger.example/keys"),
            UnsupportedAlgorithm,
            "RFC 8725, 3.10",
        ),
        ("a plain JWT is no credential", header(typ="JWT"), WrongType, "RFC 8725, 3.11"),
        ("a credential without typ is refused", header(typ=...), WrongType, "RFC 8725, 3.11"),
        # whose it is
        (
            "a credential signed by a forger under the issuer's name is refused",
            credential(forging.signed_by(FORGER)),
            BadSignature,
            "RFC 7515, 5.2",
        ),
        ("a credential whose kid is another issuer's is refused", header(kid=f"{INSURER}#key-1"), UnknownKey, VC),
        ("a credential whose kid the issuer does not list is refused", header(kid=f"{UNION}#old"), UnknownKey, VC),
        ("a credential without kid is refused", header(kid=...), UnknownKey, VC),
        ("a credential whose kid is a number is refused", header(kid=7), UnknownKey, VC),
        (
            "an issuer that nobody lists is not believed",
            all_of(claims(iss="did:web:forger.example"), header(kid="did:web:forger.example#key-1")),
            Untrusted,
            "trust list",
        ),
        (
            "a listed issuer is not believed for what it is not listed for",
            credential(
                forging.payload(iss=INSURER), forging.header(kid=f"{INSURER}#key-1"), forging.signed_by(INSURER_KEY)
            ),
            Untrusted,
            "trust list",
        ),
        ("a credential without issuer is refused", claims(iss=...), Malformed, VC),
        ("a credential whose issuer is a number is refused", claims(iss=5), Malformed, VC),
        ("a credential without type is refused", claims(vct=...), Malformed, VC),
        # disclosures
        ("a disclosure with another value is refused", edited, BadDisclosure, SD),
        ("a disclosure that nobody refers to is refused", unreferred(["salt", "range", {}]), BadDisclosure, SD),
        ("a disclosure of one member is refused", referred(["salt"]), BadDisclosure, "RFC 9901, 4.2"),
        ("a disclosure of four members is refused", referred(["salt", "a", 1, 2]), BadDisclosure, "RFC 9901, 4.2"),
        ("an array's disclosure in an object is refused", referred(["salt", "value"]), BadDisclosure, SD),
        ("a disclosure that is an object is refused", referred({"salt": 1}), BadDisclosure, "RFC 9901, 4.2"),
        ("a disclosure named _sd is refused", referred(["salt", "_sd", []]), BadDisclosure, SD),
        ("a disclosure named ... is refused", referred(["salt", "...", "x"]), BadDisclosure, SD),
        ("a disclosure whose name is a number is refused", referred(["salt", 1, "x"]), BadDisclosure, SD),
        ("a disclosure whose salt is a number is refused", referred([1, "a", "x"]), BadDisclosure, "RFC 9901, 4.2"),
        ("a disclosure named as a plain claim is refused", referred(["salt", "iss", "x"]), BadDisclosure, SD),
        ("two disclosures of one name are refused", referred(["s1", "a", 1], ["s2", "a", 2]), BadDisclosure, SD),
        (
            "an end of validity that can be held back is refused",
            all_of(claims(exp=...), referred(["salt", "exp", timed(NOW + timedelta(days=9))])),
            BadDisclosure,
            VC,
        ),
        (
            "a status that can be held back is refused",
            referred(["salt", "status", status_entry()]),
            BadDisclosure,
            VC,
        ),
        ("a digest that stands twice is refused", digest_twice, BadDisclosure, SD),
        ("a digest that stands in two places is refused", digest_in_two_places, BadDisclosure, SD),
        (
            "a disclosure that is shown twice is refused",
            lambda shown: replace(shown, disclosures=shown.disclosures * 2),
            BadDisclosure,
            SD,
        ),
        ("an unknown digest algorithm is refused", claims(_sd_alg="md5"), BadDisclosure, SD),
        ("a digest algorithm inside a claim is refused", claims(at={"_sd_alg": "sha-256"}), BadDisclosure, SD),
        ("digests that are no array are refused", claims(_sd="digest"), BadDisclosure, SD),
        ("a digest that is a number is refused", claims(_sd=[1]), BadDisclosure, SD),
        ("a claim named ... is refused", claims(**{"...": "x"}), BadDisclosure, SD),
        ("201 disclosures are refused", referred(*MANY), TooLarge, SD),
        ("disclosures nested 40 levels deep are refused", deep(40), TooLarge, SD),
        # time
        (
            "a credential whose time is over is refused",
            judged(now=NOW + timedelta(days=200)),
            Expired,
            "RFC 7519, 4.1.4",
        ),
        (
            "a credential that begins tomorrow is refused",
            claims(nbf=timed(NOW + timedelta(days=1))),
            NotYetValid,
            "RFC 7519, 4.1.5",
        ),
        (
            "a credential issued tomorrow is refused",
            claims(iat=timed(NOW + timedelta(days=1))),
            NotYetValid,
            "RFC 7519, 4.1.6",
        ),
        ("an end of validity that is a text is refused", claims(exp="2030-01-01"), Malformed, "RFC 7519, 4.1.4"),
        ("an end of validity that is true is refused", claims(exp=True), Malformed, "RFC 7519, 4.1.4"),
        ("an end of validity beyond the calendar is refused", claims(exp=10**15), Malformed, "RFC 7519, 2"),
        ("a person's claim without end of validity is refused", claims(exp=...), BadCredential, "claim type profile"),
        # the type's profile
        (
            "another digest of the type's rules is refused",
            claims(**{"vct#integrity": "sha256-" + "A" * 43 + "="}),
            BadCredential,
            "SD-JWT VC, 5",
        ),
        ("a claim that the type does not know is refused", claims(member="4711"), BadCredential, "claim type profile"),
        ("a person's name in an anonymous claim is refused", claims(sub="did:web:sally.example"), BadCredential, VC),
        # the holder's proof
        ("a presentation without the holder's proof is refused", unproven, BadKeyBinding, KB),
        (
            "a proof for another request is refused",
            proof(forging.payload(nonce="of-another-request")),
            BadKeyBinding,
            KB,
        ),
        (
            "a proof for another vendor is refused",
            proof(forging.payload(aud="decentralized_identifier:did:web:other.example")),
            BadKeyBinding,
            KB,
        ),
        ("a proof for a list of vendors is refused", proof(forging.payload(aud=[AUDIENCE])), Malformed, KB),
        ("a proof by another key is refused", proof(forging.signed_by(FORGER)), BadSignature, KB),
        (
            "a proof that is eleven minutes old is refused",
            proof(forging.payload(iat=timed(NOW - timedelta(minutes=11)))),
            BadKeyBinding,
            KB,
        ),
        (
            "a proof from the future is refused",
            proof(forging.payload(iat=timed(NOW + timedelta(minutes=2)))),
            BadKeyBinding,
            KB,
        ),
        ("a proof without time is refused", proof(forging.payload(iat=...)), Malformed, KB),
        (
            "a proof over other disclosures is refused",
            proof(forging.payload(sd_hash=b64url(sha256(b"other")))),
            BadKeyBinding,
            KB,
        ),
        ("a proof with alg none is refused", proof(forging.header(alg="none")), UnsupportedAlgorithm, KB),
        (
            "a proof that brings its own key is refused",
            proof(forging.header(jwk=FORGER.public.to_jwk()), forging.signed_by(FORGER)),
            UnsupportedAlgorithm,
            KB,
        ),
        ("a proof of another type is refused", proof(forging.header(typ="JWT")), WrongType, KB),
        ("a credential that is bound to no key cannot be proven", claims(cnf=...), BadKeyBinding, KB),
        ("a credential that publishes a private key is refused", claims(cnf=confirmation(PRIVATE)), BadKey, VC),
        ("a confirmation that is no key is refused", claims(cnf={"kid": "1"}), BadCredential, "RFC 7800, 3.2"),
        (
            "a confirmation key off the curve is refused",
            claims(cnf=confirmation({**HOLDER.public.to_jwk(), "y": b64url(bytes(32))})),
            BadKey,
            "RFC 7518, 6.2",
        ),
        # the text
        ("a credential without tildes is refused", finished(lambda text: text.split("~")[0]), Malformed, "RFC 9901, 4"),
        ("a JSON serialization is refused here", finished(lambda _: '{"payload":"","signatures":[]}'), Malformed, SD),
        (
            "a token beyond 131,072 characters is refused",
            finished(lambda text: text + "A" * 131_072),
            TooLarge,
            "RFC 9901, 4",
        ),
        ("a nul character is refused", finished(lambda text: "\0" + text), Malformed, "RFC 4648, 3.3"),
        ("letters of another alphabet are refused", finished(lambda text: "é" + text), Malformed, "RFC 4648, 3.3"),
        ("padded base64url is refused", finished(lambda text: text.replace(".", "=.", 1)), Malformed, "RFC 7515, 2"),
    ),
    *cases(
        TWO,
        ("a disclosure dropped after the holder signed is noticed", one_less, BadKeyBinding, KB),
    ),
    *cases(
        WITH_STATUS,
        ("a revoked credential is refused", judged(evidence=status_list({7: 1})), Revoked, TSL, "revoked"),
        ("a suspended credential is refused", judged(evidence=status_list({7: 2})), Revoked, TSL, "suspended"),
        (
            "a credential of an unknown status is refused",
            judged(evidence=status_list({7: 3})),
            Revoked,
            TSL,
            "unknown-status",
        ),
        ("an index beyond the list is refused", claims(status=status_entry(idx=64)), BadStatusList, TSL),
        ("a negative index is refused", claims(status=status_entry(idx=-1)), Malformed, TSL),
        ("an index that is a text is refused", claims(status=status_entry(idx="7")), Malformed, TSL),
        (
            "a list at a file's address is refused",
            claims(status=status_entry(uri="file:///etc/passwd")),
            Malformed,
            TSL,
        ),
        ("a status of an unknown kind is no good status", claims(status={"other": {}}), BadCredential, TSL),
        ("a status that is left out is missed", claims(status=...), BadCredential, "claim type profile"),
        (
            "another party's list says nothing about this credential",
            judged(evidence=status_list(issuer=UNION)),
            BadStatusList,
            TSL,
        ),
        (
            "a list that is not at hand is neither yes nor no",
            judged(evidence=replace(status_list(), status_lists={})),
            Unreachable,
            TSL,
        ),
        (
            "a list of the day before yesterday is too old",
            judged(evidence=replace(status_list(), fetched_at={LIST: NOW - timedelta(hours=49)})),
            Stale,
            TSL,
        ),
    ),
)

# --- answers to a query

QUERY: Final = DcqlQuery.from_json(
    {
        "credentials": [
            {
                "id": "afford",
                "format": "dc+sd-jwt",
                "meta": {"vct_values": [AFFORDABILITY.vct]},
                "claims": [{"path": ["at_least", "20000"], "values": [True]}],
            }
        ]
    },
    formats=FORMATS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer to QUERY: query id -> presentations."""

    vp_token: Mapping[str, tuple[Presented, ...]]


async def good_answer() -> Answered:
    return Answered(vp_token={"afford": (await good_step(),)})


def judge_answer(answer: Answered) -> object:
    return verify_presentation(
        {query_id: [one.text() for one in some] for query_id, some in answer.vp_token.items()},
        query=QUERY,
        expected_nonce=NONCE,
        expected_audience=AUDIENCE,
        evidence=status_list(),
        now=NOW,
        formats=FORMATS,
    )


def shown(change: Callable[[Presented], Presented]) -> Callable[[Answered], Answered]:
    return lambda answer: Answered(vp_token={"afford": tuple(map(change, answer.vp_token["afford"]))})


def answers(make: Callable[[Presented], Mapping[str, tuple[Presented, ...]]]) -> Callable[[Answered], Answered]:
    return lambda answer: Answered(vp_token=make(answer.vp_token["afford"][0]))


def withheld(one: Presented) -> Presented:
    return replace(one, disclosures=())


ANSWER: Final = Function(
    name="verify_presentation",
    good=good_answer,
    judge=judge_answer,
    secrets=lambda answer: [secret for some in answer.vp_token.values() for one in some for secret in secrets(one)],
)
ANSWER_CASES: Final[tuple[Case[Any], ...]] = (
    *cases(
        ANSWER,
        ("an answer to a query that was not made is refused", answers(lambda one: {"x": (one,)}), BadResponse, "8.1"),
        ("an answer to nothing is refused", answers(lambda _: {}), QueryNotAnswered, "OpenID4VP 1.0, 6.4.2"),
        ("an empty list of presentations is refused", answers(lambda _: {"afford": ()}), BadResponse, "8.1"),
        (
            "two presentations where one was asked for are refused",
            answers(lambda one: {"afford": (one, one)}),
            BadResponse,
            "OpenID4VP 1.0, 8.1",
        ),
        ("an answer that withholds the claim is refused", shown(withheld), QueryNotAnswered, "OpenID4VP 1.0, 6.4.1"),
        ("an answer without the holder's proof is refused", shown(unproven), BadKeyBinding, "OpenID4VP 1.0, B.3.6"),
        ("an answer with a changed disclosure is refused", shown(edited), BadDisclosure, SD),
    ),
)

__all__ = ["ANSWER_CASES", "CASES"]

"""SD-JWT VC, `dc+sd-jwt`: secure a credential, select and bind what is shown, read it, verify it.

`SD_JWT_VC` is the row by which the rest of the library knows it. Times, status, trust and the profile of the type are
judged above, on what `verify_issuer` returns.
"""

import binascii
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import orjson

from didkit_py.credentials.credential import (
    Credential,
    Path_,
    ProtocolMember,
    ReadCredential,
    SecuredCredential,
    StatusReference,
)
from didkit_py.dids.web import web_did
from didkit_py.encoding import MAX_SKEW, Json, timestamp
from didkit_py.errors import BadCredential, BadDisclosure, BadKeyBinding
from didkit_py.formats.format import Format, ToPresent
from didkit_py.formats.sd_jwt import HASH, UnverifiedSdJwt, digest_of, hide, parse_sd_jwt
from didkit_py.jose import parse_compact, sign_compact, verify_compact
from didkit_py.keys.names import ALG_NAMES
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import Signer
from didkit_py.reading import Reader

FORMAT: Final = "dc+sd-jwt"
KEY_BINDING_TYPE: Final = "kb+jwt"
MAX_AGE: Final = timedelta(minutes=10)  # of a key binding; a request of ours lives as long
MAX_TYPES: Final = 100  # type identifiers in one query
# A holder could leave these out if they were disclosures, and a withheld one looks like a decoy
# (draft-ietf-oauth-sd-jwt-vc, 2.2.2.3; `iat` by our own types, which are all issued with coarse times).
REGISTERED: Final[Mapping[str, ProtocolMember]] = MappingProxyType(
    {
        "iss": ProtocolMember.ISSUER,
        "iat": ProtocolMember.ISSUED_AT,
        "nbf": ProtocolMember.BEGINS_AT,
        "exp": ProtocolMember.ENDS_AT,
        "vct": ProtocolMember.TYPE,
        "vct#integrity": ProtocolMember.TYPE_VERSION,
        "cnf": ProtocolMember.HOLDER_KEY,
        "status": ProtocolMember.STATUS,
    }
)
_ITEM_SIZE: Final = 2  # salt and value: an item of an array, which has no name


async def secure(
    credential: Credential, *, holder_key: PublicKey | None, salts: Callable[[], bytes], signer: Signer
) -> SecuredCredential:
    """The credential with all its disclosures, for the holder; `salts` gives 16 fresh random bytes at each call.

    Every credential of a type has the same number of digests.
    """
    claims, disclosures = hide(credential.claims, credential.disclosable, salts=salts)
    payload = _registered(credential, holder_key) | claims
    if credential.disclosable:
        payload["_sd_alg"] = HASH
    signed = await sign_compact(payload, typ=FORMAT, signer=signer)
    return SecuredCredential(format=FORMAT, text="~".join((signed, *disclosures, "")))


def _registered(credential: Credential, holder_key: PublicKey | None) -> dict[str, Json]:
    if REGISTERED.keys() & credential.claims.keys():
        raise ValueError("a claim has the name of a registered one")
    members: dict[str, Json] = {
        "vct": credential.vct,
        "vct#integrity": credential.vct_integrity,
        "iss": credential.issuer,
        "iat": timestamp(credential.issued_at),
        "exp": timestamp(credential.expires_at),
    }
    if credential.subject is not None:
        members["sub"] = credential.subject
    if holder_key is not None:
        members["cnf"] = {"jwk": holder_key.to_jwk()}
    if credential.status is not None:
        members["status"] = {"status_list": {"idx": credential.status.index, "uri": credential.status.uri}}
    return members


def select(text: str, paths: Collection[Path_]) -> str:
    """The credential with only the disclosures that stand on the way to `paths`, those included.

    What hangs below a path stays hidden unless it is named too; None in a path means every item of an array. `text` is
    one that was verified when it was received. Raises ValueError for a path that the credential does not hold.
    """
    issuer_signed, *disclosures, last = text.split("~")
    if last:
        raise ValueError("expected a credential as it was received, without key binding")
    payload, *values = _decoded(text)
    held = _Held(zip(disclosures, values, strict=True), wanted={step for path in paths for step in path})
    for path in paths:
        held.choose(payload, path)
    return "~".join((issuer_signed, *[one for one in disclosures if one in held.chosen], ""))


def _decoded(text: str) -> list[Any]:
    """The payload and what each disclosure says, all read as one JSON text.

    They were read strictly when they came, and every choice is confirmed by its digest: no second strictness here.
    """
    padded = text.replace("-", "+").replace("_", "/").replace("~", "==~")
    signed, *encoded, _ = padded.split("~")
    parts = map(binascii.a2b_base64, (signed.split(".")[1] + "==", *encoded))
    values: list[Any] = orjson.loads(b"[" + b",".join(parts) + b"]")
    return values


class _Held:
    """The disclosures of a credential of ours, found by name and confirmed by digest."""

    __slots__ = ("by_name", "chosen")

    def __init__(self, disclosures: Iterable[tuple[str, list[Any]]], *, wanted: Container[str | int | None]) -> None:
        self.by_name: dict[str | None, list[tuple[str, Json]]] = {}
        self.chosen: set[str] = set()
        for text, parts in disclosures:
            name = parts[1] if len(parts) > _ITEM_SIZE else None
            if name is None or name in wanted:
                self.by_name.setdefault(name, []).append((text, parts[-1]))

    def choose(self, node: Json, path: Sequence[str | int | None]) -> None:
        """Take the disclosures that lead from `node` along `path`, which is not empty."""
        step, *rest = path
        found = self.children(node, step)
        if not found:
            raise ValueError("the credential holds no claim at a path that was chosen")
        for text, value in found:
            if text:
                self.chosen.add(text)
            if rest:
                self.choose(value, rest)

    def children(self, node: Json, step: str | int | None) -> list[tuple[str, Json]]:
        """What stands one step on: the text of its disclosure, or nothing for what is plain, and its value."""
        if isinstance(node, dict) and isinstance(step, str):
            return [("", node[step])] if step in node else self.hidden(step, node.get("_sd"))
        if isinstance(node, list) and not isinstance(step, str):
            items = [found for item in node for found in self.item(item)]
            return items if step is None else items[step : step + 1]
        return []

    def item(self, item: Json) -> list[tuple[str, Json]]:
        """An item of an array; a hidden one without disclosure, or a decoy, is none."""
        if isinstance(item, dict) and item.keys() == {"..."}:
            return self.hidden(None, [item["..."]])
        return [("", item)]

    def hidden(self, name: str | None, digests: Json) -> list[tuple[str, Json]]:
        if not isinstance(digests, list):
            return []
        return [one for one in self.by_name.get(name, ()) if digest_of(one[0]) in digests]


async def bind(
    selected: str,
    *,
    nonce: str,
    audience: str,
    now: datetime,
    signer: Signer,
    extra: Mapping[str, Json] = {},
) -> str:
    """A presentation: what was selected and the holder's proof for this request alone (RFC 9901, 4.3)."""
    if not selected.endswith("~"):
        raise ValueError('expected a selection, which ends with "~"')
    claims = {**extra, "iat": timestamp(now), "aud": audience, "nonce": nonce, "sd_hash": digest_of(selected)}
    return selected + await sign_compact(claims, typ=KEY_BINDING_TYPE, signer=signer)


def read_credential(sd_jwt: UnverifiedSdJwt) -> ReadCredential:
    """What it says, NOT verified: for storage, display, and to learn what verifying needs.

    Raises Malformed, BadKey, BadDisclosure or BadCredential.
    """
    processed = sd_jwt.processed
    if not REGISTERED.keys().isdisjoint([path[0] for path in processed.paths]):
        raise BadDisclosure("a registered claim must not be a disclosure", spec="draft-ietf-oauth-sd-jwt-vc, 2.2.2.3")
    read = Reader(processed.claims, at="credential")
    return ReadCredential(
        format=FORMAT,
        vct=read.text("vct", max_length=2_048),
        issuer=read.text("iss", max_length=2_048),
        subject=read.optional_text("sub", max_length=2_048),
        claims=processed.claims,
        protocol=REGISTERED,
        disclosed=processed.paths,
        issued_at=read.optional_moment("iat"),
        not_before=read.optional_moment("nbf"),
        expires_at=read.optional_moment("exp"),
        holder=_holder(read),
        status=_status(read),
        integrity=read.optional_text("vct#integrity", max_length=200),
        key_hint=sd_jwt.jws.kid,
    )


def _holder(read: Reader) -> PublicKey | None:
    if not read.has("cnf"):  # bound to no key: whoever requires key binding refuses it
        return None
    confirmation = read.mapping("cnf")
    if "jwk" not in confirmation:
        raise BadCredential("cnf: expected a jwk, other confirmations are not known here", spec="RFC 7800, 3.2")
    return PublicKey.from_jwk(confirmation["jwk"])


def read_status(sd_jwt: UnverifiedSdJwt) -> StatusReference | None:
    """Where its status stands, NOT verified; nothing else of it is read. Raises Malformed or BadCredential."""
    return _status(Reader(sd_jwt.payload, at="credential"))


def _status(read: Reader) -> StatusReference | None:
    """A status that we cannot look up must not pass for none."""
    if not read.has("status"):
        return None
    status = read.object("status")
    if not status.has("status_list"):
        raise BadCredential("status: expected a status_list", spec="draft-ietf-oauth-status-list-21, 6.2")
    entry = status.object("status_list")
    return StatusReference(uri=entry.url("uri"), index=entry.integer("idx"))


def verify_issuer(sd_jwt: UnverifiedSdJwt, key: PublicKey) -> ReadCredential:
    """What the owner of `key` says: signature, structure and disclosures hold (RFC 9901, 7.1).

    Raises BadSignature, UnsupportedAlgorithm, or what `read_credential` raises.
    """
    key.verify(sd_jwt.jws.signature, sd_jwt.jws.signing_input, alg=sd_jwt.jws.alg)
    return read_credential(sd_jwt)


def verify_key_binding(
    sd_jwt: UnverifiedSdJwt,
    *,
    holder: PublicKey,
    expected_nonce: str,
    expected_audience: str,
    now: datetime,
    max_age: timedelta = MAX_AGE,
) -> None:
    """Check that the holder made this presentation for us, for this request, just now (RFC 9901, 7.3).

    `now` is aware UTC; `iat` lies at most `max_age` before it and MAX_SKEW after it. Replay is the caller's matter:
    spend the nonce in the store first. Raises BadKeyBinding, BadSignature, Malformed, WrongType.
    """
    if sd_jwt.kb_jwt is None:
        raise BadKeyBinding("key binding is missing", spec="RFC 9901, 7.3")
    read = Reader(verify_compact(parse_compact(sd_jwt.kb_jwt, typ=KEY_BINDING_TYPE), holder), at="key binding")
    if read.text("nonce") != expected_nonce:
        raise BadKeyBinding("nonce differs from the request's", spec="RFC 9901, 7.3")
    if read.text("aud") != expected_audience:
        raise BadKeyBinding("audience is not the one expected", spec="RFC 9901, 7.3")
    if read.text("sd_hash") != digest_of(sd_jwt.presented):
        raise BadKeyBinding("sd_hash does not cover what is shown", spec="RFC 9901, 7.3")
    _require_timely(read, now, max_age)


def _require_timely(read: Reader, now: datetime, max_age: timedelta) -> None:
    if not now - max_age <= read.moment("iat") <= now + MAX_SKEW:
        raise BadKeyBinding("iat is too old or in the future", spec="RFC 9901, 7.3")
    expires_at, not_before = read.optional_moment("exp"), read.optional_moment("nbf")
    if (expires_at is not None and expires_at <= now) or (not_before is not None and not_before > now + MAX_SKEW):
        raise BadKeyBinding("key binding is outside of its own time of validity", spec="RFC 9901, 7.3")


class UnverifiedSdJwtVc(NamedTuple):
    """An SD-JWT VC as the rest of the library sees it (`UnverifiedCredential`)."""

    sd_jwt: UnverifiedSdJwt
    issuer: str
    vct: str

    def __repr__(self) -> str:
        """The type and the issuer, never a claim."""
        return f"UnverifiedSdJwtVc(vct={self.vct!r}, issuer={self.issuer!r})"

    @property
    def key_hint(self) -> str | None:
        """The `kid` of its header."""
        return self.sd_jwt.jws.kid

    @property
    def issuer_signed(self) -> str:
        """The JWS, without disclosures."""
        return self.sd_jwt.issuer_signed

    @property
    def has_proof(self) -> bool:
        """Whether there is a KB-JWT."""
        return self.sd_jwt.kb_jwt is not None

    @property
    def status(self) -> StatusReference | None:
        """The entry that its `status` names."""
        return read_status(self.sd_jwt)

    def read(self) -> ReadCredential:
        """Its claims with the disclosures in place."""
        return read_credential(self.sd_jwt)

    def verify_signature(self, key: PublicKey) -> None:
        """Check the issuer's JWS."""
        jws = self.sd_jwt.jws
        key.verify(jws.signature, jws.signing_input, alg=jws.alg)

    def verify_proof(
        self, holder: PublicKey | str, *, expected_nonce: str, expected_audience: str, now: datetime
    ) -> None:
        """Check the KB-JWT."""
        if isinstance(holder, str):
            raise BadKeyBinding("the credential holds no key of its holder", spec="RFC 9901, 7.3")
        verify_key_binding(
            self.sd_jwt, holder=holder, expected_nonce=expected_nonce, expected_audience=expected_audience, now=now
        )

    def salts(self) -> Sequence[str]:
        """One of each disclosure."""
        return [each.salt for each in self.sd_jwt.disclosures]


def parse(text: str) -> tuple[UnverifiedSdJwtVc]:
    """The one credential in `text`. Raises what `parse_sd_jwt` raises, and Malformed without issuer or type."""
    sd_jwt = parse_sd_jwt(text)
    read = Reader(sd_jwt.payload, at="credential")
    return (UnverifiedSdJwtVc(sd_jwt, read.text("iss", max_length=2_048), read.text("vct", max_length=2_048)),)


async def present(
    chosen: Mapping[str, Sequence[ToPresent]], *, nonce: str, audience: str, now: datetime
) -> dict[str, list[str]]:
    """A presentation for each credential, by query id."""
    return {
        query_id: [
            await bind(select(one.text, one.paths), nonce=nonce, audience=audience, now=now, signer=one.signer)
            for one in some
        ]
        for query_id, some in chosen.items()
    }


SD_JWT_VC: Final = Format(
    id=FORMAT,
    protocol=REGISTERED,
    sections=MappingProxyType(
        {
            "format": "SD-JWT VC, 2",
            "issuer-key": "SD-JWT VC, 2.5",
            "signature": "RFC 7515, 5.2",
            "disclosures": "RFC 9901, 7.1",
            "key-binding": "RFC 9901, 7.3",
        }
    ),
    capabilities=MappingProxyType({"sd-jwt_alg_values": [*ALG_NAMES], "kb-jwt_alg_values": [*ALG_NAMES]}),
    issuer_of=web_did,
    secure=secure,
    parse=parse,
    present=present,
    asked_types=lambda meta: meta.texts("vct_values", at_least=1, max_items=MAX_TYPES),
    issued_type=lambda configuration: configuration.text("vct", max_length=2_048),
    type_members=lambda vct: {"vct": vct},
)

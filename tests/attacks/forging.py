"""What a forger has: keys of their own, keys of honest parties where these misbehave, and tokens of any shape."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import EllipsisType
from typing import Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from didkit_py.dids.document import create_document, keys_of_document
from didkit_py.encoding import Json, b64url, from_b64url, read_json, write_json
from didkit_py.keys.party import PartyKeys
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import SoftwareSigner

NOW: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
T = TypeVar("T")


def signer(number: int, key_id: str = "", *, alg: str = "ES256") -> SoftwareSigner:
    """The same key for the same number, every time, and the same signature for the same bytes."""
    made = SoftwareSigner.from_secret(number.to_bytes(32, "big"), alg=alg, key_id=key_id)
    if alg != "ES256":
        return made
    steady = replace(made.public.algorithm, sign=_sign_steadily)
    return replace(made, public=PublicKey(steady, made.public.loaded))


def _sign_steadily(private: EllipticCurvePrivateKey, message: bytes) -> bytes:
    """ES256 whose random number is made from key and message (RFC 6979)."""
    r, s = decode_dss_signature(private.sign(message, ECDSA(SHA256(), deterministic_signing=True)))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


FORGER: Final = signer(66)  # nobody lists this key


def document(did: str, key: PublicKey, *, fragment: str = "key-1") -> PartyKeys:
    """A DID document with one key for everything."""
    return keys_of_document(create_document(did, {fragment: key}), did=did)


def changed(members: Mapping[str, Json], changes: Mapping[str, Json | EllipsisType]) -> dict[str, Json]:
    """The members with others in their place; `...` takes one away."""
    return {name: value for name, value in {**members, **changes}.items() if value is not ...}


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A compact JWS of any header and payload, signed as its header says once it is written."""

    header: Mapping[str, Json]
    payload: Mapping[str, Json] | bytes
    by: SoftwareSigner
    finish: Callable[[str], str] = field(default=lambda text: text)  # what is done to the text afterwards

    @classmethod
    def of(cls, text: str, by: SoftwareSigner) -> "Token":
        """A genuine token taken apart; written again it has a fresh signature by the same key."""
        head, body, _ = text.split(".")
        header, payload = read_json(from_b64url(head)), read_json(from_b64url(body))
        assert isinstance(header, dict)
        assert isinstance(payload, dict)
        return cls(header=header, payload=payload, by=by)

    def text(self) -> str:
        payload = self.payload if isinstance(self.payload, bytes) else write_json(dict(self.payload))
        signing_input = f"{b64url(write_json(dict(self.header)))}.{b64url(payload)}"
        return self.finish(f"{signing_input}.{b64url(self._sign(signing_input.encode()))}")

    def _sign(self, message: bytes) -> bytes:
        alg = self.header.get("alg")
        if isinstance(alg, str) and alg.lower() == "none":
            return b""
        if alg == "HS256":  # the public key, which everybody has, as the shared secret
            return hmac.digest(public_bytes(self.by.public), message, hashlib.sha256)
        return self.by.public.algorithm.sign(self.by._private, message)

    def claims(self) -> Mapping[str, Json]:
        assert not isinstance(self.payload, bytes)
        return self.payload


def public_bytes(key: PublicKey) -> bytes:
    """The public key as the file that a careless library would take for a secret."""
    if isinstance(key.loaded, EllipticCurvePublicKey):
        return key.loaded.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return bytes(key.loaded)


def header(**members: Json | EllipsisType) -> Callable[[Token], Token]:
    """Other header members; the signer signs what stands there."""
    return lambda token: replace(token, header=changed(token.header, members))


def payload(**members: Json | EllipsisType) -> Callable[[Token], Token]:
    """Other claims; the signer signs what stands there."""
    return lambda token: replace(token, payload=changed(token.claims(), members))


def payload_text(octets: bytes) -> Callable[[Token], Token]:
    """Another payload, JSON or not."""
    return lambda token: replace(token, payload=octets)


def signed_by(by: SoftwareSigner) -> Callable[[Token], Token]:
    """Another key, under the same header."""
    return lambda token: replace(token, by=by)


def finished(finish: Callable[[str], str]) -> Callable[[Token], Token]:
    """Something done to the text after it was signed."""
    return lambda token: replace(token, finish=finish)


def signature(octets: Callable[[bytes], bytes]) -> Callable[[Token], Token]:
    """Another signature under the same text."""

    def finish(text: str) -> str:
        signed, _, old = text.rpartition(".")
        return f"{signed}.{b64url(octets(from_b64url(old)))}"

    return finished(finish)


def flip(text: str, place: int) -> str:
    """The text with one character changed for its neighbour in the alphabet."""
    return text[:place] + ("B" if text[place] == "A" else "A") + text[place + 1 :]


def timed(moment: datetime) -> int:
    return int(moment.timestamp())


def all_of_tokens(*changes: Callable[[Token], Token]) -> Callable[[Token], Token]:
    """One change of a token after the other."""

    def change(token: Token) -> Token:
        for each in changes:
            token = each(token)
        return token

    return change

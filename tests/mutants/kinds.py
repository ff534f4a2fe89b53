"""Every kind of text that a signature, a MAC or a seal protects, genuine, with the public function that judges it.

All of it is the same in every run, so that a mutant can be made again from its number.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from itertools import count
from typing import Any, Final

import nacl.pwhash.argon2id
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash

from didkit_py.dids.document import create_document, keys_of_document
from didkit_py.encoding import Json, b64url, digest, from_b64url, jcs, read_json, sha256, write_json
from didkit_py.errors import DidkitError
from didkit_py.formats.sd_jwt_vc import SD_JWT_VC
from didkit_py.formats.table import FORMATS
from didkit_py.jose import JointlySigned
from didkit_py.keys.sealed import open_with_passphrase, seal
from didkit_py.oid4vci.key_proof import verify_key_proof
from didkit_py.oid4vci.nonce import create_nonce, verify_nonce
from didkit_py.oid4vp.response import open_response
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.records.events import (
    AgreementEvent,
    create_acknowledgement,
    create_erase_proof,
    create_erase_request,
    create_withdrawal,
    parse_event,
    verify_answer,
    verify_event,
)
from didkit_py.records.record import TYP as RECORD_TYPE
from didkit_py.records.record import countersign, verify_acceptance, verify_record
from didkit_py.service.storage.sealing import Box
from didkit_py.status.token_list import verify_status_list
from didkit_py.terms.agreement import parse_agreement, verify_agreement
from didkit_py.terms.document import parse_terms, verify_terms
from didkit_py.trust import verify_trust_list
from didkit_py.verification import KeyBinding, verify_credential, verify_presentation
from tests.attacks import genuine, presentations
from tests.attacks.forging import NOW, Token, signer
from tests.attacks.genuine import ASKED, C_NONCE, DOCUMENT, ENCRYPTION, JUDGES, LAYER, LIST, NAMED, OFFER, ORIGIN
from tests.mutants.edits import P256_ORDER
from tests.mutants.shapes import Shape
from wallet.storage.ledger import Head, verify_chain

# --- what a mutant may say and still be accepted


def nothing(genuine_text: str, mutant: str) -> bool:
    """No other text may pass."""
    return genuine_text == mutant


def _same(told: Callable[[str], object]) -> Callable[[str, str], bool]:
    """A text that tells the same may pass."""

    def may_pass(genuine_text: str, mutant: str) -> bool:
        try:
            return told(mutant) == told(genuine_text)
        except (ValueError, KeyError, TypeError, IndexError, DidkitError):
            return False

    return may_pass


def _lower(token: str) -> str:
    """A token with the lower of the two ES256 signatures that hold for it.

    Whoever sees one can write down the other, without any key. Both are valid (FIPS 186-5, 6.4.2), and signers give the
    higher one half of the time, so no verifier can refuse it. It says the same; what may be used once is kept by what
    it says, or by its exact text, never by its signature.
    """
    header, payload, signature = token.split(".")
    if json.loads(from_b64url(header)).get("alg") != "ES256":
        return token
    return f"{header}.{payload}.{_lower_signature(signature)}"


def _lower_signature(text: str) -> str:
    raw = from_b64url(text)
    second = int.from_bytes(raw[32:], "big")
    if len(raw) != 64 or second > P256_ORDER:
        raise ValueError("no ES256 signature")
    return b64url(raw[:32] + min(second, P256_ORDER - second).to_bytes(32, "big"))


def _proven(text: str) -> object:
    """A presentation is fixed but for the other signature of the holder."""
    shown, _, proof = text.rpartition("~")
    return shown, _lower(proof)


def _selected(genuine_text: str, mutant: str) -> bool:
    """A credential without proof may be shown with fewer disclosures, in any order: that is what they are for."""
    issued, *disclosures, last = mutant.split("~")
    theirs, *known, _ = genuine_text.split("~")
    chosen = len(set(disclosures)) == len(disclosures) and set(disclosures) <= set(known)
    return chosen and not last and _same(_lower)(theirs, issued)


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(members)) != len(members):
        raise ValueError("a member twice")
    return dict(members)


def _read(text: str) -> Any:
    """JSON by another reader than the one under test; a member that stands twice is an error."""
    return json.loads(text, object_pairs_hook=_unique)


def _terms_told(text: str) -> object:
    """Terms are named by their canonical form, so other blanks, order or escapes are the same document."""
    body = _read(text)
    return json.dumps({**body, "proof": _lower(body["proof"])}, sort_keys=True)


def _record_told(text: str) -> object:
    """The wrapper of a record is plain JSON; what counts is the signed payload, the headers and the signatures."""
    body = _read(text)
    signatures = [(one["protected"], _lower_signature(one["signature"])) for one in body["signatures"]]
    return body["payload"], signatures


def _sealed_told(text: str) -> object:
    """The wrapper of a sealed file is plain JSON; all five members are bound by the seal."""
    body = _read(text)
    return [repr(body[name]) for name in ("format", "salt", "passes", "memory_bytes", "sealed")]


def _document_told(text: str) -> object:
    """Nobody signs a key document; what it must not lose is whose it is, the key, and that the key may sign claims."""
    body = _read(text)

    def whole(name: str) -> str:
        return f"{body['id']}{name}" if name.startswith("#") else name

    named = [one["publicKeyJwk"] for one in body["verificationMethod"] if whole(one["id"]) == NAMED.key_id]
    keys = [[one[name] for name in ("kty", "crv", "x", "y")] for one in named]
    return body["id"], keys, NAMED.key_id in map(whole, body["assertionMethod"])


# --- kinds


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Genuine texts of one kind, and their judge, which raises a DidkitError for everything else."""

    name: str
    shape: Shape
    texts: tuple[str, ...]
    judge: Callable[[str], object]
    may_pass: Callable[[str, str], bool] = nothing


ALIKE: Final = _same(_lower)
EDDSA: Final = signer(7, alg="EdDSA")
PERSON: Final = replace(NAMED, key_id="")
KEY: Final = sha256(b"storage")
NONCE_KEY: Final = sha256(b"nonces")


def made(work: Coroutine[Any, Any, Any]) -> Any:
    """What signing gives; nothing here waits for anything."""
    return asyncio.run(work)


def random_bytes(name: str) -> Callable[[int], bytes]:
    """Bytes that look random and are the same in every run."""
    numbers = count()
    return lambda size: (sha256(f"{name} {next(numbers)}".encode()) * 2)[:size]


def _credentials() -> Kind:
    texts = []
    for issued in (presentations.good_two(), presentations.good_standing()):
        text, _, _ = made(issued).text().rpartition("~")
        texts.append(f"{text}~")

    evidence = presentations.status_list()

    def judge(text: str) -> object:
        return verify_credential(
            text, evidence=evidence, now=NOW, key_binding=KeyBinding.NOT_REQUIRED, in_format=SD_JWT_VC
        )

    return Kind(name="credential", shape=Shape.SD_JWT, texts=tuple(texts), judge=judge, may_pass=_selected)


def _presentations() -> Iterator[Kind]:
    evidence = presentations.status_list()
    expected: Any = {"expected_nonce": presentations.NONCE, "expected_audience": presentations.AUDIENCE}

    def judge(text: str) -> object:
        return verify_credential(
            text, evidence=evidence, now=NOW, key_binding=KeyBinding.REQUIRED, **expected, in_format=SD_JWT_VC
        )

    def judge_answer(text: str) -> object:
        return verify_presentation(
            {"afford": [text]}, query=presentations.QUERY, evidence=evidence, now=NOW, **expected, formats=FORMATS
        )

    two, status, step = (
        made(one).text() for one in (presentations.good_two(), presentations.good_standing(), presentations.good_step())
    )
    yield Kind(name="presentation", shape=Shape.SD_JWT, texts=(two, status, step), judge=judge, may_pass=_same(_proven))
    yield Kind(name="answer to a query", shape=Shape.SD_JWT, texts=(step,), judge=judge_answer, may_pass=_same(_proven))


def _plain(name: str, judge: Callable[[str], object] | None = None) -> Kind:
    """A compact token that the tests of attacks know."""
    text = genuine.genuine(name).text()
    return Kind(name=name, shape=Shape.JWS, texts=(text,), judge=judge or JUDGES[name], may_pass=ALIKE)


def _by_eddsa(token: Token) -> str:
    header = {**token.header, "alg": "EdDSA"} | ({"jwk": EDDSA.public.to_jwk()} if "jwk" in token.header else {})
    return replace(token, header=header, by=EDDSA).text()


def _lists() -> Iterator[Kind]:
    document = keys_of_document(
        create_document(genuine.DID, {"key-1": NAMED.public, "key-2": EDDSA.public}), did=genuine.DID
    )
    trust = genuine.genuine("trust list")
    yield Kind(
        name="trust list",
        shape=Shape.JWS,
        texts=(trust.text(), _by_eddsa(replace(trust, header={**trust.header, "kid": f"{genuine.DID}#key-2"}))),
        judge=lambda text: verify_trust_list(text, publisher=document, now=NOW, key_sources=KEY_SOURCES),
        may_pass=ALIKE,
    )
    yield _plain("status list")
    yield Kind(
        name="status list by EdDSA",
        shape=Shape.JWS,
        texts=(_by_eddsa(genuine.genuine("status list")),),
        judge=lambda text: verify_status_list(text, uri=LIST, issuer=genuine.DID, key=EDDSA.public, now=NOW),
    )
    published = write_json(create_document(genuine.DID, {"key-1": NAMED.public})).decode()

    def judge_document(text: str) -> object:
        read = keys_of_document(read_json(text), did=genuine.DID)
        return verify_trust_list(trust_text, publisher=read, now=NOW, key_sources=KEY_SOURCES)

    trust_text = trust.text()
    yield Kind(
        name="key document",
        shape=Shape.JSON,
        texts=(published,),
        judge=judge_document,
        may_pass=_same(_document_told),
    )


def _terms() -> Iterator[Kind]:
    def judge(text: str) -> object:
        document = parse_terms(text.encode("utf-8", "surrogatepass"))
        return verify_terms(document, layers={digest(LAYER): LAYER}, publisher=DOCUMENT)

    text = genuine.terms_body(genuine.genuine("terms proof").text()).decode()
    yield Kind(name="terms document", shape=Shape.JSON, texts=(text,), judge=judge, may_pass=_same(_terms_told))
    yield _plain("terms signature")
    yield _plain("delegation")


def _requests() -> Iterator[Kind]:
    asked = genuine.verified_request()
    yield _plain("request object")
    yield _plain("agreement", lambda text: verify_agreement(parse_agreement(text), request=asked, now=NOW))
    text = _encrypted(b'{"vp_token":{"plain":["a~"]},"state":"af0ifjsldkj"}')
    yield Kind(
        name="encrypted answer",
        shape=Shape.JWE,
        texts=(text,),
        judge=lambda text: open_response(text, private_jwk=ENCRYPTION),
    )


def _encrypted(plain: bytes) -> str:
    """A compact JWE for the key of the tests, by RFC 7516, 5.1 and RFC 7518, 4.6, whose random numbers are fixed."""
    ephemeral = signer(12)
    header = b64url(
        write_json({"alg": "ECDH-ES", "enc": "A128GCM", "kid": ENCRYPTION["kid"], "epk": ephemeral.public.to_jwk()})
    )
    theirs = ec.derive_private_key(int.from_bytes(from_b64url(str(ENCRYPTION["d"])), "big"), ec.SECP256R1())
    shared = ephemeral._private.exchange(ec.ECDH(), theirs.public_key())
    sizes = [len(b"A128GCM").to_bytes(4, "big") + b"A128GCM", bytes(4), bytes(4), (128).to_bytes(4, "big")]
    key = ConcatKDFHash(SHA256(), 16, b"".join(sizes)).derive(shared)
    iv = sha256(b"iv")[:12]
    sealed = AESGCM(key).encrypt(iv, plain, header.encode())
    return ".".join((header, "", b64url(iv), b64url(sealed[:-16]), b64url(sealed[-16:])))


def _records() -> Iterator[Kind]:
    unsigned = JointlySigned(jcs(genuine.RECORD), ())
    accepted = made(unsigned.countersign(PERSON, typ=RECORD_TYPE, header={"jwk": PERSON.public.to_jwk()}))
    both = made(countersign(accepted, signer=NAMED))

    def signed(text: str) -> JointlySigned:
        return JointlySigned.from_json(read_json(text))

    def wire(one: JointlySigned) -> str:
        return write_json(one.to_json()).decode()

    yield Kind(
        name="acceptance",
        shape=Shape.JSON,
        texts=(wire(accepted),),
        judge=lambda text: verify_acceptance(signed(text), offer_text=OFFER, query=ASKED, terms=None, now=NOW),
        may_pass=_same(_record_told),
    )
    yield Kind(
        name="record of another",
        shape=Shape.JSON,
        texts=(wire(both),),
        judge=lambda text: verify_record(signed(text), vendor_keys=DOCUMENT),
        may_pass=_same(_record_told),
    )
    yield Kind(
        name="countersigned record",
        shape=Shape.JSON,
        texts=(wire(both),),
        judge=lambda text: verify_record(signed(text), vendor_keys=DOCUMENT, accepted=accepted),
        may_pass=_same(_record_told),
    )
    record = verify_record(both, vendor_keys=DOCUMENT, accepted=accepted)
    yield from _events(record)


def _events(record: Any) -> Iterator[Kind]:
    about: Any = {"previous": None, "now": NOW}
    withdrawal = made(create_withdrawal(record, gids=["g-a"], effect="stop-use", signer=PERSON, **about))
    erasure = made(create_erase_request(record, paths=[("colour",)], basis="GDPR-17", signer=PERSON, **about))

    def judge_as(kind: str) -> Callable[[str], object]:
        """Each kind of event has an address of its own, which takes no other."""
        return lambda text: verify_event(parse_event(text), record=record, vendor_keys=DOCUMENT, **about).kind == kind

    asked, wished = (parse_event(text).event for text in (withdrawal, erasure))
    for name, event in (("withdrawal", asked), ("erasure", wished)):
        yield Kind(name=name, shape=Shape.JWS, texts=(event.text,), judge=judge_as(event.kind), may_pass=ALIKE)

    def judge_answer_to(to: AgreementEvent) -> Callable[[str], object]:
        return lambda text: verify_answer(text, to=to, record=record, vendor_keys=DOCUMENT, now=NOW)

    applied = made(create_acknowledgement(record, previous=asked, of=asked, state="applied", signer=NAMED, now=NOW))
    erased = made(create_erase_proof(record, of=wished, signer=NAMED, now=NOW))
    for name, text, to in (("confirmation", applied, asked), ("proof of erasure", erased, wished)):
        yield Kind(
            name=name,
            shape=Shape.JWS,
            texts=(text,),
            judge=judge_answer_to(to),
            may_pass=ALIKE,
        )


def _key_proofs() -> Iterator[Kind]:
    token = genuine.genuine("key proof")
    for name, key, text in (("key proof", NAMED, token.text()), ("key proof by EdDSA", EDDSA, _by_eddsa(token))):

        def judge(text: str, key: Any = key) -> object:
            """A proof of another key is good, and no proof of this one."""
            proof = verify_key_proof(text, expected_audience=ORIGIN, parties={genuine.DID: DOCUMENT}, now=NOW)
            return proof.key == key.public and proof.nonce == C_NONCE

        yield Kind(name=name, shape=Shape.JWS, texts=(text,), judge=judge, may_pass=ALIKE)
    nonce = create_nonce(key=NONCE_KEY, now=NOW, random=random_bytes("nonce"))
    yield Kind(
        name="nonce",
        shape=Shape.ENCODED,
        texts=(nonce,),
        judge=lambda text: verify_nonce(text, key=NONCE_KEY, now=NOW + timedelta(minutes=1)),
    )


def _sealed() -> Iterator[Kind]:
    box = Box(key=KEY, random=random_bytes("box"))
    value: Json = {"name": "Sally", "email": "sally@post.example"}
    yield Kind(
        name="sealed value",
        shape=Shape.OCTETS,
        texts=(box.seal(value, place="requests:1").decode("latin-1"),),
        judge=lambda text: box.open(text.encode("latin-1"), place="requests:1"),
    )
    yield Kind(
        name="sealed key file",
        shape=Shape.JSON,
        texts=(_key_file(),),
        judge=lambda text: open_with_passphrase(text.encode("utf-8", "surrogatepass"), b"seven wet dogs"),
        may_pass=_same(_sealed_told),
    )
    entries, head = _ledger(box)
    yield Kind(
        name="ledger",
        shape=Shape.SD_JWT,  # parts between tildes, each in base64url
        texts=("~".join(map(b64url, entries)),),
        judge=lambda text: verify_chain(_rows(text), head=head, box=box),
    )


def _key_file() -> str:
    """A sealed file of little cost, which the file itself says; a costly one takes a quarter of a second to open."""
    salt = random_bytes("salt")(16)
    header: dict[str, Json] = {"format": "didkit-sealed-1", "salt": b64url(salt), "passes": 1, "memory_bytes": 8_192}
    key = nacl.pwhash.argon2id.kdf(32, b"seven wet dogs", salt, opslimit=1, memlimit=8_192)
    sealed = seal(KEY, key=key, nonce=random_bytes("file")(24), context=write_json(header))
    return write_json({**header, "sealed": b64url(sealed)}).decode()


def _ledger(box: Box) -> tuple[list[bytes], Head]:
    entries: list[bytes] = []
    before = "genesis"
    for seq in (1, 2, 3, 4):
        entry: Json = {
            "seq": seq,
            "prev": before,
            "at": "2026-11-21T12:00:00Z",
            "kind": "asked",
            "request": "r-1",
            "body": {},
        }
        entries.append(box.seal(entry, place=f"ledger:{seq}"))
        before = digest(jcs(entry))
    return entries, Head(genesis="genesis", count=4, digest=before)


def _rows(text: str) -> list[dict[str, Any]]:
    return [{"seq": seq, "sealed": from_b64url(one)} for seq, one in enumerate(text.split("~"), start=1)]


@cache
def kinds() -> tuple[Kind, ...]:
    """All kinds; the order is part of a mutant's name."""
    return (
        _credentials(),
        *_presentations(),
        *_lists(),
        *_terms(),
        *_requests(),
        *_records(),
        *_key_proofs(),
        *_sealed(),
    )

"""SD-JWT VC with ten claims: issue, present three with key binding, verify; ours, and the same in two peers."""

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwcrypto import jwk
from openvc.keys import Ed25519SigningKey, P256SigningKey
from openvc.proof.sd_jwt import SdJwtVcProofSuite
from sd_jwt.common import SDObj
from sd_jwt.holder import SDJWTHolder
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier

from bench.measuring import Case, done
from didkit_py.credentials.credential import Credential
from didkit_py.encoding import from_b64url
from didkit_py.formats import sd_jwt_vc
from didkit_py.formats.sd_jwt import parse_sd_jwt
from didkit_py.keys.algorithms import ALGORITHMS
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import SoftwareSigner

NONCE, AUDIENCE = "n-0S6_WzA2Mj-0S6_WzA2Mj", "decentralized_identifier:did:web:vendor.example"
CLAIMS: Final = {f"claim_{place}": f"value number {place}" for place in range(10)}
SHOWN: Final = ("claim_1", "claim_4", "claim_7")
HOLDERS: Final = 1_200  # a vendor meets each key once, so no memory of keys must help: more than it keeps
NAMES: Final = ("issue 10 claims", "present 3 of 10 + key binding", "verify + key binding")
TARGETS: Final = {"ES256": (2.3, 1.8, 1.35), "EdDSA": (2.3, 1.8, 1.3)}
Steps = tuple[Callable[[], object], Callable[[], object], Callable[[], object]]


def cases(alg: str) -> list[Case]:
    """Raw operations first, then each step of ours and of the peers."""
    raw = _raw(alg)
    found = [*raw]
    implementations = {"didkit-py": _ours(alg), "openvc-core": _openvc(alg), "sd-jwt": _reference(alg)}
    for step, name in enumerate(NAMES):
        for who, steps in implementations.items():
            if steps is not None:
                target = TARGETS[alg][step] if who == "didkit-py" else None
                found.append(
                    Case(name=f"{alg} {name}: {who}", call=steps[step], baseline=raw[min(step, 2)].name, target=target)
                )
    return found


def _raw(alg: str) -> list[Case]:
    row = ALGORITHMS[alg]
    private, public = row.load_private(bytes(range(32)))
    long, short = b"x" * 900, b"y" * 250
    shown = itertools.cycle([_signed(alg, private, holder, place) for place, holder in enumerate(holders(alg))])

    def verify_both() -> None:
        (signature, message), (point, bound, binding) = next(shown)
        row.verify(public, signature, message)
        row.verify(loaded(point), bound, binding)

    calls = (lambda: row.sign(private, long), lambda: row.sign(private, short), verify_both)
    names = ("raw sign, 900 bytes", "raw sign, 250 bytes", "two raw verifications, one key loaded")
    return [
        Case(name=f"{alg} {name}", call=call, baseline=f"{alg} {name}") for name, call in zip(names, calls, strict=True)
    ]


def _signed(alg: str, private: Any, holder: SoftwareSigner, place: int) -> tuple[Any, Any]:  # noqa: ANN401 - likewise
    """An issuer's and a holder's signature, others at each place: checking the same bits again and again is faster."""
    long, short, sign = b"%0900d" % place, b"%0250d" % place, ALGORITHMS[alg].sign
    return (sign(private, long), long), (point_of(holder.public.loaded), done(holder.sign(short)), short)


def point_of(public: Any) -> bytes:  # noqa: ANN401 - a key of either library
    """A public key as it comes in a message."""
    if isinstance(public, bytes):
        return public
    return bytes(public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def loaded(point: bytes) -> Any:  # noqa: ANN401 - likewise
    """The holder's key comes with the presentation, so nobody can check it without loading it."""
    return point if len(point) == 32 else ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def holders(alg: str, *, first: int = 1, count: int = HOLDERS) -> list[SoftwareSigner]:
    """As many holders as one run may meet; `first` gives each case holders of its own."""
    return [SoftwareSigner.from_secret(place.to_bytes(32, "big"), alg=alg) for place in range(first, first + count)]


def _ours(alg: str) -> Steps:
    now = datetime.now(UTC).replace(microsecond=0)
    issuer = SoftwareSigner.from_secret(bytes(range(32)), alg=alg, key_id="did:web:issuer.example#key-1")
    holder = SoftwareSigner.from_secret(bytes(range(1, 33)), alg=alg)
    credential = Credential(
        vct="urn:example:person",
        vct_integrity="sha256-AAAA",
        issuer="did:web:issuer.example",
        subject=None,
        claims=dict(CLAIMS),
        disclosable=tuple((name,) for name in CLAIMS),
        issued_at=now,
        expires_at=now + timedelta(days=365),
        status=None,
    )
    salts = iter(int.to_bytes(place, 16, "big") for place in range(10**9)).__next__

    def issue() -> str:
        secured = done(sd_jwt_vc.secure(credential, holder_key=holder.public, salts=salts, signer=issuer))
        return str(secured.text)

    text = issue()

    def present() -> str:
        selected = sd_jwt_vc.select(text, [(name,) for name in SHOWN])
        return str(done(sd_jwt_vc.bind(selected, nonce=NONCE, audience=AUDIENCE, now=now, signer=holder)))

    presentations = itertools.cycle([_shown(credential, each, issuer, salts, now) for each in holders(alg)])

    def verify() -> object:
        parsed = parse_sd_jwt(next(presentations))
        read = sd_jwt_vc.verify_issuer(parsed, issuer.public)
        if not isinstance(read.holder, PublicKey) or read.expires_at is None or read.expires_at < now:
            raise AssertionError
        sd_jwt_vc.verify_key_binding(
            parsed, holder=read.holder, expected_nonce=NONCE, expected_audience=AUDIENCE, now=now
        )
        return read.claims

    return issue, present, verify


def _shown(
    credential: Credential, holder: SoftwareSigner, issuer: SoftwareSigner, salts: Callable[[], bytes], now: datetime
) -> str:
    secured = done(sd_jwt_vc.secure(credential, holder_key=holder.public, salts=salts, signer=issuer))
    selected = sd_jwt_vc.select(secured.text, [(name,) for name in SHOWN])
    return str(done(sd_jwt_vc.bind(selected, nonce=NONCE, audience=AUDIENCE, now=now, signer=holder)))


def _openvc(alg: str) -> Steps:
    kind: Any = {"EdDSA": Ed25519SigningKey, "ES256": P256SigningKey}[alg]
    suite, issuer, holder = SdJwtVcProofSuite(), kind.generate("key-1"), kind.generate("holder-1")
    claims = {"vct": "urn:example:person", "iss": "https://issuer.example", **CLAIMS}

    def issue() -> str:
        issued = suite.issue(
            claims,
            signing_key=issuer,
            disclosable=list(CLAIMS),
            holder_jwk=holder.public_jwk(),
            expires_in_s=31_536_000,
        )
        return str(issued)

    issuer_signed, *disclosures, _ = issue().split("~")
    chosen = [one for one in disclosures if json.loads(from_b64url(one))[1] in SHOWN]

    def present() -> str:
        shown = "~".join([issuer_signed, *chosen, ""])
        return str(suite.create_presentation(shown, holder_key=holder, audience=AUDIENCE, nonce=NONCE))

    presentation, key = present(), issuer.public_jwk()
    now = datetime.now(UTC)

    def verify() -> object:
        return suite.verify(
            presentation, public_key_jwk=key, audience=AUDIENCE, nonce=NONCE, require_key_binding=True, now=now
        )

    return issue, present, verify


def _reference(alg: str) -> Steps | None:
    if alg != "ES256":  # its verifier accepts only ES256 for key binding
        return None
    issuer, holder = (jwk.JWK.generate(kty="EC", crv="P-256") for _ in range(2))
    public = jwk.JWK.from_json(issuer.export_public())

    def issue() -> str:
        claims: dict[Any, Any] = {"vct": "urn:example:person", "iss": "https://issuer.example", "exp": 4_000_000_000}
        claims |= {SDObj(name): value for name, value in CLAIMS.items()}
        made = SDJWTIssuer(claims, issuer, holder, sign_alg=alg, extra_header_parameters={"typ": "dc+sd-jwt"})
        return str(made.sd_jwt_issuance)

    text = issue()

    def present() -> str:
        made = SDJWTHolder(text)
        made.create_presentation(dict.fromkeys(SHOWN, True), NONCE, AUDIENCE, holder, sign_alg=alg)
        return str(made.sd_jwt_presentation)

    presentation = present()

    def verify() -> object:
        return SDJWTVerifier(presentation, lambda _issuer, _header: public, AUDIENCE, NONCE).get_verified_payload()

    return issue, present, verify

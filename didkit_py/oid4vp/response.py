"""The answer to a request: an encrypted vp_token, or an error in the clear (OpenID4VP 1.0, 8).

Only the holder of the request's own key can read an answer. An error says nothing about the person: a refusal and a
wallet that has nothing look the same.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final

from didkit_py.encoding import Json, b64url, read_json, write_json
from didkit_py.errors import BadResponse, Malformed, TooLarge
from didkit_py.jose import MAX_JWE, MAX_TOKEN, decrypt, encrypt, parse_jwe_header
from didkit_py.keys.algorithms import ALGORITHMS
from didkit_py.oauth import describable
from didkit_py.oid4vp.query import MAX_CREDENTIALS, MAX_ID
from didkit_py.oid4vp.request_claims import MAX_STATE, PresentationRequest
from didkit_py.reading import Reader, is_url
from didkit_py.structs import Message, read_as, url_by

ACCESS_DENIED: Final = "access_denied"
MAX_PRESENTATIONS: Final = 20  # for one query that accepts several
_KEY_ID_BYTES: Final = 16
_SCALAR_BYTES: Final = 48  # 128 bits beyond the order, so that no scalar is likelier than another (FIPS 186-5, A.2.1)
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # SEC 2, 2.4.2
_ERROR: Final = re.compile(r"\A[a-z][a-z0-9_]{0,63}\Z")


def create_encryption_key(random: Callable[[int], bytes]) -> dict[str, Json]:
    """A private JWK for the answers to one request; keep it secret, send `public_encryption_key` of it."""
    scalar = int.from_bytes(random(_SCALAR_BYTES), "big") % (_P256_ORDER - 1) + 1
    secret = scalar.to_bytes(32, "big")
    row = ALGORITHMS["ES256"]  # the same curve serves the key agreement
    _, public = row.load_private(secret)
    return {
        "kty": row.kty,
        "crv": row.crv,
        **row.to_jwk(public),
        "kid": b64url(random(_KEY_ID_BYTES)),
        "use": "enc",
        "alg": "ECDH-ES",
        "d": b64url(secret),
    }


def public_encryption_key(private_jwk: Mapping[str, Json]) -> dict[str, Json]:
    """What a request tells of the key."""
    return {name: private_jwk[name] for name in ("kty", "crv", "x", "y", "kid", "use", "alg")}


def create_response(vp_token: Mapping[str, Sequence[str]], *, request: PresentationRequest) -> str:
    """The value of the form field `response`: query id -> presentations, for the vendor's eyes only."""
    if not vp_token or not all(vp_token.values()):
        raise ValueError("an answer holds at least one presentation for each query that it names")
    tokens: dict[str, Json] = {query_id: [*texts] for query_id, texts in vp_token.items()}
    body: dict[str, Json] = {"vp_token": tokens}
    if request.state is not None:
        body["state"] = request.state
    return encrypt(write_json(body), jwk=request.encryption_jwk, enc=request.encryption_enc)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseBody:
    """An answer as it was read, its presentations not yet judged."""

    vp_token: Mapping[str, tuple[str, ...]] = field(repr=False)
    state: str | None


def open_response(text: str, *, private_jwk: Mapping[str, Json]) -> ResponseBody:
    """The answer inside. Raises CannotOpen, Malformed, TooLarge, UnsupportedAlgorithm or BadResponse."""
    if parse_jwe_header(text).get("kid") != private_jwk["kid"]:
        raise BadResponse("response: encrypted for another key than the request's", spec="OpenID4VP 1.0, 8.3")
    read = Reader(read_json(decrypt(text, private_jwk=private_jwk)), at="response")
    state = read.optional_text("state", max_length=MAX_STATE)
    tokens = read.object("vp_token")
    if not 1 <= len(tokens.members) <= MAX_CREDENTIALS:
        raise BadResponse(f"vp_token: expected 1 to {MAX_CREDENTIALS} members", spec="OpenID4VP 1.0, 8.1")
    return ResponseBody(vp_token={name: _presentations(tokens, name) for name in tokens.members}, state=state)


def _presentations(read: Reader, query_id: str) -> tuple[str, ...]:
    if len(query_id) > MAX_ID:
        raise TooLarge(f"vp_token: an id is longer than {MAX_ID} characters")
    found = read.items(query_id, at_least=1, max_items=MAX_PRESENTATIONS)
    texts = tuple(one for one in found if isinstance(one, str) and one)
    if len(texts) != len(found):
        raise Malformed("vp_token: expected arrays of non-empty texts", spec="OpenID4VP 1.0, 8.1")
    if max(map(len, texts)) > MAX_TOKEN:
        raise TooLarge(f"vp_token: a presentation is longer than {MAX_TOKEN} characters")
    return texts


def require_state(body: ResponseBody, *, expected_state: str | None) -> None:
    """Check that the answer repeats the request's state, when it had one. Raises BadResponse."""
    if expected_state is not None and body.state != expected_state:
        raise BadResponse("response.state: differs from the request's", spec="OpenID4VP 1.0, 14.3.2")


def create_error(error: str, *, state: str | None, description: str = "") -> dict[str, str]:
    """The form that a wallet posts instead of an answer; with no description, nothing is said beyond the name."""
    if not _ERROR.match(error):
        raise ValueError("expected an error name of OAuth")
    extra = {"error_description": describable(description), "state": state}
    return {"error": error} | {name: value for name, value in extra.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedResponse:
    """An answer that only the request's key opens."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationErrorResponse:
    """A wallet's refusal; its description is its own words and is not kept."""

    error: str
    state: str | None


def parse_response_form(form: Mapping[str, str]) -> EncryptedResponse | AuthorizationErrorResponse:
    """Read what was posted to the response address; unknown fields are ignored.

    Raises Malformed or TooLarge, or BadResponse for an answer in the clear.
    """
    if "vp_token" in form:
        raise BadResponse("response: expected an encrypted answer", spec="OpenID4VP 1.0, 8.3.1")
    if ("response" in form) == ("error" in form):
        raise Malformed("expected either response or error", spec="OpenID4VP 1.0, 8.2")
    if "response" not in form:
        return _error_response(form)
    if len(form["response"]) > MAX_JWE:
        raise TooLarge(f"response: longer than {MAX_JWE} characters")
    return EncryptedResponse(text=form["response"])


def _error_response(form: Mapping[str, str]) -> AuthorizationErrorResponse:
    if not _ERROR.match(form["error"]):
        raise Malformed("error: expected the name of an error", spec="RFC 6749, 4.1.2.1")
    state = form.get("state")
    if state is not None and len(state) > MAX_STATE:
        raise TooLarge(f"state: longer than {MAX_STATE} characters")
    return AuthorizationErrorResponse(error=form["error"], state=state)


class ResponseAnswer(Message):
    """What the vendor says to an answer: where it wants the person's browser to go, if anywhere (8.2)."""

    redirect_uri: Annotated[str, url_by(lambda text: is_url(text.partition("#")[0]), "an https URL")] | None = None


def parse_redirect(body: Json) -> str | None:
    """Where the vendor wants the person's browser to go after an answer, if anywhere (8.2). Raises Malformed."""
    return read_as(ResponseAnswer, body, at="answer").redirect_uri

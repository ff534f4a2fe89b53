"""The wire: OpenID4VCI 1.0 for wallets, and what everybody may read. Each handler parses, calls, answers."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from didkit_py.dids.document import create_document
from didkit_py.encoding import Json
from didkit_py.errors import NotFound
from didkit_py.oauth import CREDENTIAL_STATUS, TOKEN_STATUS, bearer_token
from didkit_py.oid4vci.credential_request import BATCH_SIZE, CredentialRequest
from didkit_py.oid4vci.issuance import IssuanceState
from didkit_py.oid4vci.metadata import IssuerMetadata, ServerMetadata, create_configuration
from didkit_py.oid4vci.nonce import NonceResponse
from didkit_py.oid4vci.token import TokenRequest
from didkit_py.service.http.media_types import JSON, text_of
from didkit_py.service.http.messages import DID_DOCUMENT
from didkit_py.service.http.web import Routes, json_answer, read_form, read_json_body
from didkit_py.service.setup.folders import KEY_FRAGMENT
from didkit_py.status.token_list import CONTENT_TYPE as STATUS_LIST_TYPE
from didkit_py.status.token_list import StatusListAggregation
from didkit_py.trust import CONTENT_TYPE as TRUST_LIST_TYPE
from issuer.api import messages
from issuer.context import IssuerContext
from issuer.metrics import CREDENTIALS, STATUS_LISTS, TOKENS
from issuer.web_context import parts_of

NO_STORE: Final[Mapping[str, str]] = {"Cache-Control": "no-store"}
SHORT: Final[Mapping[str, str]] = {"Cache-Control": "public, max-age=300"}
FOREVER: Final[Mapping[str, str]] = {"Cache-Control": "public, max-age=31536000, immutable"}  # named by their content
MAX_LIST_NUMBER: Final = 9  # digits in an address


def install(routes: Routes) -> None:
    """Add every address of the wire."""
    routes.wire("GET", "/.well-known/did.json", did_document, gives=DID_DOCUMENT)
    routes.wire("GET", "/.well-known/openid-credential-issuer", issuer_metadata, gives=messages.ISSUER_METADATA)
    routes.wire("GET", "/.well-known/oauth-authorization-server", server_metadata, gives=messages.SERVER_METADATA)
    routes.wire("GET", "/credential-offers/{id}", credential_offer, gives=messages.CREDENTIAL_OFFER)
    routes.wire(
        "POST",
        "/token",
        token,
        takes=messages.TOKEN_REQUEST,
        gives=messages.TOKEN_RESPONSE,
        errors=TOKEN_STATUS,
        counted=TOKENS,
    )
    routes.wire("POST", "/nonce", nonce, gives=messages.NONCE_RESPONSE)
    routes.wire(
        "POST",
        "/credential",
        credential,
        bearer=True,
        takes=messages.CREDENTIAL_REQUEST,
        gives=messages.CREDENTIAL_RESPONSE,
        errors=CREDENTIAL_STATUS,
        counted=CREDENTIALS,
    )
    routes.wire("GET", "/status-lists", status_lists, gives=messages.STATUS_LISTS)
    routes.wire("GET", "/status-lists/{number}", status_list, gives=messages.STATUS_LIST, counted=STATUS_LISTS)
    routes.wire("GET", "/types/{name}", type_metadata, gives=messages.TYPE_METADATA)
    routes.wire("GET", "/terms/{digest}", terms_document, gives=messages.TERMS)
    routes.wire("GET", "/terms/layers/{digest}", terms_layer, gives=text_of("*/*"))
    routes.wire("GET", "/trust-list", trust_list, gives=messages.TRUST_LIST)


async def did_document(request: web.Request) -> web.Response:
    """The issuer's key document (DID Core 1.0, 5)."""
    parts = parts_of(request)
    return json_answer(create_document(parts.did, {KEY_FRAGMENT: parts.public}), headers=SHORT)


async def issuer_metadata(request: web.Request) -> web.Response:
    """What is issued here, and where (OpenID4VCI 1.0, 12.2)."""
    parts = parts_of(request)
    return json_answer(create_issuer_metadata(parts).to_json(formats=parts.formats), headers=SHORT)


def create_issuer_metadata(parts: IssuerContext) -> IssuerMetadata:
    """The metadata of this issuer."""
    url = parts.settings.base_url
    return IssuerMetadata(
        issuer=url,
        credential_endpoint=f"{url}/credential",
        nonce_endpoint=f"{url}/nonce",
        batch_size=BATCH_SIZE,
        display_name=parts.settings.name,
        configurations={
            template.name: create_configuration(
                in_format=parts.issuing.in_format,
                vct=template.vct,
                title=template.title,
                description=template.description,
                claims=[(spec.path, spec.label) for spec in template.claims],
                for_business=template.subject == "business",
                signing_alg=parts.issuing.signer.alg,
            )
            for template in parts.templates
        },
    )


async def server_metadata(request: web.Request) -> web.Response:
    """Where codes become tokens (RFC 8414)."""
    url = parts_of(request).settings.base_url
    metadata = ServerMetadata(issuer=url, token_endpoint=f"{url}/token", pre_authorized_anonymous=True)
    return json_answer(metadata.to_json(), headers=SHORT)


async def credential_offer(request: web.Request) -> web.Response:
    """An open offer (OpenID4VCI 1.0, 4.1.3); all others look as if they had never been."""
    parts = parts_of(request)
    gone = NotFound(
        "there is no open offer at this address",
        hint="It was used or withdrawn, or has expired. Ask the issuer for a new one.",
    )
    try:
        kept = await parts.store.load(request.match_info["id"], now=parts.clock())
    except NotFound:
        raise gone from None
    if kept.state is not IssuanceState.OFFERED:
        raise gone
    return json_answer(parts.issuing.offer_message(kept.offer).to_json(), headers=NO_STORE)


async def token(request: web.Request) -> web.Response:
    """The codes become a token (OpenID4VCI 1.0, 6)."""
    parts = parts_of(request)
    form = await read_form(request)
    response = await parts.issuing.redeem(TokenRequest.from_form(form), now=parts.clock())
    return json_answer(response.to_json(), headers=NO_STORE)


async def nonce(request: web.Request) -> web.Response:
    """A fresh nonce for key proofs (OpenID4VCI 1.0, 7)."""
    parts = parts_of(request)
    return json_answer(NonceResponse(c_nonce=parts.issuing.nonce(now=parts.clock())), headers=NO_STORE)


async def credential(request: web.Request) -> web.Response:
    """Key proofs become credentials (OpenID4VCI 1.0, 8). The token is judged before the body is read."""
    parts = parts_of(request)
    now = parts.clock()
    access_token = bearer_token(request.headers.get("Authorization"))
    await parts.issuing.authorize(access_token, now=now)
    wanted = CredentialRequest.from_json(await read_json_body(request))
    response = await parts.issuing.issue(wanted, token=access_token, now=now)
    return json_answer(response.to_json(), headers=NO_STORE)


async def status_lists(request: web.Request) -> web.Response:
    """The addresses of all lists, so that nobody need say which credential they look for (Token Status List, 9.3)."""
    return json_answer(
        StatusListAggregation(status_lists=tuple(await parts_of(request).status_lists.uris())), headers=SHORT
    )


async def status_list(request: web.Request) -> web.Response:
    """One signed status list (Token Status List, 5.1)."""
    parts = parts_of(request)
    number = request.match_info["number"]
    if not (number.isascii() and number.isdigit() and len(number) <= MAX_LIST_NUMBER):
        raise NotFound("there is no such status list")
    text = await parts.status_lists.token(int(number), now=parts.clock())
    return _text(text, STATUS_LIST_TYPE, max_age=int(parts.status_lists.ttl.total_seconds()))


async def trust_list(request: web.Request) -> web.Response:
    """The signed list of trusted issuers and of terms."""
    parts = parts_of(request)
    return _text(await parts.publications.trust_list(now=parts.clock()), TRUST_LIST_TYPE, max_age=60)


def _text(text: str, content_type: str, *, max_age: int) -> web.Response:
    return web.Response(
        body=text.encode(), content_type=content_type, headers={"Cache-Control": f"public, max-age={max_age}"}
    )


async def type_metadata(request: web.Request) -> web.Response:
    """What a claim type holds, for programs of others (SD-JWT VC, 4)."""
    template = parts_of(request).issuing.templates.get(request.match_info["name"])
    if template is None:
        raise NotFound("this issuer offers no such type")
    metadata: Json = template.type_metadata()
    return json_answer(metadata, headers=SHORT)


async def terms_document(request: web.Request) -> web.Response:
    """A terms document, byte for byte as it was published."""
    body = await parts_of(request).publications.terms_document(request.match_info["digest"])
    return web.Response(body=body, content_type=JSON, headers=FOREVER)


async def terms_layer(request: web.Request) -> web.Response:
    """A text of a terms document, byte for byte."""
    layer = await parts_of(request).publications.terms_layer(request.match_info["digest"])
    content_type, _, parameters = layer.media_type.partition(";")
    charset = parameters.partition("charset=")[2].strip() or ("utf-8" if content_type.startswith("text/") else None)
    return web.Response(body=layer.body, content_type=content_type.strip(), charset=charset, headers=FOREVER)

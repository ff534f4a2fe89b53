"""Every field by which somebody else can make a program fetch or send: one function each, that puts an address there.

Each takes an honest world, puts the address into that one field, does what the program would do, and gives the code of
what came of it: of the refusal, or of the part that was left out.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from aiohttp import web

from didkit_py.credentials.credential import StatusReference
from didkit_py.dids.key import key_did
from didkit_py.encoding import Json, digest
from didkit_py.errors import DidkitError
from didkit_py.formats.sd_jwt_vc import SD_JWT_VC, secure
from didkit_py.formats.table import FORMATS
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oid4vci.token import TokenResponse
from didkit_py.oid4vp.client_id import client_id_of
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.roles.receiving import collect, preview, redeem
from didkit_py.service.fetching.evidence import fetch_keys, fetch_lists, gather
from didkit_py.service.fetching.fetch import Fetcher
from didkit_py.service.fetching.lists import read_lists
from didkit_py.terms.document import create_terms
from tests.attacks.forging import NOW, payload, signer
from tests.attacks.plain_messages import put
from tests.attacks.stage import CONTACT, CONTACT_VALUES, Theatre
from tests.attacks.wallet_cases import by_value
from tests.canaries import TOKEN, TX_CODE
from tests.cast import LAYERS, salts, terms_draft
from tests.outside.url_tricks import BAD, LEADS_AWAY, Fault

Aim: TypeAlias = Callable[[Theatre, str], Awaitable[str]]
NO_URL: Final = "malformed"
OF_AN_ISSUER: Final = "bad-answer"  # the same, found in what an issuer says
LEFT_OUT: Final = "unreachable"  # what could not be fetched is not there, and counts as that
NOTHING: Final = "nothing is missing"
WALLET_KEY: Final = signer(21)


@dataclass(frozen=True, slots=True)
class Field:
    """One field; `codes` are what it answers to each fault, in the order of Fault."""

    name: str
    aim: Aim
    codes: tuple[str, str] = (NO_URL, LEADS_AWAY)

    def code(self, fault: Fault) -> str:
        return self.codes[list(Fault).index(fault)]


def fetcher(world: Theatre) -> Fetcher:
    """The wallet's only way out."""
    assert isinstance(world.parts.fetch, Fetcher)
    return world.parts.fetch


# --- a wallet, or a vendor that is given a document, with an issuer


async def offer_by_reference(world: Theatre, url: str) -> str:
    link = f"openid-credential-offer://?credential_offer_uri={quote(url, safe='')}"
    await preview(link, fetch=world.parts.fetch, formats=FORMATS)
    return NOTHING


async def issuer_of_an_offer(world: Theatre, url: str) -> str:
    await preview(
        by_value(put("credential_issuer", url)(world.stage.offer())), fetch=world.parts.fetch, formats=FORMATS
    )
    return NOTHING


async def authorization_server(world: Theatre, url: str) -> str:
    body = put("authorization_servers", [url])(world.stage.issuer())
    world.stage.pages["/.well-known/openid-credential-issuer"] = world.stage.json(body)
    await preview(world.stage.offer_link, fetch=world.parts.fetch, formats=FORMATS)
    return NOTHING


async def token_endpoint(world: Theatre, url: str) -> str:
    body = put("token_endpoint", url)(world.stage.server())
    world.stage.pages["/.well-known/oauth-authorization-server"] = world.stage.json(body)
    previewed = await preview(world.stage.offer_link, fetch=world.parts.fetch, formats=FORMATS)
    await redeem(previewed, tx_code=TX_CODE, fetch=world.parts.fetch)
    return NOTHING


def endpoint_of_the_issuer(name: str) -> Aim:
    async def aim(world: Theatre, url: str) -> str:
        body = put(name, url)(world.stage.issuer())
        world.stage.pages["/.well-known/openid-credential-issuer"] = world.stage.json(body)
        previewed = await preview(world.stage.offer_link, fetch=world.parts.fetch, formats=FORMATS)
        token = TokenResponse(access_token=TOKEN, expires_in=600)
        await collect(
            previewed,
            token,
            signers=[WALLET_KEY],
            fetch=world.parts.fetch,
            clock=world.parts.clock,
            formats=FORMATS,
            key_sources=KEY_SOURCES,
        )
        return NOTHING

    return aim


# --- a wallet with a vendor


async def request_uri(world: Theatre, url: str) -> str:
    """Of a vendor whose DID is only a key, so that no origin is its own."""
    client = client_id_of(key_did(WALLET_KEY.public), key_sources=KEY_SOURCES).full
    await world.parts.opened.presenting.open(create_link(client, url))
    return NOTHING


def create_link(client: str, url: str) -> str:
    """As `create_request_link`, which writes no link that no wallet would read."""
    return f"openid4vp://?client_id={quote(client, safe='')}&request_uri={quote(url, safe='')}&request_uri_method=post"


async def response_uri(world: Theatre, url: str) -> str:
    world.stage.request = payload(response_uri=url)
    await world.parts.opened.presenting.open(world.stage.request_link)
    return NOTHING


# --- the lists


async def trust_list(world: Theatre, url: str) -> str:
    await fetch_lists(
        fetcher(world), trust_list_url=url, trust_list_signer=world.stage.did, now=NOW, key_sources=KEY_SOURCES
    )
    return NOTHING


async def lists(world: Theatre, part: str) -> str:
    """What was left out of the lists, by the name of the part."""
    found = await fetch_lists(
        fetcher(world),
        trust_list_url=f"{world.stage.url}/trust-list",
        trust_list_signer=world.stage.did,
        now=world.parts.clock(),
        key_sources=KEY_SOURCES,
    )
    return read_lists(
        found,
        trust_list_url=f"{world.stage.url}/trust-list",
        trust_list_signer=world.stage.did,
        now=world.parts.clock(),
        key_sources=KEY_SOURCES,
    ).faults.get(part, NOTHING)


def of_the_trust_list(name: str, change: Callable[[Any, str], Json]) -> Aim:
    """A member of the signed trust list, changed."""

    async def aim(world: Theatre, url: str) -> str:
        token = world.stage.trust_list()
        changed = change(token.claims()[name], url)
        world.stage.pages["/trust-list"] = world.stage.token(payload(**{name: changed})(token), "trust-list+jwt")
        return await lists(world, str(world.stage.terms["id"]) if name == "terms" else world.stage.did)

    return aim


async def status_list(world: Theatre, url: str) -> str:
    world.stage.pages["/status-lists"] = world.stage.json({"status_lists": [url]})
    return await lists(world, world.stage.did)


async def text_of_the_terms(world: Theatre, url: str) -> str:
    draft: dict[str, Any] = terms_draft(publisher=world.stage.did)
    draft["layers"]["human"]["documents"][0].update(href=url, digest=digest(LAYERS["human"]))
    draft["layers"]["lawyer"][0].update(href=f"{world.stage.url}/layers/lawyer", digest=digest(LAYERS["lawyer"]))
    return await published(world, draft)


async def published(world: Theatre, draft: dict[str, Any]) -> str:
    """What becomes of terms that the trust list names."""
    body = await create_terms(draft, signer=world.stage.signer)
    world.stage.pages["/terms"] = world.stage.json(body)
    token = world.stage.trust_list()
    entry: Json = [{"id": body["id"], "url": f"{world.stage.url}/terms"}]
    world.stage.pages["/trust-list"] = world.stage.token(payload(terms=entry)(token), "trust-list+jwt")
    return await lists(world, str(body["id"]))


# --- a vendor with a wallet


async def status_of_a_presentation(world: Theatre, url: str) -> str:
    filled = CONTACT.fill(CONTACT_VALUES, issuer=world.stage.did, now=NOW, status=None)
    filled = replace(filled, status=StatusReference(uri=url, index=0))
    text = (await secure(filled, holder_key=WALLET_KEY.public, salts=salts(), signer=world.stage.signer)).text
    return await gathered(world, text, url)


async def gathered(world: Theatre, text: str, name: str) -> str:
    evidence = await gather(fetcher(world), SD_JWT_VC.parse(text), world.parts.lists(), now=world.parts.clock())
    return NOTHING if name in {**evidence.status_lists, **evidence.parties} else LEFT_OUT


# --- anything that answers


def redirected(path: str, what: Callable[[Theatre], Awaitable[object]]) -> Aim:
    """An answer that says to go on there."""

    async def aim(world: Theatre, url: str) -> str:
        place = quote(url, safe="/:@[]\\#?%,;+~=&")  # a header has no line breaks
        world.stage.pages[path] = web.Response(status=307, body=b"moved", headers={"Location": place})
        await what(world)
        return NOTHING

    return aim


FIELDS: Final = (
    Field("the address of an offer", offer_by_reference),
    Field("the issuer of an offer", issuer_of_an_offer, (OF_AN_ISSUER, LEADS_AWAY)),
    Field("the authorization server of an issuer", authorization_server, (OF_AN_ISSUER, LEADS_AWAY)),
    Field("the token endpoint", token_endpoint, (OF_AN_ISSUER, LEADS_AWAY)),
    Field("the nonce endpoint", endpoint_of_the_issuer("nonce_endpoint"), (OF_AN_ISSUER, LEADS_AWAY)),
    Field("the credential endpoint", endpoint_of_the_issuer("credential_endpoint"), (OF_AN_ISSUER, LEADS_AWAY)),
    Field("the address of a request", request_uri),
    Field("the address for the answer", response_uri, (NO_URL, "bad-request-object")),
    Field("the address of the trust list", trust_list, (LEADS_AWAY, LEADS_AWAY)),
    Field(
        "the status lists of an issuer",
        of_the_trust_list("issuers", lambda entries, url: [entries[0] | {"status_lists": url}]),
        (NO_URL, LEFT_OUT),
    ),
    Field("a status list of an issuer", status_list, (NO_URL, LEFT_OUT)),
    Field(
        "the address of terms",
        of_the_trust_list("terms", lambda entries, url: [entries[0] | {"url": url}]),
        (NO_URL, LEFT_OUT),
    ),
    Field("the address of a text of terms", text_of_the_terms, (NO_URL, LEFT_OUT)),
    Field("the status list of a presentation", status_of_a_presentation, (LEFT_OUT, LEFT_OUT)),
    Field(
        "where a redirected offer goes on",
        redirected("/offer", lambda world: preview(world.stage.offer_link, fetch=world.parts.fetch, formats=FORMATS)),
        (LEFT_OUT, LEFT_OUT),
    ),
    Field(
        "where a redirected request goes on",
        redirected("/request", lambda world: world.parts.opened.presenting.open(world.stage.request_link)),
        (LEFT_OUT, LEFT_OUT),
    ),
    Field(
        "where a redirected trust list goes on",
        redirected("/trust-list", lambda world: lists(world, "")),
        (LEFT_OUT, LEFT_OUT),
    ),
)


# --- the same for DIDs, whose documents are fetched


async def any_document(world: Theatre, did: str) -> str:
    """An issuer's customer, a vendor that a command judges: their keys."""
    await fetch_keys(fetcher(world), did, key_sources=KEY_SOURCES)
    return NOTHING


async def client(world: Theatre, did: str) -> str:
    """At the address that such a DID would have to ask from, where it has one."""
    link = create_link(f"decentralized_identifier:{did}", f"{world.stage.url}/request")
    await world.parts.opened.presenting.open(link)
    return NOTHING


async def signer_of_the_trust_list(world: Theatre, did: str) -> str:
    url = f"{world.stage.url}/trust-list"
    await fetch_lists(fetcher(world), trust_list_url=url, trust_list_signer=did, now=NOW, key_sources=KEY_SOURCES)
    return NOTHING


async def issuer_of_the_trust_list(world: Theatre, did: str) -> str:
    token = world.stage.trust_list()
    entries: Any = token.claims()["issuers"]
    changed: Json = [*entries, {"id": did, "name": "Elsewhere", "vcts": [CONTACT.vct]}]
    world.stage.pages["/trust-list"] = world.stage.token(payload(issuers=changed)(token), "trust-list+jwt")
    return await lists(world, did)


async def publisher_of_terms(world: Theatre, did: str) -> str:
    draft: dict[str, Any] = terms_draft(publisher=did)
    for kind, entries in (("human", draft["layers"]["human"]["documents"]), ("lawyer", draft["layers"]["lawyer"])):
        entries[0].update(href=f"{world.stage.url}/layers/{kind}", digest=digest(LAYERS[kind]))
    return await published(world, draft)


async def issuer_of_a_presentation(world: Theatre, did: str) -> str:
    """One that the trust list does not know."""
    filled = CONTACT.fill(CONTACT_VALUES, issuer=did, now=NOW, status=None)
    by = SoftwareSigner.from_secret(bytes([7] * 32), key_id=f"{did}#key-1")
    text = (await secure(filled, holder_key=WALLET_KEY.public, salts=salts(), signer=by)).text
    return await gathered(world, text, did)


async def issuer_of_a_received_credential(world: Theatre, did: str) -> str:
    async def make(_: object, keys: list[Any]) -> list[str]:
        filled = CONTACT.fill(CONTACT_VALUES, issuer=did, now=NOW, status=None)
        by = SoftwareSigner.from_secret(bytes([7] * 32), key_id=f"{did}#key-1")
        return [(await secure(filled, holder_key=key, salts=salts(), signer=by)).text for key in keys]

    world.stage.copies = make
    previewed = await preview(world.stage.offer_link, fetch=world.parts.fetch, formats=FORMATS)
    token = TokenResponse(access_token=TOKEN, expires_in=600)
    await collect(
        previewed,
        token,
        signers=[WALLET_KEY],
        fetch=world.parts.fetch,
        clock=world.parts.clock,
        formats=FORMATS,
        key_sources=KEY_SOURCES,
    )
    return NOTHING


DID_FIELDS: Final[tuple[tuple[str, Aim, dict[str, str]], ...]] = (
    ("a DID of which the document is fetched", any_document, {}),
    ("the DID of a vendor", client, {LEADS_AWAY: "bad-request-object"}),  # OpenID4VP 1.0, 14.3.1: not its own origin
    ("the signer of the trust list", signer_of_the_trust_list, {}),
    ("an issuer on the trust list", issuer_of_the_trust_list, {LEADS_AWAY: LEFT_OUT}),
    ("the publisher of terms", publisher_of_terms, {LEADS_AWAY: LEFT_OUT}),
    ("the issuer of a presentation", issuer_of_a_presentation, {BAD: LEFT_OUT, LEADS_AWAY: LEFT_OUT}),
    (
        "the issuer of a received credential",
        issuer_of_a_received_credential,
        {BAD: OF_AN_ISSUER, LEADS_AWAY: "bad-credential"},
    ),
)


async def code_of(aim: Aim, world: Theatre, target: str) -> str:
    """What came of it, in one word."""
    world.stage.act_honestly()
    try:
        return await aim(world, target)
    except DidkitError as error:
        return error.code

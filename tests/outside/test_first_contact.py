"""Before a signature holds, nothing is asked for but the message itself and its signer's key: no socket, no look-up.

Every message here names other places, where lists, terms and answers would be; `elsewhere.example` stands for each.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Final

import pytest
import pytest_asyncio

from didkit_py.consent.vendor import ROLE_CREDENTIAL, TERMS_SIGNATORY
from didkit_py.credentials.credential import StatusReference
from didkit_py.dids.web import web_did
from didkit_py.encoding import Json
from didkit_py.errors import BadRequestObject, BadSignature
from didkit_py.formats.sd_jwt_vc import SD_JWT_VC, secure
from didkit_py.formats.table import FORMATS
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oid4vci.token import TokenResponse
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.roles.receiving import collect, preview
from didkit_py.service.fetching.evidence import gather
from tests.attacks.forging import FORGER, NOW, all_of_tokens, payload, signed_by, signer
from tests.attacks.stage import CONTACT, CONTACT_VALUES, Stage, Theatre, open_theatre
from tests.canaries import TOKEN
from tests.cast import salts
from tests.conftest import Contact
from tests.outside.fields import fetcher

pytestmark = pytest.mark.asyncio(loop_scope="module")
Contacted = Callable[[], list[Contact]]
ELSEWHERE: Final = "elsewhere.example"
KEY: Final = signer(21)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Theatre]:
    async with open_theatre(tmp_path_factory.mktemp("theatre")) as opened:
        yield opened


@pytest.fixture
def theatre(shared: Theatre) -> Theatre:
    shared.stage.act_honestly()
    return shared


def strangers(contacted: Contacted, stage: Stage) -> set[str]:
    """Whom else this process turned to, by name or number."""
    return {contact.host for contact in contacted() if contact.port != stage.port}


async def paper(
    stage: Stage, *, by: SoftwareSigner, issuer: str = "", key: PublicKey = KEY.public, has_status: bool = True
) -> str:
    """A document with its status list elsewhere, although its type has none, or without one."""
    filled = CONTACT.fill(CONTACT_VALUES, issuer=issuer or stage.did, now=NOW, status=None)
    if has_status:
        filled = replace(filled, status=StatusReference(uri=f"https://{ELSEWHERE}/status-lists/1", index=0))
    signing = replace(by, key_id=f"{issuer or stage.did}#key-1")
    return (await secure(filled, holder_key=key, salts=salts(), signer=signing)).text


async def papers(stage: Stage) -> Json:
    """Statements about a vendor, with all their addresses elsewhere."""
    text = await paper(stage, by=stage.signer)
    foreign = await paper(stage, by=FORGER, issuer=f"did:web:{ELSEWHERE}")
    return [
        {"format": ROLE_CREDENTIAL, "data": text},
        {"format": ROLE_CREDENTIAL, "data": foreign},
        {"format": TERMS_SIGNATORY, "data": text},
    ]


async def test_of_a_request_that_nobody_signed_the_wallet_asks_for_the_key_alone(
    theatre: Theatre, contacted: Contacted
) -> None:
    stage = theatre.stage
    named = {"response_uri": f"https://{ELSEWHERE}/response", "verifier_info": await papers(stage)}
    stage.request = all_of_tokens(payload(**named), signed_by(FORGER))
    with pytest.raises(BadSignature):
        await theatre.parts.opened.presenting.open(stage.request_link)
    assert stage.seen == ["POST /request", "GET /.well-known/did.json"]
    assert strangers(contacted, stage) == set()


async def test_of_a_request_in_another_name_than_its_links_the_wallet_asks_for_no_key_at_all(
    theatre: Theatre, contacted: Contacted
) -> None:
    stage = theatre.stage
    stage.request = payload(client_id=f"decentralized_identifier:did:web:{ELSEWHERE}")
    with pytest.raises(BadRequestObject):
        await theatre.parts.opened.presenting.open(stage.request_link)
    assert stage.seen == ["POST /request"]
    assert strangers(contacted, stage) == set()


async def test_of_a_good_request_too_the_wallet_asks_for_nothing_more(theatre: Theatre, contacted: Contacted) -> None:
    """The lists come by schedule: else their publishers would learn when somebody is asked."""
    stage = theatre.stage
    stage.request = payload(verifier_info=await papers(stage))
    opened = await theatre.parts.opened.presenting.open(stage.request_link)
    await theatre.parts.judge(opened.id)
    assert stage.seen == ["POST /request", "GET /.well-known/did.json"]
    assert strangers(contacted, stage) == set()


@pytest.mark.parametrize("honest", [True, False], ids=["good", "that nobody signed"])
async def test_of_a_document_that_it_is_given_the_wallet_asks_for_the_key_alone(
    theatre: Theatre, contacted: Contacted, *, honest: bool
) -> None:
    stage = theatre.stage
    by = stage.signer if honest else FORGER

    async def make(_: Stage, keys: list[PublicKey]) -> list[str]:
        return [await paper(stage, by=by, key=key, has_status=not honest) for key in keys]

    stage.copies = make
    previewed = await preview(stage.offer_link, fetch=theatre.parts.fetch, formats=FORMATS)
    token = TokenResponse(access_token=TOKEN, expires_in=600)
    taking = collect(
        previewed,
        token,
        signers=[KEY],
        fetch=theatre.parts.fetch,
        clock=theatre.parts.clock,
        formats=FORMATS,
        key_sources=KEY_SOURCES,
    )
    if honest:
        await taking
    else:
        with pytest.raises(BadSignature):
            await taking
    assert stage.seen == [
        "GET /offer",
        "GET /.well-known/openid-credential-issuer",
        "GET /.well-known/oauth-authorization-server",
        "POST /nonce",
        "POST /credential",
        "GET /.well-known/did.json",
    ]
    assert strangers(contacted, stage) == set()


@pytest.mark.parametrize(
    ("by", "issuer", "seen", "strangers_met"),
    [
        ("the issuer", "", ["GET /.well-known/did.json"], {ELSEWHERE}),
        ("a forger", "", ["GET /.well-known/did.json"], set()),
        ("a forger", f"did:web:{ELSEWHERE}", [], set()),
        ("a forger", web_did("http://localhost:1"), [], set()),
    ],
    ids=["good", "that nobody signed", "of a stranger", "of a stranger on this machine"],
)
async def test_of_a_presentation_a_vendor_asks_for_the_status_once_its_signature_holds(  # noqa: PLR0917 - a table's columns
    theatre: Theatre, contacted: Contacted, by: str, issuer: str, seen: list[str], strangers_met: set[str]
) -> None:
    stage = theatre.stage
    text = await paper(stage, by=stage.signer if by == "the issuer" else FORGER, issuer=issuer)
    lists = replace(theatre.parts.lists(), parties={})  # as at a vendor that has not met this issuer
    await gather(fetcher(theatre), SD_JWT_VC.parse(text), lists, now=theatre.parts.clock())
    assert stage.seen == seen
    assert strangers(contacted, stage) == strangers_met

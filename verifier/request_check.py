"""Judging for commands: a request as a wallet would, and one presentation by every check."""

from typing import Final

from didkit_py.consent.decision import Decision
from didkit_py.errors import DidkitError
from didkit_py.formats.format import Format
from didkit_py.formats.table import FORMATS
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.service.clock import utc_now
from didkit_py.service.fetching.evidence import fetch_keys, gather
from didkit_py.service.fetching.fetch import Fetcher
from didkit_py.verification import KeyBinding, VerifiedCredential, parse_one, verify_credential
from verifier.context import VerifierContext, judge_with, no_evidence
from verifier.folder import read_template

JSON_BEGINS: Final = b"{"


async def judge(parts: VerifierContext, octets: bytes) -> Decision:
    """What a wallet would say to a request object, or to a request that this vendor would sign."""
    if not octets.startswith(JSON_BEGINS):
        return await parts.judge(as_text(octets))
    return await parts.judge_draft(
        await parts.asking.draft(read_template(octets, formats=parts.formats), now=parts.clock())
    )


async def judge_alone(octets: bytes) -> Decision:
    """The same for a request object of anybody, with no lists at hand."""
    now = utc_now()
    async with Fetcher() as fetcher:
        return await judge_with(
            as_text(octets),
            formats=FORMATS,
            fetch=lambda party: fetch_keys(fetcher, party, key_sources=KEY_SOURCES),
            evidence=no_evidence(now, key_sources=KEY_SOURCES),
            terms={},
            now=now,
        )


def as_text(octets: bytes) -> str:
    """The text; what is no ASCII is no token either, and is refused as such."""
    return octets.decode("ascii", "replace")


async def verify(
    parts: VerifierContext, text: str, *, in_format: Format, nonce: str, audience: str
) -> VerifiedCredential | DidkitError:
    """The credential, or the check that did not hold."""
    now, lists = parts.clock(), await parts.lists.current(parts.clock())
    try:
        evidence = await gather(parts.fetcher, [parse_one(text, in_format)], lists, now=now)
    except DidkitError:  # verifying says why it cannot be read
        evidence = lists.evidence()
    try:
        return verify_credential(
            text,
            in_format=in_format,
            evidence=evidence,
            now=now,
            key_binding=KeyBinding.REQUIRED,
            expected_nonce=nonce,
            expected_audience=audience,
        )
    except DidkitError as error:
        return error

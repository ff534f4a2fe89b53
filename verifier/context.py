"""Parts: what the endpoints, pages and commands of one vendor work with."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from didkit_py.consent.decision import Decision
from didkit_py.consent.vendor import EVIDENCE_FORMAT
from didkit_py.encoding import Json, b64url
from didkit_py.errors import DidkitError, Stale
from didkit_py.formats.format import Formats
from didkit_py.keys.party import PartyKeys
from didkit_py.keys.signer import Signer
from didkit_py.parties.source import KeySources
from didkit_py.roles.accepting import Accepting
from didkit_py.roles.asking import Asking, MadeRequest
from didkit_py.roles.asking_store import AskedRequest, OwnCredential, RequestTemplate
from didkit_py.roles.checking import Checking
from didkit_py.roles.receiving import PreviewedOffer, binding_of, collect, preview, redeem
from didkit_py.roles.retaining import Retaining
from didkit_py.roles.self_check import check_request, would_answer
from didkit_py.service.fetching.evidence import ScheduledLists, TrustedLists, fetch_keys
from didkit_py.service.fetching.fetch import Fetcher
from didkit_py.terms.document import TermsDocument
from didkit_py.trust import TrustList
from didkit_py.verification import Evidence, KeyBinding, verify_credential
from verifier.settings import VerifierSettings
from verifier.storage.public_lists import KeptLists
from verifier.storage.store import VendorStore

Clock = Callable[[], datetime]
EVIDENCE_FORMATS: Final[Formats] = {EVIDENCE_FORMAT.id: EVIDENCE_FORMAT}  # that documents about ourselves come in
_ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one of our own documents stands, judged as others would judge it."""

    word: str  # valid, revoked, suspended, expired, or a code
    sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierContext:
    """One vendor, put together."""

    settings: VerifierSettings
    did: str
    keys: PartyKeys = field(repr=False)
    published: Mapping[str, Json] = field(repr=False)  # the key document as others fetch it
    signer: Signer
    asking: Asking
    checking: Checking
    accepting: Accepting
    retaining: Retaining
    store: VendorStore
    lists: KeptLists
    formats: Formats
    fetcher: Fetcher
    key_sources: KeySources
    clock: Clock
    random: Callable[[int], bytes] = field(repr=False)

    def schedule(self, *, on_outcome: Callable[[str], None] = lambda _: None) -> ScheduledLists | None:
        """The refreshing of the lists, whose outcomes `on_outcome` hears; None where no trust list is set."""
        url, signer = self.settings.trust_list_url, self.settings.trust_list_signer
        if url is None or signer is None:
            return None
        return ScheduledLists(
            self.fetcher,
            trust_list_url=url,
            trust_list_signer=signer,
            key_sources=self.key_sources,
            refresh_seconds=self.settings.refresh_seconds,
            clock=self.clock,
            load=self.lists.load_sources,
            save=self.lists.save_sources,
            on_outcome=on_outcome,
        )

    async def refresh(self) -> TrustedLists:
        """The lists, fetched now. Raises Stale where no trust list is set, or what fetching raises."""
        schedule = self.schedule()
        if schedule is None:
            raise Stale("no trust list is set", hint="Set trust_list_url and trust_list_signer in settings.toml.")
        return await schedule.refresh_now()

    async def receive(self, previewed: PreviewedOffer, *, tx_code: str | None) -> OwnCredential:
        """One document about ourselves, checked and kept. Raises what receiving raises."""
        token = await redeem(previewed, tx_code=tx_code, fetch=self.fetcher)
        got = await collect(
            previewed,
            token,
            signers=[self.signer],
            fetch=self.fetcher,
            formats=EVIDENCE_FORMATS,
            clock=self.clock,
            key_sources=self.key_sources,
        )
        own = OwnCredential.of(got.texts[0], id=self.random(_ID_BYTES).hex(), received_at=self.clock())
        await self.store.save_credential(own)
        return own

    async def preview(self, link: str) -> PreviewedOffer:
        """What an offer's link leads to; nothing is spent."""
        return await preview(
            link,
            fetch=self.fetcher,
            formats=EVIDENCE_FORMATS,
            bindings=(binding_of(self.signer),),
            algs=(self.signer.alg,),
        )

    async def standing(self, own: OwnCredential) -> Standing:
        """How one of our documents stands by the lists at hand."""
        now = self.clock()
        try:
            evidence = (await self.lists.current(now)).evidence()
            verify_credential(
                own.text, in_format=EVIDENCE_FORMAT, evidence=evidence, now=now, key_binding=KeyBinding.NOT_REQUIRED
            )
        except DidkitError as error:
            return Standing(word=error.reason or error.code, sentence=str(error))
        return Standing(word="valid")

    async def judge(self, text: str) -> Decision:
        """What a wallet would say to this request object, from the lists at hand."""
        now = self.clock()
        evidence, terms = no_evidence(now, key_sources=self.key_sources), dict[str, TermsDocument]()
        with suppress(DidkitError):
            lists = await self.lists.current(now)
            evidence, terms = lists.evidence(), dict(lists.terms)
        return await judge_with(
            text, formats=self.formats, fetch=self.fetch_keys, evidence=evidence, terms=terms, now=now
        )

    async def judge_draft(self, asked: AskedRequest) -> Decision:
        """The same for a request of ours, signed as it would be for a wallet."""
        signed = await self.asking.sign_draft(asked, wallet_nonce=b64url(self.random(16)), now=self.clock())
        return await self.judge(signed.text)

    async def ask(self, template: RequestTemplate) -> MadeRequest | Decision:
        """A request that is kept, or the refusal that every wallet would give to it: then nothing is kept.

        The lists at hand may be older than what the request shows: before they count against it, they are fetched.
        Raises what `Asking.draft` raises.
        """
        asked = await self.asking.draft(template, now=self.clock())
        decision = await self.judge_draft(asked)
        if not would_answer(decision):
            with suppress(DidkitError):
                await self.refresh()
            decision = await self.judge_draft(asked)
        if not would_answer(decision):
            return decision
        await self.store.save_request(asked)
        return self.asking.made(asked.id)

    async def judge_kept(self, asked: AskedRequest) -> Decision:
        """The same for a request that is kept, whatever is left of its life."""
        begins = self.clock()
        fresh = replace(asked, made_at=begins, expires_at=begins + timedelta(minutes=5))
        return await self.judge_draft(fresh)

    async def fetch_keys(self, party: str) -> PartyKeys:
        """Anybody's keys; ours are at hand."""
        if party == self.did:
            return self.keys
        return await fetch_keys(self.fetcher, party, key_sources=self.key_sources)


async def judge_with(
    text: str,
    *,
    formats: Formats,
    fetch: Callable[[str], Awaitable[PartyKeys]],
    evidence: Evidence,
    terms: Mapping[str, TermsDocument],
    now: datetime,
) -> Decision:
    """`check_request` with the parts that programs have."""
    return await check_request(
        text,
        formats=formats,
        fetch_keys=fetch,
        key_sources=evidence.key_sources,
        evidence=evidence,
        terms=terms,
        now=now,
    )


def no_evidence(now: datetime, *, key_sources: KeySources) -> Evidence:
    """What is known where there are no lists: nobody is trusted to say anything."""
    nobody = TrustList(publisher="", issued_at=now, expires_at=now, issuers={})
    return Evidence(trust=nobody, key_sources=key_sources)

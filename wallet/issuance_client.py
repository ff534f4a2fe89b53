"""Taking an offer, steps I3 to I8 of specs/flow.md: what is stored before each step, and where a restart goes on."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from didkit_py.credentials.template import template_of
from didkit_py.encoding import b64url
from didkit_py.errors import IllegalMove, Malformed, Unavailable
from didkit_py.formats.format import Formats
from didkit_py.keys.algorithms import ALGORITHMS
from didkit_py.keys.names import ALG_NAMES, DEFAULT_ALG
from didkit_py.oauth import InvalidGrant, InvalidRequest
from didkit_py.oid4vci.metadata import JWK
from didkit_py.parties.source import KeySources
from didkit_py.roles.receiving import Fetch, Received, collect, preview, redeem
from wallet.models import StoredCopy, StoredCredential, StoredOffer
from wallet.storage.store import WalletStore

OPENED: Final = "opened"
REDEEMING: Final = "redeeming"  # keys are stored; whether the code was spent is not known
REDEEMED: Final = "redeemed"  # the token is stored; copies can be asked for again and again
RECEIVED: Final = "received"
MAX_COPIES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuanceClient:
    """Takes offers for one unlocked wallet."""

    store: WalletStore
    fetch: Fetch
    formats: Formats
    key_sources: KeySources
    clock: Callable[[], datetime]

    async def open(self, link: str) -> StoredOffer:
        """I3: the offer, its issuer's word about itself, nothing spent. Raises what `preview` raises."""
        previewed = await preview(link, fetch=self.fetch, formats=self.formats, bindings=(JWK,), algs=ALG_NAMES)
        offer = StoredOffer(id=_new_id(), state=OPENED, link=link.strip(), previewed=previewed)
        await self.store.add_offer(offer, now=self.clock())
        return offer

    async def take(self, offer_id: str, tx_code: str | None) -> StoredOffer:
        """I4 to I8. A wrong code leaves the offer open. Raises what `redeem` and `collect` raise."""
        offer = await self.store.load_offer(offer_id)
        if offer.state == REDEEMED:
            return await self.finish(offer)
        if offer.state not in {OPENED, REDEEMING}:
            raise IllegalMove("this offer was taken already")
        if offer.previewed.offer.tx_code is not None:
            offer.previewed.offer.tx_code.require_fit(tx_code or "")
        return await self.finish(await self._redeem(await self._make_keys(offer), tx_code))

    async def _make_keys(self, offer: StoredOffer) -> StoredOffer:
        configuration = offer.previewed.configurations[0]
        template = template_of(configuration.vct)
        wanted = min(template.copies, MAX_COPIES) if template else MAX_COPIES
        count = min(wanted, offer.previewed.issuer.batch_size)
        alg = next((alg for alg in ALG_NAMES if alg in configuration.proof_algs), DEFAULT_ALG)
        made = replace(
            offer,
            state=REDEEMING,
            alg=alg,
            secrets=offer.secrets or tuple(secrets.token_bytes(ALGORITHMS[alg].secret_bytes) for _ in range(count)),
        )
        await self.store.save_offer(made, before=offer.state, now=self.clock())
        return made

    async def _redeem(self, offer: StoredOffer, tx_code: str | None) -> StoredOffer:
        try:
            token = await redeem(offer.previewed, tx_code=tx_code, fetch=self.fetch)
        except (InvalidGrant, InvalidRequest, Malformed, Unavailable):
            await self.store.save_offer(replace(offer, state=OPENED), before=REDEEMING, now=self.clock())
            raise
        redeemed = replace(offer, state=REDEEMED, token=token)
        await self.store.save_offer(redeemed, before=REDEEMING, now=self.clock())
        return redeemed

    async def finish(self, offer: StoredOffer) -> StoredOffer:
        """I6 to I8 with the stored token and keys; safe to repeat."""
        if offer.token is None:
            raise IllegalMove("the offer has no token yet")
        received = await collect(
            offer.previewed,
            offer.token,
            signers=offer.signers,
            fetch=self.fetch,
            formats=self.formats,
            clock=self.clock,
            key_sources=self.key_sources,
        )
        credential = self._credential(offer, received)
        done = replace(offer, state=RECEIVED, secrets=(), token=None, credential_id=credential.id)
        by_key = {signer.public: one for signer, one in zip(offer.signers, offer.secrets, strict=True)}
        copies = tuple(
            StoredCopy(
                id=_new_id(), credential_id=credential.id, text=text, secret=by_key[signer.public], alg=offer.alg
            )
            for text, signer in zip(received.texts, received.signers, strict=True)
        )
        await self.store.save_received(done, credential, copies, before=REDEEMED)
        return done

    def _credential(self, offer: StoredOffer, received: Received) -> StoredCredential:
        return StoredCredential.create(
            received.credentials[0],
            id=_new_id(),
            title=offer.previewed.titles[0],
            issuer_says=offer.previewed.issuer.display_name or "",
            now=self.clock(),
        )

    async def load_redeemed(self) -> Sequence[StoredOffer]:
        """The offers whose code is spent and whose document has not come."""
        return await self.store.load_offers(REDEEMED)


def _new_id() -> str:
    return b64url(secrets.token_bytes(16))

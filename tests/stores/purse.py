"""A wallet's stores at a database that others may share, and a life for it that leaves something in every table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from didkit_py.errors import IllegalMove
from didkit_py.formats.sd_jwt_vc import SD_JWT_VC
from didkit_py.formats.table import FORMATS
from didkit_py.oid4vci.metadata import Configuration, IssuerMetadata, ServerMetadata
from didkit_py.oid4vci.offer import create_offer
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.roles.ending import Ended, TerminationRequest
from didkit_py.roles.presenting_store import Exchange, Note, PresentationState
from didkit_py.roles.receiving import PreviewedOffer
from didkit_py.service.storage.database import Database
from didkit_py.service.storage.sealing import Box
from tests.cast import DEALER, dealer_role
from tests.unit.roles.vendor import Counter
from wallet.models import StoredCopy, StoredCredential, StoredOffer
from wallet.storage.ledger import HeadFile, Ledger
from wallet.storage.presentation_store import PresentationStore
from wallet.storage.rules_seal import RulesSeal
from wallet.storage.store import WalletStore

NOW: Final = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
KEY: Final = bytes(32)
URL: Final = "https://issuer.example"
DEALERSHIP: Final = "urn:didkit-py:vct:authorized-dealer:1"


class Purse:
    """One wallet at a shared database, with its sealed heads in a folder of its own."""

    later = NOW + timedelta(hours=1)

    def __init__(self, database: Database, wallet_id: str, folder: Path, *, exists: bool = False) -> None:
        box = Box(key=KEY, random=Counter())
        rules, head = RulesSeal(path=folder / "rules.head", box=box), HeadFile(path=folder / "ledger.head", box=box)
        if not exists:
            folder.mkdir()
            rules.create()
            head.create()
        self.ledger = Ledger(database, wallet_id=wallet_id, box=box, head_path=head.path)
        self.store = WalletStore(database=database, wallet_id=wallet_id, box=box, ledger=self.ledger, rules=rules)
        self.keeping = PresentationStore(
            store=self.store, ledger=self.ledger, formats=FORMATS, key_sources=KEY_SOURCES, lists=lambda: None
        )

    async def work(self) -> object:
        """Receive, be asked, answer, end, delete, and change the rules; gives all that it saw."""
        (text,) = [await dealer_role(DEALER)]  # whatever it says: it is kept as text
        for name in ("kept", "deleted", "open"):
            opened_offer = StoredOffer(id=name, state="opened", link="link", previewed=PREVIEWED)
            await self.store.add_offer(opened_offer, now=NOW)
        for name in ("kept", "deleted"):
            credential = StoredCredential.create(
                SD_JWT_VC.parse(text)[0].read(), id=name, title=name, issuer_says="", now=NOW
            )
            copies = [
                StoredCopy(id=f"{name}-{place}", credential_id=name, text=text, secret=bytes([1] * 32), alg="ES256")
                for place in range(2)
            ]
            received = StoredOffer(
                id=name, state="received", link="link", previewed=PREVIEWED, credential_id=credential.id
            )
            await self.store.save_received(received, credential, copies, before="opened")
        for name in ("answered", "waiting"):
            await self.keeping.save_opened(exchange(name), note=ASKED, now=NOW)
        sending = replace(exchange("answered"), state=PresentationState.SENDING)
        await self.keeping.save_moved(
            sending, before=PresentationState.OPEN, notes=[DECIDED], spent={"kept": "kept-0"}, now=NOW
        )
        with pytest.raises(IllegalMove):
            await self.keeping.save_moved(sending, before=PresentationState.OPEN, now=NOW)
        await self.wish("answered")
        await self.confirm("answered")
        await self.keeping.delete_document(await self.store.load_credential("deleted"), now=NOW)
        await self.store.change_policy(lambda policy: replace(policy, deny=frozenset({"x"})))
        return await self.view()

    async def wish(self, request_id: str) -> None:
        """The person stops the use of what was shown."""
        note = Note(kind="withdrawn", body={})
        await self.keeping.save_wish(stopped(request_id), note=note, now=NOW)

    async def confirm(self, request_id: str) -> None:
        """The vendor answers."""
        await self.keeping.save_ended(replace(stopped(request_id), answer="a", answered_at=NOW), now=NOW)

    async def view(self) -> object:
        return (
            [one.id for one in await self.store.load_credentials()],
            [(one.held.id, one.copy_id, one.state.unused) for one in await self.keeping.load_documents([DEALERSHIP])],
            await self.store.load_copy_ids("kept"),
            [one.id for one in await self.store.load_offers("opened", "received")],
            (await self.store.load_offer("open")).link,
            [one.id for one in await self.keeping.load_open()],
            [one.id for one in await self.keeping.load_unfinished()],
            (await self.keeping.load_exchange("answered")).state,
            await self.keeping.load_waiting_for("kept"),
            [one.place for one in await self.keeping.load_ended("answered")],
            len(await self.store.load_endings()),
            await self.store.load_policy(),
            [(one.seq, one.kind) for one in await self.ledger.read()],
        )


PREVIEWED: Final = PreviewedOffer(
    offer=create_offer(issuer=URL, configuration_ids=("c",), pre_authorized_code="code", tx_code_description="digits"),
    issuer=IssuerMetadata(
        issuer=URL,
        credential_endpoint=f"{URL}/credential",
        configurations={"c": Configuration(vct="urn:x", format="dc+sd-jwt", title="C")},
    ),
    server=ServerMetadata(issuer=URL, token_endpoint=f"{URL}/token"),
)
ASKED: Final = Note(kind="asked", body={"identifiers": ["x"], "thresholds": []})
DECIDED: Final = Note(kind="decided", body={"nonce_key": "n", "identifiers": ["x"], "copies": ["kept-0"]})


def stopped(request_id: str) -> Ended:
    return Ended(exchange_id=request_id, place=1, wish=TerminationRequest.STOP, asked_at=NOW, event="e")


def exchange(name: str) -> Exchange:
    return Exchange(
        id=name,
        state=PresentationState.OPEN,
        opened_at=NOW,
        client_id="c",
        request_uri=f"{URL}/r",
        wallet_nonce=None,
        text="request",
        vendor="V",
    )

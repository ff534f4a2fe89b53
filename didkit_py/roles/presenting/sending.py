"""Sending: what the person decided leaves, in the same bytes as often as it takes (specs/flow.md, P7 to P11)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from didkit_py.encoding import Json, read_json
from didkit_py.errors import DidkitError, ForbiddenAddress, Malformed, Unavailable
from didkit_py.jose import JointlySigned
from didkit_py.keys.party import PartyKeys
from didkit_py.oid4vp.response import parse_redirect
from didkit_py.reading import Reader
from didkit_py.records.record import verify_record
from didkit_py.roles.presenting.deciding import released_note
from didkit_py.roles.presenting.opening import AuthenticatedRequest, authenticate
from didkit_py.roles.presenting_store import Exchange, Note, Outgoing, PresentationState, PresentingStore
from didkit_py.roles.vendor_client import VendorAnswer, VendorClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """Sends answers on, and keeps what became of each."""

    store: PresentingStore
    client: VendorClient
    clock: Callable[[], datetime]

    async def send(self, exchange: Exchange, *, authentic: AuthenticatedRequest | None = None) -> None:
        """Go on where it stopped. A vendor that cannot be reached leaves it as it is.

        `authentic` is the exchange's own request where the caller has it verified already.
        """
        try:
            if exchange.outgoing is not None and exchange.state is PresentationState.DECLINING:
                # What the vendor makes of a no changes nothing.
                await self.client.post_form(exchange.outgoing.response_uri, exchange.outgoing.form)
                await self._move(exchange, PresentationState.DECLINED)
            elif exchange.outgoing is not None and exchange.unfinished:
                await self._send_yes(exchange, exchange.outgoing, authentic)
        except (Unavailable, Malformed, ForbiddenAddress):
            pass  # nothing was learned: the same bytes are sent again later

    async def _send_yes(self, exchange: Exchange, outgoing: Outgoing, authentic: AuthenticatedRequest | None) -> None:
        accepted = await self._post_acceptance(outgoing)  # P7; after a crash it tells whether P10 happened
        if exchange.state is PresentationState.SENDING:
            if accepted is not None and accepted.refused:
                # The vendor does not stand by its promise: what did not leave stays here, what did counts as seen.
                if exchange.left:
                    await self._note_released(exchange, accepted=False)
                else:
                    await self._move(replace(exchange, problem="vendor.refused-agreement"), PresentationState.FAILED)
                return
            if accepted is None or not accepted.complete:
                exchange = await self._send_presentation(exchange, outgoing)  # P9
                if exchange.state is PresentationState.FAILED:
                    return
                accepted = await self._post_acceptance(outgoing)  # P11
            else:
                exchange = await self._note_released(exchange, accepted=True)
        if accepted is not None and accepted.complete:
            await self._keep_record(exchange, outgoing, accepted, authentic)

    async def _post_acceptance(self, outgoing: Outgoing) -> VendorAnswer | None:
        if outgoing.receipt_uri is None or outgoing.acceptance is None:
            return None
        return await self.client.post_json(outgoing.receipt_uri, outgoing.acceptance.encode())

    async def _send_presentation(self, exchange: Exchange, outgoing: Outgoing) -> Exchange:
        if not exchange.left:  # durable before it leaves: its answer may be lost, and P7 be refused afterwards
            exchange = await self._move(replace(exchange, left=True), PresentationState.SENDING)
        answer = await self.client.post_form(outgoing.response_uri, outgoing.form)
        try:
            redirect = parse_redirect(answer.json()) if answer.complete and answer.body else None
        except Malformed:  # nothing depends on where the vendor would like the person to go on
            redirect = None
        return await self._note_released(replace(exchange, redirect=redirect), accepted=not answer.refused)

    async def _note_released(self, exchange: Exchange, *, accepted: bool) -> Exchange:
        released = replace(exchange, problem="" if accepted else "vendor.refused-answer")
        return await self._move(
            released,
            PresentationState.RELEASED if accepted else PresentationState.FAILED,
            released_note(released, accepted=accepted),
        )

    async def _keep_record(
        self, exchange: Exchange, outgoing: Outgoing, answer: VendorAnswer, authentic: AuthenticatedRequest | None
    ) -> None:
        """P11: the record with both signatures, once it is the payload that was accepted, byte for byte."""
        try:
            signed = JointlySigned.from_json(Reader(answer.json(), at="receipt").value("record"))
            sent = Reader(read_json(outgoing.acceptance or ""), at="acceptance").value("record")
            keys = self._vendor_keys(exchange, authentic)
            verify_record(signed, vendor_keys=keys, accepted=JointlySigned.from_json(sent))
        except DidkitError as error:
            problem = f"record.{error.code}"
            if exchange.problem != problem:
                await self._move(replace(exchange, problem=problem), exchange.state)
            return
        record = signed.to_json()
        body: dict[str, Json] = {"vendor": exchange.vendor, "rel": exchange.rel, "record": record}
        await self._move(
            replace(exchange, record=record, problem=""), PresentationState.RECORDED, Note(kind="recorded", body=body)
        )

    def _vendor_keys(self, exchange: Exchange, authentic: AuthenticatedRequest | None) -> PartyKeys:
        if authentic is None:
            authentic = authenticate(
                exchange,
                formats=self.client.formats,
                key_sources=self.client.key_sources,
                now=exchange.opened_at,
            )
        return authentic.vendor_keys

    async def _move(self, exchange: Exchange, state: PresentationState, *notes: Note) -> Exchange:
        """The exchange in its next state, durable with its notes."""
        moved = replace(exchange, state=state)
        await self.store.save_moved(moved, before=exchange.state, notes=notes, now=self.clock())
        return moved

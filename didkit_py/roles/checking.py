"""Checking: an answer to one of our requests is opened, judged, and kept with every check that was made (P10).

The nonce is spent in the same write that keeps the result: a crash leaves both or neither, and of two answers one wins.
Only a presentation that was verified spends it. Whoever saw the request can say no to it or send what does not hold:
that is noted, and the request stays open for everybody else until its time is over.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from didkit_py.credentials.credential import SUBJECT, UnverifiedCredential
from didkit_py.encoding import b64url, sha256
from didkit_py.errors import DidkitError, Expired, IllegalMove, Malformed, Rejected, Replayed
from didkit_py.formats.format import Formats
from didkit_py.oid4vp.exchange import ExchangeEvent, ExchangeState, move
from didkit_py.oid4vp.response import (
    AuthorizationErrorResponse,
    ResponseAnswer,
    ResponseBody,
    open_response,
    parse_response_form,
    require_state,
)
from didkit_py.records.record import presented_digest
from didkit_py.roles.accepting import Accepting
from didkit_py.roles.asking_store import (
    AskedRequest,
    CheckingStore,
    CheckMade,
    KeptRequest,
    Learned,
    Result,
)
from didkit_py.roles.retaining import planned
from didkit_py.verification import (
    CheckResult,
    Evidence,
    VerifiedCredential,
    VerifiedPresentation,
    readable,
    verify_presentation,
)

DONE_PATH: Final = "/done"
AGREEMENT: Final = "agreement"
AGREEMENT_SPEC: Final = "agreement record"
_CODE_BYTES: Final = 16
_OPENED: Final = (
    CheckResult(name="answer-encrypted", passed=True, spec="OpenID4VP 1.0, 8.3"),
    CheckResult(name="state", passed=True, spec="OpenID4VP 1.0, 14.3.2"),
    CheckResult(name="first-answer", passed=True, spec="OpenID4VP 1.0, 14.1"),
)

Gather = Callable[[Iterable[UnverifiedCredential], datetime], Awaitable[Evidence]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checking:
    """The checking side of one vendor."""

    store: CheckingStore
    accepting: Accepting
    client_id: str
    base_url: str
    formats: Formats
    gather: Gather  # what verifying these credentials needs, fetched where it is not at hand
    random: Callable[[int], bytes] = field(repr=False)

    async def take_response(self, request_id: str, form: Mapping[str, str], *, now: datetime) -> ResponseAnswer:
        """Judge what was posted to the response address of a request.

        Raises NotFound, Malformed, Replayed, Expired, or the check that did not hold, which is noted.
        """
        kept = await self.store.load_request(request_id, now=now)
        answer = parse_response_form(form)
        _require_open(kept)
        if isinstance(answer, AuthorizationErrorResponse):
            return await self._take_refusal(kept, answer, now)
        body = open_response(answer.text, private_jwk=kept.asked.encryption_jwk)
        require_state(body, expected_state=kept.asked.state)
        return await self._judge(kept.asked, body, now)

    async def _take_refusal(
        self, kept: KeptRequest, answer: AuthorizationErrorResponse, now: datetime
    ) -> ResponseAnswer:
        if answer.state != kept.asked.state:
            raise Rejected("error: the state is not the request's", spec="OpenID4VP 1.0, 8.5")
        state = move(kept.state, ExchangeEvent.WALLET_REFUSED)
        await self.store.save_try(kept.asked.id, state, Result(error={"error": answer.error}), now=now)
        return ResponseAnswer()

    async def _judge(self, asked: AskedRequest, body: ResponseBody, now: datetime) -> ResponseAnswer:
        evidence = await self.gather(readable(body.vp_token, asked.template.query, self.formats), now)
        presented = presented_digest(body.vp_token, asked.nonce)
        try:
            verified = verify_presentation(
                body.vp_token,
                query=asked.template.query,
                formats=self.formats,
                expected_nonce=asked.nonce,
                expected_audience=self.client_id,
                evidence=evidence,
                now=now,
            )
        except (Rejected, Malformed) as error:
            checks = tuple(CheckMade(check=one) for one in _OPENED) + checks_of(error)
            result = Result(checks=checks, presented=presented, error={"error": error.code, "message": str(error)})
            state = move(ExchangeState.FETCHED, ExchangeEvent.PRESENTATION_REJECTED)
            await self.store.save_try(asked.id, state, result, now=now)
            raise
        return await self._keep(asked, verified, presented, now)

    async def _keep(
        self, asked: AskedRequest, verified: VerifiedPresentation, presented: str, now: datetime
    ) -> ResponseAnswer:
        acceptances = await self.store.load_acceptances(asked.id)
        accepted = next((one for one in acceptances if one.presented == presented), None)
        checks = tuple(CheckMade(check=one) for one in _OPENED) + _all_checks(verified)
        if accepted is not None:
            checks += (CheckMade(check=CheckResult(name=AGREEMENT, passed=True, spec=AGREEMENT_SPEC)),)
        learned = {name: tuple(map(_learned, some)) for name, some in verified.credentials.items()}
        result = Result(checks=checks, learned=learned, presented=presented)
        if accepted is None:
            record, result = None, planned(result, shown_at=now)
        else:
            record, result = await self.accepting.recorded(accepted, result, shown_at=now)
        code = b64url(self.random(_CODE_BYTES))
        await self.store.save_answer(asked.id, result, now=now, response_code_hash=sha256(code.encode()), record=record)
        return ResponseAnswer(redirect_uri=f"{self.base_url}{DONE_PATH}?response_code={code}")


def _require_open(kept: KeptRequest) -> None:
    if kept.answered_at is not None:
        raise Replayed("the request was answered already", spec="OpenID4VP 1.0, 14.1")
    if not kept.is_open:
        raise Expired("the request is over", hint="Ask the vendor for a new request.")
    if kept.state is ExchangeState.CREATED:
        raise IllegalMove("nobody has fetched this request, so nobody can answer it")


def checks_of(error: DidkitError) -> tuple[CheckMade, ...]:
    """Every check that was made before and with this error."""
    return tuple(CheckMade(check=one) for one in error.checks if isinstance(one, CheckResult))


def _all_checks(verified: VerifiedPresentation) -> tuple[CheckMade, ...]:
    """The checks of the answer, and after its shape those of each credential in it."""
    first, *rest = verified.checks
    each = (
        CheckMade(check=check, query_id=query_id)
        for query_id, some in verified.credentials.items()
        for credential in some
        for check in credential.checks
    )
    return (CheckMade(check=first), *each, *(CheckMade(check=one) for one in rest))


def _learned(credential: VerifiedCredential) -> Learned:
    return Learned(
        vct=credential.vct,
        issuer=credential.issuer,
        issuer_name=credential.issuer_name,
        claims={name: value for name, value in credential.said.items() if name != SUBJECT},
    )

"""Readers of terms, promises, events and records: whatever stands at any place, one of the three errors or a value.

And a value is one that can be computed with: compared, added to a moment, said in words.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from functools import cache
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didkit_py.consent.consent_view import consent_view
from didkit_py.consent.decision import decide
from didkit_py.consent.policy import Policy
from didkit_py.encoding import b64url, jcs, rfc3339
from didkit_py.errors import DidkitError
from didkit_py.formats.table import FORMATS
from didkit_py.jose import JointlySigned
from didkit_py.oid4vp.query import DcqlQuery
from didkit_py.records.events import parse_event
from didkit_py.records.record import create_acceptance, verify_acceptance
from didkit_py.terms.agreement import parse_agreement
from didkit_py.terms.document import parse_terms
from didkit_py.terms.grant import Grant
from didkit_py.terms.order import excess
from didkit_py.terms.period import Period
from tests.cast import NOW, SOUND, SOUND_GRANT, Situation, happy, signer_of, terms, terms_draft

PERIODS: Final = (
    *("P9999Y", "P9999M", "P99999W", "P999999D", "PT999999H", "PT999999999S", "P100Y1D", "P0D", "P1Y", "P", "-P1D"),
    *("P٣Y", "P1Y\n", "PT1.5S", "P9999Y9999M99999W999999DT999999H999999M999999999S"),
)
DAYS: Final = (
    *("9999-12-31", "0001-01-01", "1969-12-31", "2026-02-30", "2026-1-1", "20260101", "2026-W01-1", "٢٠٢٦-01-01"),
    *("9999-12-31T23:59:59Z", "2026-01-01T00:00:00", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00+99:00", "T"),
)
NUMBERS: Final = (0, -1, 1, 2**53, 2**63, 10**400, 253_402_300_799, 253_402_300_800, 1e308, 0.5, True)
ODD: Final[st.SearchStrategy[Any]] = st.one_of(
    st.sampled_from(PERIODS),
    st.sampled_from(DAYS),
    st.sampled_from(NUMBERS),
    st.sampled_from((None, "", "\0", "a" * 70_000, [], {}, [[]], {"a": None}, [None] * 2_000)),
    st.text(max_size=12),
)
FULL_GRANT: Final[dict[str, Any]] = SOUND_GRANT.to_json() | {
    "window": {"notBefore": "2026-01-01", "notAfter": "2027-01-01", "dataNotAfter": "2026-12-31", "months": [1]},
    "frequency": {"max": 1, "per": "P1Y"},
    "context": {"radius": "1 km"},
    "price": {"amount": "1", "currency": "GBP", "payer": "person"},
    "renewal": {"period": "P1Y", "mode": "confirm", "onLapse": "withdraw"},
    "returnDuty": {"format": "application/json", "within": "P30D"},
    "subjectForm": {
        "form": "anonymous",
        "claim": "anonymised",
        "attestedBy": "self",
        "minGroup": 5,
        "granularity": {"time": "PT1H"},
    },
}


def places(body: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value below its root."""
    pairs = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for step, value in pairs:
        yield (*at, step)
        yield from places(value, (*at, step))


def changed(body: Any, place: tuple[Any, ...], value: Any) -> Any:
    """The same body with another value at one place."""
    copy = deepcopy(body)
    at = copy
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = value
    return copy


def compact(claims: Any, typ: str, **header: Any) -> str:
    """A compact JWS whose signature nobody looks at."""
    head = {"alg": "EdDSA", "typ": typ, "kid": SOUND.signer.key_id} | header
    return ".".join((b64url(json.dumps(head).encode()), b64url(json.dumps(claims).encode()), b64url(b"s" * 64)))


@cache
def situation() -> Situation:
    return asyncio.run(happy())


@cache
def agreement_claims() -> Any:
    text = asyncio.run(situation().offer())
    return json.loads(json.dumps(dict(parse_agreement(text).jws.claims()))) | {"grants": [FULL_GRANT]}


def read_grant(body: Any) -> None:
    grant = Grant.from_json(body)
    assert excess(grant, grant) == ()
    for one in grant.retention or ():
        assert NOW + one.period.length > NOW.min.replace(tzinfo=NOW.tzinfo)
        assert one.period.words()


def read_agreement(body: Any) -> None:
    agreement = parse_agreement(compact(body, "relationship-agreement+jwt")).agreement
    for desk in (agreement.receipt, agreement.withdraw, agreement.erase):
        assert NOW + desk.within.length >= NOW
        assert desk.within.words()
    assert rfc3339(agreement.expires_at)


def read_event(body: Any) -> None:
    event = parse_event(compact(body, "agreement-event+jwt")).event
    assert all(rfc3339(moment) for moment in (event.at, *(one.until for one in event.residual)))


def read_terms(body: Any) -> None:
    document = parse_terms(json.dumps(body).encode())
    assert all(duty.within is None or NOW + duty.within.length >= NOW for duty in document.duties)


@cache
def terms_body() -> Any:
    return json.loads(json.dumps(dict(asyncio.run(terms()).source)))


EVENT: Final[dict[str, Any]] = {
    "rel": "3v1cXg2yQk6bq0l1m2n3pA",
    "record": "7b0e7f2e-7a1c-4f1c-9d55-0d3a4f9c3d11",
    "seq": 2,
    "prev": "sha-256;" + "A" * 43,
    "event": "eraseProof",
    "at": "2027-02-01T08:00:00Z",
    "of": "sha-256;" + "A" * 43,
    "state": "applied",
    "paths": [["vehicle", "model"]],
    "residual": [{"class": "legal", "clause": "6.1", "until": "2028-02-01T08:00:00Z"}],
}


def read_policy(body: Any) -> None:
    assert Policy.from_json(body).to_json()


READERS: Final[dict[str, tuple[Callable[[], Any], Callable[[Any], None]]]] = {
    "grant": (lambda: FULL_GRANT, read_grant),
    "agreement": (agreement_claims, read_agreement),
    "event": (lambda: EVENT, read_event),
    "terms": (terms_body, read_terms),
    "policy": (lambda: Policy(own_terms=(SOUND_GRANT,)).to_json(), read_policy),
}


@pytest.mark.parametrize("name", READERS)
def test_what_stands_at_any_place_gives_a_value_or_one_of_the_three_errors(name: str) -> None:
    make, read = READERS[name]
    body = make()
    read(body)  # as it is, it is in order
    everywhere = tuple(places(body))

    @settings(max_examples=100, deadline=None)
    @given(place=st.sampled_from(everywhere), value=ODD)
    def tried(place: tuple[Any, ...], value: Any) -> None:
        with suppress(DidkitError):
            read(changed(body, place, value))

    tried()


@pytest.mark.parametrize("member", ["notBefore", "notAfter", "dataNotAfter"])
@pytest.mark.parametrize("day", DAYS)
def test_a_day_of_a_window_is_read_and_compared_or_refused(member: str, day: str) -> None:
    with suppress(DidkitError):
        grant = Grant.from_json(FULL_GRANT | {"window": {member: day}})
        assert excess(grant, grant) == ()
        assert excess(grant, Grant.from_json(FULL_GRANT | {"window": {}})) == ()


@pytest.mark.parametrize("text", PERIODS)
def test_a_period_is_at_most_a_hundred_years_or_no_period(text: str) -> None:
    try:
        period = Period.parse(text)
    except DidkitError:
        return
    assert NOW + period.length < NOW.replace(year=NOW.year + 101)


@settings(max_examples=20, deadline=None)
@given(text=st.sampled_from(PERIODS + DAYS))
def test_whatever_a_desk_says_the_page_and_the_decision_are_made(text: str) -> None:
    """The agreement of a stranger as a wallet meets it: read, judged and shown, or refused."""
    claims = agreement_claims()
    for change in ({"withdraw": claims["withdraw"] | {"within": text}}, {"erase": claims["erase"] | {"within": text}}):
        agreement = compact(claims | change, "relationship-agreement+jwt")
        decision = decide(asyncio.run(situation().but(agreement_text=agreement).case()))
        assert consent_view(decision).how_to_stop


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_record_that_a_stranger_signed_is_verified_or_refused(data: st.DataObject) -> None:
    """Every member of a record is the person's to write: a vendor reads it with the same care."""
    record: dict[str, Any] = {
        "identifier": "7b0e7f2e-7a1c-4f1c-9d55-0d3a4f9c3d11",
        "created": "2026-11-21T10:00:00Z",
        "rel": "3v1cXg2yQk6bq0l1m2n3pA",
        "hasDataController": {"id": "decentralized_identifier:did:web:sound.example"},
        "terms": "ni:///sha-256;A",
        "offer": "sha-256;" + "A" * 43,
        "hasProcess": [{"gid": "g-a", "state": "accepted", "acceptedData": [["vehicle", "model"]], "declinedData": []}],
        "decision": {"by": "person", "presented": "sha-256;" + "A" * 43},
    }
    place = data.draw(st.sampled_from(tuple(places(record))))
    body = changed(record, place, data.draw(ODD))
    key = signer_of("a person")
    try:
        body["hasDataSubject"] = "jkt:" + key.public.thumbprint
        jcs(body)
        signed = asyncio.run(create_acceptance(body, signer=key))
    except DidkitError:
        return  # it has no canonical text, so that nobody can sign it
    with pytest.raises(DidkitError):
        verify_acceptance(
            JointlySigned.from_json(signed.to_json()),
            offer_text=asyncio.run(situation().offer()),
            query=DcqlQuery.from_json(situation().query, formats=FORMATS),
            terms=None,
            now=NOW,
        )


def test_the_draft_of_terms_with_an_endless_duty_is_refused() -> None:
    duties = [{"rule": "d1", "duty": "breachNotice", "within": "P9999Y"}, terms_draft()["duties"][1]]
    with pytest.raises(DidkitError, match=r"duties\[0\].within: expected a period of at most 100 years"):
        asyncio.run(terms(duties=duties))

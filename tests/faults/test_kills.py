"""`kill -9` of either side at every step of every exchange: each store is whole, and doing it again comes to one end.

Each test goes once through an exchange. Somebody dies at its first point; all three stores are looked at before anybody
is started again; what was being done is done again; and somebody dies at the next point, until there is none left.
"""

import secrets

import pytest

from tests.faults import points
from tests.faults.points import Point
from tests.faults.stores import asked_by
from tests.faults.town import RECEIPT, Spent, Town
from wallet.storage.ledger import KEPT


def test_an_import_is_repeated_and_no_code_is_lost(town: Town) -> None:
    before = town.check()
    member = secrets.token_hex(4)
    town.arm(*points.IMPORTING)
    offer_id = town.insist(lambda: town.import_list(member))
    assert town.left == []
    assert town.check().offers.keys() - before.offers.keys() == {offer_id}
    town.take(town.open_offer(offer_id), town.imported_code(offer_id))


def test_an_offer_becomes_one_document(town: Town) -> None:
    before = town.check()
    town.arm(*points.ISSUING)
    offer_id, taken = receive(town)
    assert town.left == []
    seen = town.check()
    assert (seen.offers[offer_id], seen.taken[taken]) == ("issued", "received")
    assert seen.registered.keys() - before.registered.keys() == {offer_id}
    (document,) = seen.documents.keys() - before.documents.keys()
    assert seen.documents[document] == seen.registered[offer_id]


def receive(town: Town) -> tuple[str, str]:
    """I1 to I8; what the issuer and what the wallet calls the offer."""
    reference = secrets.token_hex(4)
    offer_id = town.insist(lambda: town.offer(reference))
    code = town.insist(lambda: town.replace_code(offer_id))
    taken = town.insist(lambda: town.open_offer(offer_id))
    town.insist(lambda: town.take(taken, code))
    return offer_id, taken


@pytest.mark.parametrize("point", points.LOSING_THE_OFFER, ids=lambda one: one.name)
def test_a_lost_token_ends_the_offer_and_the_operator_makes_a_new_one(town: Town, point: Point) -> None:
    before = town.check()
    town.arm(point)
    with pytest.raises(Spent):
        receive(town)
    assert town.left == []
    seen = town.check()
    (lost,) = seen.offers.keys() - before.offers.keys()
    assert seen.offers[lost] == "redeemed"
    assert (seen.registered, seen.documents) == (before.registered, before.documents)
    receive(town)
    assert len(town.check().documents) == len(before.documents) + 1


@pytest.mark.parametrize("exchange", [points.PRESENTING, points.RELEASING], ids=["all-steps", "released"])
def test_a_request_is_answered_once_and_recorded_by_both(town: Town, exchange: tuple[Point, ...]) -> None:
    before = town.check()
    town.arm(*exchange)
    shared = present(town)
    assert town.left == []
    seen = town.check()
    request_id = asked_by(seen.exchanges[shared])
    assert (seen.exchanges[shared].state, seen.requests[request_id].state) == ("recorded", "answered")
    assert seen.learned(request_id) == [{name: RECEIPT["vehicle"][name] for name in ("model", "audioSystem")}]
    assert len(seen.used - before.used) == 1
    assert len(seen.acceptances) == len(before.acceptances) + 1
    for twin in seen.exchanges.keys() - before.exchanges.keys() - {shared}:
        assert town.sally.browser.get(f"/requests/{twin}").outcome == "refuse"  # it was opened twice


def present(town: Town) -> str:
    """P1 to P11; what the wallet calls the request."""
    link = town.insist(town.ask)
    opened = town.insist(lambda: town.open(link))
    town.insist(lambda: town.answer(opened, "share"))
    return opened


def test_a_no_arrives_once_and_sends_nothing(town: Town) -> None:
    before = town.check()
    town.arm(*points.REFUSING)
    link = town.insist(town.ask)
    opened = town.insist(lambda: town.open(link))
    town.insist(lambda: town.answer(opened, "refuse"))
    assert town.left == []
    seen = town.check()
    kept = seen.requests[asked_by(seen.exchanges[opened])]
    assert (seen.exchanges[opened].state, kept.state) == ("declined", "refused")
    assert kept.result is not None
    assert kept.result.error == {"error": "access_denied"}
    assert (seen.used, seen.acceptances) == (before.used, before.acceptances)


def test_an_erasure_is_done_once_and_proved(town: Town) -> None:
    shared = present(town)
    town.end(shared, "stop")
    before = town.check()
    request_id = asked_by(before.exchanges[shared])
    sealed = town.sealed_result(request_id)
    town.arm(*points.ERASING)
    town.insist(lambda: town.end(shared, "erase"))
    assert town.left == []
    seen = town.check()
    assert seen.requests[request_id].erased_at is not None
    assert (seen.unscrubbed, len(seen.events)) == (0, len(before.events) + 1)
    said = [one.kind for one in seen.entries if one.kind != KEPT]
    assert said[-2:] == ["erasure-asked", "erasure-proved"]
    assert town.sealed_result(request_id) != sealed
    assert not town.files_hold("vendor", sealed)


def test_lists_are_replaced_whole_or_not_at_all(town: Town) -> None:
    before = town.check()
    town.arm(*points.LISTS)
    town.insist(lambda: town.refresh("wallet"))
    town.insist(lambda: town.refresh("vendor"))
    assert town.left == []
    assert town.check().sources == before.sources
    present(town)

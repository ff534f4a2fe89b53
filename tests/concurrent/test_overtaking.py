"""What one of two begins and the other finishes first: the order in which they meet is made, not waited for."""

import asyncio
import csv
from collections import Counter
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Final

import pytest

from didkit_py.encoding import sha256
from didkit_py.errors import IllegalMove, Replayed
from didkit_py.oid4vci.token import TokenRequest
from didkit_py.roles.issuing_store import MadeOffer, WantedCredential
from issuer.context import IssuerContext
from issuer.importing.batches import Imported, codes_writer, import_list, preview_list
from tests.concurrent.conftest import count
from tests.e2e.issuer.office import NOW, STANDING

HEADING: Final = "member_number,name,pre_qualified_amount,currency\n"
MEMBERS: Final = (HEADING + "".join(f"10{place},Member {place},12000,GBP\n" for place in range(5))).encode()


async def test_of_two_imports_of_one_list_each_row_becomes_one_offer_with_a_code_that_works(
    two_desks: list[IssuerContext], tmp_path: Path
) -> None:
    files = [tmp_path / "one.csv", tmp_path / "other.csv"]
    both_have_looked = asyncio.Barrier(2)

    async def imported(desk: IssuerContext, file: Path) -> Imported:
        write, meeting = codes_writer(file), [both_have_looked]

        async def before_saving(made: Sequence[MadeOffer]) -> None:
            await write(made)
            while meeting:
                await meeting.pop().wait()

        return await import_list(desk, await preview_list(desk, MEMBERS), before_saving=before_saving)

    done = await asyncio.gather(*map(imported, two_desks, files))

    assert sorted((len(one.made), one.unchanged) for one in done) == [(0, 5), (5, 0)]
    (kept,) = [file for file in files if file.exists()]
    with kept.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["member"] for row in rows] == [f"10{place}" for place in range(5)]
    for row in rows:
        code = (await two_desks[0].store.load(row["offer_id"], now=NOW)).offer.code
        await two_desks[1].issuing.redeem(TokenRequest(code=code, tx_code=row["tx_code"]), now=NOW)


async def test_one_claim_for_one_receiver_is_offered_once_however_many_offer_it(two_desks: list[IssuerContext]) -> None:
    wanted = WantedCredential(type_name="insurer-good-standing", values=STANDING, reference="100042")

    async def offer(desk: IssuerContext) -> str:
        try:
            return (await desk.issuing.make_offer(wanted, now=NOW)).offer.id
        except IllegalMove as refused:
            return str(refused)

    ((made, _), *others) = sorted(Counter(await asyncio.gather(*map(offer, islice(cycle(two_desks), 40)))).items())
    assert others == [(f"the same claim is on offer already, as {made}", 39)]
    assert await count(two_desks[0].store.database, "SELECT count(*) FROM offers") == 1


async def test_no_sixth_guess_is_judged_while_the_fifth_is_on_its_way_to_lock_the_offer(
    two_desks: list[IssuerContext],
) -> None:
    wanted = WantedCredential(type_name="insurer-good-standing", values=STANDING, reference="100042")
    made = (await two_desks[0].issuing.make_offer(wanted, now=NOW)).offer
    tries = [await desk.store.count_try(sha256(made.code.encode()), now=NOW) for desk in islice(cycle(two_desks), 8)]
    assert [one and one.number for one in tries] == [1, 2, 3, 4, 5, None, None, None]


async def test_of_two_who_collect_under_one_token_one_registers_and_the_others_nonce_stays_good(
    two_desks: list[IssuerContext],
) -> None:
    first, second = (desk.store for desk in two_desks)
    wanted = WantedCredential(type_name="insurer-good-standing", values=STANDING, reference="100042")
    made = await two_desks[0].issuing.make_offer(wanted, now=NOW)
    await two_desks[0].issuing.redeem(TokenRequest(code=made.offer.code, tx_code=made.tx_code), now=NOW)
    await first.register(made.offer.id, keys=[b"one"], nonce=b"first", with_status=True, now=NOW)
    with pytest.raises(IllegalMove):
        await second.register(made.offer.id, keys=[b"other"], nonce=b"second", with_status=True, now=NOW)
    await second.spend_nonce(b"second", now=NOW)
    with pytest.raises(Replayed):
        await second.spend_nonce(b"first", now=NOW)
    assert await count(first.database, "SELECT count(*) FROM copies WHERE list_index IS NOT NULL") == 1

"""The lists of a wallet and the evidence of a verifier, fetched from a real server and read again from storage."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from secrets import token_bytes
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from didkit_py.credentials.credential import StatusReference
from didkit_py.credentials.template import template_named
from didkit_py.dids.document import create_document
from didkit_py.dids.web import web_did
from didkit_py.encoding import Json, digest
from didkit_py.errors import BadSignature, DidkitError, Stale, UnknownKey, Unreachable, Untrusted
from didkit_py.formats.sd_jwt_vc import SD_JWT_VC, secure
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.service.fetching.evidence import (
    ScheduledLists,
    Source,
    fetch_keys,
    fetch_lists,
    gather,
    read_lists,
)
from didkit_py.service.fetching.fetch import Fetcher
from didkit_py.service.fetching.lists import TrustedLists
from didkit_py.status.token_list import StatusListAggregation, create_status_list
from didkit_py.terms.document import create_terms
from didkit_py.trust import TermsSource, TrustedIssuer, create_trust_list
from didkit_py.verification import KeyBinding, verify_credential

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
STANDING = template_named("insurer-good-standing")
PLAIN, FULL = b"# In plain words\n", b"The whole text, clause by clause.\n"


@dataclass
class World:
    """One server with a publisher, two issuers and terms, each under a path of its own."""

    origin: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)  # of what is not there, other than 404
    hanging: set[str] = field(default_factory=set)  # paths without an answer
    asked: list[str] = field(default_factory=list)
    asked_thrice: asyncio.Event = field(default_factory=asyncio.Event)

    def did(self, name: str) -> str:
        return web_did(f"{self.origin}/{name}")

    def signer(self, name: str) -> SoftwareSigner:
        secret = name.encode().rjust(32, b"\x01")
        return SoftwareSigner.from_secret(secret, key_id=f"{self.did(name)}#sign-1")

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if self.asked.count("/trust-list") == 3:
            self.asked_thrice.set()
        if request.path in self.hanging:
            await asyncio.sleep(1)
        body = self.files.get(request.path)
        status = self.statuses.get(request.path, 404)
        return web.Response(status=status) if body is None else web.Response(body=body)

    @property
    def trust_list(self) -> str:
        return f"{self.origin}/trust-list"

    async def publish(self, *, now: datetime = NOW) -> None:
        for name in ("publisher", "insurer", "maker"):
            document = create_document(self.did(name), {"sign-1": self.signer(name).public})
            self.files[f"/{name}/did.json"] = json.dumps(document).encode()
        for name in ("insurer", "maker"):
            uris = [f"{self.origin}/{name}/status-lists/1"]
            self.files[f"/{name}/status-lists"] = json.dumps(
                StatusListAggregation(status_lists=tuple(uris)).to_json()
            ).encode()
            await self.publish_status(name, {}, now=now)
        await self.publish_trust(now=now, terms=(await self.publish_terms(),))

    async def publish_trust(
        self,
        *,
        now: datetime = NOW,
        terms: Sequence[TermsSource] = (),
        issuers: Sequence[str] = ("insurer", "maker"),
    ) -> None:
        entries = [
            TrustedIssuer(
                id=self.did(name),
                name=name,
                vcts=frozenset({STANDING.vct}),
                status_lists=f"{self.origin}/{name}/status-lists",
            )
            for name in issuers
        ]
        text = await create_trust_list(
            entries, terms=terms, signer=self.signer("publisher"), now=now, lifetime=timedelta(days=7)
        )
        self.files["/trust-list"] = text.encode()

    async def publish_status(
        self, name: str, statuses: dict[int, int], *, now: datetime = NOW, signer: str = ""
    ) -> None:
        text = await create_status_list(
            statuses,
            size=1024,
            bits=2,
            uri=f"{self.origin}/{name}/status-lists/1",
            signer=self.signer(signer or name),
            now=now,
            ttl=timedelta(hours=12),
            lifetime=timedelta(days=7),
        )
        self.files[f"/{name}/status-lists/1"] = text.encode()

    async def publish_terms(self) -> TermsSource:
        self.files |= {"/terms/plain": PLAIN, "/terms/full": FULL}
        document = await create_terms(self.draft(), signer=self.signer("publisher"))
        self.files["/terms/1"] = json.dumps(document).encode()
        return TermsSource(id=str(document["id"]), url=f"{self.origin}/terms/1")

    def draft(self) -> dict[str, Json]:
        def layer(name: str, body: bytes, **more: Json) -> dict[str, Json]:
            found: dict[str, Json] = {"lang": "en", "mediaType": "text/plain", "digest": digest(body)}
            return {**found, "href": f"{self.origin}/terms/{name}", **more}

        return {
            "schema": "urn:didkit-py:schema:terms-document:1",
            "type": "TermsDocument",
            "family": "example-terms",
            "version": "1.0",
            "supersedes": None,
            "direction": "vendor-offered",
            "publisher": self.did("publisher"),
            "jurisdiction": "GB",
            "validity": {"effectiveFrom": "2026-01-01T00:00:00Z", "sunset": None},
            "layers": {
                "human": {"documents": [layer("plain", PLAIN)], "label": []},
                "lawyer": [layer("full", FULL, governing=True)],
                "machine": {"vocabulary": [], "ceiling": [GRANT]},
            },
            "clauseMap": [{"rule": "g1", "clause": "3", "label": None}],
            "duties": [],
            "exceptions": [],
        }

    async def fetch(self, *, now: datetime = NOW) -> tuple[Source, ...]:
        async with Fetcher({self.origin}) as fetcher:
            return await fetch_lists(
                fetcher,
                trust_list_url=self.trust_list,
                trust_list_signer=self.did("publisher"),
                now=now,
                key_sources=KEY_SOURCES,
            )

    def read(self, sources: Sequence[Source], *, now: datetime = NOW) -> TrustedLists:
        return read_lists(
            sources,
            trust_list_url=self.trust_list,
            trust_list_signer=self.did("publisher"),
            now=now,
            key_sources=KEY_SOURCES,
        )

    async def credential(self, name: str = "insurer", index: int = 7) -> str:
        filled = STANDING.fill(
            {
                "standing": "good",
                "period": {"from": "2026-01-01", "to": "2026-12-31"},
                "lines": ["motor"],
                "since_band": "5+ years",
            },
            issuer=self.did(name),
            now=NOW,
            status=StatusReference(uri=f"{self.origin}/{name}/status-lists/1", index=index),
        )
        secured = await secure(filled, holder_key=None, salts=lambda: token_bytes(16), signer=self.signer(name))
        return secured.text


GRANT: dict[str, Json] = {
    "gid": "g1",
    "data": [{"dataClass": "https://w3id.org/dpv/pd#Insurance"}],
    "purpose": ["https://w3id.org/dpv#RequestedServiceProvision"],
    "not": [],
    "subjectForm": "identified",
    "mode": "copy",
    "propagation": {"value": "none"},
    "retention": [{"class": "immediate", "period": "P30D", "from": "disclosure", "then": "erase"}],
    "legalBasis": "contract",
}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with serving(World()) as world:
        await world.publish()
        yield world


@asynccontextmanager
async def serving(world: World) -> AsyncIterator[World]:
    app = web.Application()
    app.router.add_get("/{tail:.*}", world.answer)
    async with TestServer(app, host="127.0.0.1") as server:
        world.origin = f"http://127.0.0.1:{server.port}"
        yield world


async def test_everything_that_the_trust_list_names_is_fetched_once_and_verified(world: World) -> None:
    lists = world.read(await world.fetch())
    assert lists.faults == {}
    assert set(lists.parties) == {world.did(name) for name in ("publisher", "insurer", "maker")}
    assert set(lists.status_lists) == {f"{world.origin}/{name}/status-lists/1" for name in ("insurer", "maker")}
    assert [terms.family for terms in lists.terms.values()] == ["example-terms"]
    assert lists.layers == {digest(PLAIN): PLAIN, digest(FULL): FULL}
    assert sorted(world.asked) == sorted(world.files)


async def test_what_was_stored_is_read_again_without_the_network(world: World) -> None:
    stored = [(source.url, source.body, source.fetched_at) for source in world.read(await world.fetch()).sources]
    world.files.clear()
    again = world.read([Source(url=url, body=body, fetched_at=at) for url, body, at in stored])
    assert again.faults == {}
    text = await world.credential()
    verify_credential(
        text, evidence=again.evidence(), now=NOW, key_binding=KeyBinding.NOT_REQUIRED, in_format=SD_JWT_VC
    )


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/maker/did.json", None, "unreachable"),
        ("/maker/did.json", b"{}", "malformed"),
        ("/maker/did.json", b'{"id": "did:web:other.example"}', "bad-did-document"),
        ("/maker/status-lists", b'{"status_lists": "all"}', "malformed"),
        ("/maker/status-lists", b"[" * 5000, "too-large"),
        ("/maker/status-lists/1", b"\xff\xfe", "malformed"),
        ("/maker/status-lists/1", None, "unreachable"),
    ],
)
async def test_one_bad_issuer_is_left_out_and_named_and_the_rest_stays(
    world: World, path: str, body: bytes | None, code: str
) -> None:
    world.files.pop(path)
    if body is not None:
        world.files[path] = body
    lists = world.read(await world.fetch())
    assert lists.faults == {world.did("maker"): code}
    assert f"{world.origin}/insurer/status-lists/1" in lists.status_lists
    assert f"{world.origin}/maker/status-lists/1" not in lists.status_lists
    assert len(lists.terms) == 1


async def test_a_status_list_that_another_issuer_signed_is_left_out(world: World) -> None:
    await world.publish_status("maker", {}, signer="insurer")
    assert world.read(await world.fetch()).faults == {world.did("maker"): "bad-status-list"}


async def test_an_issuer_cannot_speak_for_the_list_of_another(world: World) -> None:
    theirs = f"{world.origin}/insurer/status-lists/1"
    world.files["/maker/status-lists"] = json.dumps(StatusListAggregation(status_lists=(theirs,)).to_json()).encode()
    lists = world.read(await world.fetch())
    assert lists.faults == {world.did("maker"): "bad-status-list"}
    assert lists.status_lists[theirs].issuer == world.did("insurer")


@pytest.mark.parametrize("path", ["/terms/plain", "/terms/full", "/terms/1"])
async def test_terms_of_which_one_byte_changed_are_left_out_and_named(world: World, path: str) -> None:
    world.files[path] = world.files[path].replace(b"a", b"e", 1)
    lists = world.read(await world.fetch())
    assert list(lists.terms) == []
    assert list(lists.layers) == []
    assert len(lists.faults) == 1
    assert next(iter(lists.faults)).startswith("ni:///sha-256;")


@pytest.mark.parametrize(("path", "error"), [("/trust-list", Unreachable), ("/publisher/did.json", Unreachable)])
async def test_without_its_trust_list_nothing_is_known(world: World, path: str, error: type[DidkitError]) -> None:
    del world.files[path]
    with pytest.raises(error):
        await world.fetch()


async def test_a_forged_trust_list_is_refused_before_anything_it_names_is_fetched(world: World) -> None:
    forger = SoftwareSigner.from_secret(bytes(31) + b"\x01", key_id=f"{world.did('publisher')}#sign-1")
    text = await create_trust_list((), signer=forger, now=NOW, lifetime=timedelta(days=1))
    world.files["/trust-list"] = text.encode()
    with pytest.raises(BadSignature):
        await world.fetch()
    assert sorted(world.asked) == ["/publisher/did.json", "/trust-list"]


async def test_an_older_signed_list_never_replaces_a_newer_one(world: World) -> None:
    later = NOW + timedelta(hours=1)
    await world.publish_status("insurer", {7: 1}, now=NOW)
    held = await world.fetch()
    await world.publish_status("insurer", {}, now=NOW - timedelta(days=1))  # replayed: signed before the revocation
    lists = world.read((*await world.fetch(now=later), *held), now=later)
    assert lists.status_lists[f"{world.origin}/insurer/status-lists/1"].status(7) == 1


async def test_a_verifier_fetches_what_one_credential_lacks_and_no_more(world: World) -> None:
    lists = world.read(await world.fetch())
    bare = TrustedLists(
        trust=lists.trust,
        parties={},
        status_lists={},
        fetched_at={},
        terms={},
        layers={},
        faults={},
        sources=(),
        key_sources=KEY_SOURCES,
    )
    world.asked.clear()
    text = await world.credential()
    async with Fetcher({world.origin}) as fetcher:
        evidence = await gather(fetcher, [*SD_JWT_VC.parse(text), *SD_JWT_VC.parse(text)], bare, now=NOW)
        assert world.asked == ["/insurer/did.json", "/insurer/status-lists/1"]
        found = verify_credential(
            text, evidence=evidence, now=NOW, key_binding=KeyBinding.NOT_REQUIRED, in_format=SD_JWT_VC
        )
        assert found.claims["standing"] == "good"
        world.asked.clear()
        await gather(fetcher, SD_JWT_VC.parse(text), lists, now=NOW)
        assert world.asked == []


async def test_what_a_verifier_cannot_fetch_it_cannot_judge(world: World) -> None:
    lists = world.read(await world.fetch())
    text = await world.credential()
    later = NOW + timedelta(hours=25)
    del world.files["/insurer/status-lists/1"]
    async with Fetcher({world.origin}) as fetcher:
        evidence = await gather(fetcher, SD_JWT_VC.parse(text), lists, now=later)
    with pytest.raises(Stale):
        verify_credential(text, evidence=evidence, now=later, key_binding=KeyBinding.NOT_REQUIRED, in_format=SD_JWT_VC)


async def test_the_document_of_any_did_is_fetched_where_its_method_keeps_it(world: World) -> None:
    key = "did:key:zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv"
    async with Fetcher({world.origin}) as fetcher:
        assert (await fetch_keys(fetcher, world.did("insurer"), key_sources=KEY_SOURCES)).id == world.did("insurer")
        assert (await fetch_keys(fetcher, key, key_sources=KEY_SOURCES)).id == key
        with pytest.raises(Unreachable):
            await fetch_keys(fetcher, world.did("nobody"), key_sources=KEY_SOURCES)


def scheduled(world: World, fetcher: Fetcher, **more: Any) -> ScheduledLists:
    return ScheduledLists(
        fetcher,
        trust_list_url=world.trust_list,
        trust_list_signer=world.did("publisher"),
        refresh_seconds=0.05,
        **{"clock": lambda: NOW, **more},
        key_sources=KEY_SOURCES,
    )


async def test_a_schedule_keeps_the_last_good_lists_and_stores_them(world: World) -> None:
    stored: list[Sequence[Source]] = []

    async def save(sources: Sequence[Source]) -> None:
        stored.append(sources)

    async with Fetcher({world.origin}) as fetcher:
        lists = scheduled(world, fetcher, save=save)
        with pytest.raises(Stale):
            lists.current(NOW)
        await lists.refresh_now()
        world.files.clear()
        with pytest.raises(Unreachable):
            await lists.refresh_now()
        assert lists.current(NOW).faults == {}
        for wrong in (NOW + timedelta(days=7), NOW - timedelta(days=1)):
            with pytest.raises(Stale):
                lists.current(wrong)
        assert len(stored) == 1
        restarted = scheduled(world, fetcher, sources=stored[0])
        assert restarted.current(NOW).parties == lists.current(NOW).parties


async def test_a_part_that_is_out_of_reach_for_once_keeps_what_was_good(world: World) -> None:
    async with Fetcher({world.origin}) as fetcher:
        lists = scheduled(world, fetcher)
        await lists.refresh_now()
        world.files["/maker/did.json"] = b"rubbish"
        del world.files["/terms/full"]
        refreshed = await lists.refresh_now()
    assert refreshed.faults == {}
    assert world.did("maker") in refreshed.parties


@pytest.mark.parametrize(
    ("status", "body"),
    [(410, None), (200, {"deactivated": True}), (200, {"didDocumentMetadata": {"deactivated": True}})],
)
async def test_an_issuer_that_withdrew_its_key_document_is_untrusted_at_once_and_after_a_restart(
    world: World, status: int, body: dict[str, Json] | None
) -> None:
    stored: list[Source] = []

    async def load() -> Sequence[Source]:
        return stored

    async def save(sources: Sequence[Source]) -> None:
        stored[:] = sources

    text, did = await world.credential("maker"), world.did("maker")
    async with Fetcher({world.origin}) as fetcher:
        lists = scheduled(world, fetcher, load=load, save=save)
        require_valid(await lists.refresh_now(), text)
        withdraw(world, "maker", status, body)
        for found in (await lists.refresh_now(), world.read(stored)):
            with pytest.raises(Untrusted, match="withdrawn") as caught:
                require_valid(found, text)
            assert caught.value.reason == "did-deactivated"
            assert found.faults == {did: "did-deactivated"}
            assert did not in found.believable(NOW, keys_max_age=timedelta(days=7)).trust.issuers
            require_valid(found, await world.credential("insurer"))
        world.files.pop("/maker/did.json", None)  # neither does an address that is out of reach bring it back
        world.statuses.clear()
        with pytest.raises(Untrusted):
            require_valid(await lists.refresh_now(), text)
        withdraw(world, "maker", status, body)
        bare = replace(world.read(stored), parties={}, fetched_at={})  # a vendor that never knew it
        evidence = await gather(fetcher, SD_JWT_VC.parse(text), bare, now=NOW)
        with pytest.raises(Untrusted):
            verify_credential(
                text, evidence=evidence, now=NOW, key_binding=KeyBinding.NOT_REQUIRED, in_format=SD_JWT_VC
            )


def withdraw(world: World, name: str, status: int, body: dict[str, Json] | None) -> None:
    world.statuses[f"/{name}/did.json"] = status
    old = json.loads(world.files.pop(f"/{name}/did.json", b"{}"))
    if body is not None:
        world.files[f"/{name}/did.json"] = json.dumps({"id": world.did(name), **old, **body}).encode()


def require_valid(lists: TrustedLists, text: str, *, now: datetime = NOW) -> None:
    verify_credential(
        text, evidence=lists.evidence(), now=now, key_binding=KeyBinding.NOT_REQUIRED, in_format=SD_JWT_VC
    )


async def test_a_key_that_was_removed_is_gone_at_the_next_fetch(world: World) -> None:
    text = await world.credential("maker")
    async with Fetcher({world.origin}) as fetcher:
        lists = scheduled(world, fetcher)
        require_valid(await lists.refresh_now(), text)
        other = create_document(world.did("maker"), {"sign-2": world.signer("insurer").public})
        world.files["/maker/did.json"] = json.dumps(other).encode()
        with pytest.raises(UnknownKey):
            require_valid(await lists.refresh_now(), text)


async def test_a_key_document_out_of_reach_serves_a_day_and_then_nobody_knows(world: World) -> None:
    """404 and silence say nothing of the key; how long it serves counts from the last fetch, restarts or not."""
    stored: list[Source] = []
    clock = [NOW]

    async def load() -> Sequence[Source]:
        return stored

    async def save(sources: Sequence[Source]) -> None:
        stored[:] = sources

    text, did = await world.credential("maker"), world.did("maker")
    async with Fetcher({world.origin}) as fetcher:
        lists = scheduled(world, fetcher, load=load, save=save, clock=lambda: clock[0])
        await lists.refresh_now()
        del world.files["/maker/did.json"]
        for hours in (23, 25, 24 * 8):
            clock[0] = NOW + timedelta(hours=hours)
            await world.publish_status("maker", {}, now=clock[0])  # its lists stay fresh all the same
            await world.publish_trust(now=clock[0])
            found = await scheduled(world, fetcher, load=load, save=save, clock=lambda: clock[0]).refresh_now()
            assert found.fetched_at[did] == NOW
            shown = found.believable(clock[0], keys_max_age=timedelta(days=7)).trust.issuers
            assert (did in shown) == (hours < 24 * 7)
            if hours < 24:
                require_valid(found, text, now=clock[0])
            else:
                with pytest.raises(Stale, match="key document"):
                    require_valid(found, text, now=clock[0])
        async with asyncio.timeout(5):
            evidence = await gather(fetcher, SD_JWT_VC.parse(text), found, now=clock[0])
        with pytest.raises(Stale):
            verify_credential(
                text, evidence=evidence, now=clock[0], key_binding=KeyBinding.NOT_REQUIRED, in_format=SD_JWT_VC
            )
        await world.publish(now=clock[0])
        evidence = await gather(
            fetcher, SD_JWT_VC.parse(text), found, now=clock[0]
        )  # fetched anew for this presentation
        verify_credential(
            text, evidence=evidence, now=clock[0], key_binding=KeyBinding.NOT_REQUIRED, in_format=SD_JWT_VC
        )


async def test_what_an_issuer_that_is_off_the_list_signed_is_believed_no_longer(world: World) -> None:
    text = await world.credential("maker")
    async with Fetcher({world.origin}) as fetcher:
        lists = scheduled(world, fetcher, clock=lambda: NOW + timedelta(minutes=1))
        require_valid(await lists.refresh_now(), text)
        await world.publish_trust(now=NOW + timedelta(minutes=1), issuers=("insurer",))
        found = await lists.refresh_now()
    with pytest.raises(Untrusted, match="not in the trust list"):
        require_valid(found, text)
    assert {source.url for source in found.sources if "/maker/" in source.url} == set()


async def test_a_clock_that_was_set_back_lengthens_no_keys_life(world: World) -> None:
    text, back = await world.credential("maker"), NOW - timedelta(days=2)
    await world.publish(now=back)
    future = await world.fetch()
    with pytest.raises(Stale, match="key document"):
        require_valid(world.read(future, now=back), text, now=back)
    other = create_document(world.did("maker"), {"sign-2": world.signer("insurer").public})
    world.files["/maker/did.json"] = json.dumps(other).encode()
    found = world.read((*await world.fetch(now=back), *future), now=back)
    assert found.fetched_at[world.did("maker")] == back
    assert [*found.parties[world.did("maker")].keys] == [f"{world.did('maker')}#sign-2"]


async def test_a_trust_list_whose_publisher_withdrew_its_key_is_believed_no_longer(world: World) -> None:
    stored: list[Source] = []

    async def save(sources: Sequence[Source]) -> None:
        stored[:] = sources

    async with Fetcher({world.origin}) as fetcher:
        lists = scheduled(world, fetcher, save=save)
        await lists.refresh_now()
        withdraw(world, "publisher", 410, None)
        with pytest.raises(Untrusted, match="withdrawn"):
            await lists.refresh_now()
        with pytest.raises(Stale):
            lists.current(NOW)
        with pytest.raises(Untrusted):
            world.read(stored)
        await world.publish()
        assert (await lists.refresh_now()).faults == {}


async def test_a_publisher_out_of_reach_for_a_day_leaves_lists_that_can_only_be_shown(world: World) -> None:
    clock = [NOW]
    async with Fetcher({world.origin}) as fetcher:
        lists = scheduled(world, fetcher, clock=lambda: clock[0])
        await lists.refresh_now()
        clock[0] += timedelta(hours=25)
        del world.files["/publisher/did.json"]
        with pytest.raises(Unreachable):
            await lists.refresh_now()
        with pytest.raises(Stale):
            lists.current(clock[0])
        assert lists.current(clock[0], keys_max_age=timedelta(days=7)).trust.issuers


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/maker/did.json", b'{"verificationMethod": [{"id": "#sign-1", "expires": "9999-12-31T23:59:59-23:59"}]}'),
        ("/maker/did.json", b'{"deactivated": 12345678901234567890123}'),
        ("/maker/did.json", b"x" * 200_000),
        ("/maker/status-lists", b'{"status_lists": [1e400]}'),
        ("/maker/status-lists/1", b"e30.e30.AA"),
        ("/maker/status-lists/1", b"x" * 3_000_000),
        ("/terms/1", b'{"validity": {"effectiveFrom": "0001-01-01T00:00:00+23:59"}}'),
        ("/terms/1", b"[]"),
    ],
)
async def test_one_bad_party_never_stops_the_lists_of_the_others(world: World, path: str, body: bytes) -> None:
    if path == "/maker/did.json" and body.startswith(b'{"v'):
        document = json.loads(world.files[path])
        document["verificationMethod"][0]["expires"] = json.loads(body)["verificationMethod"][0]["expires"]
        body = json.dumps(document).encode()
    world.files[path] = body
    lists = world.read(await world.fetch())
    require_valid(lists, await world.credential("insurer"))
    assert len(lists.faults) == 1
    assert len(lists.terms) == (0 if path == "/terms/1" else 1)


async def test_a_party_that_hangs_does_not_keep_the_others_waiting(world: World) -> None:
    hanging = [f"/insurer/status-lists/{number}" for number in range(2, 34)]
    uris = [f"{world.origin}{path}" for path in hanging]
    world.files["/insurer/status-lists"] = json.dumps(
        StatusListAggregation(status_lists=tuple(uris)).to_json()
    ).encode()
    world.hanging |= {*hanging}
    async with Fetcher({world.origin}, total_seconds=0.1) as fetcher:
        found = await scheduled(world, fetcher).refresh_now()
    assert found.faults == {world.did("insurer"): "unreachable"}
    require_valid(found, await world.credential("maker"))


async def test_a_schedule_tells_how_each_refresh_went_and_how_old_its_lists_are(world: World) -> None:
    outcomes: list[str] = []
    times = [NOW]
    good = dict(world.files)
    async with Fetcher({world.origin}) as fetcher:
        lists = scheduled(world, fetcher, on_outcome=outcomes.append, clock=lambda: times[0])
        assert lists.age_seconds() == math.inf
        async with lists:
            await until(lambda: "ok" in outcomes)
            times[0] += timedelta(minutes=7)
            world.files.clear()
            await until(lambda: "unreachable" in outcomes)
            assert lists.age_seconds() == 420
            world.files.update(good)
            outcomes.clear()
            await until(lambda: "ok" in outcomes)
            assert lists.age_seconds() == 0


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nobody else tells
            await asyncio.sleep(0.01)


async def test_a_schedule_never_puts_an_older_list_over_the_newer_one_that_another_process_stored(
    world: World,
) -> None:
    stored: list[Source] = []

    async def load() -> Sequence[Source]:
        return stored

    async def save(sources: Sequence[Source]) -> None:
        stored[:] = sources

    listed = f"{world.origin}/insurer/status-lists/1"
    async with Fetcher({world.origin}) as fetcher:
        ours, another = [scheduled(world, fetcher, load=load, save=save) for _ in range(2)]
        await ours.refresh_now()
        await world.publish_status("insurer", {7: 1}, now=NOW + timedelta(minutes=1))
        await another.refresh_now()
        del world.files["/insurer/status-lists/1"]  # out of reach for once
        await ours.refresh_now()
        assert ours.current(NOW).status_lists[listed].status(7) == 1
    assert world.read(stored).status_lists[listed].status(7) == 1


async def test_a_schedule_fetches_again_and_again_until_it_is_left(world: World) -> None:
    async with Fetcher({world.origin}) as fetcher, scheduled(world, fetcher) as lists:
        async with asyncio.timeout(5):
            await world.asked_thrice.wait()
        assert lists.current(NOW).faults == {}
    asked = len(world.asked)
    await asyncio.sleep(0.2)
    assert len(world.asked) == asked

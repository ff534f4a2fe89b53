"""The checks that ask others: our own address, the trust list and what it names, clocks, a PostgreSQL server."""

from statistics import median
from typing import Final

from didkit_py.dids.methods import read_document
from didkit_py.dids.web import MAX_DOCUMENT_BYTES, web_did
from didkit_py.encoding import MAX_SKEW
from didkit_py.errors import DidkitError, Expired, ForbiddenAddress, Malformed, Stale, Unreachable, WrongHost
from didkit_py.keys.party import KeyPurpose
from didkit_py.service.doctor.checkup import Checkup, Fault, NotChecked
from didkit_py.service.doctor.local_checks import require_known_schema, require_private
from didkit_py.service.fetching.evidence import fetch_lists, read_lists
from didkit_py.service.fetching.fetch import Fetched
from didkit_py.service.fetching.lists import TrustedLists
from didkit_py.service.storage.database import Row
from didkit_py.service.storage.engines import postgres_address
from didkit_py.service.storage.migrations import READ_RECORD

NOBODY_BEHIND: Final = frozenset({502, 503, 504})  # what a web server says when the service behind it is away
MISDIRECTED: Final = 421  # RFC 9110, 15.5.20
HEALTHY: Final = b'{"status":"ok"}'
DATABASE_CLOCK: Final = "the database server"
TIMED_OUT: Final = frozenset({Stale.code, Expired.code})
HAS_RECORD: Final = "SELECT to_regclass('schema_migrations') IS NOT NULL AS there, clock_timestamp() AS moment"


async def check_address(case: Checkup) -> None:
    """Whoever follows our address comes to this service."""
    url = case.set.base_url
    path = "/.well-known/did.json" if case.program.publishes_key else "/healthz"
    try:
        fetched = await case.get(url + path, max_bytes=MAX_DOCUMENT_BYTES, ok_only=False)
    except Unreachable as error:
        raise _nobody_there(case, str(error)) from error
    if fetched.status in NOBODY_BEHIND:
        raise _nobody_there(case, f"{url} answered with status {fetched.status}")
    if fetched.body == HEALTHY:  # which is told whatever the Host header says; a page is not
        fetched_page = await case.get(f"{url}/sign-in", max_bytes=MAX_DOCUMENT_BYTES, ok_only=False)
        _require_host_handed_on(fetched_page)
    _require_host_handed_on(fetched)
    try:
        if case.program.publishes_key:
            case.published = read_document(web_did(url), fetched.body)
        elif fetched.body != HEALTHY:
            raise Malformed("it is no service of ours")
    except DidkitError as error:
        remedy = f"Another service answers at {url}: correct base_url, or what the web server hands on there."
        raise Fault("address-not-ours", f"what stands at {url}{path} is not ours", remedy=remedy) from error


def _require_host_handed_on(fetched: Fetched) -> None:
    if fetched.status == MISDIRECTED and WrongHost.code.encode() in fetched.body:
        message = (
            "our own service answered 421: the web server does not hand on the Host header; "
            "nginx: proxy_set_header Host $host"
        )
        remedy = (
            "Let the web server hand on Host (nginx: $http_host in place of $host where base_url has a port; Apache: "
            "ProxyPreserveHost On). Without a web server in between, another of our services is there: correct base_url"
        )
        raise Fault("host-not-handed-on", message, remedy=remedy)


def _nobody_there(case: Checkup, message: str) -> Fault | NotChecked:
    if not case.running:
        return NotChecked("the service is not running, and nothing answers at its address")
    remedy = "Check that base_url leads to this machine and that the web server there hands requests on to the port."
    return Fault("address-unreachable", message, remedy=remedy)


async def check_published_key(case: Checkup) -> None:
    """What others read is the key that this folder signs with."""
    if not case.program.publishes_key:
        raise NotChecked("a wallet publishes no key")
    if case.keys is None or case.published is None:
        raise NotChecked("the keys do not open, or nothing is published")
    if case.keys.public != case.published.key(None, KeyPurpose.ASSERTION, now=case.clock()):
        remedy = "Start the service from this folder, or restore the keys that belong to this address."
        raise Fault("published-key-differs", f"{case.set.base_url} publishes another key", remedy=remedy)


async def check_trust_list(case: Checkup) -> None:
    """The trust list can be fetched, and its signer signed it."""
    url, signer = case.set.trust_list_url, case.set.trust_list_signer
    both = "Set trust_list_url and trust_list_signer to what the publisher of the list gives."
    if url is None and signer is None:
        if case.program.needs_lists:
            raise Fault("trust-list-not-set", "no trust list is set: nobody's claims can be judged", remedy=both)
        raise NotChecked("no trust list is set, and an issuer needs none")
    if url is None or signer is None:
        missing = "trust_list_url" if url is None else "trust_list_signer"
        raise Fault("trust-list-half-set", f"{missing} is not set", remedy=both)
    lists_at = {"trust_list_url": url, "trust_list_signer": signer}
    key_sources = case.key_sources
    try:
        sources = await fetch_lists(case, **lists_at, key_sources=key_sources, now=case.clock())
        case.lists = read_lists(sources, **lists_at, key_sources=key_sources, now=case.clock())
    except Unreachable as error:
        remedy = "Check trust_list_url, trust_list_signer and the network; the publisher may be out of reach."
        raise Fault("trust-list-unreachable", str(error), remedy=remedy) from error
    except Stale as error:
        remedy = f"Ask the publisher to renew it; check this machine's clock, which says {case.clock():%Y-%m-%d %H:%M}."
        raise Fault("trust-list-expired", str(error), remedy=remedy) from error
    except ForbiddenAddress:
        raise
    except DidkitError as error:
        remedy = f"Compare trust_list_signer, {signer}, with what the publisher says; do not trust the list until then."
        raise Fault("trust-list-not-signed-so", f"{url}: {error}", remedy=remedy) from error


async def check_issuers(case: Checkup) -> None:
    """Each trusted issuer's keys and status lists are at hand and fresh."""
    lists = _lists(case)
    for part, code in lists.faults.items():
        if part in lists.trust.issuers:
            fault = "status-list-stale" if code in TIMED_OUT else "issuer-not-usable"
            remedy = f"Ask {part} to publish its key document and fresh status lists; its claims are not accepted now."
            raise Fault(fault, f"{part} is left out ({code})", remedy=remedy)


async def check_terms(case: Checkup) -> None:
    """Each terms document that the trust list names is at hand, whole and unchanged."""
    lists = _lists(case)
    for entry in lists.trust.terms:
        if entry.id in lists.faults:
            remedy = "Ask the publisher of the trust list to publish the document and its texts again, unchanged."
            raise Fault("terms-not-usable", f"{entry.url} is left out ({lists.faults[entry.id]})", remedy=remedy)


def _lists(case: Checkup) -> TrustedLists:
    if case.lists is None:
        raise NotChecked("there is no trust list to read")
    return case.lists


async def check_database_server(case: Checkup) -> None:
    """The PostgreSQL server takes us in, keeps what it acknowledges, and the schema is one that this program knows."""
    address = postgres_address(case.set)
    if address is None:
        raise NotChecked("the database is a file in the folder")
    if address.password_file is not None:
        remedy = "Write the password for PostgreSQL into it, as its only line."
        require_private(address.password_file, "password-file", remedy=remedy)
    from didkit_py.service.storage.postgres_connection import SessionPurpose as For  # noqa: PLC0415 - loaded only where it is used
    from didkit_py.service.storage.postgres_connection import connect  # noqa: PLC0415 - likewise

    session = await connect(address, For(reads_only=True, schema_may_be_absent=True))
    try:
        (row,) = await session.look(HAS_RECORD)
        case.clocks[DATABASE_CLOCK] = row["moment"] - case.clock()
        applied: list[Row] = [dict(each) for each in await session.look(READ_RECORD)] if row["there"] else []
    finally:
        await session.close()
    require_known_schema(case, applied)


async def check_clock(case: Checkup) -> None:
    """Our clock agrees with those of others."""
    ours = case.set.base_url
    ahead = [
        offset for place, offset in case.clocks.items() if place != ours and not place.endswith(f":{case.set.port}")
    ]
    if not ahead:
        raise NotChecked("no other clock was heard")
    offset = median(one.total_seconds() for one in ahead)
    if abs(offset) > MAX_SKEW.total_seconds():
        seconds = round(abs(offset))
        message = f"this clock is {seconds} seconds {'behind' if offset > 0 else 'ahead'}"
        raise Fault("clock-off", message, remedy="Let the machine set its clock by NTP: timedatectl set-ntp true.")

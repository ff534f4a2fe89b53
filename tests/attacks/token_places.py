"""Every public function that reads a token or text of others, and which of our texts it takes; all others it refuses.

All tokens are signed by one key that everybody believes, so what keeps them apart is their kind alone.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Final

import didkit_py
import issuer
import verifier
import wallet
from didkit_py.encoding import b64url, read_json
from didkit_py.formats.sd_jwt import parse_disclosure, parse_sd_jwt
from didkit_py.formats.sd_jwt_vc import SD_JWT_VC, verify_issuer
from didkit_py.jose import JointlySigned
from didkit_py.oid4vci.key_proof import parse_key_proof, verify_key_proofs
from didkit_py.oid4vci.offer import parse_offer_link
from didkit_py.oid4vp.client_id import parse_client_id
from didkit_py.oid4vp.link import parse_request_link
from didkit_py.oid4vp.request import parse_request_object
from didkit_py.oid4vp.response import parse_redirect
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.records.events import parse_event
from didkit_py.records.record import verify_acceptance
from didkit_py.status.token_list import parse_aggregation, parse_status_list
from didkit_py.terms.agreement import parse_agreement
from didkit_py.terms.document import parse_terms
from didkit_py.verification import parse_one
from didkit_py.verification.credential import verify_issued
from tests.attacks.forging import NOW
from tests.attacks.genuine import (
    ASKED,
    CLIENT,
    DID,
    DOCUMENT,
    JUDGES,
    LINK,
    NAMED,
    OFFER,
    ORIGIN,
    TYPED,
    genuine,
    genuine_response,
    jointly,
)
from tests.mutants.kinds import Kind, kinds

OTHER_KINDS: Final = (
    *("presentation", "answer to a query", "terms document", "acceptance", "countersigned record"),
    *("withdrawal", "erasure", "confirmation", "proof of erasure", "nonce", "sealed key file", "key document"),
)
EVENTS: Final = frozenset({"event", "withdrawal", "erasure", "confirmation", "proof of erasure"})


@cache
def texts() -> Mapping[str, str]:
    """One genuine text of every kind."""
    known = {name: genuine(name).text() for name in TYPED}
    return {**known, "response": genuine_response(), **{name: _kind(name).texts[0] for name in OTHER_KINDS}}


def _kind(name: str) -> Kind:
    return next(one for one in kinds() if one.name == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A function, as it is given a text; the kinds that it takes, or, for one that takes none, a text of its own."""

    read: Callable[[str], object]
    takes: frozenset[str] = frozenset()
    own: str = ""
    only_header: bool = False  # what is inside is judged one step later, by the function of the same name


def _known(*names: str) -> Place:
    """A place that the tests of attacks have a judge for."""
    return Place(read=JUDGES[names[0]], takes=frozenset(names))


def _mutable(*names: str) -> Place:
    """A place that the mutants have a judge for."""
    return Place(read=_kind(names[0]).judge, takes=frozenset(names))


def _accepted(text: str) -> object:
    signed = JointlySigned.from_json(read_json(text)) if text.startswith("{") else jointly(text)
    return verify_acceptance(signed, offer_text=OFFER, query=ASKED, terms=None, now=NOW)


def _with_tilde(text: str) -> str:
    return text if "~" in text else f"{text}~"


PLACES: Final[Mapping[str, Place]] = {
    # what a party signed
    "verification.credential.verify_credential": _known("credential"),
    "verification.credential.verify_issued": Place(
        read=lambda text: verify_issued(
            parse_one(_with_tilde(text), SD_JWT_VC), in_format=SD_JWT_VC, issuer_keys=DOCUMENT, now=NOW
        ),
        takes=frozenset({"credential"}),
    ),
    "verification.presentation.verify_presentation": _mutable("answer to a query"),
    "formats.sd_jwt_vc.verify_issuer": Place(
        read=lambda text: verify_issuer(parse_sd_jwt(_with_tilde(text)), NAMED.public), takes=frozenset({"credential"})
    ),
    "formats.sd_jwt_vc.verify_key_binding": _known("key binding"),
    "formats.sd_jwt.parse_sd_jwt": Place(
        read=lambda text: parse_sd_jwt(_with_tilde(text)),
        takes=frozenset({"credential", "presentation", "answer to a query"}),
    ),
    "verification.credential.parse_one": Place(
        read=lambda text: parse_one(_with_tilde(text), SD_JWT_VC),
        takes=frozenset({"credential", "presentation", "answer to a query"}),
    ),
    "oid4vci.key_proof.verify_key_proof": _known("key proof"),
    "oid4vci.key_proof.verify_key_proofs": Place(
        read=lambda text: verify_key_proofs([text], expected_audience=ORIGIN, parties={DID: DOCUMENT}, now=NOW).proofs,
        takes=frozenset({"key proof"}),
    ),
    "oid4vci.key_proof.parse_key_proof": Place(read=parse_key_proof, takes=frozenset({"key proof"}), only_header=True),
    "oid4vp.request.verify_request_object": _known("request object"),
    "oid4vp.request.parse_request_object": Place(
        read=lambda text: parse_request_object(text, link=LINK, key_sources=KEY_SOURCES),
        takes=frozenset({"request object"}),
    ),
    "terms.agreement.verify_agreement": _known("agreement"),
    "terms.agreement.parse_agreement": Place(read=parse_agreement, takes=frozenset({"agreement"})),
    "records.record.verify_acceptance": Place(read=_accepted, takes=frozenset({"record", "acceptance"})),
    "records.record.verify_record": _mutable("countersigned record"),
    "records.events.verify_event": _known("event", "withdrawal", "erasure"),
    "records.events.verify_answer": _mutable("confirmation"),
    "records.events.parse_event": Place(read=parse_event, takes=EVENTS),
    "terms.document.verify_terms": _known("terms proof"),
    "terms.document.parse_terms": Place(
        read=lambda text: parse_terms(text.encode()), takes=frozenset({"terms document"})
    ),
    "terms.document.verify_signatory_statement": _known("terms signature"),
    "terms.document.verify_delegation": _known("delegation"),
    "trust.verify_trust_list": _known("trust list"),
    "status.token_list.verify_status_list": _known("status list"),
    "status.token_list.parse_status_list": Place(
        read=parse_status_list, takes=frozenset({"status list"}), only_header=True
    ),
    # what is sealed, or bears a MAC
    "oid4vp.response.open_response": _known("response"),
    "oid4vci.nonce.verify_nonce": _mutable("nonce"),
    "keys.sealed.open_with_passphrase": _mutable("sealed key file"),
    # what is no token, and must not be taken for one
    "formats.sd_jwt.parse_disclosure": Place(read=parse_disclosure, own=b64url(b'["c2FsdA","colour","blue"]')),
    "oid4vci.offer.parse_offer_link": Place(
        read=parse_offer_link, own="openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fdealer.example%2F1"
    ),
    "oid4vp.link.parse_request_link": Place(
        read=lambda text: parse_request_link(text, key_sources=KEY_SOURCES),
        own=f"openid4vp://?client_id={CLIENT}&request_uri=https%3A%2F%2Fdealer.example%2F1&request_uri_method=post",
    ),
    "oid4vp.client_id.parse_client_id": Place(
        read=lambda text: parse_client_id(text, key_sources=KEY_SOURCES), own=CLIENT
    ),
    "oid4vp.response.parse_redirect": Place(
        read=lambda text: parse_redirect({"redirect_uri": text}), own="https://dealer.example/done"
    ),
    "status.token_list.parse_aggregation": Place(
        read=lambda text: parse_aggregation(text.encode()), own='{"status_lists":["https://dealer.example/1"]}'
    ),
}
_CALLER: Final = "is told the type that its caller expects; its callers stand here"
_OURS: Final = "opens what this program keeps itself; nobody sends it"
LEFT_OUT: Final[Mapping[str, str]] = {
    "commands.inspecting.parse_jws": "lays open what stands there for whoever asks; nothing is taken from it",
    "jose.parse_compact": _CALLER,
    "service.storage.postgres_settings.open_transaction": "writes SQL; it opens no text of anybody",
    "jose.verify_compact": _CALLER,
    "jose.parse_jwe_header": "reads a header, by which open_response goes on or refuses",
    "verification.credential.verify_parsed": "judges what verify_credential and verify_presentation parsed",
    "verification.presentation.parse_answer": "reads what a wallet made; a vendor's side is verify_presentation",
    "terms.document.verify_signatory": "takes a verified credential; its token goes to verify_signatory_statement",
    "consent.vendor.verify_vendor": "gives its texts to verify_agreement and verify_credential and collects the faults",
    "oid4vp.response.parse_response_form": "sorts the fields of a form; the answer in it goes to open_response",
    "oid4vp.link.parse_request_uri_form": "takes any short text as the wallet's nonce, and gives it back",
    "oid4vci.claims.parse_claims": "reads words for people",
    "keys.sealed.open_sealed": _OURS,
    "service.setup.keyfile.open_keyfile": _OURS,
    "service.storage.engines.open_database": _OURS,
    "service.storage.postgres.open_postgres": _OURS,
    "service.storage.sqlite.open_sqlite": _OURS,
    "service.composition.open_service": _OURS,
    "issuer.composition.open_parts": _OURS,
    "verifier.composition.open_parts": _OURS,
    "wallet.composition.open_parts": _OURS,
    "wallet.storage.vault.open_key": _OURS,
    "wallet.storage.ledger.verify_chain": _OURS,
    "verifier.commands.verify_presentation": "a command; what its file holds goes to verify_credential",
    "wallet.pages.offers.open_link": "a page; what the person pastes goes to parse_offer_link",
    "wallet.pages.requests.open_link": "a page; what the person pastes goes to parse_request_link",
}


def readers() -> frozenset[str]:
    """The public functions named `verify_…`, `parse_…` or `open_…`, by module, without the library's own name."""
    return frozenset(
        f"{module.__name__}.{name}".removeprefix("didkit_py.")
        for package in (didkit_py, issuer, verifier, wallet)
        for module in _modules(package)
        for name, value in vars(module).items()
        if name.startswith(("verify_", "parse_", "open_"))
        and inspect.isfunction(value)
        and value.__module__ == module.__name__
    )


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)

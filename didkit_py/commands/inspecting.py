"""Laying open a signed text of anybody's: what stands in it, in its place, none of it believed.

It reads more than verifying accepts: other algorithms and header members are shown, not refused.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from didkit_py.encoding import Json, from_b64url, read_json, rfc3339
from didkit_py.errors import Malformed
from didkit_py.formats.sd_jwt import MAX_DISCLOSURES, Disclosure, parse_disclosure, process
from didkit_py.reading import Reader
from didkit_py.status.states import Status
from didkit_py.status.token_list import BITS, MAX_TOKEN, unpack
from didkit_py.status.token_list import TYP as STATUS_LIST_TYP

MAX_BYTES: Final = MAX_TOKEN
KINDS: Final = {
    "dc+sd-jwt": "credential (SD-JWT VC)",
    "vc+sd-jwt": "credential (SD-JWT VC)",
    "kb+jwt": "key binding",
    "oauth-authz-req+jwt": "presentation request",
    STATUS_LIST_TYP: "status list",
    "trust-list+jwt": "trust list",
}
_JWS_PARTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What a signed text says; nothing of it was verified."""

    kind: str
    header: Mapping[str, Json]
    payload: Mapping[str, Json]  # with the disclosed claims in their places
    disclosed: tuple[str, ...]  # where those stand
    hidden: int  # digests without a disclosure: claims that are kept back, or decoys
    key_binding: Mapping[str, Json] | None  # header and payload of the holder's proof
    status_list: Mapping[str, Json] | None  # what a status list says in numbers

    def to_json(self, *, now: datetime) -> dict[str, Json]:
        """All of it, with what its dates say at `now`."""
        return {
            "kind": self.kind,
            "header": dict(self.header),
            "payload": dict(self.payload),
            "disclosed": list(self.disclosed),
            "hidden_digests": self.hidden,
            "validity": self.validity(now),
            "key_binding": None if self.key_binding is None else dict(self.key_binding),
            "status_list": None if self.status_list is None else dict(self.status_list),
        }

    def validity(self, now: datetime) -> dict[str, Json]:
        """Its dates, and what they say at `now`."""
        read = Reader(dict(self.payload), at="payload")
        begins, ends = read.optional_moment("nbf"), read.optional_moment("exp")
        state = "not yet valid" if begins and now < begins else "over" if ends and ends <= now else "running"
        dates = {"issued": read.optional_moment("iat"), "from": begins, "until": ends}
        return {"state": state, **{name: rfc3339(moment) for name, moment in dates.items() if moment is not None}}


def inspect(text: str) -> Inspected:
    """What stands in a compact JWS or SD-JWT. Raises Malformed, TooLarge or BadDisclosure."""
    signed, *parts = text.split("~")
    header, payload = parse_jws(signed)
    *disclosed, binding = parts or [""]
    if len(disclosed) > MAX_DISCLOSURES:
        raise Malformed(f"it has more than {MAX_DISCLOSURES} disclosures")
    disclosures = tuple(map(parse_disclosure, disclosed))
    processed = process(payload, disclosures)
    claims = processed.claims
    entries = claims.get("status_list")
    if isinstance(entries, dict) and isinstance(entries.get("lst"), str):  # its states are counted apart
        claims = {**claims, "status_list": {**entries, "lst": f"({len(str(entries['lst']))} characters)"}}
    return Inspected(
        kind=KINDS.get(str(header.get("typ")), "signed text of another kind"),
        header=header,
        payload=claims,
        disclosed=tuple(".".join(map(str, path)) for path in processed.paths),
        hidden=sum(1 for _ in digests(payload, disclosures)) - len(disclosures),
        key_binding=dict(zip(("header", "payload"), parse_jws(binding), strict=True)) if binding else None,
        status_list=_numbers(payload) if header.get("typ") == STATUS_LIST_TYP else None,
    )


def parse_jws(text: str) -> tuple[dict[str, Json], dict[str, Json]]:
    """Header and payload of a compact JWS, whatever its type and algorithm. Raises Malformed or TooLarge."""
    parts = text.split(".")
    if len(parts) != _JWS_PARTS:
        raise Malformed("expected a compact JWS of three parts, or an SD-JWT", spec="RFC 7515, 7.1")
    header, payload = (read_json(from_b64url(part), max_bytes=MAX_BYTES) for part in parts[:2])
    from_b64url(parts[2])
    return Reader(header, at="header").members, Reader(payload, at="payload").members


def digests(payload: Json, disclosures: tuple[Disclosure, ...]) -> Iterator[str]:
    """Every digest in the payload and in what is disclosed."""
    for value in (payload, *(one.value for one in disclosures)):
        yield from _digests(value)


def _digests(value: Json) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _digests(item)
    elif isinstance(value, dict):
        listed = [*(value.get("_sd") or ()), value.get("...")]  # type: ignore[misc] # `process` has seen that it is a list
        yield from (one for one in listed if isinstance(one, str))
        for name, inner in value.items():
            if name != "_sd":
                yield from _digests(inner)


def _numbers(payload: dict[str, Json]) -> dict[str, Json]:
    entries = Reader(payload, at="payload").object("status_list")
    bits = entries.integer("bits")
    if bits not in BITS:
        raise Malformed("expected 1, 2, 4 or 8 bits per entry", spec="Token Status List, 4.2")
    packed = unpack(entries.text("lst", max_length=MAX_BYTES))
    counts: Counter[int] = Counter()
    for octet, times in Counter(packed).items():  # of which there are 256 at most, however long the list
        for shift in range(0, 8, bits):
            counts[(octet >> shift) % 2**bits] += times
    named: dict[str, Json] = {
        Status(value).name.lower() if value in {*Status} else str(value): counts[value] for value in sorted(counts)
    }
    return {"bits": bits, "entries": counts.total(), "by_status": named}

"""What an issuer publishes beside credentials: terms documents with their texts, and the list of trusted issuers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from didkit_py.encoding import Json, digest, read_json, timestamp, write_json
from didkit_py.errors import BadImport, BadTemplate, BadTerms, Malformed, NotFound
from didkit_py.keys.party import party_of
from didkit_py.keys.signer import Signer
from didkit_py.parties.source import KeySources
from didkit_py.reading import Reader, is_url
from didkit_py.roles.issuing import FetchKeys
from didkit_py.roles.issuing_store import WantedCredential
from didkit_py.service.setup.input_files import BYTE_ORDER_MARK, SAVE_AS_UTF_8, not_utf_8
from didkit_py.service.storage.columns import octets, text
from didkit_py.service.storage.database import Database, GuardFailed, Statement
from didkit_py.terms.document import MAX_DOCUMENT, MAX_LAYER, create_terms, verify_signatory_statement
from didkit_py.trust import TermsSource, TrustedIssuer, create_trust_list
from issuer.publishing.status_lists import Rendering
from issuer.publishing.versions import load_version, next_version

TERMS_FILE: Final = "terms.json"
TRUST_LIFETIME: Final = timedelta(days=7)
TRUST_RENEWED_AFTER: Final = timedelta(days=1)
_TRUST_LIST: Final = "trust-list"
_DIGEST_PREFIX: Final = "sha-256;"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTerms:
    """A terms document as lists show it."""

    id: str
    family: str
    version: str
    url: str

    def to_json(self) -> dict[str, Json]:
        return {"id": self.id, "family": self.family, "version": self.version, "url": self.url}


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedLayer:
    """One text of a terms document."""

    media_type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publications:
    """Terms and trust of one publisher."""

    database: Database
    party_id: str
    signer: Signer
    issuer_url: str
    key_sources: KeySources
    renderings: dict[str, Rendering] = field(default_factory=dict, repr=False)

    async def publish_terms(self, folder: Path, *, now: datetime) -> PublishedTerms:
        """Publish the draft in `terms.json` with the texts beside it. The same folder twice is the same document.

        Raises BadImport, Malformed, TooLarge or BadTerms.
        """
        draft, layers = _read_draft(folder, self.issuer_url)
        document = await create_terms({**draft, "publisher": party_of(self.signer.key_id)}, signer=self.signer)
        read = Reader(document, at="terms")
        terms_id = read.text("id")
        body = write_json(document)
        name = _short(terms_id)
        await self.database.apply(
            Statement(
                "INSERT INTO terms_documents (party_id, digest, id, family, version, published_at, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (party_id, digest) DO NOTHING",
                (self.party_id, name, terms_id, read.text("family"), read.text("version"), timestamp(now), body),
            ),
            *(
                Statement(
                    "INSERT INTO terms_layers (party_id, digest, media_type, body) VALUES (?, ?, ?, ?)"
                    " ON CONFLICT (party_id, digest) DO NOTHING",
                    (self.party_id, _short(mark), layer.media_type, layer.body),
                )
                for mark, layer in layers.items()
            ),
            next_version(_TRUST_LIST, party_id=self.party_id),
        )
        return PublishedTerms(
            id=terms_id, family=read.text("family"), version=read.text("version"), url=self._terms_url(name)
        )

    def _terms_url(self, name: str) -> str:
        return f"{self.issuer_url}/terms/{name}"

    async def terms(self) -> tuple[PublishedTerms, ...]:
        """All terms documents, the oldest first."""
        rows = await self.database.fetch(
            "SELECT digest, id, family, version FROM terms_documents WHERE party_id = ? ORDER BY published_at, digest",
            self.party_id,
        )
        return tuple(
            PublishedTerms(
                id=text(row, "id"),
                family=text(row, "family"),
                version=text(row, "version"),
                url=self._terms_url(text(row, "digest")),
            )
            for row in rows
        )

    async def terms_document(self, name: str) -> bytes:
        """The document under the 43 characters of its digest. Raises NotFound."""
        sql = "SELECT body FROM terms_documents WHERE party_id = ? AND digest = ?"
        rows = await self.database.fetch(sql, self.party_id, name)
        if not rows:
            raise NotFound("there is no such terms document")
        return octets(rows[0], "body")

    async def terms_layer(self, name: str) -> PublishedLayer:
        """The text under the 43 characters of its digest. Raises NotFound."""
        sql = "SELECT media_type, body FROM terms_layers WHERE party_id = ? AND digest = ?"
        rows = await self.database.fetch(sql, self.party_id, name)
        if not rows:
            raise NotFound("there is no such text")
        return PublishedLayer(media_type=text(rows[0], "media_type"), body=octets(rows[0], "body"))

    async def trust(self, issuer: TrustedIssuer) -> None:
        """Add an issuer to the trust list, or replace what the list says of it. Raises Malformed."""
        if self.key_sources.party_of(issuer.id) != issuer.id or not issuer.vcts or not issuer.name:
            raise Malformed("expected a DID, a name and at least one type of claim")
        if issuer.status_lists is not None and not is_url(issuer.status_lists):
            raise Malformed("status lists: expected an https URL (http only on loopback)")
        vcts = write_json(sorted(issuer.vcts)).decode()
        await self.database.apply(
            Statement(
                "INSERT INTO trusted_issuers (party_id, did, name, vcts, status_lists) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (party_id, did) DO UPDATE SET name = excluded.name, vcts = excluded.vcts,"
                " status_lists = excluded.status_lists",
                (self.party_id, issuer.id, issuer.name, vcts, issuer.status_lists),
            ),
            next_version(_TRUST_LIST, party_id=self.party_id),
        )

    async def distrust(self, did: str) -> None:
        """Take an issuer off the trust list; whoever fetches the list next believes it no longer. Raises NotFound."""
        sql = "DELETE FROM trusted_issuers WHERE party_id = ? AND did = ? RETURNING did"
        removal = Statement(sql, (self.party_id, did), rows=1)
        try:
            await self.database.apply(removal, next_version(_TRUST_LIST, party_id=self.party_id))
        except GuardFailed as error:
            hint = "List them with their DIDs: issuer trust list."
            raise NotFound("the trust list names no such issuer", hint=hint) from error

    async def trusted(self) -> tuple[TrustedIssuer, ...]:
        """The issuers of the trust list."""
        rows = await self.database.fetch(
            "SELECT did, name, vcts, status_lists FROM trusted_issuers WHERE party_id = ? ORDER BY did", self.party_id
        )
        return tuple(
            TrustedIssuer(
                id=text(row, "did"),
                name=text(row, "name"),
                vcts=frozenset(Reader({"vcts": read_json(text(row, "vcts"))}, at="row").texts("vcts")),
                status_lists=None if row["status_lists"] is None else text(row, "status_lists"),
            )
            for row in rows
        )

    async def trust_list(self, *, now: datetime) -> str:
        """The signed trust list, with the terms published here."""
        version = await load_version(self.database, _TRUST_LIST, party_id=self.party_id)
        kept = self.renderings.get(_TRUST_LIST)
        if kept is not None and kept.version == version and timedelta() <= now - kept.signed_at < TRUST_RENEWED_AFTER:
            return kept.text
        signed = await create_trust_list(
            await self.trusted(),
            terms=[TermsSource(id=each.id, url=each.url) for each in await self.terms()],
            signer=self.signer,
            now=now,
            lifetime=TRUST_LIFETIME,
        )
        self.renderings[_TRUST_LIST] = Rendering(text=signed, version=version, signed_at=now)
        return signed


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatoryCheck:
    """A statement that a business signed terms is offered only after its own signature was verified."""

    publications: Publications
    fetch_keys: FetchKeys

    async def __call__(self, wanted: WantedCredential, *, now: datetime) -> None:
        """Raises BadTerms, BadSignature, UnknownKey, Unreachable or Malformed."""
        if wanted.subject is None:
            raise BadTemplate("subject: expected the DID of the business that signed")
        read = Reader(dict(wanted.values), at="values")
        named = read.object("terms")
        published = {each.id: each for each in await self.publications.terms()}.get(named.text("id"))
        if published is None:
            raise BadTerms("these terms were not published here", hint="Publish them first: issuer terms publish.")
        if (named.text("family"), named.text("version")) != (published.family, published.version):
            raise BadTerms("family or version are not those of the terms with this id")
        vendor = await self.fetch_keys(wanted.subject)
        terms_id, signed_at = verify_signatory_statement(read.text("signature"), vendor=vendor, now=now)
        if terms_id != published.id or signed_at != read.rfc3339("signedAt"):
            raise BadTerms("the business signed other terms, or at another time, than the values say")


def _read_draft(folder: Path, issuer_url: str) -> tuple[dict[str, Json], Mapping[str, PublishedLayer]]:
    """The draft with each `file` of its texts replaced by digest and address, and the texts by digest."""
    octets = _read_file(folder, TERMS_FILE, MAX_DOCUMENT)
    if not_utf_8(octets):
        raise BadImport(f"{folder / TERMS_FILE}: expected text in UTF-8", hint=SAVE_AS_UTF_8)
    body = read_json(octets.removeprefix(BYTE_ORDER_MARK), max_bytes=MAX_DOCUMENT)
    draft = Reader(body, at="terms")
    layers = draft.object("layers")
    found: dict[str, PublishedLayer] = {}
    entries = [*layers.object("human").objects("documents"), *layers.objects("lawyer")]
    for entry in entries:
        octets_ = _read_file(folder, entry.text("file"), MAX_LAYER)
        mark = digest(octets_)
        found[mark] = PublishedLayer(media_type=entry.text("mediaType"), body=octets_)
        del entry.members["file"]
        entry.members |= {"digest": mark, "href": f"{issuer_url}/terms/layers/{_short(mark)}"}
    return draft.members, found


def _read_file(folder: Path, name: str, max_bytes: int) -> bytes:
    file = folder / name
    if Path(name).name != name:
        raise BadImport("a text of the terms must stand beside terms.json")
    try:
        body = file.read_bytes()
    except OSError as error:
        raise BadImport(
            f"{file}: {error.strerror}", hint="Give a folder with terms.json and the texts it names."
        ) from error
    if len(body) > max_bytes:
        raise BadImport(f"{file}: longer than {max_bytes} bytes")
    return body


def _short(mark: str) -> str:
    """The part of a digest or content address that addresses are made of."""
    return mark.rpartition(_DIGEST_PREFIX)[2]


def terms_json(terms: Sequence[PublishedTerms]) -> list[Json]:
    """Terms as commands print them."""
    return [each.to_json() for each in terms]

"""What judging needs from outside, as values: evidence that was gathered, and what is still wanted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, Literal

from didkit_py.dids.document import DidDocument
from didkit_py.dids.methods import locations, read_document
from didkit_py.errors import DidkitError
from didkit_py.status.token_list import VerifiedStatusList
from didkit_py.trust import TrustList

STATUS_MAX_AGE: Final = timedelta(hours=24)
MAX_STEP_BACK: Final = timedelta(seconds=60)  # of our own clock, when it is set right


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check that was made."""

    name: str
    passed: bool
    spec: str = ""
    detail: str = ""  # a sentence without claim values
    code: str = ""  # of the error, when it failed


@lru_cache(maxsize=256)  # names, sections and sentences are all fixed, and every verdict needs a dozen
def passed(name: str, spec: str, detail: str = "") -> Check:
    """A check that held."""
    return Check(name=name, passed=True, spec=spec, detail=detail)


def failed(name: str, spec: str, error: DidkitError) -> Check:
    """The check that `error` ended."""
    return Check(name=name, passed=False, spec=error.spec or spec, detail=str(error), code=error.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What judging needs from outside, gathered beforehand."""

    trust: TrustList
    documents: Mapping[str, DidDocument] = field(default_factory=dict)  # by DID
    status_lists: Mapping[str, VerifiedStatusList] = field(default_factory=dict)  # by uri
    fetched_at: Mapping[str, datetime] = field(default_factory=dict)  # by uri of the status list
    status_max_age: timedelta = STATUS_MAX_AGE

    def document(self, did: str) -> DidDocument | None:
        """The document of a DID: gathered, or read from the DID itself where that is the key. Raises BadDid, BadKey."""
        document = self.documents.get(did)
        return read_document(did) if document is None and not locations(did) else document

    def status_age(self, status_list: VerifiedStatusList, now: datetime) -> timedelta:
        """How long ago the list was fetched; where that is not known, how long ago it was issued.

        What was fetched in the future is as old as can be: the clock was set back, and nobody knows by how much.
        """
        age = now - self.fetched_at.get(status_list.uri, status_list.issued_at)
        return age if age >= -MAX_STEP_BACK else timedelta.max


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something that must be fetched before judging."""

    kind: Literal["did", "status"]
    name: str  # the DID, or the status list's uri
    urls: tuple[str, ...]

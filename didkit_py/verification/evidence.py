"""What judging needs from outside, as values: evidence that was gathered, and what is still wanted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, Literal

from didkit_py.errors import DidkitError, Stale
from didkit_py.keys.party import PartyKeys
from didkit_py.parties.source import KeySources
from didkit_py.status.token_list import VerifiedStatusList
from didkit_py.trust import TrustList

STATUS_MAX_AGE: Final = timedelta(hours=24)
KEYS_MAX_AGE: Final = timedelta(hours=24)  # of keys that were fetched: how long a key serves that its owner removed
MAX_STEP_BACK: Final = timedelta(seconds=60)  # of our own clock, when it is set right


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One check that was made."""

    name: str
    passed: bool
    spec: str = ""
    detail: str = ""  # a sentence without claim values
    code: str = ""  # of the error, when it failed


@lru_cache(maxsize=256)  # names, sections and sentences are all fixed, and every verdict needs a dozen
def passed(name: str, spec: str, detail: str = "") -> CheckResult:
    """A check that held."""
    return CheckResult(name=name, passed=True, spec=spec, detail=detail)


def failed(name: str, spec: str, error: DidkitError) -> CheckResult:
    """The check that `error` ended."""
    return CheckResult(name=name, passed=False, spec=error.spec or spec, detail=str(error), code=error.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What judging needs from outside, gathered beforehand."""

    trust: TrustList
    key_sources: KeySources
    parties: Mapping[str, PartyKeys] = field(default_factory=dict)  # by identifier
    status_lists: Mapping[str, VerifiedStatusList] = field(default_factory=dict)  # by uri
    # By uri of the status list, or by identifier. Keys without a time were fetched for this judgement alone.
    fetched_at: Mapping[str, datetime] = field(default_factory=dict)
    status_max_age: timedelta = STATUS_MAX_AGE
    keys_max_age: timedelta = KEYS_MAX_AGE

    def keys_of(self, party: str, *, now: datetime | None = None) -> PartyKeys | None:
        """The keys of a party: gathered, or read from the identifier itself where that is the key.

        With `now`, also judged by their age. Raises BadDid, BadKey, or Stale when they are older than `keys_max_age`.
        """
        keys = self.parties.get(party)
        if keys is None:
            return None if self.key_sources.locations(party) else self.key_sources.keys_of(party)
        # What its owner withdrew counts at any age: nobody publishes it anew without anybody noticing.
        if now is not None and not keys.withdrawn and self.keys_age(party, now) > self.keys_max_age:
            raise Stale("the signer's key document could not be fetched for too long", spec="DID Core 1.0, 7.1")
        return keys

    def keys_age(self, party: str, now: datetime) -> timedelta:
        """How long ago the keys were fetched; zero for those that were fetched for this judgement alone."""
        return self.age(party, otherwise=now, now=now)

    def status_age(self, status_list: VerifiedStatusList, now: datetime) -> timedelta:
        """How long ago the list was fetched; where that is not known, how long ago it was issued."""
        return self.age(status_list.uri, otherwise=status_list.issued_at, now=now)

    def age(self, name: str, *, otherwise: datetime, now: datetime) -> timedelta:
        """How long ago that was fetched, since `otherwise` where it is not known.

        What was fetched in the future is as old as can be: the clock was set back, and nobody knows by how much.
        """
        age = now - self.fetched_at.get(name, otherwise)
        return age if age >= -MAX_STEP_BACK else timedelta.max


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something that must be fetched before judging."""

    kind: Literal["keys", "status"]
    name: str  # the party's identifier, or the status list's uri
    urls: tuple[str, ...]
    issuer: str = ""  # of a status list: whose credential names it

"""Make mutants, show each to its judge, and count what becomes of them."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from types import FrameType
from typing import Final

from didkit_py.errors import DidkitError
from tests.mutants.edits import Draw, Mutant, mutated
from tests.mutants.kinds import Kind
from tests.mutants.kinds import kinds as all_kinds
from tests.mutants.shapes import Shape

SECONDS: Final = 10.0  # for one judgement; the slowest takes a hundredth of one
TRIES: Final = 20  # until an edit changes anything
REFUSED: Final = "refused"
MAY_PASS: Final = "may pass"  # accepted, and it says what the genuine text says
ACCEPTED: Final = "ACCEPTED"
CRASHED: Final = "CRASHED"
SLOW: Final = "SLOW"
NOT_GENUINE: Final = "GENUINE, REFUSED"


class TooSlow(BaseException):
    """A judgement took longer than SECONDS; nothing that is judged may catch it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A mutant that was not refused as it should be; `name` makes it again."""

    name: str
    verdict: str
    edit: str
    said: str = ""


@dataclass(slots=True)
class Tally:
    """What became of the mutants of one kind."""

    kind: str
    made: int = 0
    refused: int = 0
    may_pass: int = 0
    found: list[Found] = field(default_factory=list)


@contextmanager
def _bounded() -> Iterator[None]:
    """Ends a judgement that does not end."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def judged(kind: Kind, text: str) -> tuple[str, str]:
    """The verdict on a text, and what a crash said."""
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        accepted = kind.judge(text)
    except DidkitError:
        return REFUSED, ""
    except TooSlow:
        return SLOW, ""
    except Exception as error:  # noqa: BLE001 - whatever else comes is what is looked for
        return CRASHED, type(error).__name__
    if not accepted:
        return REFUSED, ""
    return (MAY_PASS if any(kind.may_pass(one, text) for one in kind.texts) else ACCEPTED), ""


def mutant(kind: Kind, number: int, *, seed: int, others: Sequence[tuple[str, Shape]]) -> Mutant:
    """The mutant of this number; the same for the same seed."""
    random = Random(f"{seed} {kind.name} {number}")  # noqa: S311 - it shall be made again
    original = random.choice(kind.texts)
    for _ in range(TRIES):
        made = mutated(original, kind.shape, Draw(random, others))
        if made.text not in kind.texts:
            return made
    raise RuntimeError(f"no edit changes a text of the kind {kind.name}")


def run(
    kinds: Sequence[Kind],
    *,
    count: int,
    seed: int,
    only: int | None = None,
    progress: Callable[[Tally], None] = lambda _: None,
) -> tuple[Tally, ...]:
    """`count` mutants, as many of each kind, or each kind's mutant of the number `only`."""
    others = [(text, kind.shape) for kind in all_kinds() for text in kind.texts]
    tallies = []
    with _bounded():
        for place, kind in enumerate(kinds):
            share = count // len(kinds) + (place < count % len(kinds))
            numbers = range(share) if only is None else range(only, only + 1)
            tally = Tally(kind.name)
            _judge_all(kind, numbers, seed, others, tally)
            tallies.append(tally)
            progress(tally)
    return tuple(tallies)


def _judge_all(kind: Kind, numbers: range, seed: int, others: Sequence[tuple[str, Shape]], tally: Tally) -> None:
    for text in kind.texts:
        verdict, said = judged(kind, text)
        if verdict != MAY_PASS:
            tally.found.append(Found(kind.name, NOT_GENUINE, "unchanged", said or verdict))
    for number in numbers:
        made = mutant(kind, number, seed=seed, others=others)
        verdict, said = judged(kind, made.text)
        tally.made += 1
        tally.refused += verdict == REFUSED
        tally.may_pass += verdict == MAY_PASS
        if verdict not in (REFUSED, MAY_PASS):
            tally.found.append(Found(f"{kind.name}/{number}", verdict, made.edit, said))

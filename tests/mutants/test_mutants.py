"""3,000 mutants are refused; and where a check is taken away, the mutants that it stopped are found."""

import json
import string
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from didkit_py.encoding import from_b64url
from didkit_py.keys.public import PublicKey
from tests.mutants import running
from tests.mutants.__main__ import main
from tests.mutants.kinds import Kind, kinds
from tests.mutants.running import ACCEPTED, CRASHED, NOT_GENUINE, SLOW, mutant, run

EACH: Final = 120
BY_NAME: Final[Mapping[str, Kind]] = {kind.name: kind for kind in kinds()}
LETTERS: Final = frozenset(string.ascii_letters + string.digits + "-_")


def verdicts(kind: Kind, *, count: int = EACH) -> set[str]:
    (tally,) = run([kind], count=count, seed=1)
    return {found.verdict for found in tally.found}


@pytest.mark.parametrize("name", BY_NAME)
def test_every_mutant_is_refused(name: str) -> None:
    (tally,) = run([BY_NAME[name]], count=EACH, seed=1)
    assert not tally.found
    assert tally.refused + tally.may_pass == tally.made == EACH
    assert tally.refused > EACH // 2


def test_a_mutant_is_the_same_for_the_same_seed_and_differs_from_the_genuine_text() -> None:
    before = [kind.texts for kind in kinds()]
    kinds.cache_clear()
    assert [kind.texts for kind in kinds()] == before
    for kind in kinds():
        one, again, other = (mutant(kind, 7, seed=seed, others=()) for seed in (1, 1, 2))
        assert one == again != other
        assert one.text not in kind.texts


def loose(text: str) -> bytes:
    """Bytes for any letters, as many libraries read them."""
    return from_b64url(text) if text.startswith("ey") else b"x"


PLANTS: Final[tuple[tuple[str, str, str, Any], ...]] = (
    ("no signature is checked", "status list", "didkit_py.keys.public.PublicKey.verify", lambda *_, **__: None),
    ("no signature is checked", "request object", "didkit_py.keys.public.PublicKey.verify", lambda *_, **__: None),
    ("no signature is checked", "countersigned record", "didkit_py.jose.JointlySigned.verify", lambda *_, **__: None),
    ("stray bits are taken", "trust list", "didkit_py.encoding._LAST", ((), (), LETTERS, LETTERS)),
    ("a member may stand twice", "acceptance", "didkit_py.encoding._refuse_what_is_not_kept", lambda _: None),
    ("a nonce's MAC is not compared", "nonce", "hmac.compare_digest", lambda *_: True),
    (
        "an encrypted text has other spellings",
        "encrypted answer",
        "didkit_py.jose.from_b64url",
        loose,
    ),
    ("a ledger's entries follow from nothing", "ledger", "wallet.storage.ledger._require_head", lambda *_: None),
    ("terms have any name", "terms document", "didkit_py.terms.document.address", lambda members: members["id"]),
)


@pytest.mark.parametrize(("name", "kind", "where", "instead"), PLANTS, ids=[f"{row[0]}: {row[1]}" for row in PLANTS])
def test_a_check_that_is_taken_away_lets_mutants_pass(
    name: str, kind: str, where: str, instead: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, instead)
    assert ACCEPTED in verdicts(BY_NAME[kind], count=400)


def judged_by(judge: Callable[[str], object]) -> Kind:
    return replace(BY_NAME["status list"], judge=judge)


def test_a_crash_a_hang_and_a_genuine_text_that_is_refused_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(text: str) -> object:
        raise KeyError(text)

    def hang(_: str) -> object:
        while True:
            time.sleep(0.001)

    assert verdicts(judged_by(crash), count=3) == {CRASHED, NOT_GENUINE}
    assert verdicts(judged_by(lambda _: False), count=3) == {NOT_GENUINE}
    monkeypatch.setattr(running, "SECONDS", 0.05)
    assert verdicts(judged_by(hang), count=1) == {SLOW, NOT_GENUINE}


def test_the_command_prints_what_makes_a_found_mutant_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--count", "40", "--kind", "status list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kinds"][0]["made"] == 40
    monkeypatch.setattr(PublicKey, "verify", lambda *_, **__: None)
    assert main(["--count", "1000"]) == 1
    line = [one for one in capsys.readouterr().out.splitlines() if "--replay" in one][-1]
    name = line.partition("--replay ")[2].strip("'")
    assert main(["--seed", "1", "--replay", name]) == 1
    assert "1 failed" in capsys.readouterr().out


def test_both_es256_signatures_of_a_message_hold_and_say_the_same() -> None:
    """FIPS 186-5 knows no lower half: who refused one would refuse half of what honest signers make."""
    kind = BY_NAME["status list"]
    (original,) = kind.texts
    mutants = (mutant(kind, number, seed=1, others=()) for number in range(1_000))
    twin = next(one.text for one in mutants if one.edit.startswith("second half negated"))
    assert twin != original
    assert kind.judge(twin) == kind.judge(original)
    assert kind.may_pass(original, twin)

"""Interleaved timing: every case runs in every short round, so a busy machine slows all of them alike.

What is counted is the processor time of this process, and of all rounds the best: other programs on the machine can
only add to it.
"""

import gc
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final

ROUNDS: Final = 41
BATCH_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to time, and the case that it is a multiple of."""

    name: str
    call: Callable[[], object]
    baseline: str
    target: float | None = None  # the largest multiple that we accept


def measure(cases: list[Case]) -> dict[str, float]:
    """Least seconds of one call, by case name."""
    sizes = {case.name: _size(case.call) for case in cases}
    taken: dict[str, list[float]] = {case.name: [] for case in cases}
    gc.disable()
    try:
        for _ in range(ROUNDS):
            for case in cases:
                taken[case.name].append(_time(case.call, sizes[case.name]) / sizes[case.name])
    finally:
        gc.enable()
    return {name: min(times) for name, times in taken.items()}


def _size(call: Callable[[], object]) -> int:
    once = max(_time(call, 3) / 3, 1e-7)
    return max(1, int(BATCH_SECONDS / once))


def _time(call: Callable[[], object], times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        call()
    return time.process_time() - started


def done(coroutine: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever it returns
    """The result of a coroutine that never waits: our signers hold their keys in memory."""
    try:
        coroutine.send(None)
    except StopIteration as finished:
        return finished.value
    coroutine.close()
    message = "the coroutine waited for something"
    raise RuntimeError(message)


def table(cases: list[Case], seconds: Mapping[str, float]) -> str:
    """A table of microseconds, rates and multiples."""
    rows = [f"{'case':58} {'us':>9} {'per second':>11} {'x raw':>7}  target"]
    for case in cases:
        took, raw = seconds[case.name], seconds[case.baseline]
        target = "" if case.target is None else f"<= {case.target:g}{'' if took / raw <= case.target else '  MISSED'}"
        rows.append(f"{case.name:58} {took * 1e6:9.1f} {1 / took:11,.0f} {took / raw:7.2f}  {target}")
    return "\n".join(rows)

"""What the reader sees: acts, what happened, what was checked; and the end when something did not hold."""

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from tools.driving.pages import StepFailed


@dataclass(slots=True)
class Narrator:
    """Prints the story and counts what held."""

    held: int = 0
    refused: int = 0
    started: float = field(default_factory=time.monotonic)

    def act(self, title: str) -> None:
        """A new part of the story."""
        self._line(f"\n{title}\n{'-' * len(title)}")

    def say(self, text: str) -> None:
        """Somebody did something."""
        self._line(f"  {text}")

    def detail(self, lines: Iterable[str]) -> None:
        """Particulars of what was just said."""
        for line in lines:
            self._line(f"      {line}")

    def expect(self, holds: object, text: str) -> None:
        """Something that must hold. Raises StepFailed."""
        if not holds:
            raise StepFailed(text)
        self.held += 1
        self._line(f"    ✓ {text}")

    def refusal(self, who: str, codes: Iterable[str]) -> None:
        """A refusal that was expected and came."""
        self.refused += 1
        self._line(f"    ✗ {who}: {', '.join(codes)}; nothing was released")

    def end(self) -> None:
        """The last line."""
        took = time.monotonic() - self.started
        self._line(f"\nEverything held: {self.held} checks, {self.refused} refusals, {took:.0f} s.")

    def failed(self, failure: StepFailed) -> None:
        """The last line when a step did not hold."""
        self._line("")
        sys.stderr.write(f"DID NOT HOLD: {failure}\n")

    def _line(self, text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

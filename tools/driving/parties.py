"""Who runs a program, and where it stands on this machine."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One process of the story."""

    key: str
    program: Literal["issuer", "verifier", "wallet"]
    name: str
    types: tuple[str, ...] = ()  # what an issuer issues
    alg: str = "ES256"
    setting: str = ""  # a line of its settings that is not what it is by default


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A role with its place on this machine."""

    role: Role
    port: int
    folder: Path
    passphrase_file: Path

    @property
    def url(self) -> str:
        """Its public origin."""
        return f"http://localhost:{self.port}"

    @property
    def did(self) -> str:
        """Its identifier."""
        return f"did:web:localhost%3A{self.port}"

    @property
    def passphrase(self) -> str:
        """What its operator, or Sally, types."""
        return self.passphrase_file.read_text().strip()

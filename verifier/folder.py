"""The folder that a vendor's program lives in, and the saved requests inside."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from didkit_py.encoding import read_json
from didkit_py.errors import DidkitError
from didkit_py.formats.format import Formats
from didkit_py.roles.asking_store import RequestTemplate
from didkit_py.service.setup.folders import create_folder, load_folder
from didkit_py.service.setup.input_files import read_file
from verifier.settings import VerifierSettings

REQUESTS: Final = "requests"
MAX_TEMPLATE_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedRequest:
    """A request that can be made again and again."""

    name: str
    purpose_text: str
    text: str


def create_vendor(
    folder: Path, *, settings: Mapping[str, str | int | tuple[str, ...]], alg: str, passphrase: str
) -> None:
    """Make the folder of a new vendor. Raises FolderInUse, Malformed or BadSettings."""

    def save_templates(draft: Path) -> None:
        saved = draft / REQUESTS
        saved.mkdir()
        for name, octets in packaged_templates().items():
            (saved / name).write_bytes(octets)

    create_folder(folder, VerifierSettings, settings=settings, alg=alg, passphrase=passphrase, also=save_templates)


def packaged_templates() -> Mapping[str, bytes]:
    """The request templates that come with the program, by file name."""
    files = resources.files("verifier") / "requests"
    return {file.name: file.read_bytes() for file in files.iterdir() if file.name.endswith(".json")}


def load_settings(folder: Path) -> VerifierSettings:
    """The settings of the vendor in this folder. Raises NotFound or BadSettings."""
    return load_folder(folder, VerifierSettings)


def read_template(octets: bytes | str, *, formats: Formats) -> RequestTemplate:
    """What is asked, from a JSON text. Raises Malformed."""
    return RequestTemplate.from_json(read_json(octets, max_bytes=MAX_TEMPLATE_BYTES), formats=formats)


def saved_requests(folder: Path, *, formats: Formats) -> tuple[SavedRequest, ...]:
    """The saved requests that can be read, by name; others are passed over."""
    found = []
    for file in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            octets = read_file(file, max_bytes=MAX_TEMPLATE_BYTES)
            purpose = read_template(octets, formats=formats).purpose_text
        except DidkitError:
            continue
        found.append(SavedRequest(name=file.stem, purpose_text=purpose, text=octets.decode()))
    return tuple(found)

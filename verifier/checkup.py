"""What a check-up must know of a vendor's folder."""

from importlib.resources import files
from typing import Final

from didkit_py.errors import DidkitError
from didkit_py.formats.table import FORMATS
from didkit_py.service.doctor.checkup import Checkup, DoctorCheck, Fault, Program
from didkit_py.service.setup.input_files import read_file
from verifier.folder import MAX_TEMPLATE_BYTES, REQUESTS, read_template
from verifier.settings import VerifierSettings


async def check_requests(case: Checkup) -> None:
    """Each saved request can be made."""
    settings = case.set
    if not isinstance(settings, VerifierSettings):
        raise TypeError("these are not the settings of a vendor")
    for file in sorted(settings.requests_folder.glob("*.json")):
        try:
            read_template(read_file(file, max_bytes=MAX_TEMPLATE_BYTES), formats=FORMATS)
        except DidkitError as error:
            remedy = f"Correct or remove {file}; until then the pages pass it over."
            raise Fault("request-unreadable", f"{file.name}: {error}", remedy=remedy) from error


PROGRAM: Final = Program(
    name="verifier",
    settings=VerifierSettings,
    distinctive=frozenset({REQUESTS, "contact", "authority", "requests_folder"}),
    also=frozenset({"unlock.key", "operator.hash"}),
    migrations=files("verifier") / "migrations",
    publishes_key=True,
    needs_lists=True,
    checks=(DoctorCheck("saved requests", check_requests),),
)

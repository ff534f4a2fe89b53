"""What a check-up must know of an issuer's folder."""

from importlib.resources import files
from typing import Final

from didkit_py.errors import DidkitError
from didkit_py.service.doctor.checkup import Checkup, DoctorCheck, Fault, Program
from issuer.claim_templates import offered_types
from issuer.settings import IssuerSettings


async def check_types(case: Checkup) -> None:
    """Each claim type on offer is one that this version knows."""
    settings = case.set
    if not isinstance(settings, IssuerSettings):
        raise TypeError("these are not the settings of an issuer")
    try:
        offered_types(settings.types)
    except DidkitError as error:
        raise Fault(
            "type-unknown", str(error), remedy="Correct `types` in settings.toml; see `issuer init --help`."
        ) from error


PROGRAM: Final = Program(
    name="issuer",
    settings=IssuerSettings,
    distinctive=frozenset({"types"}),
    also=frozenset({"unlock.key"}),
    migrations=files("issuer") / "migrations",
    publishes_key=True,
    needs_lists=False,
    checks=(DoctorCheck("claim types", check_types),),
)

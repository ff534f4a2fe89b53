"""What a check-up must know of a wallet's folder; the passphrase is not asked for, so nothing of the person is seen."""

from importlib.resources import files
from typing import Final

from didkit_py.service.doctor.checkup import Checkup, DoctorCheck, Program
from didkit_py.service.doctor.local_checks import RESTORE, require_private
from didkit_py.service.setup.folders import KEYS
from wallet.settings import HEAD, RULES_HEAD, WalletSettings


async def check_ledger_head(case: Checkup) -> None:
    """The seals of the ledger's last entry and of the rules' version are there: without them, a cut would not show."""
    require_private(case.folder / HEAD, "ledger-head", remedy=RESTORE)
    require_private(case.folder / RULES_HEAD, "rules-head", remedy=RESTORE)


PROGRAM: Final = Program(
    name="wallet",
    settings=WalletSettings,
    distinctive=frozenset({HEAD}),
    also=frozenset({KEYS}),
    migrations=files("wallet") / "migrations",
    publishes_key=False,
    needs_lists=True,
    checks=(DoctorCheck("ledger head", check_ledger_head),),
)

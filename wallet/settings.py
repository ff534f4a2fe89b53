"""Every setting of the wallet, once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from didkit_py.service.setup.folders import KEYS
from didkit_py.service.setup.settings import ServiceSettings, path, setting

HEAD: Final = "ledger.head"
RULES_HEAD: Final = "rules.head"


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletSettings(ServiceSettings):
    """What a wallet can be told."""

    key_file: Path = setting(  # noqa: RUF009 - it returns a field
        path(), Path(KEYS), help="The file with the wallet's own key, sealed by the person's passphrase."
    )

"""Every setting of the vendor's program, once."""

from dataclasses import dataclass
from pathlib import Path

from didkit_py.keys.names import ALG_NAMES, DEFAULT_ALG
from didkit_py.service.setup.settings import ServiceSettings, path, setting, text, url, whole_number


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierSettings(ServiceSettings):
    """What a vendor's program can be told."""

    alg: str = setting(
        text(one_of=ALG_NAMES), DEFAULT_ALG, help="The algorithm of the signing key; set when the keys are made."
    )
    operator_file: Path = setting(  # noqa: RUF009 - it returns a field
        path(), Path("operator.hash"), help="The file with the Argon2id hash of the operator's passphrase."
    )
    metrics_port: int | None = setting(
        whole_number(1, 65_535),
        None,
        help="The port on 127.0.0.1 that shows the metrics; they are not shown unless said.",
    )
    requests_folder: Path = setting(  # noqa: RUF009 - it returns a field
        path(), Path("requests"), help="The folder with saved requests, one JSON file each."
    )
    contact: str | None = setting(
        text(), None, help="Where people reach whoever answers for their information; the origin unless said."
    )
    authority: str | None = setting(url(), None, help="The address of the regulator to complain to.")

"""Every setting of the issuer, once."""

from dataclasses import dataclass
from pathlib import Path

from didkit_py.keys.names import ALL_ALG_NAMES, DEFAULT_ALG
from didkit_py.service.setup.settings import ServiceSettings, SettingKind, path, setting, text, whole_number


def claim_types() -> SettingKind[tuple[str, ...]]:
    """Names of claim types; a variable separates them by commas."""

    def read(value: object, _: Path) -> tuple[str, ...]:
        listed = value.split(",") if isinstance(value, str) else value
        if not isinstance(listed, list) or not listed or not all(isinstance(item, str) and item for item in listed):
            raise ValueError
        return tuple(dict.fromkeys(item.strip() for item in listed))

    return SettingKind(expected="a list of claim types, such as affordability-range", read=read)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerSettings(ServiceSettings):
    """What an issuer can be told."""

    types: tuple[str, ...] = setting(claim_types(), help="The claim types that this issuer offers.")
    alg: str = setting(
        text(one_of=ALL_ALG_NAMES), DEFAULT_ALG, help="The algorithm of the signing key; set when the keys are made."
    )
    operator_file: Path = setting(  # noqa: RUF009
        path(), Path("operator.hash"), help="The file with the Argon2id hash of the operator's passphrase."
    )
    metrics_port: int | None = setting(
        whole_number(1, 65_535),
        None,
        help="The port on 127.0.0.1 that shows the metrics; they are not shown unless said.",
    )
    offer_days: int = setting(whole_number(1, 365), 30, unit="days", help="How long an offer can be taken up.")
    status_ttl_seconds: int = setting(
        whole_number(1, 86_400),
        300,
        unit="seconds",
        help="How long others may keep a status list before looking again.",
    )

"""An issuer that signs by ML-DSA-44 is believed where the setting lets it in, and nowhere else."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from didkit_py.errors import UnknownKey
from didkit_py.formats.table import FORMATS
from didkit_py.parties.source import KeySources
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.roles.receiving import Received, preview, receive
from didkit_py.service.setup.settings import load
from issuer.cli import group
from issuer.settings import IssuerSettings
from tests.e2e.issuer.office import PASSPHRASE, STANDING, Clock, Office, keys, open_office
from tests.harness.ports import free_port
from verifier.cli import group as verifier_group
from verifier.settings import VerifierSettings
from wallet.settings import WalletSettings

STANDING_TYPE = "insurer-good-standing"


@pytest.fixture
def lattice_folder(tmp_path: Path) -> Path:
    passphrase, port = tmp_path / "passphrase", free_port()
    passphrase.write_text(PASSPHRASE + "\n")
    words = ["init", str(tmp_path / "issuer"), "--name", "Harbour", "--types", STANDING_TYPE, "--alg", "ML-DSA-44"]
    words += ["--base-url", f"http://localhost:{port}", "--port", str(port)]
    words += ["--operator-passphrase-file", str(passphrase)]
    result = CliRunner().invoke(group, words)
    assert result.exit_code == 0, result.output
    return tmp_path / "issuer"


async def received_from(office: Office, key_sources: KeySources, *, by: str) -> Received:
    offer = await office.offer(STANDING_TYPE, STANDING, reference=by)
    return await receive(
        await preview(offer.link, fetch=office.fetcher, formats=FORMATS),
        tx_code=offer.tx_code,
        signers=keys(2),
        fetch=office.fetcher,
        clock=office.clock,
        formats=FORMATS,
        key_sources=key_sources,
    )


async def test_its_claims_are_received_where_the_setting_says_so(lattice_folder: Path, clock: Clock) -> None:
    async with open_office(lattice_folder, clock) as office:
        metadata = (await office.get("/.well-known/openid-credential-issuer")).json()
        supported = metadata["credential_configurations_supported"][STANDING_TYPE]
        assert supported["credential_signing_alg_values_supported"] == ["ML-DSA-44"]
        assert "ML-DSA-44" not in supported["proof_types_supported"]["jwt"]["proof_signing_alg_values_supported"]
        received = await received_from(office, KEY_SOURCES.accepting(["ML-DSA-44"]), by="first")
        assert len(received.texts) == 2
        with pytest.raises(UnknownKey):
            await received_from(office, KEY_SOURCES, by="second")


@pytest.mark.parametrize("settings", [IssuerSettings, VerifierSettings, WalletSettings])
def test_every_program_has_the_setting_and_it_is_off(
    settings: type[IssuerSettings | VerifierSettings | WalletSettings], tmp_path: Path
) -> None:
    given = 'base_url = "http://localhost:1"\nname = "A"\ntypes = ["contact"]\n'
    (tmp_path / "settings.toml").write_text(given if settings is IssuerSettings else given.partition("types")[0])
    assert load(settings, tmp_path, {}).optional_algorithms == ()
    assert load(settings, tmp_path, {"DIDKIT_OPTIONAL_ALGORITHMS": "ML-DSA-44"}).optional_algorithms == ("ML-DSA-44",)


def test_a_vendor_whose_documents_bind_its_key_is_not_offered_it(tmp_path: Path) -> None:
    words = ["init", str(tmp_path / "vendor"), "--name", "A", "--base-url", "http://localhost:1", "--port", "1"]
    result = CliRunner().invoke(verifier_group, [*words, "--alg", "ML-DSA-44"])
    assert result.exit_code == 2
    assert "ML-DSA-44" in result.output

"""The table of key sources that a program is given is the one by which it judges."""

from dataclasses import replace
from pathlib import Path

import pytest

from didkit_py.dids.jwk import jwk_did
from didkit_py.formats.table import FORMATS
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oid4vp.client_id import client_id_of
from didkit_py.oid4vp.request import create_request_object
from didkit_py.parties.source import KeySources
from didkit_py.parties.table import KEY_SOURCES
from tests.unit.parties.test_key_sources import NOW, Web, signer_of, world
from tests.unit.parties.web_keys import WEB_KEYS
from verifier.composition import open_parts
from verifier.folder import load_settings

__all__ = ["world"]  # the fixture


@pytest.mark.parametrize(
    ("key_sources", "authentic"), [(KeySources((*KEY_SOURCES.rows, WEB_KEYS)), True), (KEY_SOURCES, False)]
)
async def test_a_vendors_service_judges_by_the_table_that_it_is_given(
    folder: Path,
    world: Web,
    key_sources: KeySources,
    authentic: bool,  # noqa: FBT001
) -> None:
    settings = replace(load_settings(folder), loopback_origins=(world.origin,))
    text = await create_request_object(world.request(), formats=FORMATS, signer=signer_of("shop"))
    async with open_parts(folder, settings, clock=lambda: NOW, key_sources=key_sources) as parts:
        decision = await parts.judge(text)
    assert ("vrf.unauthenticated" in decision.codes) is not authentic
    assert ("agr.missing" in decision.codes) is authentic


@pytest.mark.parametrize(("names", "authentic"), [((), False), (("ML-DSA-44",), True)])
async def test_a_vendors_service_believes_ml_dsa_where_the_setting_lets_it_in(
    folder: Path,
    names: tuple[str, ...],
    authentic: bool,  # noqa: FBT001
) -> None:
    public = SoftwareSigner.from_secret(bytes(32), alg="ML-DSA-44").public
    did = jwk_did(public)
    signer = SoftwareSigner.from_secret(bytes(32), alg="ML-DSA-44", key_id=f"{did}#0")
    request = replace(
        Web(origin="https://shop.example").request(), client_id=client_id_of(did, key_sources=KEY_SOURCES)
    )
    text = await create_request_object(request, formats=FORMATS, signer=signer)
    settings = replace(load_settings(folder), optional_algorithms=names)
    async with open_parts(folder, settings, clock=lambda: NOW) as parts:
        decision = await parts.judge(text)
    assert ("vrf.unauthenticated" in decision.codes) is not authentic

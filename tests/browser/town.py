"""The three programs at work on loopback, with their real databases, and two small vendors that can ask for anything."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from didkit_py.roles.issuing_store import Wanted
from didkit_py.service.evidence import ScheduledLists
from didkit_py.service.fetch import Fetcher
from issuer.app import create_app as create_issuer
from issuer.folder import create_folder as create_issuer_folder
from issuer.folder import load_settings as load_issuer
from issuer.parts import PARTS as ISSUER_PARTS
from issuer.parts import Parts as IssuerParts
from tests.e2e.wallet_world import (
    PASSPHRASE,
    TEMPLATES,
    TERMS,
    TrustedIssuer,
    Vendor,
    World,
    create_wallet_folder,
    equip_vendor,
    free_port,
    now,
    serving,
)
from verifier.app import create_app as create_verifier
from verifier.folder import create_vendor, load_settings as load_verifier

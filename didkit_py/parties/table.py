"""KEY_SOURCES: the kinds of party that the programs know; another kind is one file and one row."""

from typing import Final

from didkit_py.parties.did import DID
from didkit_py.parties.source import KeySources

KEY_SOURCES: Final = KeySources((DID,))

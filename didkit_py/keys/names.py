"""The JOSE names of the signature algorithms, apart, so that a command's help loads no library of signatures."""

from typing import Final

# In the order in which we prefer them. Each has a row in `keys/algorithms.py`, which cannot be imported otherwise.
ALG_NAMES: Final = ("ES256", "EdDSA", "Ed25519", "ES384")
OPTIONAL_ALG_NAMES: Final = ("ML-DSA-44",)  # for the keys of parties alone, where a setting says so
ALL_ALG_NAMES: Final = (*ALG_NAMES, *OPTIONAL_ALG_NAMES)
DEFAULT_ALG: Final = ALG_NAMES[0]  # of new keys

"""What no log, no error, no address and no file in the clear may ever hold: the values, keys and codes of the tests.

The worlds of the tests are furnished from this list, and add what is made while they run: `watch_for`. The output of
every test is searched (`tests/conftest.py`), and once everything that real processes leave behind (`tests/outside`).
"""

import re
from collections import deque
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from didkit_py.encoding import b64url

BUYER: Final = "Sally Example"
EMAIL: Final = "sally@post.example"
MEMBER_NUMBER: Final = "100042"
PASSPHRASE: Final = "correct horse battery staple"
OPERATORS_PASSPHRASE: Final = "seven wet dogs ran home"
TOWNS_PASSPHRASE: Final = "an operator of the town"
MODEL: Final = "Chryota Prim Hybrid"
AUDIO: Final = "Clearsound CS-900"
VIN: Final = "JTX00AMPLE0000042"
OTHER_MODEL: Final = "Chryota Dart"
OTHER_AUDIO: Final = "Clearsound Seven"
OTHER_VIN: Final = "JTDBR32E720054321"
CODE: Final = "SplxlOBeZQQYbYS6WxSbIA"  # the example of OpenID4VCI 1.0
TX_CODE: Final = "493536"
TOKEN: Final = "czZCaGRSa3F0MzpnWDFmQmF0M2JW"  # the example of RFC 6749
AFFORDABLE: Final = ("23500", "23,500", "23400", "23,400")

# The keys of the cast are made from these names: `signer_of` in tests/cast.py.
KEY_NAMES: Final = ("creditunion.example", "terms.example", "dealer.example", "sound.example", "copy of contact")

LATEST: Final = 200  # of what is made at run time: enough for the test that made it and those around
_made: Final[deque[str]] = deque(maxlen=LATEST)
_known: Final = {
    *(BUYER, EMAIL, MEMBER_NUMBER, PASSPHRASE, OPERATORS_PASSPHRASE, TOWNS_PASSPHRASE, MODEL, AUDIO, VIN),
    *(OTHER_MODEL, OTHER_AUDIO, OTHER_VIN, CODE, TX_CODE, TOKEN, *AFFORDABLE),
    *(spelling(sha256(name.encode()).digest()) for name in KEY_NAMES for spelling in (b64url, bytes.hex)),
}


def watch_for(*values: str) -> None:
    """From now on these are canaries too: codes, tokens and keys that were made just now."""
    _made.extend(values)


def found_in(text: str, also: Iterable[str] = ()) -> list[str]:
    """The canaries that stand in the text, each as a whole: six digits inside of a longer number are none."""
    return sorted(value for value in {*_known, *_made, *also} if value in text and _stands_alone(value, text))


def _stands_alone(value: str, text: str) -> bool:
    return re.search(rf"(?<![A-Za-z0-9.]){re.escape(value)}(?![A-Za-z0-9])", text) is not None

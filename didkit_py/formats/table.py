"""FORMATS: the credential formats of this product; adding one is a file and a row.

Programs hand this table to `create_app`, and from there it is handed on: nothing looks a format up here by itself.
"""

from types import MappingProxyType
from typing import Final

from didkit_py.formats.format import Formats
from didkit_py.formats.sd_jwt_vc import SD_JWT_VC

FORMATS: Final[Formats] = MappingProxyType({row.id: row for row in (SD_JWT_VC,)})

"""The issuer that answers a request: kept by the application, apart from what commands load."""

from typing import Final

from aiohttp import web

from issuer.context import IssuerContext

PARTS: Final = web.AppKey("parts", IssuerContext)


def parts_of(request: web.Request) -> IssuerContext:
    """The parts of the issuer that answers."""
    return request.app[PARTS]

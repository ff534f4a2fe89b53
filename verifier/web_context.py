"""The vendor that answers a request: kept by the application, apart from what commands load."""

from typing import Final

from aiohttp import web

from verifier.context import VerifierContext

PARTS: Final = web.AppKey("parts", VerifierContext)


def parts_of(request: web.Request) -> VerifierContext:
    """The parts of the vendor that answers."""
    return request.app[PARTS]

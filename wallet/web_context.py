"""The wallet that answers a request: kept by the application, apart from what commands load."""

from typing import Final

from aiohttp import web

from wallet.context import WalletContext

PARTS: Final = web.AppKey("parts", WalletContext)


def parts_of(request: web.Request) -> WalletContext:
    """The parts of the wallet that answers."""
    return request.app[PARTS]

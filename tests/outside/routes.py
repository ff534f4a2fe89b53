"""Every address of the three programs, who may call it, and how long its answer may be kept.

Written by hand: a route that is not here is a fault, whatever its code says. Only what is named here as kept by others
is public; every page, every refusal and every message between two parties is for nobody to keep.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

NO_STORE: Final = "no-store"
SHORT: Final = "public, max-age=300"
FOREVER: Final = "public, max-age=31536000, immutable"  # its address names its content


class Who(Enum):
    """Who gets an answer."""

    ANYBODY = "anybody, as programs call each other: without cookies"
    VISITOR = "anybody with a browser; a form must be the service's own"
    OWNER = "whoever signed in; a form must be the service's own"
    BEARER = "whoever has the token that was given out for it"


@dataclass(frozen=True, slots=True)
class Route:
    """One row: `status` is what an empty call gets of somebody who may, where that is not for the handler to say."""

    method: str
    path: str
    who: Who
    status: int = 200
    kept: str = NO_STORE


def wire(method: str, path: str, status: int = 200, *, kept: str = NO_STORE) -> Route:
    """A message of a protocol, or what everybody may read."""
    return Route(method, path, Who.ANYBODY, status, kept)


def pages(*paths: str) -> tuple[Route, ...]:
    """Pages of whoever signed in."""
    return tuple(Route("GET", path, Who.OWNER) for path in paths)


def forms(*paths: str) -> tuple[Route, ...]:
    """What whoever signed in can do."""
    return tuple(Route("POST", path, Who.OWNER) for path in paths)


SHARED: Final = (
    Route("GET", "/static/{name}", Who.VISITOR, kept="no-cache"),
    Route("GET", "/sign-in", Who.VISITOR),
    Route("POST", "/sign-in", Who.VISITOR),
    Route("POST", "/sign-out", Who.OWNER),
    wire("GET", "/healthz"),
    wire("GET", "/readyz"),
)
# 415: a body of no type (RFC 9110, 15.5.16). At the token endpoint: RFC 6749, 5.2.
ISSUER: Final = (
    *SHARED,
    wire("GET", "/.well-known/did.json", kept=SHORT),
    wire("GET", "/.well-known/openid-credential-issuer", kept=SHORT),
    wire("GET", "/.well-known/oauth-authorization-server", kept=SHORT),
    wire("GET", "/credential-offers/{id}"),
    wire("POST", "/token", 400),
    wire("POST", "/nonce"),
    Route("POST", "/credential", Who.BEARER),
    wire("GET", "/status-lists", kept=SHORT),
    wire("GET", "/status-lists/{number}", kept=SHORT),
    wire("GET", "/types/{name}", kept=SHORT),
    wire("GET", "/terms/{digest}", kept=FOREVER),
    wire("GET", "/terms/layers/{digest}", kept=FOREVER),
    wire("GET", "/trust-list", kept="public, max-age=60"),
    *pages("/", "/types", "/import", "/import/sample.csv", "/issued", "/issued/{id}", "/issued/{id}/change"),
    *pages("/offers-made", "/offers-made/{id}", "/offers-made/{id}/letter", "/offers-made/{id}/withdraw", "/letters"),
    Route("GET", "/import/done", Who.OWNER, 303),  # to the form, where nothing was imported in this session
    *forms("/import", "/import/confirm", "/import/codes", "/issued/{id}/change"),
    *forms("/offers-made/{id}/withdraw", "/offers-made/{id}/code"),
)
VERIFIER: Final = (
    *SHARED,
    wire("GET", "/.well-known/did.json", kept=SHORT),
    wire("GET", "/oid4vp/requests/{id}"),
    wire("POST", "/oid4vp/requests/{id}", 415),
    wire("POST", "/oid4vp/response/{id}", 415),
    wire("POST", "/agreements", 415),
    wire("POST", "/agreements/withdraw", 415),
    wire("POST", "/agreements/erase", 415),
    wire("POST", "/check-request", 415),
    Route("GET", "/done", Who.VISITOR),
    *pages("/", "/requests", "/requests/{id}", "/requests/{id}/record.json", "/credentials", "/ask"),
    *forms("/ask", "/credentials", "/lists/refresh"),
)
WALLET: Final = (
    *SHARED,
    *pages("/", "/credentials", "/credentials/{id}", "/receive", "/receive/{id}", "/answer", "/requests/{id}"),
    *pages("/credentials/{id}/delete"),
    *pages("/rules", "/disclosures", "/disclosures/{id}/{wish}", "/records/{id}", "/records/{id}/record.json"),
    *forms("/receive", "/receive/{id}", "/answer", "/requests/{id}", "/requests/{id}/send"),
    *forms("/rules/deny", "/rules/allow", "/lists/refresh"),
    *forms("/disclosures/{id}/{wish}", "/disclosures/{id}/send", "/credentials/{id}/delete"),
)
TABLE: Final = {"issuer": ISSUER, "verifier": VERIFIER, "wallet": WALLET}

"""The wallet's decision on one request: rules, the decision, the consent view, the consent and the release.

The rules of order: a `DisclosureCase` holds all that is judged; `decide` runs every rule of it, and the worst outcome
wins; `consent_view` says in keys and values what a page shows of that; `consent` takes the person's answer to that very
page; `release` judges again unless the moment is the same, and makes what is sent. Nothing here reads clocks or stores.

    >>> from datetime import UTC, datetime
    >>> from didkit_py.consent.decision import DisclosureCase, decide
    >>> from didkit_py.consent.policy import Policy
    >>> from didkit_py.errors import BadRequestObject

A request that answers go elsewhere for is refused, whatever the person's rules say:

    >>> fault = BadRequestObject("request.response_uri: not an address of the client", reason="req.origin")
    >>> case = DisclosureCase(
    ...     request=None,
    ...     vendor=None,
    ...     candidates=None,
    ...     policy=Policy(),
    ...     now=datetime(2026, 12, 1, 12, tzinfo=UTC),
    ...     request_fault=fault,
    ... )
    >>> decision = decide(case)
    >>> decision.outcome.name, decision.codes, decision.wire_error
    ('REFUSE', ('req.origin',), 'access_denied')
"""

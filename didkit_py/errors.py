"""The three answers to other people's material: malformed, rejected, unavailable.

`Malformed`: we could not read it. `Rejected`: we read it and it does not hold. `Unavailable`: we could not find out,
ask again later. Misuse by our own code is `ValueError` or `TypeError` and never one of these.

Every class has a stable `code` that programs, pages and logs show. A message says what was expected and where, never
a claim value, a key or a secret.
"""

from typing import ClassVar, Final

GONE: Final = "gone"  # the `reason` of an Unavailable: what was asked for is not there, or not any more


class DidkitError(Exception):
    """What all three families share: a stable code, the check that failed, and what the reader can do."""

    code: ClassVar[str] = "error"
    hint: ClassVar[str] = ""

    def __init__(self, message: str, *, spec: str = "", hint: str = "", reason: str = "") -> None:
        """`spec` names the section that was broken; `reason` is a finer code, such as a rule of the wallet."""
        super().__init__(message)
        self.spec = spec
        self.advice = hint or self.hint
        self.reason = reason
        self.checks: tuple[object, ...] = ()  # what verification found before it stopped, this failure last


class Malformed(DidkitError):  # noqa: N818 - the family names read as verdicts: "Malformed", "Rejected"
    """It could not be read: wrong type, size, nesting or spelling."""

    code = "malformed"
    hint = "Correct the input at the place named and send it again."


class Rejected(DidkitError):  # noqa: N818
    """It was read, and it does not hold."""

    code = "rejected"
    hint = "The check named did not hold; nothing was changed."


class Unavailable(DidkitError):  # noqa: N818
    """It could not be found out now; the answer is neither yes nor no."""

    code = "unavailable"
    hint = "Try again later; nothing was changed."


class TooLarge(Malformed):
    """An input is longer, deeper or more numerous than the bound for it."""

    code = "too-large"
    hint = "Send less: the bound is in the message."


class UnsupportedAlgorithm(Rejected):
    """The algorithm is unknown, not allowed here, or does not fit the key."""

    code = "unsupported-algorithm"
    hint = "Sign with ES256 or EdDSA."


class BadKey(Malformed):
    """The bytes or members are no public key of a supported kind."""

    code = "bad-key"
    hint = "Use a P-256 or Ed25519 public key; never send a private key."


class BadSignature(Rejected):
    """The signature does not fit the bytes and the key."""

    code = "bad-signature"
    hint = "The bytes were changed after signing, or another key signed them."


class WrongType(Rejected):
    """A token of one kind was shown where another kind is expected."""

    code = "wrong-type"
    hint = "Check the `typ` header: each kind of token has its own place."


class CannotOpen(Rejected):
    """An encrypted or sealed text does not open with this key."""

    code = "cannot-open"
    hint = "Check the passphrase or key file; the text may also be damaged."


class BadDid(Malformed):
    """It is no DID of a supported method."""

    code = "bad-did"
    hint = "Use did:web, did:key or did:jwk."


class BadDidDocument(Rejected):
    """The DID document does not describe the DID that was asked for."""

    code = "bad-did-document"
    hint = "The document's id must equal the DID, and the key must be listed for this purpose."


class UnknownKey(Rejected):
    """The signer's document lists no such key for this purpose."""

    code = "unknown-key"
    hint = "The key may have been rotated: ask the signer to sign again."


class BadCredential(Rejected):
    """A credential breaks a rule of its format or of its type."""

    code = "bad-credential"
    hint = "Ask the issuer for a new credential."


class BadDisclosure(Rejected):
    """A disclosure is unreferenced, doubled, colliding or misshapen (RFC 9901, 7.1)."""

    code = "bad-disclosure"
    hint = "Present the credential again without editing its disclosures."


class BadKeyBinding(Rejected):
    """The holder's proof is absent, for someone else, for another request, or too old (RFC 9901, 7.3)."""

    code = "bad-key-binding"
    hint = "Answer the request that was made, with the key that the credential is bound to."


class NotYetValid(Rejected):
    """The time of validity has not begun."""

    code = "not-yet-valid"
    hint = "Check the clocks on both sides, or wait."


class Expired(Rejected):
    """The time of validity is over."""

    code = "expired"
    hint = "Ask for a new one."


class Revoked(Rejected):
    """The issuer took the credential back, or suspended it."""

    code = "revoked"
    hint = "Ask the issuer why, and for a new credential."


class BadStatusList(Rejected):
    """A status list is not signed by the issuer, is for another address, or lacks the index."""

    code = "bad-status-list"
    hint = "The issuer must publish a correct list."


class Stale(Unavailable):
    """The newest list that we hold is older than the policy allows."""

    code = "stale"
    hint = "Refresh the lists; the publisher may be out of reach."


class Untrusted(Rejected):
    """The issuer is not trusted to say this."""

    code = "untrusted-issuer"
    hint = "Add the issuer for this type to the trust list, or ask for a credential of a listed one."


class BadTemplate(Malformed):
    """A claim type's template, or the values given to it, break its rules."""

    code = "bad-template"
    hint = "Compare the values with the schema of the claim type."


class Replayed(Rejected):
    """A code, nonce, token or answer was used before, or was never ours."""

    code = "replayed"
    hint = "Start again with a fresh request or offer."


class NotFound(Rejected):
    """There is nothing of that name here."""

    code = "not-found"
    hint = "Check the address."


class BadRequestObject(Rejected):
    """A presentation request breaks a MUST of OpenID4VP 1.0."""

    code = "bad-request-object"
    hint = "The vendor must correct its request."


class BadResponse(Rejected):
    """An answer to a presentation request does not fit the request."""

    code = "bad-response"
    hint = "Answer each required query once, with the format that was asked for."


class QueryNotAnswered(Rejected):
    """The presentation does not satisfy the query."""

    code = "query-not-answered"
    hint = "Show every claim that the query requires, with the value that it asks for."


class BadAnswer(Malformed):
    """What another party sent cannot be read; nobody here typed it."""

    code = "bad-answer"
    hint = "Tell whoever sent it which place is not in order; only they can correct it."


class BadTerms(Rejected):
    """A terms document is incomplete, inconsistent, or not the one that its identifier names."""

    code = "bad-terms"
    hint = "Fetch the document again; a changed text is a different document."


class BadAgreement(Rejected):
    """An agreement, acceptance, record or event is not bound to its request, its parties or its predecessor."""

    code = "bad-agreement"
    hint = "Make a new offer for this request; promises cannot be moved from one request to another."


class Refused(Rejected):
    """The person, or the person's rules, said no; `reason` holds the first code of the decision."""

    code = "refused"
    hint = "Nothing was released."


class PageChanged(Refused):
    """What would be sent now is not what stood on the page that the person said yes to."""

    code = "page-changed"
    hint = "Nothing was released. Look at the page as it is now, and decide again."


class IllegalMove(Rejected):
    """The exchange is not in a state in which this can happen."""

    code = "illegal-move"
    hint = "Start the exchange again."


class Unreachable(Unavailable):
    """Another party did not answer in time, or answered with something that is no answer."""

    code = "unreachable"
    hint = "Check that the other party's service is running, then try again."


class Withdrawn(Unreachable):
    """What stood at an address was withdrawn for good: status 410 (RFC 9110, 15.5.11)."""

    code = "withdrawn"
    hint = "Ask whoever published it; nothing will stand at this address any more."


class ForbiddenAddress(Rejected):
    """The address is not one that we may fetch: not https, private, or with a forbidden part."""

    code = "forbidden-address"
    hint = "Only https addresses of public hosts are fetched, and loopback origins that a setting lists."


class StorageUnavailable(Unavailable):
    """The database cannot read or write now."""

    code = "storage-unavailable"
    hint = "Check disk space, permissions and the database address."


class BadImport(Malformed):
    """A file handed to an import cannot be read as a whole."""

    code = "bad-import"
    hint = "Compare the file with the sample."


class ForeignRequest(Rejected):
    """The request does not come from a page of ours."""

    code = "foreign-request"
    hint = "Go back, reload the page and send the form again."


class WrongHost(Rejected):
    """The request is for another host than this service's."""

    code = "wrong-host"
    hint = (
        "Use the address that the service was set up with. If you did, its web server does not hand on the Host header "
        "(nginx: proxy_set_header Host $host)."
    )

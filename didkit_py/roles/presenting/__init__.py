"""Presenting: a vendor's request is opened, judged, answered by a person, sent and recorded (specs/flow.md, P2 to P11).

1. `open` (P2, P4): fetch the request, then the signer's key document, and nothing else; verify; note that it was asked.
   The vendor learns that its link was opened, and nothing more.
2. `judge` (P4): decide from lists that are held already. It is repeated whenever the page is shown.
3. `share` or `refuse` (P5, P6): the person's answer. What will be sent is durable before any of it leaves: acceptance,
   presentation, and the copies marked as used, in one write.
4. `send` (P7 to P11): the same bytes, as often as it takes; the vendor's record is kept once it is what was accepted.

A refusal by the person, one by a rule, and a wallet that holds nothing all send the same form.
"""

from didkit_py.roles.presenting.deciding import Judged, PublicLists, decide_unread
from didkit_py.roles.presenting.opening import AuthenticatedRequest, authenticate
from didkit_py.roles.presenting.presenting import Presenting

__all__ = ["AuthenticatedRequest", "Judged", "Presenting", "PublicLists", "authenticate", "decide_unread"]

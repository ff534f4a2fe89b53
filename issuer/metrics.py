"""What an issuer counts beside what every program does: offers by state, and answers of its wire by outcome."""

from typing import Final

from didkit_py.service.observability.metrics import Metric

OFFERS: Final = Metric(
    name="didkit_offers",
    kind="gauge",
    labels=("state",),
    help="Offers in the database by state, whoever made them: the pages, or a command beside the service.",
)
TOKENS: Final = Metric(
    name="didkit_tokens_total",
    kind="counter",
    labels=("outcome",),
    help="Requests for an access token: ok, or the code of the refusal.",
)
CREDENTIALS: Final = Metric(
    name="didkit_credential_requests_total",
    kind="counter",
    labels=("outcome",),
    help="Requests for a batch of credentials: ok when it was issued, or the code of the refusal.",
)
STATUS_LISTS: Final = Metric(
    name="didkit_status_list_requests_total",
    kind="counter",
    labels=("outcome",),
    help="Status lists handed out: ok, or the code of the refusal.",
)
METRICS: Final = (OFFERS, TOKENS, CREDENTIALS, STATUS_LISTS)

"""What a vendor counts beside what every program does: each answer of its wire, by outcome."""

from typing import Final

from didkit_py.service.observability.metrics import FOLLOWING_LISTS, Metric

REQUESTS: Final = Metric(
    name="didkit_requests_signed_total",
    kind="counter",
    labels=("outcome",),
    help="Requests fetched by wallets: ok when one was signed, or the code of the refusal.",
)
RESPONSES: Final = Metric(
    name="didkit_presentations_total",
    kind="counter",
    labels=("outcome",),
    help="Answers of wallets: ok when it was taken (a presentation that holds, or a person's no), or the code.",
)
ACCEPTANCES: Final = Metric(
    name="didkit_acceptances_total",
    kind="counter",
    labels=("outcome",),
    help="Acceptances of our promise: ok when it was kept, or the code of the refusal.",
)
WITHDRAWALS: Final = Metric(
    name="didkit_withdrawals_total",
    kind="counter",
    labels=("outcome",),
    help="Withdrawals: ok when obeyed and signed for, or the code of the refusal.",
)
ERASURES: Final = Metric(
    name="didkit_erasures_total",
    kind="counter",
    labels=("outcome",),
    help="Erasures: ok when done and signed for, or the code of the refusal.",
)
CHECKS: Final = Metric(
    name="didkit_requests_checked_total",
    kind="counter",
    labels=("outcome",),
    help="Requests that somebody had checked over HTTP: ok whatever the verdict, or the code of the refusal.",
)
METRICS: Final = (REQUESTS, RESPONSES, ACCEPTANCES, WITHDRAWALS, ERASURES, CHECKS, *FOLLOWING_LISTS)

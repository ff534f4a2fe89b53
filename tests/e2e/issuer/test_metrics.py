"""What an operator's monitoring sees of an issuer at work, and how one request is found again in log and answer."""

from didkit_py.service.observability.log import get_logger
from didkit_py.service.observability.metrics import REQUEST_SECONDS
from issuer.metrics import METRICS
from tests.e2e.issuer.office import STANDING, Office, keys
from tests.logged import Log
from tests.shown_metrics import samples_of, undocumented_and_unseen, value

STANDING_TYPE = "insurer-good-standing"


async def test_offers_tokens_and_credentials_are_counted_by_outcome(office: Office, log: Log) -> None:
    log.told = office.metrics.logged
    taken = await office.offer(STANDING_TYPE, STANDING)
    await office.offer(STANDING_TYPE, STANDING, reference="100043")
    wrong = f"{(int(taken.tx_code) + 1) % 1_000_000:06d}"
    assert (await office.token(taken.code, wrong)).status == 400
    token = await office.access_token(taken)
    await office.credential(token, await office.request(STANDING_TYPE, keys(1)))
    assert (await office.credential("no token of ours", {})).status == 401
    assert (await office.get("/status-lists/1")).status == 200
    get_logger().warning("a-warning")

    seen = await samples_of(office.metrics)
    assert undocumented_and_unseen(seen, METRICS) == (set(), {"didkit_database_failures_total"})
    assert value(seen, "didkit_offers", state="offered") == 1
    assert value(seen, "didkit_offers", state="issued") == 1
    assert value(seen, "didkit_tokens_total", outcome="ok") == 1
    assert value(seen, "didkit_tokens_total", outcome="invalid_grant") == 1
    assert value(seen, "didkit_credential_requests_total", outcome="ok") == 1
    assert value(seen, "didkit_credential_requests_total", outcome="invalid_token") == 1
    assert value(seen, "didkit_log_events_total", level="warning") == 1
    name = f"{REQUEST_SECONDS.name}_count"
    assert value(seen, name, method="GET", route="/credential-offers/{id}", status="200") == 2


async def test_no_name_or_label_holds_what_a_request_held(office: Office) -> None:
    taken = await office.offer(STANDING_TYPE, STANDING)
    await office.get("/nowhere/canary-4711", headers={"Authorization": "Bearer canary-4712"})
    text = (await office.metrics.text()).decode()
    assert [one for one in (taken.id, taken.code, "canary", "100042", "Sally") if one in text] == []
    assert 'route="none"' in text


async def test_a_database_that_fails_is_counted_and_the_rest_is_still_shown(office: Office) -> None:
    await office.parts.store.database.close()
    assert (await office.get("/readyz")).status == 503
    seen = await samples_of(office.metrics)
    assert (value(seen, "didkit_database_failures_total", call="fetch") or 0) >= 1
    assert value(seen, "http_server_request_duration_seconds_count", method="GET", route="/readyz", status="503") == 1


async def test_a_refusal_its_log_and_its_answer_have_one_number(office: Office, log: Log) -> None:
    answer = await office.token("no code of ours", "000000")
    number = answer.headers["X-Request-Id"]
    assert answer.json()["request_id"] == number
    assert answer.json()["error"] == "invalid_grant"
    assert {line["event"] for line in log.lines(request_id=number)} == {"refused", "request"}

"""The commands of a vendor. They call what the pages call, on the same folder, also while the service runs."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import click

from didkit_py.command import REJECTED, describe, exit_code
from didkit_py.consent.decision import Decision
from didkit_py.dids.web import web_did
from didkit_py.encoding import Json, from_timestamp, rfc3339, timestamp
from didkit_py.errors import DidkitError, Refused
from didkit_py.formats.table import FORMATS
from didkit_py.jose import MAX_TOKEN
from didkit_py.localization import in_english, phrase
from didkit_py.roles.asking import MadeRequest
from didkit_py.roles.asking_store import OwnCredential
from didkit_py.roles.checking import checks_of
from didkit_py.roles.self_check import verdict_of, would_answer
from didkit_py.service.setup.commands import (
    given_settings,
    print_result,
    read_passphrase,
)
from didkit_py.service.setup.input_files import read_file
from didkit_py.terms.document import create_signatory_statement
from didkit_py.unicode.visible import one_line
from didkit_py.verification import VerifiedCredential
from verifier.composition import open_parts
from verifier.context import VerifierContext
from verifier.folder import MAX_TEMPLATE_BYTES, create_vendor, load_settings, read_template
from verifier.request_check import JSON_BEGINS, as_text, judge, judge_alone, verify
from verifier.views import CHECKS_SAID, kept_in_words, lines_of, result_json, row_json, title_of

T = TypeVar("T")


NOT_MADE: Final = "Every wallet would refuse this request, so it was not made."


def init(folder: Path, operator_passphrase_file: Path | None, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - click's own values
    """Make the folder of a new vendor, with fresh keys."""
    passphrase = read_passphrase(
        operator_passphrase_file, whose="the operator", option="--operator-passphrase-file", confirm=True
    )
    create_vendor(folder, settings=given_settings(given), alg=given["alg"], passphrase=passphrase)
    made: dict[str, Json] = {"folder": str(folder), "name": given["name"], "did": web_did(given["base_url"])}
    print_result(
        made,
        f"Made {folder}: settings.toml, keys.sealed, unlock.key (keep it apart from backups), operator.hash.\n"
        f"Identifier: {made['did']}\nStart it: didkit-py verifier serve {folder}",
        as_json=as_json,
    )


def receive(folder: Path, link: str, tx_code: str | None, *, as_json: bool) -> None:
    """Receive a document about this vendor from an offer's link; the service must be running, to show its key."""

    async def take(parts: VerifierContext) -> dict[str, Json]:
        return await _own_json(parts, await parts.receive(await parts.preview(link), tx_code=tx_code))

    got = _work(folder, take)
    print_result(got, f"Received {got['title']} from {got['issuer']}.", as_json=as_json)


def credentials(folder: Path, *, as_json: bool) -> None:
    """List the documents about this vendor, and how each stands by the lists at hand."""

    async def find(parts: VerifierContext) -> list[dict[str, Json]]:
        return [await _own_json(parts, one) for one in await parts.store.own_credentials()]

    found = _work(folder, find)
    lines = (f"{row['status']:10} {row['title']} from {row['issuer']}, until {row['expires_at']}" for row in found)
    print_result(found, "\n".join(lines) or "No documents yet.", as_json=as_json)


async def _own_json(parts: VerifierContext, own: OwnCredential) -> dict[str, Json]:
    standing = await parts.standing(own)
    return {
        "id": own.id,
        "type": own.read.vct,
        "title": title_of(own.read.vct),
        "issuer": own.read.issuer,
        "subject": own.read.subject,
        "received_at": rfc3339(own.received_at),
        "expires_at": None if own.read.expires_at is None else rfc3339(own.read.expires_at),
        "status": standing.word,
    }


def sign_terms(folder: Path, terms_id: str, *, as_json: bool) -> None:
    """Sign terms by their identifier; give the signature to the body that confirms it."""

    async def sign(parts: VerifierContext) -> dict[str, Json]:
        now = from_timestamp(timestamp(parts.clock()))
        text = await create_signatory_statement(terms_id, signed_at=now, signer=parts.signer)
        return {"signature": text, "signedAt": rfc3339(now), "id": terms_id}

    signed = _work(folder, sign)
    print_result(signed, f"Signed {terms_id} at {signed['signedAt']}:\n{signed['signature']}", as_json=as_json)


def ask(context: click.Context, folder: Path, sheet: Path, *, even_if_refused: bool, as_json: bool) -> None:
    """Make a request from a JSON file and print the link for a wallet.

    Ends with 4 and without a link when every wallet would refuse the request; what they would say is printed.
    """
    template = read_template(read_file(sheet, max_bytes=MAX_TEMPLATE_BYTES), formats=FORMATS)
    if even_if_refused:
        made: MadeRequest | Decision = _work(folder, lambda parts: parts.asking.ask(template, now=parts.clock()))
    else:
        made = _work(folder, lambda parts: parts.ask(template))
    if isinstance(made, Decision):
        _print_verdict(made, {"error": Refused.code, "message": NOT_MADE}, as_json=as_json)
        context.exit(REJECTED)
    print_result(made.to_json(), f"Request {made.id}\nLink: {made.link}", as_json=as_json)


def results(folder: Path, request_id: str | None, *, as_json: bool) -> None:
    """List the requests, the newest first; or everything that is known of one."""
    if request_id is None:

        async def rows(parts: VerifierContext) -> list[dict[str, Json]]:
            return [row_json(kept) for kept in await parts.store.requests(now=parts.clock())]

        found = _work(folder, rows)
        lines = (f"{row['request_id']}  {row['state']:9} {row['made_at']}  {row['purpose_text']}" for row in found)
        print_result(found, "\n".join(lines) or "No requests yet.", as_json=as_json)
    else:
        value, text = _work(folder, lambda parts: _one_result(parts, request_id))
        print_result(value, text, as_json=as_json)


async def _one_result(parts: VerifierContext, request_id: str) -> tuple[dict[str, Json], str]:
    kept = await parts.store.load_request(request_id, now=parts.clock())
    body = result_json(kept, await parts.store.load_acceptances(request_id))
    lines = [f"{kept.asked.template.purpose_text or 'A question that was erased'}: {body['state']}"]
    if kept.ended_at is not None:
        lines.append(f"Ended by the person at {body['ended_at']}: not to be used any more.")
    if kept.erased_at is not None:
        lines.append(f"Erased at {body['erased_at']}.")
    if body["lapsed_at"] is not None:
        lines.append(f"Erased at {body['lapsed_at']}, when its time was over.")
    if kept.result is not None:
        lines += [_check_line(one.check.name, passed=one.check.passed) for one in kept.result.checks]
        learned = [one for some in kept.result.learned.values() for one in some]
        lines += [f"{label}: {one_line(in_english(value))}" for one in learned for label, value in lines_of(one)]
        kept_until = [each for one in learned for each in kept_in_words(one)]
        lines += [f"Kept until {in_english(until)}: {one_line(labels)}" for labels, until in kept_until]
    return body, "\n".join([*lines, f"Agreement: {body['agreement']}"])


def _check_line(name: str, *, passed: bool) -> str:
    said = in_english(phrase(f"verifier.check.{name}")) if name in CHECKS_SAID else name
    return f"{'✓' if passed else '✗'} {said}"


def refresh(folder: Path, *, as_json: bool) -> None:
    """Fetch the trust list and all that it names now, instead of at the next appointed time."""

    async def fetch(parts: VerifierContext) -> dict[str, Json]:
        lists = await parts.refresh()
        return {
            "issuers": len(lists.trust.issuers),
            "status_lists": len(lists.status_lists),
            "terms": [*lists.terms],
            "faults": dict(lists.faults),
        }

    got = _work(folder, fetch)
    faults = [f"not at hand: {one_line(part)} ({code})" for part, code in got["faults"].items()]  # type: ignore[union-attr] # made above
    print_result(
        got, "\n".join([f"{got['issuers']} issuers, {got['status_lists']} status lists.", *faults]), as_json=as_json
    )


def check_request(context: click.Context, file: Path, folder: Path | None, *, as_json: bool) -> None:
    """Say what a wallet would say to FILE: a request object, or a request as `ask` takes it (then with --folder).

    Ends with 0 when a wallet would release or ask the person, with 4 when it would refuse.
    """
    octets = read_file(file, max_bytes=MAX_TOKEN).strip()
    if folder is not None:
        decision = _work(folder, lambda parts: judge(parts, octets))
    elif octets.startswith(JSON_BEGINS):
        raise click.UsageError("A request that is not signed yet needs --folder, whose vendor signs it.")
    else:
        decision = asyncio.run(judge_alone(octets))
    _print_verdict(decision, {}, as_json=as_json)
    if not would_answer(decision):
        context.exit(REJECTED)


def _print_verdict(decision: Decision, more: dict[str, Json], *, as_json: bool) -> None:
    """What a wallet would say, after what follows from it."""
    lines = [*([str(more["message"])] if more else []), f"A wallet would {decision.outcome.name.lower()}."]
    lines += [
        f"{one.code:20} {in_english(one.sentence)}" + (f" ({one_line(one.detail)})" if one.detail else "")
        for one in decision.reasons
    ]
    print_result(more | verdict_of(decision).to_json(), "\n".join(lines), as_json=as_json)


def verify_presentation(
    context: click.Context, file: Path, folder: Path, nonce: str, audience: str, *, format_id: str, as_json: bool
) -> None:
    """Judge one presentation in FILE by every check, and print each."""
    if format_id not in FORMATS:
        raise click.BadParameter(f"expected one of {', '.join(FORMATS)}", param_hint="--format")
    text = as_text(read_file(file, max_bytes=MAX_TOKEN).strip())
    found = _work(
        folder, lambda parts: verify(parts, text, in_format=FORMATS[format_id], nonce=nonce, audience=audience)
    )
    if isinstance(found, VerifiedCredential):
        shown = {
            "verified": True,
            "checks": [
                {"name": one.name, "passed": one.passed, "spec": one.spec, "detail": one.detail} for one in found.checks
            ],
            "claims": dict(found.claims),
        }
        lines = [_check_line(one.name, passed=one.passed) for one in found.checks]
        print_result(shown, "\n".join(lines), as_json=as_json)
    else:
        _end_unverified(context, found, as_json=as_json)


def _end_unverified(context: click.Context, error: DidkitError, *, as_json: bool) -> NoReturn:
    checks = checks_of(error)
    body: dict[str, Json] = {"verified": False, "checks": [one.to_json() for one in checks], "claims": {}}
    lines = [_check_line(one.check.name, passed=one.check.passed) for one in checks]
    said = describe(error)
    print_result(
        body | said, "\n".join([*lines, f"{said['error']}: {one_line(said['message'])}", said["hint"]]), as_json=as_json
    )
    context.exit(exit_code(error))


def _work(folder: Path, action: Callable[[VerifierContext], Awaitable[T]]) -> T:
    """Open the vendor, let it work, close it."""

    async def work() -> T:
        async with open_parts(folder, load_settings(folder)) as parts:
            return await action(parts)

    return asyncio.run(work())

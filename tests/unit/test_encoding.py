"""base64url, strict JSON, canonical JSON and times: one spelling each."""

import base64
import itertools
import json
import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest

from didkit_py.encoding import (
    Json,
    b64url,
    content_address,
    digest,
    from_b64url,
    from_multibase,
    from_rfc3339,
    from_timestamp,
    integrity,
    jcs,
    multibase58,
    read_json,
    rfc3339,
    sha256,
    timestamp,
)
from didkit_py.errors import Malformed, TooLarge

# Signs of every kind that a reader could be lenient about.
SIGNS = "AQgwEZz09-_+/=\n ~é"


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (bytes([3, 236, 255, 224, 193]), "A-z_4ME"),  # RFC 7515, appendix C
        (b"", ""),
        (b"f", "Zg"),  # RFC 4648, 10, without padding
        (b"fo", "Zm8"),
        (b"foo", "Zm9v"),
        (b"foobar", "Zm9vYmFy"),
    ],
)
def test_base64url_has_no_padding(octets: bytes, text: str) -> None:
    assert b64url(octets) == text
    assert from_b64url(text) == octets


def test_each_octet_sequence_has_exactly_one_base64url_text() -> None:
    """Of all short texts, those are read that the standard library would write, and no others."""
    for length in range(5):
        for signs in itertools.product(SIGNS, repeat=length):
            text = "".join(signs)
            try:
                octets = from_b64url(text)
            except Malformed:
                assert not _is_written_by_the_standard_library(text), text
            else:
                assert base64.urlsafe_b64encode(octets).rstrip(b"=").decode() == text


def _is_written_by_the_standard_library(text: str) -> bool:
    if not text.isascii() or set(text) & set("+/=\n ~"):
        return False
    try:
        octets = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return False
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode() == text


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',  # the same name in another spelling
        b'{"x":{"a":1,"b":2,"a":3}}',
        b'[{"a":1, "a":2}]',
    ],
)
def test_a_member_that_stands_twice_is_refused(text: bytes) -> None:
    with pytest.raises(Malformed, match="twice"):
        read_json(text)


@pytest.mark.parametrize(
    "text",
    [b"NaN", b"[Infinity]", b"{'a':1}", b"[1,]", b'{"a":1}x', b"", b"\xff", b'"\\ud800"', b"\xef\xbb\xbf{}", b"01"],
)
def test_what_is_no_json_text_is_refused(text: bytes) -> None:
    with pytest.raises(Malformed):
        read_json(text)


def test_a_lone_surrogate_inside_a_text_is_refused() -> None:
    with pytest.raises(Malformed):
        read_json('{"a":"\ud800"}')


def test_depth_is_bounded_and_brackets_inside_texts_are_not_depth() -> None:
    assert read_json(b"[" * 32 + b"]" * 32)
    with pytest.raises(TooLarge):
        read_json(b"[" * 33 + b"]" * 33)
    with pytest.raises(TooLarge):
        read_json(b'{"a":' * 33 + b"1" + b"}" * 33)
    assert read_json(json.dumps(["[" * 1_000 + '\\"{'])) == ["[" * 1_000 + '\\"{']


def test_size_is_bounded_in_bytes() -> None:
    assert read_json(b'"aaaa"', max_bytes=6) == "aaaa"
    with pytest.raises(TooLarge):
        read_json('"äää"', max_bytes=6)


@pytest.mark.parametrize(
    "text",
    [
        *("18446744073709551615", "-9223372036854775808", "9007199254740993", "0", "-0", "-0.0", "1E5", "1e22"),
        *("0.1", "0.10000000000000001", "19.990000000000000000", "1.7976931348623157e308", "5e-324", "0e-999"),
    ],
)
def test_a_number_is_kept_as_it_is(text: str) -> None:
    number = read_json(f'{{"a": [{text}]}}')
    assert isinstance(number, dict)
    assert number == {"a": [int(text) if text.lstrip("-").isdigit() else float(text)]}


@pytest.mark.parametrize(
    "text",
    [
        *("18446744073709551616", "-9223372036854775809", "12345678901234567890123", "1" * 400, "1" * 5_000),
        *("12345678901234567890123.0", "0.1234567890123456789", "1e400", "-1e400", "1e-400", "1.234567e-320"),
        *("1e999999999999999999999", "1e-999999999999999999999"),
    ],
)
@pytest.mark.parametrize("around", ["{}", "[[{}]]", '["salt","account_number",{}]', '{{"a":{{"b": {}}}}}'])
def test_a_number_that_cannot_be_kept_is_refused_and_never_becomes_another(text: str, around: str) -> None:
    with pytest.raises(Malformed):
        read_json(around.format(text))


@pytest.mark.needs("vectors")
@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode"])
def test_canonical_json_is_that_of_rfc_8785(vectors: Path, name: str) -> None:
    folder = vectors / "jcs-rfc8785"
    value = json.loads((folder / "input" / f"{name}.json").read_text(encoding="utf-8"))
    assert jcs(value) == (folder / "output" / f"{name}.json").read_bytes()


@pytest.mark.needs("vectors")
def test_canonical_numbers_are_those_of_rfc_8785(vectors: Path) -> None:
    lines = (vectors / "jcs-rfc8785" / "es6numbers-10000.txt").read_text(encoding="ascii").splitlines()
    assert len(lines) >= 10_000
    for line in lines:
        octets, _, expected = line.partition(",")
        number = struct.unpack(">d", bytes.fromhex(octets.zfill(16)))[0]
        assert jcs(number) == expected.encode(), line


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, "\ud800", {"\ud800": 1}])
def test_a_value_without_canonical_text_is_refused(value: Json) -> None:
    with pytest.raises(Malformed):
        jcs(value)


def test_member_names_are_sorted_by_utf_16_code_units() -> None:
    # RFC 8785, 3.2.3: the order of the printed example's keys.
    value: Json = {"€": 1, "\r": 2, "\ufb33": 3, "1": 4, "😀": 5, "\x80": 6, "ö": 7}
    assert list(json.loads(jcs(value)).values()) == [2, 4, 6, 7, 1, 5, 3]


def test_one_digest_has_three_spellings() -> None:
    # SHA-256 of "abc" (FIPS 180-2, B.1)
    octets = bytes.fromhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    assert sha256(b"abc") == octets
    text = base64.b64encode(octets).decode()
    assert integrity(b"abc") == "sha256-" + text
    assert digest(b"abc") == "sha-256;" + text.rstrip("=").replace("+", "-").replace("/", "_")
    assert content_address(b"abc") == "ni:///" + digest(b"abc")


@pytest.mark.parametrize(
    ("octets", "text"),
    [  # draft-msporny-base58, 5
        (b"Hello World!", "z2NEpo7TZRRrLZSi2U"),
        (
            b"The quick brown fox jumps over the lazy dog.",
            "zUSm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z",
        ),
        (bytes.fromhex("0000287fb4cd"), "z11233QC4"),
    ],
)
def test_multibase_is_base58btc(octets: bytes, text: str) -> None:
    assert multibase58(octets) == text
    assert from_multibase(text) == octets
    assert from_multibase("u" + b64url(octets)) == octets


@pytest.mark.parametrize("text", ["", "2NEpo7TZRRrLZSi2U", "z0OIl", "fABCD", "uZm9v="])
def test_other_bases_and_signs_are_refused(text: str) -> None:
    with pytest.raises(Malformed):
        from_multibase(text)


def test_long_base58_is_refused_before_any_work() -> None:
    with pytest.raises(TooLarge):
        from_multibase("z" + "1" * 1_025)


def test_times_are_aware_and_utc() -> None:
    moment = datetime(2011, 3, 22, 18, 43, tzinfo=UTC)
    assert from_timestamp(1_300_819_380) == moment  # `exp` of the example in RFC 7519, 3.1
    assert timestamp(moment) == 1_300_819_380
    assert from_rfc3339("1996-12-19T16:39:57-08:00") == datetime(1996, 12, 20, 0, 39, 57, tzinfo=UTC)  # RFC 3339, 5.8
    assert rfc3339(moment) == "2011-03-22T18:43:00Z"
    with pytest.raises(Malformed):
        from_timestamp(10**15)


@pytest.mark.parametrize(
    "text",
    [
        *("1996-12-19T16:39:57", "1996-12-19", "1996-12-19 16:39:57Z", "soon", "1996-13-01T00:00:00Z"),
        *("9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "1969-12-31T23:59:59Z", "10000-01-01T00:00:00Z"),
    ],
)
def test_a_time_without_offset_or_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        from_rfc3339(text)

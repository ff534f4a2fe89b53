"""Reader: typed members, and an error that names the path of the wrong one and never its value."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from didkit_py.encoding import Json
from didkit_py.errors import Malformed, TooLarge
from didkit_py.reading import Reader, is_loopback, is_url, origin

BODY: Json = {
    "name": "value-nobody-may-see",
    "empty": "",
    "count": 3,
    "half": 1.5,
    "yes": True,
    "list": ["a", 1],
    "inner": {"deep": {"number": -1}},
    "objects": [{"a": "b"}, 5],
    "when": 1_300_819_380,
    "none": None,
}
WRONG: dict[str, Callable[[Reader], object]] = {
    "body.absent: missing": lambda read: read.text("absent"),
    "body.empty: expected a non-empty text": lambda read: read.text("empty"),
    "body.count: expected a non-empty text": lambda read: read.text("count"),
    "body.none: expected a non-empty text": lambda read: read.text("none"),
    "body.name: longer than 5 characters": lambda read: read.text("name", max_length=5),
    "body.name: expected one of a, b": lambda read: read.text("name", one_of={"b", "a"}),
    "body.list[1]: expected a non-empty text": lambda read: read.texts("list"),
    "body.list: expected at least 3 item(s)": lambda read: read.items("list", at_least=3),
    "body.list: more than 1 items": lambda read: read.items("list", max_items=1),
    "body.name: expected an array": lambda read: read.texts("name"),
    "body.half: expected a whole number": lambda read: read.integer("half"),
    "body.yes: expected a whole number": lambda read: read.integer("yes"),
    "body.count: expected 0 to 2": lambda read: read.integer("count", maximum=2),
    "body.count: expected true or false": lambda read: read.flag("count"),
    "body.inner.deep.number: expected 0 to 9": lambda read: (
        read.object("inner").object("deep").integer("number", maximum=9)
    ),
    "body.name: expected an object": lambda read: read.object("name"),
    "body.objects[1]: expected an object": lambda read: read.objects("objects"),
    "body.name: expected an RFC 3339 date and time": lambda read: read.rfc3339("name"),
    "body.name: expected an https URL without user part or fragment": lambda read: read.url("name"),
    "body: unknown member 'none'": lambda read: read.refuse_unknown(set(read.members) - {"none"}),
}


@pytest.mark.parametrize("sentence", WRONG)
def test_an_error_names_the_path_and_not_the_value(sentence: str) -> None:
    with pytest.raises((Malformed, TooLarge)) as caught:
        WRONG[sentence](Reader(BODY, at="body"))
    assert str(caught.value) == sentence
    assert "value-nobody-may-see" not in str(caught.value)


def test_members_are_read_with_their_types() -> None:
    read = Reader(BODY, at="body")
    assert read.text("name") == "value-nobody-may-see"
    assert read.optional_text("absent") is None
    assert read.integer("count") == 3
    assert read.flag("yes") is True
    assert read.flag("absent", default=False) is False
    assert read.object("inner").object("deep").integer("number", minimum=-5) == -1
    assert read.moment("when") == datetime(2011, 3, 22, 18, 43, tzinfo=UTC)
    assert read.optional_moment("absent") is None


@pytest.mark.parametrize(
    ("seconds", "moment"),
    [
        (1_795_255_200.25, datetime(2026, 11, 21, 10, 0, 0, 250_000, tzinfo=UTC)),
        (1_795_255_200.0, datetime(2026, 11, 21, 10, tzinfo=UTC)),
        (-0.0, datetime(1970, 1, 1, tzinfo=UTC)),
        (253_402_300_799, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_numeric_date_may_have_a_fraction(seconds: float, moment: datetime) -> None:
    assert Reader({"iat": seconds}, at="body").moment("iat") == moment


@pytest.mark.parametrize(
    "seconds",
    [True, -1, -0.25, float("nan"), float("inf"), 1e300, 2**63, 253_402_300_800, 253_402_300_799.5, "1795255200", []],
)
def test_a_numeric_date_outside_of_the_calendar_or_of_another_type_is_malformed(seconds: Json) -> None:
    with pytest.raises(Malformed, match=r"^body\.iat: expected "):
        Reader({"iat": seconds}, at="body").moment("iat")


def test_an_optional_member_that_is_null_counts_as_absent() -> None:
    read = Reader({"none": None}, at="body")
    assert not read.has("none")
    optional = (read.optional_text, read.optional_integer, read.optional_moment, read.optional_object)
    assert [take("none") for take in optional] == [None] * 4
    assert (read.optional_texts("none"), read.flag("none", default=True)) == ((), True)
    required = (read.text, read.integer, read.moment, read.object, read.texts, read.objects, read.flag, read.rfc3339)
    for take in required:
        with pytest.raises(Malformed, match=r"^body\.none: .*expected "):
            take("none")


def test_null_stands_in_documents_of_ours_only_where_their_schema_allows_it() -> None:
    read = Reader({"sunset": None}, at="body")
    read.refuse_unknown(("sunset",), nullable=("sunset",))
    with pytest.raises(Malformed, match=r"^body\.sunset: expected a value or no such member$"):
        read.refuse_unknown(("sunset",))


@pytest.mark.parametrize("body", [None, [], "text", 1, True])
def test_what_is_no_object_is_refused(body: Json) -> None:
    with pytest.raises(Malformed, match=r"^body: expected an object$"):
        Reader(body, at="body")


@pytest.mark.parametrize(
    "text",
    [
        "https://issuer.example",
        "https://issuer.example:8443/a/b?c=d",
        "https://[2001:db8::1]/",
        "http://localhost:8101",
        "http://127.0.0.1:8101/offers",
        "http://[::1]:8101",
    ],
)
def test_https_urls_and_loopback_http_urls_are_urls(text: str) -> None:
    assert is_url(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://issuer.example",
        "http://localhost.attacker.example",
        "http://127.0.0.1.attacker.example",
        "http://localhost@attacker.example/",
        "https://user@issuer.example",
        "https://issuer.example/#part",
        "https://issuer.example\\@attacker.example",
        "https://issuer.example/a b",
        "https://issuer.example/\n",
        "https://",
        "https://:443",
        "https://issuer.example:",
        "https://issuer.example:0",
        "https://issuer.example:0443",
        "https://127.1",
        "https://0x7f000001",
        "https://127.0.0.01",
        "https://[2001:db8::1]issuer.example",
        "https://issuer.example:99999",
        "https://issuer_example",
        "ftp://issuer.example",
        "//issuer.example",
        "javascript:alert(1)",
        "https://bücher.example",
    ],
)
def test_other_texts_are_no_urls(text: str) -> None:
    assert not is_url(text)


def test_an_identifier_has_no_query() -> None:
    with pytest.raises(Malformed, match="without query"):
        Reader({"iss": "https://issuer.example?a=b"}, at="body").origin_url("iss")


def test_origins_are_compared_in_one_spelling() -> None:
    assert origin("HTTPS://Issuer.Example:443/path?q") == "https://issuer.example"
    assert origin("http://localhost:8101/path") == "http://localhost:8101"
    assert origin("http://[::1]:80/") == "http://[::1]"
    assert is_loopback("http://[::1]:80/")
    assert not is_loopback("http://[::2]:80/")

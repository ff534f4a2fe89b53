import io
from collections.abc import AsyncIterator

import pytest
from aiohttp import FormData

from didkit_py.errors import Malformed
from didkit_py.service.http import request_body as bodies
from tests.unit.service.small_app import Client, own_origin, running

URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}
PART = b'--X\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with running() as client:
        yield client


@pytest.mark.parametrize(
    ("body", "content_type", "status", "error"),
    [
        (b'{"a":1}', "text/plain", 415, "unsupported-body"),
        (b'{"a":1}', "application/x-www-form-urlencoded", 415, "unsupported-body"),
        (b'{"a":1}', "application/json; charset=latin-1", 415, "unsupported-body"),
        (b'{"a":1,"a":2}', "application/json", 400, "malformed"),
        (b'{"a":NaN}', "application/json", 400, "malformed"),
        (b"{", "application/json", 400, "malformed"),
        (b"", "application/json", 400, "malformed"),
        (b'"\xff"', "application/json", 400, "malformed"),
        (b"[" * 50 + b"]" * 50, "application/json", 413, "too-large"),
        (b'"' + b"x" * 1_000 + b'"', "application/json", 413, "too-large"),
    ],
)
async def test_a_json_body_that_is_not_strictly_json_is_refused(
    client: Client, body: bytes, content_type: str, status: int, error: str
) -> None:
    answer = await client.post("/wire/json", data=body, headers={"Content-Type": content_type})
    assert (answer.status, (await answer.json())["error"]) == (status, error)


async def test_a_body_without_a_stated_length_is_bounded_too(client: Client) -> None:
    async def pour() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100

    answer = await client.post("/wire/json", data=pour(), headers={"Content-Type": "application/json"})
    assert answer.status == 413


async def test_a_json_body_is_read(client: Client) -> None:
    answer = await client.post(
        "/wire/json", data=b'{"a": [1, true]}', headers={"Content-Type": "application/json; charset=UTF-8"}
    )
    assert await answer.json() == {"a": [1, True]}


async def test_a_protocols_form_may_have_fields_that_we_ignore(client: Client) -> None:
    answer = await client.post("/wire/form", data=b"a=%C3%A9&c=3&b=", headers=URLENCODED)
    assert await answer.json() == {"a": "é", "b": ""}
    assert await (await client.post("/wire/form", data=b"", headers=URLENCODED)).json() == {}


@pytest.mark.parametrize(
    "body", [b"a=1&a=2", b"a=1&c=2&c=3", b"a", b"a=1&&b=2", b"a=%ff", b"a=\xc3\xa9", b"x=1&" * 300 + b"a=1"]
)
async def test_a_form_with_a_doubled_field_or_stray_bytes_is_refused(client: Client, body: bytes) -> None:
    answer = await client.post("/wire/form", data=body, headers=URLENCODED)
    assert (answer.status, (await answer.json())["error"]) == (400, "malformed")


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "", "application/x-www-form-urlencoded2"])
async def test_a_form_of_another_content_type_is_refused(client: Client, content_type: str) -> None:
    answer = await client.post("/wire/form", data=b"a=1", headers={"Content-Type": content_type})
    assert answer.status == 415


async def test_a_pages_form_has_no_fields_that_the_page_does_not_know(client: Client) -> None:
    csrf = await (await client.get("/token")).text()
    answer = await client.post(
        "/page/form", data={"a": "1", "z": "1", "csrf": csrf}, headers={"Origin": own_origin(client)}
    )
    assert answer.status == 400


async def upload(client: Client, content: bytes, name: str = "members.csv") -> tuple[int, str]:
    form = FormData()
    form.add_field("csrf", await (await client.get("/token")).text())
    form.add_field("file", io.BytesIO(content), filename=name, content_type="text/csv")
    answer = await client.post("/upload", data=form, headers={"Origin": own_origin(client)})
    return answer.status, await answer.text()


async def test_a_file_is_read_whole_and_in_memory(client: Client) -> None:
    content = b'a,b\r\n1,"x\r\n--y"\r\n\r\n'
    status, text = await upload(client, content, 'a "b" é.csv')
    assert status == 200
    assert f'"size":{len(content)}' in text
    assert "x\\r\\n--y" in text


async def test_a_file_beyond_the_ordinary_body_bound_fits_where_the_route_says_so(client: Client) -> None:
    assert (await upload(client, b"x" * 1_900_000))[0] == 200
    assert (await upload(client, b"x" * 2_000_001))[0] == 413
    assert (await upload(client, b"x" * 3_100_000))[0] == 413


async def test_a_form_without_a_chosen_file_says_so(client: Client) -> None:
    status, text = await upload(client, b"", "")
    assert status == 400
    assert "Choose a file" in text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--X",
        b"a=1",
        PART % (b"a", b"1"),  # not closed
        PART % (b"a", b"1") + PART % (b"a", b"2") + b"--X--\r\n",
        b"--X\r\n\r\n1\r\n--X--\r\n",
        b"--X\r\nContent-Disposition: form-data\r\n\r\n1\r\n--X--\r\n",
        b"--X\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--X--\r\n",
        b"junk\r\n" + PART % (b"a", b"1") + b"--X--\r\n",
        PART % (b"a", b"1") + b"--X--\r\njunk",
        PART % (b"a", b"1") + b"--X--\r\njunk\r\n--X--\r\n",
        PART % (b"a", b"1") + b"--X--\r\n" + PART % (b"b", b"2") + b"--X--\r\n",
        (PART % (b"a", b"1")).replace(b"\r\n", b"\n") + b"--X--\n",
        b"--X\r\nX-Long: " + b"x" * 5_000 + b"\r\n" + (PART % (b"a", b"1"))[5:] + b"--X--\r\n",
        b"--X\r\n" + b"X-Many: 1\r\n" * 9 + (PART % (b"a", b"1"))[5:] + b"--X--\r\n",
        PART % (b"a", b"\xff") + b"--X--\r\n",
        (PART * 201) % tuple(word for number in range(201) for word in (b"a%d" % number, b"1")) + b"--X--\r\n",
    ],
)
def test_a_broken_multipart_form_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        bodies._parse_fields("multipart/form-data; boundary=X", body, (), multipart=True)


def test_a_whole_multipart_form_is_read() -> None:
    body = PART % (b"a", "é\r\n".encode()) + PART % (b"b", b"") + b"--X--\r\n"
    read = bodies._parse_fields('multipart/form-data; boundary="X"', body, (), multipart=True)
    assert read.texts == {"a": "é\r\n", "b": ""}
    with pytest.raises(Malformed):
        bodies._parse_fields("multipart/form-data", body, (), multipart=True)


def test_a_multipart_form_has_as_many_fields_as_any_other() -> None:
    body = (PART * 200) % tuple(word for number in range(200) for word in (b"a%d" % number, b"1")) + b"--X--\r\n"
    read = bodies._parse_fields("multipart/form-data; boundary=X", body, (), multipart=True)
    assert len(read.texts) == 200
    assert bodies._parse_fields("multipart/form-data; boundary=X", b"--X--\r\n", (), multipart=True).texts == {}


async def test_a_protocol_reads_no_multipart_form(client: Client) -> None:
    body = PART % (b"a", b"1") + b"--X--\r\n"
    answer = await client.post("/wire/form", data=body, headers={"Content-Type": "multipart/form-data; boundary=X"})
    assert (answer.status, (await answer.json())["error"]) == (415, "unsupported-body")

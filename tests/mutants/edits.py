"""The changes: each makes another text from a genuine one, and knows only how that text is built."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final, TypeAlias

from didkit_py.encoding import b64url, from_b64url
from didkit_py.errors import Malformed
from tests.attacks.forging import FORGER, Token, signer
from tests.attacks.genuine import NAMED, TYPED
from tests.mutants.shapes import Shape, parts, places, spelt, written

P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # SEC 2, 2.4.2
ED25519_ORDER: Final = 2**252 + 27742317777372353535851937790883648493  # RFC 8032, 5.1
SIGNS: Final = 'AZaz09-_.~=+/ \n\t\0"\\,:{}[]%éＡ\u200b\ufeff\U0001f600'
HOSTILE: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, -1, 1.5, 2**53, 10**19, "", "x", "\0", [], {}, [[]], ["x"], {"x": 1}),
    *("none", "HS256", "ES256", "EdDSA", "did:web:forger.example", "https://forger.example/", 4_102_444_800),
)
MEMBERS: Final[tuple[tuple[str, Any], ...]] = (
    *(("alg", name) for name in ("none", "None", "HS256", "EdDSA", "Ed25519", "ES384", "RS256", "es256", "")),
    *(("typ", name) for name in (*TYPED.values(), "JWT", "application/jwt", None)),
    *(("kid", name) for name in (NAMED.key_id, "did:web:forger.example#key-1", "", None)),
    ("jwk", FORGER.public.to_jwk()),
    *(("jku", "https://forger.example/"), ("x5u", "https://forger.example/"), ("x5c", ["MIIB"]), ("x5t", "AAAA")),
    *(("crit", ["exp"]), ("crit", []), ("b64", False), ("b64", True), ("zip", "DEF"), ("cty", "JWT")),
    *(("enc", "A128GCM"), ("enc", "A256GCM"), ("p2c", 10**7), ("p2s", "AAAA"), ("apu", "AAAA"), ("epk", {})),
    *(("exp", 4_102_444_800), ("nbf", 0), ("iat", 0), ("iss", "did:web:forger.example"), ("sub", "x"), ("aud", "x")),
    *(("_sd", []), ("_sd_alg", "sha-256"), ("...", "x"), ("status", {}), ("cnf", {}), ("vct", "x"), ("nonce", "x")),
)


@dataclass(frozen=True, slots=True)
class Draw:
    """What an edit draws from: chance, and other genuine texts, each with its shape."""

    random: Random
    others: Sequence[tuple[str, Shape]]

    def other(self, shape: Shape) -> str:
        """A genuine text of this shape, empty where there is none."""
        return self.random.choice([text for text, kind in self.others if kind is shape] or [""])


Edit: TypeAlias = Callable[[str, Draw], str]

# --- any text


def _cut(text: str, draw: Draw) -> tuple[str, str]:
    place = draw.random.randrange(len(text) + 1)
    return text[:place], text[place:]


def another_sign(text: str, draw: Draw) -> str:
    before, after = _cut(text, draw)
    return before + draw.random.choice(SIGNS) + after[1:]


def a_sign_more(text: str, draw: Draw) -> str:
    before, after = _cut(text, draw)
    return before + draw.random.choice(SIGNS) + after


def a_sign_less(text: str, draw: Draw) -> str:
    before, after = _cut(text, draw)
    return before + after[1:]


def two_signs_swapped(text: str, draw: Draw) -> str:
    before, after = _cut(text, draw)
    return before + after[1:2] + after[:1] + after[2:]


def the_other_case(text: str, draw: Draw) -> str:
    before, after = _cut(text, draw)
    return before + after[:1].swapcase() + after[1:]


def cut_off(text: str, draw: Draw) -> str:
    return _cut(text, draw)[draw.random.randrange(2)]


def a_stretch_less(text: str, draw: Draw) -> str:
    before, after = _cut(text, draw)
    return before + after[draw.random.randrange(1, 40) :]


def a_stretch_twice(text: str, draw: Draw) -> str:
    before, after = _cut(text, draw)
    return before + after[: draw.random.randrange(1, 40)] + after


def framed(text: str, draw: Draw) -> str:
    frame = draw.random.choice((" ", "\n", "\0", "\ufeff", ".", "~", "=", '"', "%20"))
    return draw.random.choice((f"{frame}{text}", f"{text}{frame}", f"{frame}{text}{frame}"))


def another_genuine_text(text: str, draw: Draw) -> str:
    return draw.random.choice(draw.others)[0] if draw.others else text


TEXT_EDITS: Final[tuple[Edit, ...]] = (
    *(another_sign, a_sign_more, a_sign_less, two_signs_swapped, the_other_case, cut_off),
    *(a_stretch_less, a_stretch_twice, framed, another_genuine_text),
)

# --- bytes


def a_bit_flipped(text: str, draw: Draw) -> str:
    before, after = _cut(text, draw)
    return before + "".join(chr(ord(sign) ^ 1 << draw.random.randrange(8)) for sign in after[:1]) + after[1:]


def another_byte(text: str, draw: Draw) -> str:
    before, after = _cut(text, draw)
    return before + chr(draw.random.randrange(256)) + after[1:]


def a_byte_more(text: str, draw: Draw) -> str:
    before, after = _cut(text, draw)
    return before + chr(draw.random.randrange(256)) + after


def all_the_same(text: str, draw: Draw) -> str:
    return draw.random.choice("\0\1\xff") * len(text)


def backwards(text: str, draw: Draw) -> str:
    return text[::-1]


OCTET_EDITS: Final[tuple[Edit, ...]] = (
    *(a_bit_flipped, a_bit_flipped, another_byte, a_byte_more, a_sign_less, two_signs_swapped, cut_off),
    *(a_stretch_less, a_stretch_twice, all_the_same, backwards),
)

# --- base64url: the same bytes in other letters


def padded(text: str, draw: Draw) -> str:
    return text + "=" * draw.random.randrange(1, 4)


def stray_bits(text: str, draw: Draw) -> str:
    """The last letter of an odd text has bits that no byte needs."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spare = {2: 15, 3: 3}.get(len(text) % 4, 0)
    if not spare or text[-1] not in alphabet:
        return text
    return text[:-1] + alphabet[alphabet.index(text[-1]) ^ draw.random.randint(1, spare)]


def in_standard_letters(text: str, draw: Draw) -> str:
    return text.replace("-", "+").replace("_", "/")


def with_a_blank(text: str, draw: Draw) -> str:
    before, after = _cut(text, draw)
    return before + draw.random.choice((" ", "\n", "\r\n", "\t", "=", "\0")) + after


def encoded_twice(text: str, draw: Draw) -> str:
    return b64url(text.encode("utf-8", "surrogatepass"))


ENCODED_EDITS: Final[tuple[Edit, ...]] = (
    padded,
    stray_bits,
    stray_bits,
    in_standard_letters,
    with_a_blank,
    encoded_twice,
)

# --- JSON


def _edited(text: str, draw: Draw, edit: Callable[[Any, Draw], str]) -> str:
    body = json.loads(text)
    way, value = draw.random.choice(list(places(body)))
    return written(body, way, edit(value, draw))


def another_value(text: str, draw: Draw) -> str:
    return _edited(text, draw, _near)


def _near(value: Any, draw: Draw) -> str:
    """A value of the same type."""
    match value:
        case bool():
            return spelt(not value)
        case int():
            return spelt(value + draw.random.choice((-(10**10), -1, 1, 10**10)))
        case str():
            return spelt(draw.random.choice((*TEXT_EDITS[:5],))(value, draw))
        case list():
            return spelt(draw.random.choice((value * 2, value[1:], value[::-1], [*value, "x"])))
        case dict():
            name, member = draw.random.choice(MEMBERS)
            return spelt({**value, name: member})
    return "0"


def another_type(text: str, draw: Draw) -> str:
    return _edited(text, draw, lambda _, draw: spelt(draw.random.choice(HOSTILE)))


def a_member_less(text: str, draw: Draw) -> str:
    return _edited(text, draw, _without)


def _without(value: Any, draw: Draw) -> str:
    if isinstance(value, dict) and value:
        left_out = draw.random.choice(list(value))
        return spelt({name: member for name, member in value.items() if name != left_out})
    return spelt([value])


def a_member_set(text: str, draw: Draw) -> str:
    """A member of the outermost object, by one of the names that mean something somewhere."""
    body = json.loads(text)
    name, member = draw.random.choice(MEMBERS)
    return spelt({**body, name: member}) if isinstance(body, dict) else spelt([*body, member])


def a_member_twice(text: str, draw: Draw) -> str:
    return _edited(text, draw, _doubled)


def _doubled(value: Any, draw: Draw) -> str:
    if not (isinstance(value, dict) and value):
        return spelt(value)
    name, member = draw.random.choice(list(value.items()))
    twin = f"{spelt(name)}:{spelt(draw.random.choice((member, *HOSTILE)))}"
    whole = spelt(value)
    return draw.random.choice((f"{{{twin},{whole[1:]}", f"{whole[:-1]},{twin}}}"))


def in_another_order(text: str, draw: Draw) -> str:
    return _edited(text, draw, _shuffled)


def _shuffled(value: Any, draw: Draw) -> str:
    if isinstance(value, dict):
        members = list(value.items())
        draw.random.shuffle(members)
        return spelt(dict(members))
    return spelt(value[::-1]) if isinstance(value, list) else spelt(value)


def spelt_otherwise(text: str, draw: Draw) -> str:
    """The same value: a number with a point, a letter as its code, blanks."""
    return _edited(text, draw, _respelt)


def _respelt(value: Any, draw: Draw) -> str:
    match value:
        case bool() | None:
            return f" {spelt(value)}"
        case int():
            return draw.random.choice((f"{value}.0", f"{value}e0", f"{value}0e-1", f"{value} "))
        case str():
            place = draw.random.randrange(len(value) + 1)
            codes = "".join(f"\\u{ord(sign):04x}" for sign in value[place : place + 1] if ord(sign) < 2**16)
            return f"{spelt(value[:place])[:-1]}{codes}{spelt(value[place + 1 :])[1:]}"
    return json.dumps(value, ensure_ascii=draw.random.random() < 0.5, indent=draw.random.choice((None, 1)))


def in_other_unicode(text: str, draw: Draw) -> str:
    """Letters that look alike, or that some program folds into one."""
    return _edited(text, draw, lambda value, _: spelt(_folded(value)))


def _folded(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("s", "ſ", 1) if "s" in value else value.replace("e", "е", 1)  # noqa: RUF001 - the point of it
    return f"{value}"


JSON_EDITS: Final[tuple[Edit, ...]] = (
    *(another_value, another_value, another_type, a_member_less, a_member_set, a_member_set, a_member_twice),
    *(in_another_order, spelt_otherwise, in_other_unicode),
)

# --- a signed token


def _signed_with(change: Callable[[bytes, Draw], bytes]) -> Edit:
    def edit(text: str, draw: Draw) -> str:
        signed, _, signature = text.rpartition(".")
        try:
            return f"{signed}.{b64url(change(from_b64url(signature), draw))}"
        except Malformed:
            return text

    edit.__name__ = change.__name__
    return edit


def _number(octets: bytes) -> int:
    return int.from_bytes(octets, "big")


def halves_swapped(raw: bytes, _: Draw) -> bytes:
    return raw[32:] + raw[:32]


def second_half_negated(raw: bytes, _: Draw) -> bytes:
    """The other signature that holds wherever the first does: ECDSA has two for each message."""
    return raw[:32] + ((-_number(raw[32:])) % P256_ORDER).to_bytes(32, "big")


def first_half_negated(raw: bytes, _: Draw) -> bytes:
    return ((-_number(raw[:32])) % P256_ORDER).to_bytes(32, "big") + raw[32:]


def beyond_the_order(raw: bytes, draw: Draw) -> bytes:
    """The same number modulo the order, which EdDSA must not take (RFC 8032, 5.1.7)."""
    if draw.random.random() < 0.5:
        return raw[:32] + ((int.from_bytes(raw[32:], "little") + ED25519_ORDER) % 2**256).to_bytes(32, "little")
    return raw[:32] + ((_number(raw[32:]) + P256_ORDER) % 2**256).to_bytes(32, "big")


def special_numbers(raw: bytes, draw: Draw) -> bytes:
    special = [number.to_bytes(32, "big") for number in (0, 1, P256_ORDER - 1, P256_ORDER, 2**256 - 1)]
    return draw.random.choice(special) + draw.random.choice([*special, raw[32:]])


def as_der(raw: bytes, _: Draw) -> bytes:
    return b"\x30\x46" + b"".join(b"\x02\x21\0" + half for half in (raw[:32], raw[32:]))


def longer_or_shorter(raw: bytes, draw: Draw) -> bytes:
    return draw.random.choice((b"", raw[:-1], raw[1:], raw + b"\0", b"\0" + raw, raw[:32], raw * 2))


SIGNATURE_EDITS: Final = tuple(
    map(
        _signed_with,
        (
            *(halves_swapped, second_half_negated, first_half_negated, beyond_the_order),
            *(special_numbers, as_der, longer_or_shorter),
        ),
    )
)
FORGERIES: Final[tuple[tuple[Mapping[str, Any], Any], ...]] = (
    ({"alg": "none"}, NAMED),
    ({"alg": "HS256"}, NAMED),
    ({"alg": "HS256"}, FORGER),
    ({}, FORGER),
    ({"jwk": FORGER.public.to_jwk()}, FORGER),
    ({"alg": "EdDSA"}, signer(66, alg="EdDSA")),
    ({"alg": "EdDSA", "jwk": signer(66, alg="EdDSA").public.to_jwk()}, signer(66, alg="EdDSA")),
)


def signed_by_a_forger(text: str, draw: Draw) -> str:
    """The same claims under a signature that anybody can make."""
    header, payload, _ = text.split(".")
    changes, by = draw.random.choice(FORGERIES)
    try:
        token = Token(header={**json.loads(from_b64url(header)), **changes}, payload=from_b64url(payload), by=by)
    except (Malformed, ValueError):
        return text
    return token.text()


def a_part_of_another(text: str, draw: Draw) -> str:
    """The header, the payload or the signature of another genuine token."""
    other = draw.other(Shape.JWS).split(".")
    place = draw.random.randrange(3)
    mine = text.split(".")
    return ".".join((*mine[:place], *other[place : place + 1], *mine[place + 1 :]))


def parts_moved(text: str, draw: Draw) -> str:
    mine = text.split(".")
    return ".".join(
        draw.random.choice((mine[::-1], mine[:-1], [*mine[:2], ""], [*mine, mine[0]], mine * 2, ["", *mine[1:]]))
    )


def a_token_inside(text: str, draw: Draw) -> str:
    """The whole token as the payload of another, under the old header and signature (RFC 7519, 5.2)."""
    header, _, signature = text.split(".")
    return f"{header}.{b64url(text.encode())}.{signature}"


def in_json(text: str, draw: Draw) -> str:
    """The other serializations of a JWS (RFC 7515, 7.2)."""
    header, payload, signature = text.split(".")
    one = {"protected": header, "signature": signature}
    return spelt(draw.random.choice(({"payload": payload, **one}, {"payload": payload, "signatures": [one]})))


JWS_EDITS: Final[tuple[Edit, ...]] = (
    *SIGNATURE_EDITS,
    *(
        signed_by_a_forger,
        signed_by_a_forger,
        a_part_of_another,
        a_part_of_another,
        parts_moved,
        a_token_inside,
        in_json,
    ),
)

# --- an SD-JWT: the issuer's token, disclosures, and the holder's proof or nothing


def _with_disclosures(change: Callable[[list[str], Draw], list[str]]) -> Edit:
    def edit(text: str, draw: Draw) -> str:
        issued, *disclosures, last = text.split("~")
        return "~".join((issued, *change(disclosures, draw), last))

    edit.__name__ = change.__name__
    return edit


def a_disclosure_less(some: list[str], draw: Draw) -> list[str]:
    place = draw.random.randrange(len(some)) if some else 0
    return [*some[:place], *some[place + 1 :]]


def a_disclosure_twice(some: list[str], draw: Draw) -> list[str]:
    return [*some, draw.random.choice(some)] if some else some


def disclosures_in_another_order(some: list[str], draw: Draw) -> list[str]:
    return draw.random.sample(some, len(some))


def an_invented_disclosure(some: list[str], draw: Draw) -> list[str]:
    made = draw.random.choice(
        (
            '["c2FsdA","admin",true]',
            '["c2FsdA",true]',
            '["c2FsdA","_sd",[]]',
            '["c2FsdA","...","x"]',
            "[]",
            '["c2FsdA"]',
        )
    )
    return [*some, b64url(made.encode())]


def an_empty_disclosure(some: list[str], draw: Draw) -> list[str]:
    return [*some, ""]


def a_disclosure_of_another(some: list[str], draw: Draw) -> list[str]:
    theirs = draw.other(Shape.SD_JWT).split("~")[1:-1]
    return [*some, *theirs[:1]] if draw.random.random() < 0.5 else [*some[1:], *theirs[:1]]


def another_holders_proof(text: str, draw: Draw) -> str:
    proof = draw.random.choice(("", draw.other(Shape.SD_JWT).rpartition("~")[2], draw.other(Shape.JWS)))
    return f"{text.rpartition('~')[0]}~{proof}"


def without_its_end(text: str, draw: Draw) -> str:
    return text.rpartition("~")[0]


def another_issuers_token(text: str, draw: Draw) -> str:
    theirs = draw.random.choice((draw.other(Shape.SD_JWT).partition("~")[0], draw.other(Shape.JWS)))
    return f"{theirs}~{text.partition('~')[2]}"


SD_JWT_EDITS: Final[tuple[Edit, ...]] = (
    *map(
        _with_disclosures,
        (
            *(a_disclosure_less, a_disclosure_twice, disclosures_in_another_order, an_invented_disclosure),
            *(an_empty_disclosure, a_disclosure_of_another),
        ),
    ),
    *(another_holders_proof, another_issuers_token, without_its_end),
)


def a_part_of_another_secret(text: str, draw: Draw) -> str:
    """A part of another encrypted text, or none."""
    mine, other = text.split("."), draw.other(Shape.JWE).split(".")
    place = draw.random.randrange(len(mine))
    return ".".join((*mine[:place], draw.random.choice((*other, "", "AAAA")), *mine[place + 1 :]))


EDITS: Final[Mapping[Shape, tuple[Edit, ...]]] = {
    Shape.SD_JWT: (*SD_JWT_EDITS, *TEXT_EDITS),
    Shape.JWS: (*JWS_EDITS, *TEXT_EDITS),
    Shape.JWE: (a_part_of_another_secret, parts_moved, *TEXT_EDITS),
    Shape.ENCODED: (*ENCODED_EDITS, *TEXT_EDITS),
    Shape.JSON: (*JSON_EDITS, *TEXT_EDITS[:9]),
    Shape.OCTETS: OCTET_EDITS,
    Shape.TEXT: TEXT_EDITS,
}
DEEPER: Final = 0.7  # how often a part is changed rather than the whole


@dataclass(frozen=True, slots=True)
class Mutant:
    """A changed text, and the edit that changed it."""

    text: str
    edit: str


def mutated(text: str, shape: Shape, draw: Draw) -> Mutant:
    """The text with one change, somewhere in it; rarely the change leaves it as it was."""
    inside = parts(text, shape)
    if inside and draw.random.random() < DEEPER:
        part = draw.random.choice(inside)
        inner = mutated(part.text, part.shape, draw)
        return replace(inner, text=part.put(inner.text))
    edit = draw.random.choice(EDITS[shape])
    return Mutant(edit(text, draw), f"{edit.__name__.replace('_', ' ')} ({shape.name})")

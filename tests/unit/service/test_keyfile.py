"""The sealed key file: opens with its unlock key alone, is never replaced, and is read by its owner alone."""

import json
from pathlib import Path

import pytest

from didkit_py.encoding import b64url
from didkit_py.errors import BadKey, CannotOpen
from didkit_py.service.setup.atomic_files import write_private
from didkit_py.service.setup.keyfile import create_keyfile, create_unlock, open_keyfile, read_unlock

UNLOCK = b"correct horse battery staple"


@pytest.mark.parametrize("alg", ["ES256", "EdDSA"])
async def test_what_was_created_opens_again_and_signs(tmp_path: Path, alg: str) -> None:
    made = create_keyfile(tmp_path / "keys.sealed", unlock=UNLOCK, alg=alg)
    opened = open_keyfile(tmp_path / "keys.sealed", unlock=UNLOCK)
    assert opened == made
    signer = opened.signer("did:web:localhost%3A8101#sign-1")
    assert (signer.alg, signer.key_id, signer.public) == (alg, "did:web:localhost%3A8101#sign-1", made.public)
    made.public.verify(await signer.sign(b"message"), b"message", alg=alg)


def test_the_three_secrets_are_separate_and_never_shown(tmp_path: Path) -> None:
    one = create_keyfile(tmp_path / "one", unlock=UNLOCK)
    two = create_keyfile(tmp_path / "two", unlock=UNLOCK)
    found = {each for keys in (one, two) for each in (keys.signing_secret, keys.storage_key, keys.mac_key)}
    assert len(found) == 6
    assert all(len(secret) == 32 for secret in found)
    assert one.party_id != two.party_id, "two services in one database keep their rows apart"
    assert len(one.party_id) == 16
    text = (tmp_path / "one").read_text(encoding="utf-8")
    for secret in (one.signing_secret, one.storage_key, one.mac_key):
        assert b64url(secret) not in text
        assert repr(secret) not in repr(one)


def test_the_file_is_its_owners_alone_and_leaves_no_draft(tmp_path: Path) -> None:
    create_keyfile(tmp_path / "keys.sealed", unlock=UNLOCK)
    assert [(each.name, each.stat().st_mode & 0o777) for each in tmp_path.iterdir()] == [("keys.sealed", 0o600)]


def test_keys_are_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "keys.sealed"
    create_keyfile(path, unlock=UNLOCK)
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        create_keyfile(path, unlock=UNLOCK)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("unlock", [b"correct horse battery stapl", b"", b"Correct horse battery staple"])
def test_another_unlock_key_does_not_open_it(tmp_path: Path, unlock: bytes) -> None:
    create_keyfile(tmp_path / "keys.sealed", unlock=UNLOCK)
    with pytest.raises(CannotOpen):
        open_keyfile(tmp_path / "keys.sealed", unlock=unlock)


def test_a_changed_file_does_not_open(tmp_path: Path) -> None:
    path = tmp_path / "keys.sealed"
    create_keyfile(path, unlock=UNLOCK)
    members = json.loads(path.read_bytes())
    sealed = members["sealed"]
    damaged: tuple[object, ...] = (
        members | {"sealed": sealed[:-4] + ("AAAA" if sealed[-4:] != "AAAA" else "BBBB")},
        members | {"passes": members["passes"] + 1},
        members | {"passes": 10_000},
        {**members, "format": "x"},
        [],
    )
    for changed in damaged:
        path.write_text(json.dumps(changed), encoding="utf-8")
        with pytest.raises(CannotOpen):
            open_keyfile(path, unlock=UNLOCK)


def test_a_file_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "keys.sealed"
    create_keyfile(path, unlock=UNLOCK)
    path.chmod(0o640)
    with pytest.raises(CannotOpen) as caught:
        open_keyfile(path, unlock=UNLOCK)
    assert "chmod 600" in caught.value.advice
    for missing in (tmp_path / "nothing", tmp_path):
        with pytest.raises(CannotOpen):
            open_keyfile(missing, unlock=UNLOCK)


def test_an_unlock_key_is_made_once_and_read_without_its_line_end(tmp_path: Path) -> None:
    path = tmp_path / "unlock.key"
    made = create_unlock(path)
    assert len(made) == 43  # 32 bytes in base64url
    assert read_unlock(path) == made
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        create_unlock(path)
    short = tmp_path / "short"
    write_private(short, b"1234567\n")
    with pytest.raises(CannotOpen):
        read_unlock(short)
    path.chmod(0o604)
    with pytest.raises(CannotOpen):
        read_unlock(path)


def test_a_weak_passphrase_or_unknown_algorithm_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        create_keyfile(tmp_path / "keys.sealed", unlock=b"1234567")
    with pytest.raises(BadKey):
        create_keyfile(tmp_path / "keys.sealed", unlock=UNLOCK, alg="HS256")
    assert list(tmp_path.iterdir()) == []

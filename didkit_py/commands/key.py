"""`didkit-py key`: make a signing key, and show what of it others may know."""

import json
from pathlib import Path
from typing import Final

from didkit_py.dids.key import key_did
from didkit_py.encoding import Json, b64url, from_b64url, read_json, write_json
from didkit_py.errors import BadKey, Malformed, Rejected
from didkit_py.keys.public import PRIVATE_MEMBERS, PublicKey
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.reading import Reader
from didkit_py.service.setup.atomic_files import write_private
from didkit_py.service.setup.commands import print_result
from didkit_py.service.setup.input_files import read_file
from didkit_py.service.setup.keyfile import create_keyfile, create_signing_secret, open_keyfile, read_unlock

MAX_JWK_BYTES: Final = 16_384
PRIVATE: Final = "d"  # the private member of both kinds of key (RFC 7518, 6.2.2; RFC 8037, 2)


class FileExists(Rejected):
    """A file of that name is there already."""

    code = "file-exists"
    hint = "Name a new file; keys are never overwritten."


def make_key(file: Path, alg: str, unlock_file: Path | None, *, as_json: bool) -> None:
    """Make a key in FILE, which only you can read: a private JWK, or sealed keys with --unlock-file."""
    try:
        if unlock_file is not None:
            public = create_keyfile(file, unlock=read_unlock(unlock_file), alg=alg).public
        else:
            secret = create_signing_secret(alg)
            public = SoftwareSigner.from_secret(secret, alg=alg).public
            write_private(file, write_json(private_jwk(public, secret)) + b"\n")
    except FileExistsError as error:
        raise FileExists(f"{file} is there already") from error
    except OSError as error:
        raise Malformed(f"{file}: cannot be written ({error.strerror})") from error
    print_result({"file": str(file), **about(public)}, f"Made {file}.\n{_text(public)}", as_json=as_json)


def show_key(file: Path, unlock_file: Path | None, *, with_private: bool, as_json: bool) -> None:
    """Print the public JWK, thumbprint and did:key of the key in FILE: a JWK, or sealed keys with --unlock-file."""
    if unlock_file is not None:
        keys = open_keyfile(file, unlock=read_unlock(unlock_file))
        public, private = keys.public, private_jwk(keys.public, keys.signing_secret)
    else:
        private = Reader(read_json(read_file(file, max_bytes=MAX_JWK_BYTES)), at="jwk").members
        public = public_of(private)
    if not with_private:
        print_result(about(public), _text(public), as_json=as_json)
        return
    if PRIVATE not in private:
        raise BadKey("the file holds no private key", hint="Name a file with a private key, or leave --private out.")
    print_result({**about(public), "private_jwk": private}, f"{_text(public)}\n{json.dumps(private)}", as_json=as_json)


def read_key(file: Path) -> PublicKey:
    """The public key of a JWK in a file. Raises Malformed, TooLarge or BadKey."""
    return public_of(Reader(read_json(read_file(file, max_bytes=MAX_JWK_BYTES)), at="jwk").members)


def public_of(jwk: dict[str, Json]) -> PublicKey:
    """The public key of a JWK; where the private part is there, it must belong to it. Raises BadKey."""
    public = PublicKey.from_jwk({name: value for name, value in jwk.items() if name not in PRIVATE_MEMBERS})
    if PRIVATE in jwk:
        secret = from_b64url(Reader(jwk, at="jwk").text(PRIVATE))
        if SoftwareSigner.from_secret(secret, alg=public.algorithm.alg).public != public:
            raise BadKey("the private part of the JWK belongs to another key")
    return public


def private_jwk(public: PublicKey, secret: bytes) -> dict[str, Json]:
    """The JWK with its private part."""
    return {**public.to_jwk(), "alg": public.algorithm.alg, PRIVATE: b64url(secret)}


def about(public: PublicKey) -> dict[str, Json]:
    """What everybody may know of a key."""
    return {"jwk": public.to_jwk(), "thumbprint": public.thumbprint, "did": key_did(public)}


def _text(public: PublicKey) -> str:
    return f"{json.dumps(public.to_jwk())}\nThumbprint: {public.thumbprint}\nDID: {key_did(public)}"

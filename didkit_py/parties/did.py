"""DID: parties named by a DID, whose keys stand in a DID document or in the DID itself."""

from typing import Final

from didkit_py.dids.document import DECENTRALIZED_IDENTIFIER, create_deactivated_document, did_of
from didkit_py.dids.methods import locations, read_document
from didkit_py.dids.web import MAX_DOCUMENT_BYTES, web_origin
from didkit_py.encoding import write_json
from didkit_py.keys.party import party_of
from didkit_py.parties.source import KeySource

DID: Final = KeySource(
    what="a DID or a DID URL",
    serves=lambda text: text.startswith("did:"),
    party_of=did_of,
    locations=locations,
    accept=None,
    max_bytes=MAX_DOCUMENT_BYTES,
    read=read_document,
    withdrawn=lambda did: write_json(create_deactivated_document(did)),
    origin=web_origin,
    names_key=lambda key_id, did: party_of(key_id) == did,
    client_id_prefixes=(DECENTRALIZED_IDENTIFIER,),
)

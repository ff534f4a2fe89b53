-- Times are whole seconds since 1970 (UTC). What is about a person is sealed, or a hash made with the service's key.
-- Every key begins with the party whose row it is (specs/decisions/0013-an-owner-in-every-key.md).

CREATE TABLE offers (
  party_id TEXT NOT NULL,
  id TEXT NOT NULL,
  type_name TEXT NOT NULL,
  batch TEXT NOT NULL,
  state TEXT NOT NULL,
  status BIGINT NOT NULL,
  made_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  fingerprint BYTEA,
  reference_hash BYTEA NOT NULL,
  code_hash BYTEA NOT NULL,
  tx_code_hash BYTEA NOT NULL,
  tries BIGINT NOT NULL,
  token_hash BYTEA,
  token_expires_at BIGINT,
  issued_at BIGINT,
  sealed BYTEA NOT NULL,
  PRIMARY KEY (party_id, id),
  UNIQUE (party_id, fingerprint),
  UNIQUE (party_id, code_hash),
  UNIQUE (party_id, token_hash)
);
CREATE INDEX offers_by_time ON offers (party_id, made_at, id);
CREATE INDEX offers_by_reference ON offers (party_id, reference_hash);
-- What is over is found without looking at what is not.
CREATE INDEX offers_by_end ON offers (party_id, state, expires_at);
CREATE INDEX offers_by_token_end ON offers (party_id, state, token_expires_at);
CREATE INDEX offers_with_fingerprint_by_end ON offers (party_id, expires_at) WHERE fingerprint IS NOT NULL;

CREATE TABLE copies (
  party_id TEXT NOT NULL,
  offer_id TEXT NOT NULL,
  key_hash BYTEA NOT NULL,
  list_number BIGINT,
  list_index BIGINT,
  PRIMARY KEY (party_id, offer_id, key_hash),
  UNIQUE (party_id, list_number, list_index),
  FOREIGN KEY (party_id, offer_id) REFERENCES offers (party_id, id)
);

CREATE TABLE spent_nonces (
  party_id TEXT NOT NULL,
  id BYTEA NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (party_id, id)
);
CREATE INDEX spent_nonces_by_end ON spent_nonces (party_id, expires_at);

CREATE TABLE status_lists (
  party_id TEXT NOT NULL,
  number BIGINT NOT NULL,
  size BIGINT NOT NULL,
  PRIMARY KEY (party_id, number)
);

-- What was published under a name has a version; a rendering made from an older one is made again.
CREATE TABLE versions (
  party_id TEXT NOT NULL,
  name TEXT NOT NULL,
  value BIGINT NOT NULL,
  PRIMARY KEY (party_id, name)
);

CREATE TABLE terms_documents (
  party_id TEXT NOT NULL,
  digest TEXT NOT NULL,
  id TEXT NOT NULL,
  family TEXT NOT NULL,
  version TEXT NOT NULL,
  published_at BIGINT NOT NULL,
  body BYTEA NOT NULL,
  PRIMARY KEY (party_id, digest),
  UNIQUE (party_id, id)
);

CREATE TABLE terms_layers (
  party_id TEXT NOT NULL,
  digest TEXT NOT NULL,
  media_type TEXT NOT NULL,
  body BYTEA NOT NULL,
  PRIMARY KEY (party_id, digest)
);

CREATE TABLE trusted_issuers (
  party_id TEXT NOT NULL,
  did TEXT NOT NULL,
  name TEXT NOT NULL,
  vcts TEXT NOT NULL,
  status_lists TEXT,
  PRIMARY KEY (party_id, did)
);

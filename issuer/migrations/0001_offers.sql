-- Times are whole seconds since 1970 (UTC). What is about a person is sealed, or a hash made with the service's key.

CREATE TABLE offers (
  id TEXT NOT NULL PRIMARY KEY,
  type_name TEXT NOT NULL,
  batch TEXT NOT NULL,
  state TEXT NOT NULL,
  status BIGINT NOT NULL,
  made_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  fingerprint BYTEA UNIQUE,
  reference_hash BYTEA NOT NULL,
  code_hash BYTEA NOT NULL UNIQUE,
  tx_code_hash BYTEA NOT NULL,
  tries BIGINT NOT NULL,
  token_hash BYTEA UNIQUE,
  token_expires_at BIGINT,
  issued_at BIGINT,
  sealed BYTEA NOT NULL
);
CREATE INDEX offers_by_time ON offers (made_at, id);
CREATE INDEX offers_by_reference ON offers (reference_hash);

CREATE TABLE copies (
  offer_id TEXT NOT NULL REFERENCES offers (id),
  key_hash BYTEA NOT NULL,
  list_number BIGINT,
  list_index BIGINT,
  PRIMARY KEY (offer_id, key_hash),
  UNIQUE (list_number, list_index)
);

CREATE TABLE spent_nonces (
  id BYTEA NOT NULL PRIMARY KEY,
  expires_at BIGINT NOT NULL
);

CREATE TABLE status_lists (
  number BIGINT NOT NULL PRIMARY KEY,
  size BIGINT NOT NULL
);

-- What was published under a name has a version; a rendering made from an older one is made again.
CREATE TABLE versions (
  name TEXT NOT NULL PRIMARY KEY,
  value BIGINT NOT NULL
);

CREATE TABLE terms_documents (
  digest TEXT NOT NULL PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  family TEXT NOT NULL,
  version TEXT NOT NULL,
  published_at BIGINT NOT NULL,
  body BYTEA NOT NULL
);

CREATE TABLE terms_layers (
  digest TEXT NOT NULL PRIMARY KEY,
  media_type TEXT NOT NULL,
  body BYTEA NOT NULL
);

CREATE TABLE trusted_issuers (
  did TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  vcts TEXT NOT NULL,
  status_lists TEXT
);

-- Times are whole seconds since 1970 (UTC). What is secret, or was learned about a person, is sealed with the service's
-- key; what is only compared is a hash. Sources are what others publish, as it came.

CREATE TABLE requests (
  id TEXT NOT NULL PRIMARY KEY,
  state TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  fetches BIGINT NOT NULL,
  acceptances BIGINT NOT NULL,
  answered_at BIGINT,
  response_code_hash BYTEA UNIQUE,
  asked BYTEA NOT NULL,
  result BYTEA
);
CREATE INDEX requests_by_time ON requests (made_at, id);

CREATE TABLE offers (
  digest TEXT NOT NULL PRIMARY KEY,
  request_id TEXT NOT NULL REFERENCES requests (id),
  sent_at BIGINT NOT NULL,
  sealed BYTEA NOT NULL
);
CREATE INDEX offers_by_request ON offers (request_id);

CREATE TABLE acceptances (
  payload_digest TEXT NOT NULL PRIMARY KEY,
  request_id TEXT NOT NULL REFERENCES requests (id),
  record_id TEXT NOT NULL UNIQUE,
  received_at BIGINT NOT NULL,
  sealed BYTEA NOT NULL,
  recorded_at BIGINT,
  record BYTEA
);
CREATE INDEX acceptances_by_request ON acceptances (request_id);

CREATE TABLE events (
  record_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  kind TEXT NOT NULL,
  at BIGINT NOT NULL,
  sealed BYTEA NOT NULL,
  PRIMARY KEY (record_id, seq)
);

CREATE TABLE credentials (
  id TEXT NOT NULL PRIMARY KEY,
  received_at BIGINT NOT NULL,
  sealed BYTEA NOT NULL
);

CREATE TABLE sources (
  url TEXT NOT NULL PRIMARY KEY,
  fetched_at BIGINT NOT NULL,
  body BYTEA NOT NULL
);

-- Counts the changes of `sources`, so that another process knows when to read them again.
CREATE TABLE source_versions (
  name TEXT NOT NULL PRIMARY KEY,
  value BIGINT NOT NULL
);

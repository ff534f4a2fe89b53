-- Times are whole seconds since 1970 (UTC). What is secret, or was learned about a person, is sealed with the service's
-- key; what is only compared is a hash. Sources are what others publish, as it came.
-- Every key begins with the party whose row it is (specs/decisions/0013-an-owner-in-every-key.md).

-- Only a presentation that was verified answers a request; a no, or one that does not hold, is a try. What was shown
-- has an end: `due_at` is when the next of it must be gone, `lapsed_at` when something went for that reason.
-- `revision` counts the changes of a result, so that of two at once one sees what the other did.
CREATE TABLE requests (
  party_id TEXT NOT NULL,
  id TEXT NOT NULL,
  state TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  fetches BIGINT NOT NULL,
  tries BIGINT NOT NULL DEFAULT 0,
  tried_at BIGINT,
  answered_at BIGINT,
  response_code_hash BYTEA,
  ended_at BIGINT,
  erased_at BIGINT,
  due_at BIGINT,
  lapsed_at BIGINT,
  revision BIGINT NOT NULL DEFAULT 0,
  asked BYTEA NOT NULL,
  result BYTEA,
  PRIMARY KEY (party_id, id),
  UNIQUE (party_id, response_code_hash)
);
CREATE INDEX requests_by_time ON requests (party_id, made_at, id);
-- What nobody answered is found without looking at what was answered.
CREATE INDEX requests_unanswered_by_end ON requests (party_id, expires_at) WHERE answered_at IS NULL;
CREATE INDEX requests_due ON requests (party_id, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE offers (
  party_id TEXT NOT NULL,
  digest TEXT NOT NULL,
  request_id TEXT NOT NULL,
  sent_at BIGINT NOT NULL,
  sealed BYTEA NOT NULL,
  PRIMARY KEY (party_id, digest),
  FOREIGN KEY (party_id, request_id) REFERENCES requests (party_id, id)
);
CREATE INDEX offers_by_request ON offers (party_id, request_id);

CREATE TABLE acceptances (
  party_id TEXT NOT NULL,
  payload_digest TEXT NOT NULL,
  request_id TEXT NOT NULL,
  record_id TEXT NOT NULL,
  received_at BIGINT NOT NULL,
  sealed BYTEA NOT NULL,
  recorded_at BIGINT,
  record BYTEA,
  PRIMARY KEY (party_id, payload_digest),
  UNIQUE (party_id, record_id),
  FOREIGN KEY (party_id, request_id) REFERENCES requests (party_id, id)
);
CREATE INDEX acceptances_by_request ON acceptances (party_id, request_id);
CREATE INDEX acceptances_waiting ON acceptances (party_id, received_at) WHERE record IS NULL;

-- The answer to an erasure is signed once the files were written anew: until then `answered_at` is empty.
CREATE TABLE events (
  party_id TEXT NOT NULL,
  record_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  kind TEXT NOT NULL,
  at BIGINT NOT NULL,
  answered_at BIGINT,
  sealed BYTEA NOT NULL,
  PRIMARY KEY (party_id, record_id, seq)
);

CREATE TABLE credentials (
  party_id TEXT NOT NULL,
  id TEXT NOT NULL,
  received_at BIGINT NOT NULL,
  sealed BYTEA NOT NULL,
  PRIMARY KEY (party_id, id)
);

-- Counts a party's erasures, and up to which of them the database's own files were written anew: a crash between
-- leaves work.
CREATE TABLE scrubs (
  party_id TEXT NOT NULL PRIMARY KEY,
  wanted BIGINT NOT NULL,
  done BIGINT NOT NULL
);

-- Public: the same for every party that follows the same trust list, and so keyed by its URL and by no party.
CREATE TABLE sources (
  trust_list TEXT NOT NULL,
  url TEXT NOT NULL,
  fetched_at BIGINT NOT NULL,
  body BYTEA NOT NULL,
  PRIMARY KEY (trust_list, url)
);

-- Counts the changes of `sources`, so that another process knows when to read them again.
CREATE TABLE source_versions (
  trust_list TEXT NOT NULL PRIMARY KEY,
  value BIGINT NOT NULL
);

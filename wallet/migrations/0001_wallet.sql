-- What a person holds, was asked and answered. Columns tell opaque ids, counters, times and states;
-- everything else is sealed with the wallet's key, bound to its table and id.

CREATE TABLE credentials (
    id TEXT NOT NULL PRIMARY KEY,
    received_at BIGINT NOT NULL,
    sealed BYTEA NOT NULL
);

-- One-use copies: each has a key of its own. A copy is marked as used before anything of it leaves.
CREATE TABLE copies (
    id TEXT NOT NULL PRIMARY KEY,
    credential_id TEXT NOT NULL REFERENCES credentials (id),
    used_at BIGINT,
    sealed BYTEA NOT NULL
);

CREATE INDEX copies_of_credential ON copies (credential_id, used_at);

CREATE TABLE offers (
    id TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    sealed BYTEA NOT NULL
);

CREATE TABLE requests (
    id TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    sealed BYTEA NOT NULL
);

CREATE INDEX requests_by_state ON requests (state);

-- The chain: each sealed entry holds the digest of the one before it.
CREATE TABLE ledger (
    seq BIGINT NOT NULL PRIMARY KEY,
    sealed BYTEA NOT NULL
);

CREATE TABLE rules (
    name TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    sealed BYTEA NOT NULL
);

-- Public lists as they were fetched, whole and by schedule: the same for every wallet that follows the same list.
CREATE TABLE sources (
    url TEXT NOT NULL PRIMARY KEY,
    fetched_at BIGINT NOT NULL,
    body BYTEA NOT NULL
);

-- What people hold, were asked and answered. Every row belongs to one wallet, which every key and statement names first.
-- Columns tell opaque ids, counters, times and states; everything else is sealed with the wallet's key, bound to its
-- table and id.

CREATE TABLE credentials (
    wallet_id TEXT NOT NULL,
    id TEXT NOT NULL,
    type_key TEXT NOT NULL, -- a keyed hash of the claim type
    received_at BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (wallet_id, id)
);

CREATE INDEX credentials_of_type ON credentials (wallet_id, type_key);

-- One-use copies: each has a key of its own. A copy is marked as used before anything of it leaves.
CREATE TABLE copies (
    wallet_id TEXT NOT NULL,
    id TEXT NOT NULL,
    credential_id TEXT NOT NULL,
    used_at BIGINT,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (wallet_id, id),
    FOREIGN KEY (wallet_id, credential_id) REFERENCES credentials (wallet_id, id)
);

CREATE INDEX copies_of_credential ON copies (wallet_id, credential_id, used_at);
CREATE INDEX copies_used ON copies (wallet_id) WHERE used_at IS NOT NULL;

CREATE TABLE offers (
    wallet_id TEXT NOT NULL,
    id TEXT NOT NULL,
    state TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (wallet_id, id)
);

CREATE TABLE requests (
    wallet_id TEXT NOT NULL,
    id TEXT NOT NULL,
    state TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (wallet_id, id)
);

CREATE INDEX requests_by_state ON requests (wallet_id, state);

-- The chain: each sealed entry holds the digest of the one before it.
CREATE TABLE ledger (
    wallet_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (wallet_id, seq)
);

CREATE TABLE rules (
    wallet_id TEXT NOT NULL,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (wallet_id, name)
);

-- Public lists as they were fetched, whole and by schedule: the same for every wallet that follows the same list.
CREATE TABLE sources (
    url TEXT NOT NULL PRIMARY KEY,
    fetched_at BIGINT NOT NULL,
    body BYTEA NOT NULL
);

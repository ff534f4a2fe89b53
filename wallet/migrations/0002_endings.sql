-- What the person asked of a vendor afterwards, in order; the vendor's signed answer, once there is one.
CREATE TABLE endings (
    wallet_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    place BIGINT NOT NULL,
    answered_at BIGINT,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (wallet_id, request_id, place),
    FOREIGN KEY (wallet_id, request_id) REFERENCES requests (wallet_id, id)
);

-- What the person asked of a vendor afterwards, in order; the vendor's signed answer, once there is one.
CREATE TABLE endings (
    request_id TEXT NOT NULL REFERENCES requests (id),
    place BIGINT NOT NULL,
    answered_at BIGINT,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (request_id, place)
);

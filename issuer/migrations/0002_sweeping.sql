-- What is over is found without looking at what is not.
CREATE INDEX offers_by_end ON offers (state, expires_at);
CREATE INDEX offers_by_token_end ON offers (state, token_expires_at);
CREATE INDEX offers_with_fingerprint_by_end ON offers (expires_at) WHERE fingerprint IS NOT NULL;
CREATE INDEX spent_nonces_by_end ON spent_nonces (expires_at);

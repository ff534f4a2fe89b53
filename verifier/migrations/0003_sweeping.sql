-- What nobody answered is found without looking at what was answered.
CREATE INDEX requests_unanswered_by_end ON requests (expires_at) WHERE answered_at IS NULL;

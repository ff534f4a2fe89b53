-- What was shown has an end: when the next of it must be gone, and when something went for that reason.
ALTER TABLE requests ADD COLUMN due_at BIGINT;
ALTER TABLE requests ADD COLUMN lapsed_at BIGINT;
-- Counts the changes of a result, so that of two at once one sees what the other did.
ALTER TABLE requests ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
CREATE INDEX requests_due ON requests (due_at) WHERE due_at IS NOT NULL;
UPDATE requests SET due_at = answered_at WHERE state = 'answered' AND result IS NOT NULL;

-- Only a presentation that was verified answers a request; a no, or one that does not hold, is a try.
ALTER TABLE requests ADD COLUMN tried_at BIGINT;
ALTER TABLE requests ADD COLUMN tries BIGINT NOT NULL DEFAULT 0;
ALTER TABLE requests DROP COLUMN acceptances;
UPDATE requests SET tried_at = answered_at, answered_at = NULL WHERE state IN ('refused', 'failed');
CREATE INDEX acceptances_waiting ON acceptances (received_at) WHERE record IS NULL;

-- The answer to an erasure is signed once the files were written anew.
ALTER TABLE events ADD COLUMN answered_at BIGINT;
UPDATE events SET answered_at = at;

-- The person left, or had erased what was shown.
ALTER TABLE requests ADD COLUMN ended_at BIGINT;
ALTER TABLE requests ADD COLUMN erased_at BIGINT;

-- Counts the erasures, and up to which of them the database's own files were written anew: a crash between leaves work.
CREATE TABLE scrubs (
  name TEXT NOT NULL PRIMARY KEY,
  wanted BIGINT NOT NULL,
  done BIGINT NOT NULL
);
INSERT INTO scrubs (name, wanted, done) VALUES ('database', 0, 0);

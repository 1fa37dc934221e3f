-- Jobs that one process does for all: who has it until when, and how far it came.
CREATE TABLE jobs (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    held_until INTEGER NOT NULL,
    cursor BLOB
) STRICT;

-- What a key made may live this long (milliseconds): so long it is accepted after it retired.
ALTER TABLE keys ADD COLUMN longest_life INTEGER NOT NULL DEFAULT 0;
INSERT INTO versions (name, value) VALUES ('keys', 0);

-- Browser sessions whose time has come are found by this. No refresh touches it.
CREATE INDEX browser_sessions_expiring ON browser_sessions (expires_at) WHERE ended_at IS NULL;

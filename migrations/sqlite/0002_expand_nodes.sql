-- Jobs that one process does for all: who has it until when, and how far it came.
CREATE TABLE jobs (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    held_until INTEGER NOT NULL,
    cursor BLOB
) STRICT;

-- What is over is found by these, and deleted. Neither is touched by a refresh.
CREATE INDEX device_sessions_ended ON device_sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX browser_sessions_ended ON browser_sessions (ended_at) WHERE ended_at IS NOT NULL;

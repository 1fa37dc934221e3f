-- Jobs that one process does for all: who has it until when, and how far it came.
CREATE TABLE jobs (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    held_until BIGINT NOT NULL,
    cursor BYTEA
);

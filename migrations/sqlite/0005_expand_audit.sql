-- Who did it, as JSON, where that is somebody else than whom it is about.
ALTER TABLE events ADD COLUMN actor TEXT;
-- Its place in the chain, and the hash over it and everything before it. Nothing until the job has come to it.
ALTER TABLE events ADD COLUMN seq INTEGER;
ALTER TABLE events ADD COLUMN hash BLOB;
CREATE UNIQUE INDEX events_seq ON events (seq) WHERE seq IS NOT NULL;
CREATE INDEX events_unchained ON events (id) WHERE seq IS NULL;
CREATE INDEX events_client ON events (client_id, id) WHERE client_id IS NOT NULL;
CREATE INDEX events_session ON events (session_id, id) WHERE session_id IS NOT NULL;
CREATE INDEX events_actor ON events (actor, id) WHERE actor IS NOT NULL;
CREATE INDEX events_address ON events (address, id) WHERE address IS NOT NULL;
CREATE INDEX events_kind ON events (kind, id);

-- How far the chain goes ('newest') and behind what it begins ('kept'): latest is the newest time of an event up to there.
CREATE TABLE audit_heads (
    name TEXT NOT NULL PRIMARY KEY,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    latest INTEGER NOT NULL
) STRICT;
INSERT INTO audit_heads (name, seq, hash, latest) VALUES ('newest', 0, zeroblob(32), 0), ('kept', 0, zeroblob(32), 0);

-- What the chain came to, signed.
CREATE TABLE audit_checkpoints (
    seq INTEGER NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL,
    latest INTEGER NOT NULL,
    signed TEXT NOT NULL
) STRICT;
CREATE INDEX audit_checkpoints_latest ON audit_checkpoints (latest);

-- How often something happened in an hour.
CREATE TABLE event_counts (
    hour INTEGER NOT NULL,
    kind TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (hour, kind)
) STRICT;

-- Failed sign-ins of a minute that is not over yet: each row becomes one event. account is a user's id, empty for
-- addresses that nobody has, * for what there was no room for.
CREATE TABLE sign_in_failures (
    minute INTEGER NOT NULL,
    account TEXT NOT NULL,
    block TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (minute, account, block)
) STRICT;

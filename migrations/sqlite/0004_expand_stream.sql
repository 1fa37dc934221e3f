-- What ended lately is read page by page, in the order of these; what is over is found by them too, and deleted. None is
-- touched by a refresh.
CREATE INDEX device_sessions_ended_id ON device_sessions (ended_at, id) WHERE ended_at IS NOT NULL;
CREATE INDEX browser_sessions_ended_id ON browser_sessions (ended_at, id) WHERE ended_at IS NOT NULL;
CREATE INDEX revocations_recorded_id ON revocations (recorded_at, kind, id);
CREATE INDEX revocations_until_id ON revocations (until, kind, id);

-- When a signing key was taken back: it was, or may be, in somebody else's hands, and nothing that it signs counts.
ALTER TABLE keys ADD COLUMN withdrawn_at INTEGER;

-- The running copies of resource servers that follow the revocation stream, each under the name that it drew at its start.
-- acknowledged_at is the begin of the newest poll of which a copy has said that it refuses everything that was seen by it.
CREATE TABLE instances (
    client_id TEXT NOT NULL,
    name TEXT NOT NULL,
    -- What it does when the stream is down for this long (milliseconds): refuse, introspect or accept.
    down TEXT NOT NULL,
    down_after INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    acknowledged_at INTEGER,
    PRIMARY KEY (client_id, name)
) STRICT;
CREATE INDEX instances_seen ON instances (seen_at);

-- Raised by whoever waits until an end has reached every resource server: these are asked to acknowledge.
INSERT INTO versions (name, value) VALUES ('confirmations', 0);

-- What a person may do as an admin; nothing for everybody else.
ALTER TABLE users ADD COLUMN role TEXT;
CREATE INDEX users_role ON users (role) WHERE role IS NOT NULL;
-- Changes of roles wait for each other, so that two owners cannot remove each other.
INSERT INTO versions (name, value) VALUES ('roles', 0);

-- Who is signed in to the console. id is that of the device session of the console's client which it hangs on.
CREATE TABLE admin_sessions (
    id UUID NOT NULL PRIMARY KEY,
    digest BYTEA NOT NULL UNIQUE,
    auth_time BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX admin_sessions_expires ON admin_sessions (expires_at);

-- Answers to requests of the admin API that may be sent again. digest is of who asks and of the key of the request,
-- request is the digest of what was asked; answer is sealed, and nothing while the first one is under way.
CREATE TABLE idempotent_requests (
    digest BYTEA NOT NULL PRIMARY KEY,
    request BYTEA NOT NULL,
    held_until BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    answer TEXT
);
CREATE INDEX idempotent_requests_expires ON idempotent_requests (expires_at);

-- How often routes of the admin API are used that are going to end, and by whom.
CREATE TABLE legacy_uses (
    route TEXT NOT NULL,
    caller TEXT NOT NULL,
    uses BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (route, caller)
);

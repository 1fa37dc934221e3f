-- What a person may do as an admin; nothing for everybody else.
ALTER TABLE users ADD COLUMN role TEXT;
CREATE INDEX users_role ON users (role) WHERE role IS NOT NULL;
-- Changes of roles wait for each other, so that two owners cannot remove each other.
INSERT INTO versions (name, value) VALUES ('roles', 0);

-- Who is signed in to the console. id is that of the device session of the console's client which it hangs on.
CREATE TABLE admin_sessions (
    id BLOB NOT NULL PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    auth_time INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX admin_sessions_expires ON admin_sessions (expires_at);

-- Answers to requests of the admin API that may be sent again. digest is of who asks and of the key of the request,
-- request is the digest of what was asked; answer is sealed, and nothing while the first one is under way.
CREATE TABLE idempotent_requests (
    digest BLOB NOT NULL PRIMARY KEY,
    request BLOB NOT NULL,
    held_until INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    answer TEXT
) STRICT;
CREATE INDEX idempotent_requests_expires ON idempotent_requests (expires_at);

-- How often routes of the admin API are used that are going to end, and by whom.
CREATE TABLE legacy_uses (
    route TEXT NOT NULL,
    caller TEXT NOT NULL,
    uses INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (route, caller)
) STRICT;

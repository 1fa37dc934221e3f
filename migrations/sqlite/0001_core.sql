-- Times are milliseconds since 1970. Ids are UUIDv7. What is secret is here only as a digest, or sealed.

-- Facts about this database itself: the check value of the root secret.
CREATE TABLE facts (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

-- Numbers that every change of something held in memory raises.
CREATE TABLE versions (
    name TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;
INSERT INTO versions (name, value) VALUES ('clients', 0);

CREATE TABLE users (
    id BLOB NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    name TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    disabled_at INTEGER
) STRICT;

CREATE TABLE passwords (
    user_id BLOB NOT NULL PRIMARY KEY REFERENCES users (id),
    hash TEXT NOT NULL,
    -- Raised by every new password, not by the same one hashed anew: what was proved with an older one opens nothing.
    version INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

-- settings is the JSON form of ClientSettings; nothing in SQL looks into it.
CREATE TABLE clients (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    settings TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    disabled_at INTEGER
) STRICT;

CREATE TABLE consents (
    user_id BLOB NOT NULL,
    client_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, client_id)
) STRICT;

CREATE TABLE browser_sessions (
    id BLOB NOT NULL PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    user_id BLOB NOT NULL REFERENCES users (id),
    auth_time INTEGER NOT NULL,
    acr TEXT NOT NULL,
    amr TEXT NOT NULL,
    label TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,
    end_reason TEXT,
    end_event BLOB
) STRICT;
CREATE INDEX browser_sessions_user ON browser_sessions (user_id, id);
CREATE INDEX browser_sessions_live ON browser_sessions (last_seen_at) WHERE ended_at IS NULL;

-- One row for the whole life of a refresh token family. A refresh changes generation, rotated_at and retries, which
-- no index has.
CREATE TABLE device_sessions (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id),
    client_id TEXT NOT NULL,
    browser_session_id BLOB,
    parent_id BLOB,
    life TEXT NOT NULL CHECK (life IN ('own', 'with_browser')),
    state TEXT NOT NULL CHECK (state IN ('granted', 'active', 'ended')),
    generation INTEGER NOT NULL,
    rotated_at INTEGER NOT NULL,
    retries INTEGER NOT NULL,
    handle_digest BLOB,
    jkt BLOB,
    grant_json TEXT NOT NULL,
    code_digest BLOB NOT NULL,
    code_expires_at INTEGER NOT NULL,
    redirect_uri TEXT NOT NULL,
    challenge BLOB NOT NULL,
    device TEXT NOT NULL,
    granted_at INTEGER NOT NULL,
    activated_at INTEGER,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,
    end_reason TEXT,
    end_event BLOB
) STRICT;
CREATE INDEX device_sessions_user ON device_sessions (user_id, id);
CREATE INDEX device_sessions_client ON device_sessions (client_id, id);
CREATE INDEX device_sessions_origin ON device_sessions (browser_session_id) WHERE browser_session_id IS NOT NULL;
CREATE INDEX device_sessions_parent ON device_sessions (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX device_sessions_end_event ON device_sessions (end_event) WHERE end_event IS NOT NULL;

-- sealed is the secret half, sealed by the root secret; public is the JWK of a signing key.
CREATE TABLE keys (
    id TEXT NOT NULL PRIMARY KEY,
    ring TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('next', 'active', 'retiring', 'gone')),
    state_since INTEGER,
    sealed BLOB NOT NULL,
    public TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX keys_one_active ON keys (ring) WHERE state = 'active';
CREATE UNIQUE INDEX keys_one_next ON keys (ring) WHERE state = 'next';

CREATE TABLE events (
    id BLOB NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    user_id BLOB,
    client_id TEXT,
    session_id BLOB,
    address TEXT,
    data TEXT NOT NULL
) STRICT;
CREATE INDEX events_user ON events (user_id, id) WHERE user_id IS NOT NULL;

-- What resource servers must refuse although it has not expired.
-- id is the session's id, the jti, the client_id or the kid, as bytes.
CREATE TABLE revocations (
    kind TEXT NOT NULL CHECK (kind IN ('session', 'token', 'client', 'key')),
    id BLOB NOT NULL,
    session_id BLOB,
    issued_before INTEGER NOT NULL,
    until INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT;
CREATE INDEX revocations_token_session ON revocations (session_id) WHERE session_id IS NOT NULL;

-- Failed tries: the time at which the bucket is empty again.
CREATE TABLE attempts (
    bucket BLOB NOT NULL PRIMARY KEY,
    empty_at INTEGER NOT NULL
) STRICT;
CREATE INDEX attempts_empty ON attempts (empty_at);

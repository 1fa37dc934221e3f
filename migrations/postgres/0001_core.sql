-- Times are milliseconds since 1970. Ids are UUIDv7. What is secret is here only as a digest, or sealed.

-- Facts about this database itself: the check value of the root secret.
CREATE TABLE facts (
    name TEXT NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

-- Numbers that every change of something held in memory raises.
CREATE TABLE versions (
    name TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO versions (name, value) VALUES ('clients', 0);

CREATE TABLE users (
    id UUID NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    -- Byte by byte, so that its index finds how an address begins.
    email_key TEXT COLLATE "C" NOT NULL UNIQUE,
    name TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    disabled_at BIGINT
);

CREATE TABLE passwords (
    user_id UUID NOT NULL PRIMARY KEY REFERENCES users (id),
    hash TEXT NOT NULL,
    -- Raised by every new password, not by the same one hashed anew: what was proved with an older one opens nothing.
    version BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);

-- settings is the JSON form of ClientSettings; nothing in SQL looks into it.
CREATE TABLE clients (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    settings TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT
);

CREATE TABLE consents (
    user_id UUID NOT NULL,
    client_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, client_id)
);

CREATE TABLE browser_sessions (
    id UUID NOT NULL PRIMARY KEY,
    digest BYTEA NOT NULL UNIQUE,
    user_id UUID NOT NULL REFERENCES users (id),
    auth_time BIGINT NOT NULL,
    acr TEXT NOT NULL,
    amr TEXT NOT NULL,
    label TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_reason TEXT,
    end_event UUID
);
CREATE INDEX browser_sessions_user ON browser_sessions (user_id, id);
CREATE INDEX browser_sessions_live ON browser_sessions (last_seen_at) WHERE ended_at IS NULL;

-- Domains, since a CHECK of the table would be read and judged again at every refresh, which changes neither.
CREATE DOMAIN device_session_life AS TEXT CHECK (VALUE IN ('own', 'with_browser'));
CREATE DOMAIN device_session_state AS TEXT CHECK (VALUE IN ('granted', 'active', 'ended'));

-- One row for the whole life of a refresh token family. A refresh changes generation, rotated_at and retries, which
-- no index has; with room left in each page, the new version of the row stands beside the old one (a HOT update).
CREATE TABLE device_sessions (
    id UUID NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id),
    client_id TEXT NOT NULL,
    browser_session_id UUID,
    parent_id UUID,
    life device_session_life NOT NULL,
    state device_session_state NOT NULL,
    generation BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    retries BIGINT NOT NULL,
    handle_digest BYTEA,
    jkt BYTEA,
    grant_json TEXT NOT NULL,
    code_digest BYTEA NOT NULL,
    code_expires_at BIGINT NOT NULL,
    redirect_uri TEXT NOT NULL,
    challenge BYTEA NOT NULL,
    device TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    activated_at BIGINT,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_reason TEXT,
    end_event UUID
) WITH (fillfactor = 80);
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
    state_since BIGINT,
    sealed BYTEA NOT NULL,
    public TEXT,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX keys_one_active ON keys (ring) WHERE state = 'active';
CREATE UNIQUE INDEX keys_one_next ON keys (ring) WHERE state = 'next';

CREATE TABLE events (
    id UUID NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    user_id UUID,
    client_id TEXT,
    session_id UUID,
    address TEXT,
    data TEXT NOT NULL
);
CREATE INDEX events_user ON events (user_id, id) WHERE user_id IS NOT NULL;

-- What resource servers must refuse although it has not expired.
-- id is the session's id, the jti, the client_id or the kid, as bytes.
CREATE TABLE revocations (
    kind TEXT NOT NULL CHECK (kind IN ('session', 'token', 'client', 'key')),
    id BYTEA NOT NULL,
    session_id UUID,
    issued_before BIGINT NOT NULL,
    until BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX revocations_token_session ON revocations (session_id) WHERE session_id IS NOT NULL;

-- Failed tries: the time at which the bucket is empty again.
CREATE TABLE attempts (
    bucket BYTEA NOT NULL PRIMARY KEY,
    empty_at BIGINT NOT NULL
);
CREATE INDEX attempts_empty ON attempts (empty_at);

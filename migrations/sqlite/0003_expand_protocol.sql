-- Device authorizations (RFC 8628) under way. id is that of the device session which each may open.
CREATE TABLE device_codes (
    id BLOB NOT NULL PRIMARY KEY,
    code_digest BLOB NOT NULL,
    user_code BLOB NOT NULL UNIQUE,
    client_id TEXT NOT NULL,
    request TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    user_id BLOB,
    denied_at INTEGER,
    -- Whether nobody has checked what its client says of itself: all of those share one allowance.
    unchecked INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX device_codes_expiring ON device_codes (expires_at);
-- How many each client has under way is bounded.
CREATE INDEX device_codes_client ON device_codes (client_id, expires_at);
CREATE INDEX device_codes_unchecked ON device_codes (expires_at) WHERE unchecked <> 0;

-- Digest of the request_uri (RFC 9126) that a session was opened by: it opens one.
ALTER TABLE device_sessions ADD COLUMN pushed_request BLOB;
CREATE UNIQUE INDEX device_sessions_pushed ON device_sessions (pushed_request) WHERE pushed_request IS NOT NULL;

-- The secrets of clients: digests only. Two of a client may be good at a time.
CREATE TABLE client_secrets (
    id BLOB NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL,
    digest BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    expires_at INTEGER,
    -- When somebody was told that it ends soon, or had it end by himself.
    warned_at INTEGER
) STRICT;
CREATE INDEX client_secrets_client ON client_secrets (client_id, id);
CREATE INDEX client_secrets_expires ON client_secrets (expires_at) WHERE expires_at IS NOT NULL;

-- When a client last proved that it is itself with a key of its own, to the day.
ALTER TABLE clients ADD COLUMN last_used_at INTEGER;

-- Assertions that were used: a digest of whose and which, until they expire.
CREATE TABLE used_assertions (
    digest BLOB NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX used_assertions_expires ON used_assertions (expires_at);

-- Whether a client is told when a session of its people ends (OpenID Connect Back-Channel Logout 1.0).
ALTER TABLE clients ADD COLUMN hears_logout INTEGER NOT NULL DEFAULT 0;
-- Until when a client that does not answer is asked nothing.
ALTER TABLE clients ADD COLUMN spared_until INTEGER;

-- What others have to be told, until they have been: whom, what kind of message, and about what. Each is tried at due_at.
CREATE TABLE outbox (
    recipient TEXT NOT NULL,
    kind TEXT NOT NULL,
    about_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    PRIMARY KEY (recipient, kind, about_id)
) STRICT;
CREATE INDEX outbox_due ON outbox (due_at);
CREATE INDEX outbox_recipient ON outbox (recipient, due_at);
CREATE INDEX outbox_old ON outbox (created_at);

-- Digest of the secret by which other apps on the device sign in (Native SSO); of what they open, parent_id names this.
ALTER TABLE device_sessions ADD COLUMN device_secret BLOB;

-- Clients that registered themselves (RFC 7591). metadata is what they said that nothing here uses, to be told again.
CREATE TABLE registrations (
    client_id TEXT NOT NULL PRIMARY KEY,
    -- Of the registration access token (RFC 7592).
    digest BLOB NOT NULL,
    -- The initial access token that let it in; nothing for open registration.
    token_id BLOB,
    metadata TEXT NOT NULL,
    -- Until when an open registration waits for its first person.
    unused_until INTEGER
) STRICT;
CREATE INDEX registrations_unused ON registrations (unused_until) WHERE unused_until IS NOT NULL;

-- Initial access tokens (RFC 7591 section 3): digests only.
CREATE TABLE registration_tokens (
    id BLOB NOT NULL PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    scope TEXT,
    uses_left INTEGER,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT;
CREATE INDEX registration_tokens_expires ON registration_tokens (expires_at) WHERE expires_at IS NOT NULL;

-- Authorization requests that were pushed (RFC 9126) by clients that authenticate, and are too large to travel in their
-- request_uri.
CREATE TABLE pushed_requests (
    id BLOB NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL,
    request TEXT NOT NULL,
    -- Until when somebody may be signing in for it.
    kept_until INTEGER NOT NULL
) STRICT;
CREATE INDEX pushed_requests_kept ON pushed_requests (kept_until);
-- How many each client has is bounded.
CREATE INDEX pushed_requests_client ON pushed_requests (client_id, kept_until);

-- Assertions of clients that nobody has checked are counted.
ALTER TABLE used_assertions ADD COLUMN unchecked BIGINT NOT NULL DEFAULT 0;
CREATE INDEX used_assertions_unchecked ON used_assertions (expires_at) WHERE unchecked <> 0;

-- What an app says and shows of itself when it asks for tokens: the newest, written with what is written anyway. No index has
-- them, since a refresh may change them.
ALTER TABLE device_sessions ADD COLUMN app_version TEXT;
ALTER TABLE device_sessions ADD COLUMN address TEXT;

-- How many live sessions each version of each app has (an empty one: those that say none), as counted by the last walk over
-- all of them; so_far is what the present walk has met.
CREATE TABLE app_versions (
    client_id TEXT NOT NULL,
    app_version TEXT NOT NULL,
    sessions BIGINT NOT NULL,
    so_far BIGINT NOT NULL,
    counted_at BIGINT NOT NULL,
    PRIMARY KEY (client_id, app_version)
);

-- Ends of all sessions that match a filter, each worked off in batches, newest session first: before_id is how far it came.
-- filter and actor are JSON; nothing in SQL looks into them. permissions are the actor's when it was begun: so far it reaches.
-- One that came to no end of its own has when somebody cancelled it, or when it was stopped since its actor may not end
-- sessions any more.
CREATE TABLE mass_ends (
    id UUID NOT NULL PRIMARY KEY,
    filter TEXT NOT NULL,
    note TEXT,
    actor TEXT NOT NULL,
    permissions TEXT NOT NULL,
    begun_at BIGINT NOT NULL,
    before_id UUID NOT NULL,
    looked_at BIGINT NOT NULL,
    found BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    done_at BIGINT,
    cancelled_at BIGINT,
    stopped_at BIGINT
);
CREATE INDEX mass_ends_open ON mass_ends (id) WHERE done_at IS NULL;

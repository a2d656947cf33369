-- Who changed what, links that let somebody see one view for a while, what is
-- watched, and what is to be told of it.

-- What people and commands changed: never a secret. Old rows make room.
CREATE TABLE audit (
	id     INTEGER PRIMARY KEY,
	at_ms  INTEGER NOT NULL,
	actor  TEXT    NOT NULL, -- user, or 'command line'
	action TEXT    NOT NULL, -- as user.add
	target TEXT    NOT NULL, -- its name, '' where there is one only
	detail TEXT    NOT NULL  -- what it was and became, as text; '' for none
) STRICT;

CREATE INDEX audit_actor ON audit (actor);

-- When a token was used last, at the hour, so that asking does not write each
-- time; 0: never, or before this was kept.
ALTER TABLE token ADD COLUMN used_ms INTEGER NOT NULL DEFAULT 0;

-- A link to a view, for whoever has it, until it expires. Only a digest is kept.
CREATE TABLE share_link (
	id         INTEGER PRIMARY KEY,
	sha256     BLOB    NOT NULL UNIQUE CHECK (length(sha256) = 32),
	path       TEXT    NOT NULL, -- of the view, below the base path
	query      TEXT    NOT NULL, -- what may be asked, as a canonical query string
	user_id    INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
	created_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX share_link_user ON share_link (user_id);

-- What is watched. ask and send are JSON objects; state is what the watch has
-- to remember from one look to the next, and changes with its outbox rows in one
-- transaction.
CREATE TABLE watch (
	id         INTEGER PRIMARY KEY,
	name       TEXT    NOT NULL UNIQUE CHECK (length(name) > 0),
	kind       TEXT    NOT NULL,
	ask        TEXT    NOT NULL,
	send       TEXT    NOT NULL,
	state      TEXT    NOT NULL DEFAULT '{}',
	paused     INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
	created_ms INTEGER NOT NULL
) STRICT;

-- What is to be told, once each to every receiver: key names what happened,
-- target the receiver. A row stays as the history of the watch for a while.
CREATE TABLE outbox (
	id       INTEGER PRIMARY KEY,
	watch_id INTEGER NOT NULL REFERENCES watch (id) ON DELETE CASCADE,
	key      TEXT    NOT NULL,
	target   TEXT    NOT NULL,
	uid      TEXT    NOT NULL UNIQUE, -- by which receivers know what comes twice
	at_ms    INTEGER NOT NULL,
	body     TEXT    NOT NULL,
	state    TEXT    NOT NULL CHECK (state IN ('waiting', 'sent', 'failed')),
	tries    INTEGER NOT NULL DEFAULT 0,
	next_ms  INTEGER NOT NULL, -- when it is tried again
	sent_ms  INTEGER NOT NULL DEFAULT 0,
	error    TEXT    NOT NULL DEFAULT '', -- of the last try
	UNIQUE (watch_id, key, target)
) STRICT;
CREATE INDEX outbox_waiting ON outbox (next_ms) WHERE state = 'waiting';

-- Moving in: what the old program's save.json brings along, sessions of
-- browsers, and what an operator needs to see of what senders send.

-- One row a file that was imported, by its content; never the users in it.
CREATE TABLE import (
	id        INTEGER PRIMARY KEY,
	source_id INTEGER NOT NULL REFERENCES source (id),
	sha256    BLOB    NOT NULL UNIQUE CHECK (length(sha256) = 32),
	at_ms     INTEGER NOT NULL,
	new       INTEGER NOT NULL, -- by how much it raised the count of all
	extra     TEXT    NOT NULL  -- members that the old program did not have, a JSON object
) STRICT;

-- Opening balances have no date. part 0: all (ref 0); 1: by file (ref = file id);
-- 2: by repository (ref = repo_said id); 3: by legacy type (ref = its number).
-- n is what the last file of the source said.
CREATE TABLE opening (
	source_id INTEGER NOT NULL REFERENCES source (id),
	part      INTEGER NOT NULL CHECK (part BETWEEN 0 AND 3),
	ref       INTEGER NOT NULL,
	n         INTEGER NOT NULL CHECK (n >= 0),
	PRIMARY KEY (source_id, part, ref)
) STRICT, WITHOUT ROWID;

-- Sessions of browsers. Only a digest of the cookie is kept.
CREATE TABLE session (
	sha256     BLOB    PRIMARY KEY CHECK (length(sha256) = 32),
	user_id    INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
	created_ms INTEGER NOT NULL,
	used_ms    INTEGER NOT NULL -- at the minute, so that reading does not write each time
) STRICT, WITHOUT ROWID;
CREATE INDEX session_user ON session (user_id, created_ms);

-- The first payloads of each source, with what identifies people masked.
CREATE TABLE sample (
	source_id INTEGER NOT NULL REFERENCES source (id),
	slot      INTEGER NOT NULL CHECK (slot BETWEEN 0 AND 9),
	at_ms     INTEGER NOT NULL,
	kind      TEXT    NOT NULL,
	body      BLOB    NOT NULL, -- zstd
	PRIMARY KEY (source_id, slot)
) STRICT, WITHOUT ROWID;

-- Which fields of a sender's payload mean what, where it differs from what the
-- program knows: a JSON object, '' for none. Events that came before keep what
-- was read of them.
ALTER TABLE source ADD COLUMN mapping TEXT NOT NULL DEFAULT '';

-- Ids of 400 days, files that are imported, and what a backup and a repair need.

-- A file that was imported, known by its content: how much of it was read, and
-- the SHA-256 of that much, both of its unpacked bytes. head is for finding it:
-- the SHA-256 of the first min(64 KiB, length then) bytes.
CREATE TABLE ticket (
	id        INTEGER PRIMARY KEY,
	source_id INTEGER NOT NULL REFERENCES source (id),
	format    TEXT    NOT NULL,
	head_len  INTEGER NOT NULL CHECK (head_len BETWEEN 1 AND 65536),
	head      BLOB    NOT NULL CHECK (length(head) = 32),
	offset    INTEGER NOT NULL CHECK (offset > 0),
	sha256    BLOB    NOT NULL CHECK (length(sha256) = 32),
	new       INTEGER NOT NULL,
	known     INTEGER NOT NULL,
	rejected  INTEGER NOT NULL,
	at_ms     INTEGER NOT NULL -- of the last bytes
) STRICT;
CREATE INDEX ticket_head ON ticket (source_id, head_len, head);

-- Keys leave the log for sorted segments, once there are many. A chunk holds
-- the keys whose first bits are its number, without their first byte where that
-- is given by them. A segment counts once it has a filter; rows of one that has
-- none are of a sealing that did not end.
CREATE TABLE key_seg (
	seg   INTEGER NOT NULL,
	chunk INTEGER NOT NULL,
	keys  BLOB    NOT NULL,
	PRIMARY KEY (seg, chunk)
) STRICT, WITHOUT ROWID;

CREATE TABLE key_filter (
	seg     INTEGER PRIMARY KEY,
	min_day INTEGER NOT NULL, -- of the receipt of its keys
	max_day INTEGER NOT NULL,
	n       INTEGER NOT NULL CHECK (n > 0),
	prefix  INTEGER NOT NULL, -- bits of a key that choose its chunk
	bits    BLOB    NOT NULL
) STRICT;

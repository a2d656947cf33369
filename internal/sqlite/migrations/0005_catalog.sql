-- The catalog of Meteor packages.

-- A record of the catalog. at is its position in the order of commits: a
-- change gives it a new one, which is how clients hear of it.
CREATE TABLE doc (
	at       INTEGER PRIMARY KEY,
	coll     INTEGER NOT NULL CHECK (coll BETWEEN 0 AND 4), -- packages versions builds releaseTracks releaseVersions
	id       TEXT    NOT NULL,
	key      TEXT    NOT NULL,
	mirrored INTEGER NOT NULL CHECK (mirrored IN (0, 1)),
	body     BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX doc_id ON doc (coll, id);
CREATE INDEX doc_coll ON doc (coll); -- and by position, which is the rowid

-- The records by what else is unique in a collection, with what lists show.
CREATE TABLE doc_key (
	coll  INTEGER NOT NULL,
	key   TEXT    NOT NULL,
	id    TEXT    NOT NULL,
	at    INTEGER NOT NULL,
	brief TEXT    NOT NULL,
	PRIMARY KEY (coll, key)
) STRICT, WITHOUT ROWID;

-- How far the catalog has come.
CREATE TABLE catalog (
	one              INTEGER PRIMARY KEY CHECK (one = 1),
	last             INTEGER NOT NULL, -- newest position ever given
	last_deletion    INTEGER NOT NULL, -- ms; it only grows
	packages         INTEGER NOT NULL, -- documents ever added, changed or removed
	versions         INTEGER NOT NULL,
	builds           INTEGER NOT NULL,
	release_tracks   INTEGER NOT NULL,
	release_versions INTEGER NOT NULL
) STRICT;

-- Another server whose catalog is copied. While everything is fetched anew,
-- mirror_seen holds what it named.
CREATE TABLE mirror (
	one   INTEGER PRIMARY KEY CHECK (one = 1),
	url   TEXT    NOT NULL,
	token BLOB    NOT NULL,
	anew  INTEGER NOT NULL CHECK (anew IN (0, 1))
) STRICT;

CREATE TABLE mirror_seen (
	coll INTEGER NOT NULL,
	id   TEXT    NOT NULL,
	PRIMARY KEY (coll, id)
) STRICT, WITHOUT ROWID;

-- The package server: the catalog of Meteor packages, what is being published,
-- organisations.

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

-- Something that is being published: who has the token may upload its parts.
-- It stays for a while after it was published, so that saying so twice is no
-- error.
CREATE TABLE pending (
	token       BLOB    PRIMARY KEY CHECK (length(token) = 32), -- SHA-256 of the secret
	what        INTEGER NOT NULL CHECK (what BETWEEN 0 AND 2),  -- version build readme
	key         TEXT    NOT NULL,
	user        TEXT    NOT NULL,
	record      BLOB    NOT NULL,
	source      BLOB    CHECK (length(source) = 32), -- SHA-256 of what was uploaded
	source_size INTEGER NOT NULL DEFAULT 0,
	readme      BLOB    CHECK (length(readme) = 32),
	readme_size INTEGER NOT NULL DEFAULT 0,
	expires_ms  INTEGER NOT NULL,
	published   INTEGER NOT NULL DEFAULT 0 CHECK (published IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX pending_key ON pending (what, key) WHERE published = 0;

-- Bytes that were uploaded, and where they are served. Bytes that nothing
-- refers to are removed after a day.
CREATE TABLE blob (
	sha256     BLOB    PRIMARY KEY CHECK (length(sha256) = 32),
	size       INTEGER NOT NULL CHECK (size >= 0),
	created_ms INTEGER NOT NULL -- of the last upload
) STRICT, WITHOUT ROWID;

CREATE TABLE file_url (
	path    TEXT PRIMARY KEY,
	sha256  BLOB NOT NULL REFERENCES blob (sha256),
	name    TEXT NOT NULL, -- of the file, as numbers have it
	package TEXT NOT NULL, -- canonical purl, and the version
	version TEXT NOT NULL,
	kind    INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 2) -- as pending.what
) STRICT, WITHOUT ROWID;
CREATE INDEX file_url_sha256 ON file_url (sha256);

CREATE TABLE org (
	name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE org_member (
	org     TEXT    NOT NULL REFERENCES org (name) ON DELETE CASCADE,
	user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
	PRIMARY KEY (org, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX org_member_user ON org_member (user_id);

-- What apps contain. facts are sorted by package, each with the day, version
-- and way of its first report: one row an app, since a report is about all of
-- an app's packages and most of them were in the report before.
CREATE TABLE app_use (
	app   BLOB PRIMARY KEY CHECK (length(app) = 12), -- of a digest of what it calls itself
	facts BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE use_day (
	day        INTEGER NOT NULL,
	package_id INTEGER NOT NULL,
	version_id INTEGER NOT NULL,
	direct     INTEGER NOT NULL CHECK (direct BETWEEN 0 AND total),
	total      INTEGER NOT NULL,
	PRIMARY KEY (day, package_id, version_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX use_day_package ON use_day (package_id, day);

-- Days whose use is published: never changed again. One without a body is
-- closed and about to be.
CREATE TABLE day_file (
	day     INTEGER PRIMARY KEY,
	body    BLOB,
	sha256  BLOB CHECK (length(sha256) = 32),
	chain   BLOB CHECK (length(chain) = 32), -- NULL for a day that another server published
	at_ms   INTEGER NOT NULL
) STRICT;

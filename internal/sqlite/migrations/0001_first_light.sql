-- What was said is kept as it was said; what follows from it belongs to a
-- generation of rules (gen), so that a recount can build the next generation
-- beside the one that answers. Days are counted from 1970-01-01, times are UTC
-- milliseconds, ids are dense: they are indexes of arrays in memory.

CREATE TABLE meta (
	one        INTEGER PRIMARY KEY CHECK (one = 1),
	ledger_id  TEXT    NOT NULL, -- names this installation's ledger for ever
	epoch      INTEGER NOT NULL CHECK (epoch > 0), -- changes when a restore makes clients start anew
	gen        INTEGER NOT NULL CHECK (gen > 0),   -- the generation that answers
	rule       INTEGER NOT NULL CHECK (rule > 0),  -- the rule set that derived it
	created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE setting (
	key   TEXT PRIMARY KEY,
	value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What was said: dictionaries and ledger.

CREATE TABLE source (
	id      INTEGER PRIMARY KEY,
	name    TEXT    NOT NULL UNIQUE CHECK (length(name) > 0),
	last_ms INTEGER NOT NULL DEFAULT 0, -- time of the last receipt
	dropped INTEGER NOT NULL DEFAULT 0  -- items of quarantine that had to make room
) STRICT;

CREATE TABLE repo_said (
	id     INTEGER PRIMARY KEY,
	name   TEXT    NOT NULL UNIQUE, -- '' where the sender named none
	public INTEGER NOT NULL DEFAULT 0 CHECK (public IN (0, 1))
) STRICT;

CREATE TABLE file (
	id           INTEGER PRIMARY KEY,
	repo_said_id INTEGER NOT NULL REFERENCES repo_said (id),
	raw          TEXT    NOT NULL, -- path as received, less host and query
	hint         TEXT    NOT NULL, -- media type, or a said package where no path was
	UNIQUE (repo_said_id, raw, hint)
) STRICT;

CREATE TABLE agent (
	id INTEGER PRIMARY KEY,
	ua TEXT    NOT NULL UNIQUE CHECK (length(CAST(ua AS BLOB)) <= 512)
) STRICT;

CREATE TABLE consumer (
	id  INTEGER PRIMARY KEY,
	key TEXT    NOT NULL UNIQUE
) STRICT;

-- One row a commit, without gaps. first_event numbers events from 1 on.
CREATE TABLE ledger (
	pos         INTEGER PRIMARY KEY CHECK (pos > 0),
	first_event INTEGER NOT NULL,
	n           INTEGER NOT NULL CHECK (n > 0),
	received_ms INTEGER NOT NULL,
	codec       INTEGER NOT NULL CHECK (codec > 0),
	crc         INTEGER NOT NULL, -- CRC-32C of body
	body        BLOB    NOT NULL
) STRICT;

-- What follows from it, per generation.

CREATE TABLE repo    (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE name    (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE type    (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE version (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE package (
	id      INTEGER PRIMARY KEY,
	name    TEXT    NOT NULL UNIQUE, -- canonical purl without version
	type_id INTEGER NOT NULL REFERENCES type (id)
) STRICT;

-- Its ids are written in the transaction that made them: foreign keys would look
-- five of them up again for each new file.
CREATE TABLE file_rule (
	gen         INTEGER NOT NULL,
	file_id     INTEGER NOT NULL,
	repo_id     INTEGER NOT NULL,
	name_id     INTEGER NOT NULL,
	package_id  INTEGER NOT NULL,
	version_id  INTEGER NOT NULL,
	kind        INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 7),
	sidecar_of  TEXT    NOT NULL, -- '' if it is no sidecar
	legacy_type INTEGER NOT NULL CHECK (legacy_type BETWEEN 0 AND 3),
	confidence  INTEGER NOT NULL CHECK (confidence BETWEEN 0 AND 2),
	PRIMARY KEY (gen, file_id)
) STRICT, WITHOUT ROWID;

-- Counts of open days, and late ones of packed days. dim 0: all (slice 0).
CREATE TABLE cell (
	gen       INTEGER NOT NULL,
	day       INTEGER NOT NULL,
	dim       INTEGER NOT NULL,
	slice     INTEGER NOT NULL,
	file_id   INTEGER NOT NULL,
	downloads INTEGER NOT NULL CHECK (downloads >= 0),
	hits      INTEGER NOT NULL CHECK (hits >= downloads),
	bytes     INTEGER NOT NULL CHECK (bytes >= 0),
	PRIMARY KEY (gen, day, dim, slice, file_id)
) STRICT, WITHOUT ROWID;

-- Counts of closed days (grain 0, period = the day) and months (grain 1,
-- period = the month's first day). chunk is the smallest file id that the
-- chunk may hold: 0 for the first one of a period and slice.
CREATE TABLE pack (
	gen       INTEGER NOT NULL,
	grain     INTEGER NOT NULL CHECK (grain IN (0, 1)),
	period    INTEGER NOT NULL,
	dim       INTEGER NOT NULL,
	slice     INTEGER NOT NULL,
	chunk     INTEGER NOT NULL,
	n         INTEGER NOT NULL CHECK (n > 0), -- cells
	first_id  INTEGER NOT NULL, -- smallest and largest file id in it
	last_id   INTEGER NOT NULL,
	ids       BLOB    NOT NULL,
	downloads BLOB    NOT NULL,
	hits      BLOB    NOT NULL,
	bytes     BLOB    NOT NULL,
	PRIMARY KEY (gen, grain, period, dim, slice, chunk)
) STRICT, WITHOUT ROWID;

-- A period that has packs. A day gets some while it is open; it is packed once
-- it is over, settled and without rows, and a month once all its days are.
CREATE TABLE period (
	gen    INTEGER NOT NULL,
	grain  INTEGER NOT NULL CHECK (grain IN (0, 1)),
	period INTEGER NOT NULL,
	packed INTEGER NOT NULL CHECK (packed IN (0, 1)),
	PRIMARY KEY (gen, grain, period)
) STRICT, WITHOUT ROWID;

-- dim 0: all (slice 0), 16: by repo (slice = repo id), 17: by type (slice = type id).
CREATE TABLE day_total (
	gen       INTEGER NOT NULL,
	day       INTEGER NOT NULL,
	dim       INTEGER NOT NULL,
	slice     INTEGER NOT NULL,
	downloads INTEGER NOT NULL CHECK (downloads >= 0),
	hits      INTEGER NOT NULL CHECK (hits >= downloads),
	bytes     INTEGER NOT NULL CHECK (bytes >= 0),
	PRIMARY KEY (gen, dim, slice, day)
) STRICT, WITHOUT ROWID;

-- What each source brought for each day, by the day of the event. A day of
-- which no source has any event is a gap.
CREATE TABLE heard (
	day        INTEGER NOT NULL,
	source_id  INTEGER NOT NULL REFERENCES source (id),
	events     INTEGER NOT NULL,
	unparsed   INTEGER NOT NULL,
	duplicates INTEGER NOT NULL,
	max_lag_ms INTEGER NOT NULL,
	PRIMARY KEY (day, source_id)
) STRICT, WITHOUT ROWID;

-- Idempotency: the first 80 bits of SHA-256(source NUL id), one blob a commit.
-- day is the day of the receipt.
CREATE TABLE key_log (
	pos  INTEGER PRIMARY KEY,
	day  INTEGER NOT NULL,
	keys BLOB    NOT NULL CHECK (length(keys) % 10 = 0)
) STRICT;

-- What came in and could not be read, with what identifies people masked.
CREATE TABLE quarantine (
	id        INTEGER PRIMARY KEY,
	source_id INTEGER NOT NULL REFERENCES source (id),
	at_ms     INTEGER NOT NULL,
	kind      TEXT    NOT NULL,
	reason    TEXT    NOT NULL,
	bytes     INTEGER NOT NULL, -- of the body before compression
	body      BLOB    NOT NULL -- zstd
) STRICT;
CREATE INDEX quarantine_source ON quarantine (source_id, id);

-- People.

CREATE TABLE user (
	id         INTEGER PRIMARY KEY,
	name       TEXT    NOT NULL UNIQUE,
	role       TEXT    NOT NULL CHECK (role IN ('admin', 'viewer', 'publisher')),
	hash       TEXT    NOT NULL, -- argon2id PHC string over the password's hex SHA-256
	disabled   INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
	created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE token (
	id         INTEGER PRIMARY KEY,
	user_id    INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
	scope      TEXT    NOT NULL CHECK (scope IN ('ingest', 'read', 'publish')),
	prefix     TEXT    NOT NULL UNIQUE,
	sha256     BLOB    NOT NULL CHECK (length(sha256) = 32),
	expires_ms INTEGER NOT NULL DEFAULT 0, -- 0: never
	created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX token_user ON token (user_id);

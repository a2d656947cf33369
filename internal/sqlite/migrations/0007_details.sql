-- What clients run on, what came by which source and who fetched. A client is
-- now what it says it is, with its runtime and system; counts by source are
-- slices of their own (dim 11, slice = source × 8 + class), and counts by
-- consumer are of what the questions about it tell apart: of a version in a
-- repository by a class of clients (dim 12, slice 0, cells of such tuples).
--
-- What was counted before has none of that: it is derived anew from the ledger at
-- the next start, into the next generation. Until then answers are as before.
ALTER TABLE meta ADD COLUMN detailed INTEGER NOT NULL DEFAULT 0 CHECK (detailed IN (0, 1));
UPDATE meta SET detailed = NOT EXISTS (SELECT 1 FROM file);

CREATE TABLE client_7 (
	id      INTEGER PRIMARY KEY,
	name    TEXT    NOT NULL,
	class   INTEGER NOT NULL CHECK (class BETWEEN 0 AND 4),
	runtime TEXT    NOT NULL, -- '' unknown
	os      TEXT    NOT NULL,
	UNIQUE (name, class, runtime, os)
) STRICT;
INSERT INTO client_7 (id, name, class, runtime, os) SELECT id, name, class, '', '' FROM client;
DROP TABLE client;
ALTER TABLE client_7 RENAME TO client;

CREATE TABLE consumed (
	id          INTEGER PRIMARY KEY,
	repo_id     INTEGER NOT NULL,
	package_id  INTEGER NOT NULL,
	version_id  INTEGER NOT NULL,
	class       INTEGER NOT NULL CHECK (class BETWEEN 0 AND 4),
	consumer_id INTEGER NOT NULL,
	UNIQUE (repo_id, package_id, version_id, class, consumer_id)
) STRICT;

-- Primary files that came into being, as senders say: what stands on charts.
CREATE TABLE upload (
	gen        INTEGER NOT NULL,
	day        INTEGER NOT NULL,
	package_id INTEGER NOT NULL,
	version_id INTEGER NOT NULL,
	n          INTEGER NOT NULL CHECK (n > 0),
	PRIMARY KEY (gen, day, package_id, version_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX upload_package ON upload (gen, package_id, day);

-- Packs that are unpacked stay in memory: a period whose packs change gets a new
-- stamp, so that a snapshot knows whether they are its own.
ALTER TABLE period ADD COLUMN stamp INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN stamp INTEGER NOT NULL DEFAULT 0;

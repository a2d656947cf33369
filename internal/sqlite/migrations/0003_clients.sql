-- Counts by client. Every event has a client, so the rows of open days are kept
-- by client alone (dim 1), and packs by client, by class (dim 2) and in all
-- (dim 0). What was counted before has no slices: it is derived anew from the
-- ledger at the next start (meta.sliced), into the next generation.
--
-- Most questions ask for no file, package or version. They are answered by
-- facets: what an event is in every other respect. There are some hundred of
-- them where there are a hundred thousand files; their counts are cells as well
-- (dim 8, slice 0), of facets in the place of files. Of the day totals only
-- those of all are left.

CREATE TABLE client (
	id    INTEGER PRIMARY KEY,
	name  TEXT    NOT NULL,
	class INTEGER NOT NULL CHECK (class BETWEEN 0 AND 4),
	UNIQUE (name, class)
) STRICT;

CREATE TABLE facet (
	id          INTEGER PRIMARY KEY,
	repo_id     INTEGER NOT NULL,
	type_id     INTEGER NOT NULL,
	kind        INTEGER NOT NULL,
	legacy_type INTEGER NOT NULL,
	client_id   INTEGER NOT NULL,
	UNIQUE (repo_id, type_id, kind, legacy_type, client_id)
) STRICT;

-- From which rule set on an agent is which client: events from before a change
-- of rules keep theirs until a recount.
CREATE TABLE agent_rule (
	gen       INTEGER NOT NULL,
	agent_id  INTEGER NOT NULL,
	rule      INTEGER NOT NULL,
	client_id INTEGER NOT NULL,
	version   TEXT    NOT NULL,
	runtime   TEXT    NOT NULL,
	os        TEXT    NOT NULL,
	arch      TEXT    NOT NULL,
	PRIMARY KEY (gen, agent_id, rule)
) STRICT, WITHOUT ROWID;

-- The types of which files of a repository are, surely, by their paths. A
-- repository of one type is of that format.
CREATE TABLE repo_type (
	gen     INTEGER NOT NULL,
	repo_id INTEGER NOT NULL,
	type_id INTEGER NOT NULL,
	PRIMARY KEY (gen, repo_id, type_id)
) STRICT, WITHOUT ROWID;

-- What has to stand on charts: a change of rules.
CREATE TABLE marker (
	id    INTEGER PRIMARY KEY,
	at_ms INTEGER NOT NULL,
	kind  TEXT    NOT NULL CHECK (kind IN ('rules')),
	rule  INTEGER NOT NULL, -- the rule set from then on
	pos   INTEGER NOT NULL, -- the last row of the ledger that was counted before
	text  TEXT    NOT NULL
) STRICT;

-- The periods of one slice lie side by side, since that is what a question reads.
CREATE TABLE pack_3 (
	gen       INTEGER NOT NULL,
	grain     INTEGER NOT NULL CHECK (grain IN (0, 1)),
	dim       INTEGER NOT NULL,
	slice     INTEGER NOT NULL,
	period    INTEGER NOT NULL,
	chunk     INTEGER NOT NULL,
	n         INTEGER NOT NULL CHECK (n > 0), -- cells
	first_id  INTEGER NOT NULL, -- smallest and largest file id in it
	last_id   INTEGER NOT NULL,
	ids       BLOB    NOT NULL,
	downloads BLOB    NOT NULL,
	hits      BLOB    NOT NULL,
	bytes     BLOB    NOT NULL,
	PRIMARY KEY (gen, grain, dim, slice, period, chunk)
) STRICT, WITHOUT ROWID;
INSERT INTO pack_3 (gen, grain, dim, slice, period, chunk, n, first_id, last_id, ids, downloads, hits, bytes)
	SELECT gen, grain, dim, slice, period, chunk, n, first_id, last_id, ids, downloads, hits, bytes FROM pack;
DROP TABLE pack;
ALTER TABLE pack_3 RENAME TO pack;

ALTER TABLE meta ADD COLUMN builtin INTEGER NOT NULL DEFAULT 1; -- number of the built-in rules that were used last
ALTER TABLE meta ADD COLUMN own     TEXT    NOT NULL DEFAULT ''; -- the operator's own rules then, as JSON
ALTER TABLE meta ADD COLUMN sliced  INTEGER NOT NULL DEFAULT 0 CHECK (sliced IN (0, 1));
UPDATE meta SET sliced = NOT EXISTS (SELECT 1 FROM file);

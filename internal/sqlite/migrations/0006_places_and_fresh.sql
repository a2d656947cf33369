-- Where clients are. The country of an event stands in the ledger, where there
-- is one; counts by country are of what the questions about it tell apart: of a
-- package in a repository by a class of clients. They are cells as well (dim
-- 10, slice 0), of places in the place of files. Events of no known country
-- have no place: they are what is left of all.

CREATE TABLE place (
	id         INTEGER PRIMARY KEY,
	repo_id    INTEGER NOT NULL,
	package_id INTEGER NOT NULL,
	class      INTEGER NOT NULL CHECK (class BETWEEN 0 AND 4),
	country    INTEGER NOT NULL CHECK (country BETWEEN 1 AND 675), -- 26 × its first letter + its second + 1, from AA on
	UNIQUE (repo_id, package_id, class, country)
) STRICT;

-- Up to this row of the ledger no places are counted, until a recount.
ALTER TABLE meta ADD COLUMN places_from INTEGER NOT NULL DEFAULT 0;
UPDATE meta SET places_from = (SELECT coalesce(max(pos), 0) FROM ledger);

-- When each source was heard last, beside what it brought.
ALTER TABLE heard ADD COLUMN last_ms INTEGER NOT NULL DEFAULT 0; -- of a receipt
ALTER TABLE source DROP COLUMN last_ms;

-- What a commit adds to counts is one row. Readers add these to the packs, into
-- which they are folded after some seconds: before, each count was a row of its
-- own, in the table cell, which the program folds and drops after this
-- migration. Totals of days follow from facets, and are gone.
CREATE TABLE fresh (
	seq       INTEGER PRIMARY KEY,
	gen       INTEGER NOT NULL,
	first_day INTEGER NOT NULL,
	last_day  INTEGER NOT NULL,
	n         INTEGER NOT NULL CHECK (n > 0), -- cells
	body      BLOB    NOT NULL -- runs of cells: day, dim, slice, number of cells, cells
) STRICT;

DROP TABLE day_total;

-- Names come many in a statement. Where such a statement looks up what its rows
-- refer to, SQLite keeps a journal of it; the ids are of the same transaction.
CREATE TABLE file_6 (
	id           INTEGER PRIMARY KEY,
	repo_said_id INTEGER NOT NULL,
	raw          TEXT    NOT NULL, -- path as received, less host and query
	hint         TEXT    NOT NULL, -- media type, or a said package where no path was
	UNIQUE (repo_said_id, raw, hint)
) STRICT;
INSERT INTO file_6 (id, repo_said_id, raw, hint) SELECT id, repo_said_id, raw, hint FROM file;
DROP TABLE file;
ALTER TABLE file_6 RENAME TO file;

CREATE TABLE package_6 (
	id      INTEGER PRIMARY KEY,
	name    TEXT    NOT NULL UNIQUE, -- canonical purl without version
	type_id INTEGER NOT NULL
) STRICT;
INSERT INTO package_6 (id, name, type_id) SELECT id, name, type_id FROM package;
DROP TABLE package;
ALTER TABLE package_6 RENAME TO package;

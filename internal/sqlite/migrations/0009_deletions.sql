-- Primary files that went, as senders say: beside uploads they stand on charts.
CREATE TABLE deletion (
	gen        INTEGER NOT NULL,
	day        INTEGER NOT NULL,
	package_id INTEGER NOT NULL,
	version_id INTEGER NOT NULL,
	n          INTEGER NOT NULL CHECK (n > 0),
	PRIMARY KEY (gen, day, package_id, version_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX deletion_package ON deletion (gen, package_id, day);

-- Up to this row of the ledger no deletions are counted, until a recount.
ALTER TABLE meta ADD COLUMN deletions_from INTEGER NOT NULL DEFAULT 0;
UPDATE meta SET deletions_from = (SELECT coalesce(max(pos), 0) FROM ledger);

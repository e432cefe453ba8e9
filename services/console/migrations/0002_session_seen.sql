-- A session that nobody uses ends before its day is over.
ALTER TABLE session ADD COLUMN seen_at timestamptz NOT NULL DEFAULT clock_timestamp();

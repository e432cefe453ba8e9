-- Who read whose identity, for what: one row per reader, subject, purpose and hour, written in the transaction that reads.
CREATE TABLE identity_read (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    territory_id text        NOT NULL,
    reader       uuid        NOT NULL,
    roles        text[]      NOT NULL,
    subject_kind text        NOT NULL CHECK (subject_kind IN ('patient', 'request')),
    subject_id   uuid        NOT NULL,
    purpose      text        NOT NULL,
    hour         timestamptz NOT NULL,
    read_at      timestamptz NOT NULL,
    CONSTRAINT identity_read_once_an_hour UNIQUE (territory_id, reader, subject_kind, subject_id, purpose, hour)
);
CREATE INDEX identity_read_of_subject ON identity_read (territory_id, subject_kind, subject_id, id);

-- The service may add and look, never change or remove.
REVOKE UPDATE, DELETE ON identity_read, answer, mt_help_answer FROM intake;

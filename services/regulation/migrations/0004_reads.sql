-- Who read a doctor's words, free text on a person: one row per reader, request and hour, in the transaction that reads.
CREATE TABLE words_read (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    territory_id  text        NOT NULL,
    reader        uuid        NOT NULL,
    roles         text[]      NOT NULL,
    request_id    uuid        NOT NULL,
    hour          timestamptz NOT NULL,
    read_at       timestamptz NOT NULL,
    CONSTRAINT words_read_once_an_hour UNIQUE (territory_id, request_id, reader, hour)
);

-- The service may add and look, never change or remove.
REVOKE UPDATE, DELETE ON words_read FROM regulation;

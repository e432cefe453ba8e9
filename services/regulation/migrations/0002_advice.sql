-- One data key per request, wrapped by the master key. Erasing a request's words is destroying this row.
CREATE TABLE case_key (
    request_id    uuid  PRIMARY KEY REFERENCES case_file,
    territory_id  text  NOT NULL,
    wrapped_key   bytea NOT NULL
);

-- What a doctor said, and his words, sealed: they are free text on a person.
CREATE TABLE advice (
    advice_id            uuid        PRIMARY KEY,
    request_id           uuid        NOT NULL REFERENCES case_file,
    territory_id         text        NOT NULL,
    decision             text        NOT NULL CHECK (decision IN ('advice_only', 'appointment', 'fifteen')),
    urgency              text,
    modes                text[]      NOT NULL DEFAULT '{}',
    practitioner_id      uuid,
    decided_by           uuid        NOT NULL,
    decided_by_initials  text        NOT NULL,
    decided_at           timestamptz NOT NULL,
    words_sealed         bytea       NOT NULL
);
CREATE INDEX advice_of_a_request ON advice (territory_id, request_id, decided_at DESC, advice_id DESC);

-- Searches for an MT. At most one is live per person, whatever the code does.
CREATE TABLE search (
    search_id     uuid        PRIMARY KEY,
    patient_id    uuid        NOT NULL REFERENCES patient,
    territory_id  text        NOT NULL,
    request_id    uuid        NOT NULL,
    state         text        NOT NULL CHECK (state IN ('awaiting_consent', 'active', 'declined', 'ended')),
    number        integer     NOT NULL,  -- the person's first search is 1
    opened_at     timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL,
    commune       text,
    priority      text[]      NOT NULL DEFAULT '{}',
    CONSTRAINT search_numbered_per_patient UNIQUE (patient_id, number)
);
CREATE UNIQUE INDEX one_live_search_per_patient ON search (patient_id) WHERE state IN ('awaiting_consent', 'active');
CREATE INDEX search_by_age ON search (territory_id, state, opened_at, search_id);

-- Calls from the first ring. The number is sealed with a key of the call; nothing else of the caller is here.
CREATE TABLE call (
    id                   uuid        PRIMARY KEY,
    territory_id         text        NOT NULL,
    version              integer     NOT NULL CHECK (version >= 1),
    state                text        NOT NULL CHECK (state IN ('ringing', 'talking', 'abandoned', 'ended')),
    data_key             bytea,
    sealed_phone         bytea,
    rang_at              timestamptz NOT NULL,
    answered_at          timestamptz,
    answered_by          uuid,
    answered_by_initials text        NOT NULL DEFAULT '',
    ended_at             timestamptz,
    outcome              text,
    redial_due_at        timestamptz,
    redial_tries         integer     NOT NULL DEFAULT 0,
    CONSTRAINT call_answered_by_somebody CHECK ((answered_at IS NULL) = (answered_by IS NULL)),
    CONSTRAINT call_phone_has_its_key CHECK ((data_key IS NULL) = (sealed_phone IS NULL)),
    CONSTRAINT call_ended_has_its_hour CHECK ((state IN ('abandoned', 'ended')) = (ended_at IS NOT NULL))
);
CREATE INDEX call_by_state ON call (territory_id, state, rang_at, id);
CREATE INDEX call_by_secretary ON call (territory_id, answered_by, answered_at);
CREATE INDEX call_to_ring_back ON call (territory_id, redial_due_at) WHERE redial_due_at IS NOT NULL;

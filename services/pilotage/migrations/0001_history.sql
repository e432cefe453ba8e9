-- Every fact of the platform as it was told: the history from which all the rest here can be computed again.
CREATE TABLE event (
    event_id         uuid         PRIMARY KEY,
    territory_id     text         NOT NULL,
    type             text         NOT NULL,
    topic            text         NOT NULL,
    key              text         NOT NULL,
    version          integer      NOT NULL,
    occurred_at      timestamptz  NOT NULL,
    recorded_at      timestamptz  NOT NULL,
    folded_at        timestamptz  NOT NULL DEFAULT clock_timestamp(),
    request_id       uuid,
    call_id          uuid,
    patient_id       uuid,
    practitioner_id  uuid,
    appointment_id   uuid,
    body             jsonb        NOT NULL,
    partition        integer      NOT NULL,
    log_offset       bigint       NOT NULL
);
CREATE INDEX event_of_request ON event (territory_id, request_id) WHERE request_id IS NOT NULL;
CREATE INDEX event_of_call ON event (territory_id, call_id) WHERE topic = 'intake.calls';
CREATE INDEX event_of_search ON event (territory_id, patient_id) WHERE topic = 'orientation.attachments';
CREATE INDEX event_by_hour ON event (territory_id, occurred_at);

-- How far the log was read, and which log: positions of another cluster mean nothing.
CREATE TABLE projector_state (
    only_row     boolean  PRIMARY KEY DEFAULT true CHECK (only_row),
    cluster_id   text,
    redelivered  bigint   NOT NULL DEFAULT 0
);
INSERT INTO projector_state DEFAULT VALUES;
CREATE TABLE projector_position (
    topic        text     NOT NULL,
    partition    integer  NOT NULL,
    next_offset  bigint   NOT NULL,
    PRIMARY KEY (topic, partition)
);

-- What regulation knows of a request: the aggregate that is locked, one row per request heard of.
CREATE TABLE case_file (
    request_id         uuid        PRIMARY KEY,
    territory_id       text        NOT NULL,
    version            integer     NOT NULL DEFAULT 0,
    request_version    integer     NOT NULL DEFAULT 0,
    voice_answered_at  timestamptz,
    ended_as           text,
    ended_at           timestamptz,
    CONSTRAINT case_file_end_has_a_code CHECK ((ended_as IS NULL) = (ended_at IS NULL))
);

-- One inbox's view of a request. `state` is derived by the domain from this row and its file, kept for the lists.
CREATE TABLE handed_case (
    request_id                uuid        NOT NULL REFERENCES case_file,
    inbox                     text        NOT NULL CHECK (inbox IN ('fifteen', 'duty_doctor')),
    territory_id              text        NOT NULL,
    state                     text        NOT NULL CHECK (state IN ('delivered', 'acknowledged', 'decided', 'closed')),
    urgency                   text        NOT NULL,
    danger                    smallint    NOT NULL,  -- 0 is the most dangerous
    opened_at                 timestamptz NOT NULL,
    provisional               boolean     NOT NULL,
    confirmed                 boolean     NOT NULL,
    channel                   text,
    due_at                    timestamptz,
    duty_doctor_id            uuid,
    handed_by                 uuid,
    handed_by_initials        text,
    breathing                 text,
    consciousness             text,
    chest_or_collapse         text,
    age_band                  text,
    sex                       text,
    commune                   text,
    reason                    text,
    flags                     text[]      NOT NULL DEFAULT '{}',
    caller_on_line            boolean,
    cause                     text,
    received_at               timestamptz NOT NULL,
    acknowledged_at           timestamptz,
    acknowledged_by           uuid,
    acknowledged_by_initials  text,
    acknowledged_role         text        CHECK (acknowledged_role IN ('arm', 'regulator')),
    taken_at                  timestamptz,
    taken_by                  uuid,
    taken_by_initials         text,
    answered                  text,
    answered_at               timestamptz,
    answered_by               uuid,
    answered_by_initials      text,
    overdue_for               timestamptz,
    withdrawn_at              timestamptz,
    CONSTRAINT handed_case_one_per_inbox PRIMARY KEY (request_id, inbox)
);
CREATE INDEX handed_case_open ON handed_case (territory_id, inbox, danger, opened_at, request_id) WHERE state IN ('delivered', 'acknowledged');
CREATE INDEX handed_case_taken_by ON handed_case (territory_id, taken_by, danger, opened_at, request_id) WHERE state <> 'closed';
CREATE INDEX handed_case_acknowledged_by ON handed_case (territory_id, acknowledged_by, danger, opened_at, request_id) WHERE state <> 'closed';
CREATE INDEX handed_case_history ON handed_case (territory_id, inbox, opened_at);

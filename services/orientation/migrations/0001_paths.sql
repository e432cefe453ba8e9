-- One row per person heard of: the aggregate that is locked. No identity: ids, age band, commune, flags.
CREATE TABLE patient (
    patient_id       uuid    PRIMARY KEY,
    territory_id     text    NOT NULL,
    version          integer NOT NULL DEFAULT 0,
    patient_version  integer NOT NULL DEFAULT 0  -- how far intake's patient was followed
);

-- The freshest word of each source on the person; which one counts is the domain's rule.
CREATE TABLE patient_profile (
    patient_id    uuid        NOT NULL REFERENCES patient,
    source        text        NOT NULL CHECK (source IN ('registration', 'qualification')),
    territory_id  text        NOT NULL,
    said_at       timestamptz NOT NULL,
    version       integer     NOT NULL,
    without_mt    boolean     NOT NULL,
    age_band      text        NOT NULL,
    commune       text        NOT NULL,
    flags         text[]      NOT NULL DEFAULT '{}',
    PRIMARY KEY (patient_id, source)
);

-- « Voulez-vous qu'on vous aide ? »: every answer with its instant, the history of the consent.
CREATE TABLE mt_help_answer (
    event_id      uuid        PRIMARY KEY,
    patient_id    uuid        NOT NULL REFERENCES patient,
    territory_id  text        NOT NULL,
    request_id    uuid        NOT NULL,
    answer        text        NOT NULL CHECK (answer IN ('yes', 'no', 'later')),
    answered_at   timestamptz NOT NULL,
    version       integer     NOT NULL
);
CREATE INDEX mt_help_answer_of_a_patient ON mt_help_answer (patient_id);

-- Closed acts, and whether the doctor would become the MT (for the matching).
CREATE TABLE contact (
    appointment_id   uuid        PRIMARY KEY,
    patient_id       uuid        NOT NULL REFERENCES patient,
    territory_id     text        NOT NULL,
    request_id       uuid        NOT NULL,
    practitioner_id  uuid        NOT NULL,
    outcome          text        NOT NULL,
    closed_at        timestamptz NOT NULL,
    version          integer     NOT NULL,
    would_be_mt      text        CHECK (would_be_mt IN ('yes', 'no', 'later'))
);
CREATE INDEX contact_of_a_patient ON contact (patient_id);
CREATE INDEX contact_would_be_mt ON contact (territory_id, practitioner_id) WHERE would_be_mt = 'yes';

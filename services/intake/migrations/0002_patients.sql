-- People. `sealed` is the whole identity under the data key of the patient: destroying the key erases the person.
CREATE TABLE patient (
    id              uuid        PRIMARY KEY,
    territory_id    text        NOT NULL,
    version         integer     NOT NULL CHECK (version >= 1),
    data_key        bytea       NOT NULL,
    sealed          bytea       NOT NULL,
    commune         text        NOT NULL,
    cell            text,
    mt              text        NOT NULL CHECK (mt IN ('none', 'has', 'absent')),
    flags           text[]      NOT NULL DEFAULT '{}',
    contact_rule    text        NOT NULL CHECK (contact_rule IN ('sms_ok', 'voice_only', 'only_hours', 'no_contact')),
    identity_status text        NOT NULL DEFAULT 'provisoire' CHECK (identity_status IN ('provisoire', 'recuperee')),
    registered_at   timestamptz NOT NULL,
    last_contact_at timestamptz
);
CREATE INDEX patient_of_territory ON patient (territory_id, id);

-- « Voulez-vous qu'on vous aide à trouver un médecin traitant ? »: the consent with its instant, never overwritten.
CREATE TABLE mt_help_answer (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    territory_id text        NOT NULL,
    patient_id   uuid        NOT NULL REFERENCES patient (id),
    request_id   uuid        NOT NULL,
    answer       text        NOT NULL CHECK (answer IN ('yes', 'no', 'later')),
    answered_at  timestamptz NOT NULL,
    taken_by     uuid        NOT NULL
);
CREATE INDEX mt_help_answer_of_patient ON mt_help_answer (territory_id, patient_id, id);

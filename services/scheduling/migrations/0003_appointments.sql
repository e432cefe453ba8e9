-- Scheduling's copy of a request: the last qualification, and what we answered to it. A row without `qualified` is a marker that
-- came first (a cancellation, a hand-over): it wins over the qualification that comes late.
CREATE TABLE request (
    territory_id     text         NOT NULL,
    id               uuid         NOT NULL,
    version          integer      NOT NULL,
    own_version      integer      NOT NULL DEFAULT 0,
    decided_version  integer      NOT NULL DEFAULT 0,
    qualified        jsonb,
    ended_cause      text,
    paused_cause     text,
    PRIMARY KEY (territory_id, id)
);

-- What was shown to the secretary, as shown: one row a line of the list.
CREATE TABLE proposal (
    id               uuid         NOT NULL PRIMARY KEY,
    territory_id     text         NOT NULL,
    request_id       uuid         NOT NULL,
    search_id        uuid         NOT NULL,
    shown_at         timestamptz  NOT NULL,
    shown_to         uuid,
    rank             integer      NOT NULL CHECK (rank > 0),
    slot_id          uuid         NOT NULL,
    practitioner_id  uuid         NOT NULL,
    mode             text         NOT NULL,
    starts_at        timestamptz  NOT NULL,
    travel_minutes   integer,
    cost             float8       NOT NULL,
    why              text         NOT NULL
);
CREATE INDEX proposal_of_request ON proposal (territory_id, request_id, shown_at);
CREATE INDEX proposal_of_search ON proposal (search_id);

CREATE TABLE appointment (
    id                       uuid         NOT NULL PRIMARY KEY,
    territory_id             text         NOT NULL,
    request_id               uuid         NOT NULL,
    patient_id               uuid         NOT NULL,
    practitioner_id          uuid         NOT NULL,
    billing_practitioner_id  uuid         NOT NULL,
    slot_id                  uuid         NOT NULL,
    round_id                 uuid         REFERENCES round (id),
    mode                     text         NOT NULL CHECK (mode IN ('visit', 'teleconsultation', 'surgery')),
    starts_at                timestamptz  NOT NULL,
    ends_at                  timestamptz  NOT NULL,
    on_date                  date         NOT NULL,
    window_starts_at         timestamptz,
    window_ends_at           timestamptz,
    planned_at               timestamptz  NOT NULL,
    travel_minutes           integer,
    x_metres                 float8,
    y_metres                 float8,
    state                    text         NOT NULL CHECK (state IN ('booked', 'cancelled', 'closed')),
    cancel_cause             text,
    path                     text         NOT NULL CHECK (path IN ('assisted', 'automatic')),
    rank                     integer      NOT NULL,
    why                      text         NOT NULL,
    booked_at                timestamptz  NOT NULL,
    booked_by                uuid,
    booked_by_initials       text         NOT NULL,
    qualified_version        integer      NOT NULL,
    version                  integer      NOT NULL,
    outcome                  text,
    outcome_at               timestamptz,
    outcome_by               uuid,
    would_be_mt              text,
    triage                   text,
    tariff                   text,
    CONSTRAINT closed_has_an_outcome CHECK ((state = 'closed') = (outcome IS NOT NULL)),
    CONSTRAINT cancelled_has_a_cause CHECK ((state = 'cancelled') = (cancel_cause IS NOT NULL)),
    CONSTRAINT visit_has_a_window CHECK ((mode = 'visit') = (window_starts_at IS NOT NULL AND window_ends_at IS NOT NULL AND round_id IS NOT NULL)),
    FOREIGN KEY (territory_id, request_id) REFERENCES request (territory_id, id)
);
CREATE UNIQUE INDEX one_live_appointment_per_request ON appointment (territory_id, request_id) WHERE state = 'booked';
CREATE INDEX appointment_of_request ON appointment (territory_id, request_id, booked_at);
CREATE INDEX appointment_by_day ON appointment (territory_id, practitioner_id, on_date);
CREATE INDEX appointment_of_round ON appointment (round_id) WHERE state = 'booked';
CREATE INDEX video_by_billing_day ON appointment (billing_practitioner_id, on_date) WHERE mode = 'teleconsultation' AND state <> 'cancelled';

-- Codes proposed for an act, and those that the doctor kept: what, by whom, when, with the caution that was on the screen.
CREATE TABLE act (
    appointment_id           uuid           NOT NULL REFERENCES appointment (id),
    territory_id             text           NOT NULL,
    code                     text           NOT NULL,
    label                    text           NOT NULL,
    amount_euros             numeric(7, 2)  NOT NULL CHECK (amount_euros >= 0),
    caution                  text,
    proposed                 boolean        NOT NULL,
    proposed_at              timestamptz    NOT NULL,
    kept                     boolean,
    kept_by                  uuid,
    kept_at                  timestamptz,
    seen_by_practitioner_id  uuid           NOT NULL,
    billing_practitioner_id  uuid           NOT NULL,
    PRIMARY KEY (appointment_id, code),
    CONSTRAINT kept_by_somebody CHECK ((kept IS NULL) = (kept_by IS NULL AND kept_at IS NULL))
);
CREATE INDEX snp_of_week ON act (billing_practitioner_id, proposed_at) WHERE code = 'SNP';

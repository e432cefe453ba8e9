-- Slots are rows, made 28 days ahead. A round is a period given to visits: its places are slots too.
CREATE TABLE round (
    id               uuid         NOT NULL PRIMARY KEY,
    territory_id     text         NOT NULL,
    practitioner_id  uuid         NOT NULL,
    on_date          date         NOT NULL,
    starts_at        timestamptz  NOT NULL,
    ends_at          timestamptz  NOT NULL,
    last_start_at    timestamptz  NOT NULL,
    capacity         integer      NOT NULL CHECK (capacity > 0),
    CONSTRAINT round_once UNIQUE (territory_id, practitioner_id, starts_at),
    FOREIGN KEY (territory_id, practitioner_id) REFERENCES practitioner (territory_id, id)
);

-- `blocked_until` and `blocked_by` repeat what `period` says, for a search that reads one index: infinity = booked, an instant = held.
-- They are a hint; the constraints of `period` are the law.
CREATE TABLE slot (
    id               uuid         NOT NULL PRIMARY KEY,
    territory_id     text         NOT NULL,
    practitioner_id  uuid         NOT NULL,
    mode             text         NOT NULL CHECK (mode IN ('visit', 'teleconsultation', 'surgery')),
    starts_at        timestamptz  NOT NULL,
    ends_at          timestamptz  NOT NULL,
    on_date          date         NOT NULL,
    protected        boolean      NOT NULL,
    round_id         uuid         REFERENCES round (id),
    blocked_until    timestamptz  NOT NULL DEFAULT '-infinity',
    blocked_by       uuid,
    CONSTRAINT slot_runs_forward CHECK (starts_at < ends_at),
    CONSTRAINT visit_has_a_round CHECK ((mode = 'visit') = (round_id IS NOT NULL)),
    CONSTRAINT slot_once UNIQUE (territory_id, practitioner_id, mode, starts_at),
    FOREIGN KEY (territory_id, practitioner_id) REFERENCES practitioner (territory_id, id)
);
CREATE INDEX slot_by_day ON slot (territory_id, practitioner_id, on_date) INCLUDE (blocked_until);
CREATE INDEX slot_by_start ON slot (territory_id, starts_at);
CREATE INDEX slot_across_territories ON slot (practitioner_id, starts_at);

-- Who has a doctor's time: appointments, holds, rounds. One table, so that they exclude each other whatever the territory.
-- A visit and its hold lie inside their round: there they exclude each other.
CREATE TABLE period (
    id                uuid         NOT NULL PRIMARY KEY,
    territory_id      text         NOT NULL,
    practitioner_id   uuid         NOT NULL,
    kind              text         NOT NULL CHECK (kind IN ('appointment', 'hold', 'round')),
    during            tstzrange    NOT NULL CHECK (NOT isempty(during)),
    slot_id           uuid,
    inside_round_id   uuid,
    request_id        uuid,
    held_by           uuid,
    held_by_initials  text,
    expires_at        timestamptz,
    CONSTRAINT appointment_no_overlap EXCLUDE USING gist (practitioner_id WITH =, during WITH &&) WHERE (inside_round_id IS NULL),
    CONSTRAINT visit_no_overlap EXCLUDE USING gist (inside_round_id WITH =, during WITH &&) WHERE (inside_round_id IS NOT NULL),
    CONSTRAINT hold_expires CHECK ((kind = 'hold') = (expires_at IS NOT NULL AND held_by IS NOT NULL AND held_by_initials IS NOT NULL)),
    CONSTRAINT round_has_no_slot CHECK ((kind = 'round') = (slot_id IS NULL)),
    CONSTRAINT somebody_is_served CHECK ((kind = 'round') = (request_id IS NULL))
);
CREATE INDEX period_of_slot ON period (slot_id) WHERE slot_id IS NOT NULL;
CREATE INDEX hold_of_request ON period (territory_id, request_id) WHERE kind = 'hold';

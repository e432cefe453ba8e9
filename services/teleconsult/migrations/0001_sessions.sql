-- The session of an appointment, whose id it has. A row without a booking remembers an end that was heard of first;
-- appointments in other modes leave such rows only when they end.
CREATE TABLE session (
    session_id       uuid        PRIMARY KEY,
    territory_id     text        NOT NULL,
    request_id       uuid        NOT NULL,
    version          integer     NOT NULL DEFAULT 0,
    booking_version  integer,
    practitioner_id  uuid,
    mode             text,
    starts_at        timestamptz,
    ends_at          timestamptz,
    announced        boolean     NOT NULL DEFAULT false,
    closed_as        text,
    closed_version   integer     NOT NULL DEFAULT 0,
    state            text        NOT NULL DEFAULT 'closed' CHECK (state IN ('open', 'closed')),
    CONSTRAINT session_booking_is_whole CHECK (
        num_nulls(booking_version, practitioner_id, mode, starts_at, ends_at) IN (0, 5)
    ),
    CONSTRAINT session_announced_is_booked CHECK (NOT announced OR booking_version IS NOT NULL)
);
CREATE INDEX session_of_a_practitioner ON session (territory_id, practitioner_id, starts_at, session_id) WHERE announced;

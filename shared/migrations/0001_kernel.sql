-- The kernel's tables, the same in every service's database.

-- The journal of what this service told the others. Rows are never deleted: a lost log is refilled from here.
CREATE TABLE outbox (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id      uuid        NOT NULL UNIQUE,
    topic         text        NOT NULL,
    key           text        NOT NULL,
    event_type    text        NOT NULL,
    body          bytea       NOT NULL,
    headers       jsonb       NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    published_at  timestamptz
);
CREATE INDEX outbox_pending ON outbox (id) WHERE published_at IS NULL;

-- Which log the relay published to, and how far a refill of a new one has come.
CREATE TABLE relay_state (
    only_row          boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    cluster_id        text,
    refill_from_id    bigint,
    refill_to_id      bigint,
    refill_requested  boolean NOT NULL DEFAULT false,
    CONSTRAINT refill_has_both_ends CHECK ((refill_from_id IS NULL) = (refill_to_id IS NULL))
);
INSERT INTO relay_state DEFAULT VALUES;

-- What was consumed. Permanent: a redelivered or refilled event is recognised years later.
CREATE TABLE inbox (
    consumer    text        NOT NULL,
    event_id    uuid        NOT NULL,
    claimed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer, event_id)
);
CREATE TABLE inbox_floor (
    consumer  text PRIMARY KEY,
    event_id  uuid NOT NULL
);

-- The log each group last read from: another cluster id means an empty log, read again from its beginning.
CREATE TABLE consumer_state (
    consumer    text PRIMARY KEY,
    cluster_id  text NOT NULL
);

CREATE TABLE dead_letter (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer         text        NOT NULL,
    event_id         uuid,
    event_type       text,
    topic            text        NOT NULL,
    partition        integer     NOT NULL,
    log_offset       bigint      NOT NULL,
    key              bytea,
    body             bytea,
    headers          jsonb       NOT NULL,
    reason           text        NOT NULL,
    error_class      text        NOT NULL,
    attempts         integer     NOT NULL CHECK (attempts > 0),
    first_failed_at  timestamptz NOT NULL,
    last_failed_at   timestamptz NOT NULL,
    replayed_at      timestamptz,
    discarded_at     timestamptz,
    CONSTRAINT dead_letter_once_per_event UNIQUE (consumer, event_id)
);
-- A record without a readable id has no event to be unique by: its place in the log is.
CREATE UNIQUE INDEX dead_letter_once_per_place ON dead_letter (consumer, topic, partition, log_offset) WHERE event_id IS NULL;
CREATE INDEX dead_letter_open ON dead_letter (id) WHERE replayed_at IS NULL AND discarded_at IS NULL;

-- Repeated commands are answered from the subject's present state; no body is kept.
CREATE TABLE idempotency_key (
    caller        uuid        NOT NULL,
    key           text        NOT NULL,
    request_hash  bytea       NOT NULL,
    status        integer     NOT NULL,
    subject_id    uuid        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (caller, key)
);
CREATE INDEX idempotency_key_age ON idempotency_key (created_at);

-- Promises with an hour (business clock): one row per kind and subject.
CREATE TABLE due_work (
    kind          text        NOT NULL,
    subject_id    uuid        NOT NULL,
    territory_id  text        NOT NULL,
    due_at        timestamptz NOT NULL,
    PRIMARY KEY (kind, subject_id)
);
CREATE INDEX due_work_by_hour ON due_work (due_at);

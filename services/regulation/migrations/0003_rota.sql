-- Copy of scheduling's rota: who answers advice between two instants. Where two overlap, the one said last counts.
CREATE TABLE duty_rota (
    territory_id     text        NOT NULL,
    practitioner_id  uuid        NOT NULL,
    starts_at        timestamptz NOT NULL,
    ends_at          timestamptz NOT NULL,
    deputy_id        uuid,
    version          integer     NOT NULL,
    said_at          timestamptz NOT NULL,
    PRIMARY KEY (territory_id, practitioner_id, starts_at),
    CONSTRAINT duty_rota_ends_after_it_starts CHECK (ends_at > starts_at)
);
CREATE INDEX duty_rota_by_end ON duty_rota (territory_id, ends_at);

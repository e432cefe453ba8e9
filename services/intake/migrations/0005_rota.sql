-- Copy of scheduling's rota: who answers advice. The fact that came to be last wins for its first instant.
CREATE TABLE duty (
    territory_id    text        NOT NULL,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    practitioner_id uuid        NOT NULL,
    deputy_id       uuid,
    named_at        timestamptz NOT NULL,
    PRIMARY KEY (territory_id, starts_at),
    CONSTRAINT duty_lasts CHECK (ends_at > starts_at)
);

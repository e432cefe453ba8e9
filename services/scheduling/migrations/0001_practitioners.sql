-- The pool: who offers what, when, and who answers advice. A doctor who works in two territories has a row in each, with the same id.
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE practitioner (
    territory_id             text     NOT NULL,
    id                       uuid     NOT NULL,
    display_name             text     NOT NULL,
    rpps                     text     NOT NULL,
    status                   text     NOT NULL CHECK (status IN ('titulaire', 'adjoint', 'remplacant', 'collaborateur', 'docteur_junior')),
    supervisor_id            uuid,
    billing_practitioner_id  uuid     NOT NULL,
    modes                    text[]   NOT NULL,
    commune                  text     NOT NULL,
    lon                      float8   NOT NULL,
    lat                      float8   NOT NULL,
    accepts_as_mt            boolean  NOT NULL,
    version                  integer  NOT NULL CHECK (version > 0),
    PRIMARY KEY (territory_id, id),
    CONSTRAINT practitioner_has_another_supervisor CHECK (supervisor_id <> id)
);

-- A week in local wall time; the lines of one doctor are replaced together.
CREATE TABLE availability (
    territory_id     text     NOT NULL,
    practitioner_id  uuid     NOT NULL,
    weekday          integer  NOT NULL CHECK (weekday BETWEEN 1 AND 7),
    from_time        time     NOT NULL,
    to_time          time     NOT NULL,
    mode             text     NOT NULL CHECK (mode IN ('visit', 'teleconsultation', 'surgery')),
    valid_from       date     NOT NULL,
    valid_to         date,
    protected        integer  NOT NULL CHECK (protected >= 0),
    CONSTRAINT availability_runs_forward CHECK (from_time < to_time AND valid_from <= coalesce(valid_to, valid_from)),
    FOREIGN KEY (territory_id, practitioner_id) REFERENCES practitioner (territory_id, id)
);
CREATE INDEX availability_of_practitioner ON availability (territory_id, practitioner_id);

CREATE TABLE duty (
    territory_id     text         NOT NULL,
    practitioner_id  uuid         NOT NULL,
    deputy_id        uuid,
    during           tstzrange    NOT NULL CHECK (NOT isempty(during)),
    CONSTRAINT one_duty_doctor_at_a_time EXCLUDE USING gist (territory_id WITH =, during WITH &&),
    FOREIGN KEY (territory_id, practitioner_id) REFERENCES practitioner (territory_id, id),
    FOREIGN KEY (territory_id, deputy_id) REFERENCES practitioner (territory_id, id)
);

-- Accounts of the platform's staff and their open sessions. No patient is ever here.
CREATE TABLE account (
    id               uuid PRIMARY KEY,
    login            text NOT NULL CONSTRAINT account_login_lower CHECK (login = lower(login) AND login <> ''),
    password_hash    text NOT NULL,
    display_name     text NOT NULL,
    initials         text NOT NULL,
    roles            text[] NOT NULL CONSTRAINT account_has_a_role CHECK (cardinality(roles) > 0),
    territory_id     text NOT NULL,
    practitioner_id  uuid,
    totp_secret      bytea,                 -- sealed; absent = no second factor
    totp_last_step   bigint NOT NULL DEFAULT 0,  -- a code is accepted once
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    disabled_at      timestamptz,
    CONSTRAINT one_account_per_login UNIQUE (login)
);

-- Sessions live in technical time: a simulated clock never signs anybody out.
CREATE TABLE session (
    token_hash  bytea PRIMARY KEY,
    account_id  uuid NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    opened_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at  timestamptz NOT NULL
);
CREATE INDEX session_by_account ON session (account_id);
CREATE INDEX session_by_end ON session (expires_at);

-- Computed from `event` for a subject as a whole, so that no order of arrival matters. Column names are those of services/pilotage/domain.

CREATE TABLE request_story (
    territory_id             text         NOT NULL,
    request_id               uuid         NOT NULL,
    reference                text         NOT NULL,
    call_id                  uuid,
    patient_id               uuid,
    origin                   text,
    rang_at                  timestamptz,
    received_at              timestamptz,
    contract_deadline        timestamptz,
    screened_at              timestamptz,
    screening                text,
    urgency                  text,
    red_flag                 boolean      NOT NULL,
    reason                   text,
    commune                  text,
    age_band                 text,
    sex                      text,
    without_mt               boolean,
    qualified_at             timestamptz,
    qualified_urgency        text,
    see_by                   timestamptz,
    modes                    text[]       NOT NULL,
    handed_over_at           timestamptz,
    dialled_at               timestamptz,
    voice_answered_at        timestamptz,
    voice_seconds            integer,
    acknowledged_at          timestamptz,
    case_decision            text,
    case_decided_at          timestamptz,
    advice_asked_at          timestamptz,
    advice_due_at            timestamptz,
    advice_given_at          timestamptz,
    advice_decision          text,
    callback_due_at          timestamptz,
    booked_at                timestamptz,
    appointment_id           uuid,
    appointment_live         boolean      NOT NULL,
    mode                     text,
    practitioner_id          uuid,
    starts_at                timestamptz,
    ends_at                  timestamptz,
    path                     text,
    unallocated_at           timestamptz,
    act_outcome              text,
    act_closed_at            timestamptz,
    missed_at                timestamptz,
    answered_at              timestamptz,
    state                    text         NOT NULL,
    since_at                 timestamptz,
    owner                    text,
    due_at                   timestamptz,
    outcome                  text,
    ended_at                 timestamptz,
    event_count              integer      NOT NULL,
    versions                 jsonb        NOT NULL,
    PRIMARY KEY (territory_id, request_id)
);
CREATE INDEX request_story_by_day ON request_story (territory_id, rang_at);
CREATE INDEX request_story_by_reference ON request_story (territory_id, reference);
CREATE INDEX request_story_open ON request_story (territory_id) WHERE ended_at IS NULL;

CREATE TABLE call_story (
    territory_id    text         NOT NULL,
    call_id         uuid         NOT NULL,
    rang_at         timestamptz  NOT NULL,
    answered_at     timestamptz,
    waited_seconds  integer,
    abandoned_at    timestamptz,
    ended_at        timestamptz,
    talked_seconds  integer,
    outcome         text,
    request_count   integer      NOT NULL,
    event_count     integer      NOT NULL,
    PRIMARY KEY (territory_id, call_id)
);
CREATE INDEX call_story_by_day ON call_story (territory_id, rang_at);
CREATE INDEX call_story_open ON call_story (territory_id) WHERE ended_at IS NULL AND abandoned_at IS NULL;

CREATE TABLE appointment_story (
    territory_id             text         NOT NULL,
    appointment_id           uuid         NOT NULL,
    request_id               uuid         NOT NULL,
    practitioner_id          uuid         NOT NULL,
    billing_practitioner_id  uuid,
    slot_id                  uuid,
    mode                     text,
    starts_at                timestamptz,
    ends_at                  timestamptz,
    booked_at                timestamptz,
    path                     text,
    rank                     integer,
    why                      text,
    cancelled_at             timestamptz,
    cancel_cause             text,
    closed_at                timestamptz,
    outcome                  text,
    acts                     jsonb        NOT NULL,
    tariff                   text,
    PRIMARY KEY (territory_id, appointment_id)
);
CREATE INDEX appointment_story_of_request ON appointment_story (territory_id, request_id);
CREATE INDEX appointment_story_by_start ON appointment_story (territory_id, starts_at);
CREATE INDEX appointment_story_by_close ON appointment_story (territory_id, closed_at) WHERE closed_at IS NOT NULL;

-- One row a code of a closed appointment: what a month of activity is added up from.
CREATE TABLE act (
    territory_id             text           NOT NULL,
    appointment_id           uuid           NOT NULL,
    request_id               uuid           NOT NULL,
    place                    integer        NOT NULL,
    practitioner_id          uuid           NOT NULL,
    billing_practitioner_id  uuid           NOT NULL,
    mode                     text           NOT NULL,
    closed_at                timestamptz    NOT NULL,
    outcome                  text           NOT NULL,
    code                     text           NOT NULL,
    amount_euros             numeric(9, 2)  NOT NULL,
    PRIMARY KEY (territory_id, appointment_id, place)
);
CREATE INDEX act_of_request ON act (territory_id, request_id);
CREATE INDEX act_by_close ON act (territory_id, closed_at);

CREATE TABLE slot_offer (
    territory_id      text     NOT NULL,
    practitioner_id   uuid     NOT NULL,
    on_date           date     NOT NULL,
    version           integer  NOT NULL,
    visit             integer  NOT NULL,
    teleconsultation  integer  NOT NULL,
    surgery           integer  NOT NULL,
    PRIMARY KEY (territory_id, on_date, practitioner_id)
);
CREATE TABLE practitioner (
    territory_id     text     NOT NULL,
    practitioner_id  uuid     NOT NULL,
    version          integer  NOT NULL,
    display_name     text     NOT NULL,
    status           text     NOT NULL,
    PRIMARY KEY (territory_id, practitioner_id)
);

-- The service's role may not change tables; emptying them before a rebuild is the one thing it needs beyond rows.
CREATE FUNCTION empty_history() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    TRUNCATE event, request_story, call_story, appointment_story, act, slot_offer, practitioner, projector_position;
    UPDATE projector_state SET redelivered = 0;
$$;

-- Requests. `progress` holds codes, ids and instants only; what was said freely is in `sealed`, under the key of the patient once there is one.
CREATE TABLE request (
    id           uuid        PRIMARY KEY,
    territory_id text        NOT NULL,
    version      integer     NOT NULL CHECK (version >= 1),
    state        text        NOT NULL CHECK (state IN ('received', 'screened', 'qualified', 'booked', 'honoured', 'missed', 'cancelled', 'closed',
                                 'handed_over', 'advice_pending', 'callback_promised', 'waiting_slot', 'recontact_due', 'unallocated')),
    owner        text        CHECK (owner IN ('desk', 'duty_doctor', 'fifteen', 'scheduling', 'practitioner')),
    due_at       timestamptz,
    urgency      text        CHECK (urgency IN ('red_flag', 'advice', 'same_day', 'within_48h', 'planned')),
    call_id      uuid        REFERENCES call (id),
    patient_id   uuid        REFERENCES patient (id),
    received_at  timestamptz NOT NULL,
    check_15_at  timestamptz,
    progress     jsonb       NOT NULL,
    data_key     bytea,
    sealed       bytea       NOT NULL,
    CONSTRAINT request_open_has_owner_and_due_at CHECK (
        (state IN ('honoured', 'missed', 'cancelled', 'closed')) = (owner IS NULL) AND (owner IS NULL) = (due_at IS NULL)
    ),
    CONSTRAINT request_sealed_by_one_key CHECK ((data_key IS NULL) = (patient_id IS NOT NULL))
);
CREATE INDEX request_worklist ON request (territory_id, due_at, id) WHERE owner IS NOT NULL;
CREATE INDEX request_by_state ON request (territory_id, state, received_at, id);
CREATE INDEX request_by_arrival ON request (territory_id, received_at, id);
CREATE INDEX request_of_call ON request (call_id);
CREATE INDEX request_of_patient ON request (territory_id, patient_id, received_at);
CREATE INDEX request_check_15 ON request (territory_id, check_15_at) WHERE check_15_at IS NOT NULL;

-- Answers as they were given, with the version of the questions. Append only.
CREATE TABLE answer (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    territory_id text        NOT NULL,
    request_id   uuid        NOT NULL REFERENCES request (id),
    question_set text        NOT NULL,
    question     text        NOT NULL,
    answer       text        NOT NULL CHECK (answer IN ('yes', 'no', 'unknown')),
    answered_at  timestamptz NOT NULL,
    taken_by     uuid        NOT NULL
);
CREATE INDEX answer_of_request ON answer (territory_id, request_id, id);

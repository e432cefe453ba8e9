-- A request id belongs to the territory that hands it over: what another territory says of the same id neither takes nor blocks it.
ALTER TABLE handed_case DROP CONSTRAINT handed_case_request_id_fkey, DROP CONSTRAINT handed_case_one_per_inbox;
ALTER TABLE case_key DROP CONSTRAINT case_key_request_id_fkey, DROP CONSTRAINT case_key_pkey;
ALTER TABLE advice DROP CONSTRAINT advice_request_id_fkey;
ALTER TABLE case_file DROP CONSTRAINT case_file_pkey, ADD PRIMARY KEY (territory_id, request_id);
ALTER TABLE handed_case
    ADD CONSTRAINT handed_case_one_per_inbox PRIMARY KEY (territory_id, request_id, inbox),
    ADD FOREIGN KEY (territory_id, request_id) REFERENCES case_file;
ALTER TABLE case_key ADD PRIMARY KEY (territory_id, request_id), ADD FOREIGN KEY (territory_id, request_id) REFERENCES case_file;
ALTER TABLE advice ADD FOREIGN KEY (territory_id, request_id) REFERENCES case_file;

-- What else is known of a request: whom it was for, where it came from, what it was answered with, why it failed.
ALTER TABLE spend_log ADD COLUMN answer_id TEXT;        -- `id` of the answer
ALTER TABLE spend_log ADD COLUMN end_user TEXT;         -- the caller's own user
ALTER TABLE spend_log ADD COLUMN request_tags TEXT;     -- a JSON list of texts; absent where there are none
ALTER TABLE spend_log ADD COLUMN requester_ip TEXT;
ALTER TABLE spend_log ADD COLUMN api_base TEXT;
ALTER TABLE spend_log ADD COLUMN key_alias TEXT;        -- the key's at that time
ALTER TABLE spend_log ADD COLUMN error_class TEXT;
ALTER TABLE spend_log ADD COLUMN error_message TEXT;

CREATE INDEX spend_log_answer ON spend_log (answer_id);

-- What few requests have: the id of their trace, and their attempts, if there was more than one: a JSON list of objects with
-- `deployment_id`, `model`, `status`, `began_ms` and `error`.
ALTER TABLE spend_request ADD COLUMN trace_id TEXT;
ALTER TABLE spend_request ADD COLUMN attempts TEXT;

DROP VIEW spend_log;

CREATE VIEW spend_log AS
SELECT spend_request.segment, position, call_id, token, user_id, team_id, mode, model_group, deployment_id, model,
    requests, status, prompt_tokens, completion_tokens, cached_tokens, cache_write_tokens, reasoning_tokens, cost,
    started_at, duration_ms, first_token_ms, answer_id, end_user, request_tags, requester_ip, api_base, key_alias,
    error_class, error_message, trace_id, attempts
FROM spend_request
JOIN spend_kind ON spend_kind.segment = spend_request.segment AND spend_kind.kind = spend_request.kind;

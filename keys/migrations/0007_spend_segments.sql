-- The spend log in segments of some thousand requests. Every index begins with the segment, and a service fills one
-- segment at a time: recording changes only the pages of that one, however long the log is, and what is old is deleted
-- by the segment.
CREATE TABLE spend_segment (
    id        BIGINT PRIMARY KEY,       -- when it was begun
    first_at  BIGINT NOT NULL,          -- no request of it started earlier
    last_at   BIGINT NOT NULL           -- nor later
);

-- What requests of a segment have in common.
CREATE TABLE spend_kind (
    segment        BIGINT NOT NULL,
    kind           BIGINT NOT NULL,     -- its number in the segment
    token          TEXT,                -- absent for the master key
    user_id        TEXT,                -- the key's at that time, like the next two
    team_id        TEXT,
    key_alias      TEXT,
    mode           TEXT NOT NULL,
    model_group    TEXT NOT NULL,
    deployment_id  TEXT NOT NULL,
    model          TEXT NOT NULL,
    api_base       TEXT,
    PRIMARY KEY (segment, kind)
);

CREATE TABLE spend_request (
    segment             BIGINT NOT NULL,
    position            BIGINT NOT NULL,  -- its number in the segment
    kind                BIGINT NOT NULL,
    call_id             TEXT NOT NULL,
    answer_id           TEXT,             -- `id` of the response
    requests            BIGINT NOT NULL,  -- that the row adds up; 1 but after a long absence of this service
    status              BIGINT NOT NULL,
    prompt_tokens       BIGINT NOT NULL,
    completion_tokens   BIGINT NOT NULL,
    cached_tokens       BIGINT NOT NULL,
    cache_write_tokens  BIGINT NOT NULL,
    reasoning_tokens    BIGINT NOT NULL,
    cost                BIGINT,           -- absent when the price is not known
    started_at          BIGINT NOT NULL,
    duration_ms         BIGINT NOT NULL,
    end_user            TEXT,             -- the caller's own user
    request_tags        TEXT,             -- a JSON list of texts; absent where there are none
    requester_ip        TEXT,
    error_class         TEXT,
    error_message       TEXT
);

-- The log so far.
CREATE TABLE spend_converted AS
SELECT numbered.*,
    DENSE_RANK() OVER (
        PARTITION BY segment
        ORDER BY token, user_id, team_id, key_alias, mode, model_group, deployment_id, model, api_base
    ) AS kind
FROM (
    SELECT ordered.*, number / 4096 AS segment, number % 4096 AS place
    FROM (
        SELECT spend_log.*, ROW_NUMBER() OVER (ORDER BY started_at, batch_id, position) - 1 AS number FROM spend_log
    ) AS ordered
) AS numbered;

INSERT INTO spend_segment (id, first_at, last_at)
SELECT segment, MIN(started_at), MAX(started_at) FROM spend_converted GROUP BY segment;

INSERT INTO spend_kind (
    segment, kind, token, user_id, team_id, key_alias, mode, model_group, deployment_id, model, api_base
)
SELECT DISTINCT segment, kind, token, user_id, team_id, key_alias, mode, model_group, deployment_id, model, api_base
FROM spend_converted;

INSERT INTO spend_request (
    segment, position, kind, call_id, answer_id, requests, status, prompt_tokens, completion_tokens, cached_tokens,
    cache_write_tokens, reasoning_tokens, cost, started_at, duration_ms, end_user, request_tags, requester_ip,
    error_class, error_message
)
SELECT segment, place, kind, call_id, answer_id, requests, status, prompt_tokens, completion_tokens, cached_tokens,
    cache_write_tokens, reasoning_tokens, cost, started_at, duration_ms, end_user, request_tags, requester_ip,
    error_class, error_message
FROM spend_converted ORDER BY segment, place;

DROP TABLE spend_converted;
DROP TABLE spend_log;

CREATE INDEX spend_kind_token ON spend_kind (segment, token);
CREATE INDEX spend_kind_user ON spend_kind (segment, user_id);
CREATE INDEX spend_request_kind ON spend_request (segment, kind);
CREATE INDEX spend_request_call ON spend_request (segment, call_id);
CREATE INDEX spend_request_answer ON spend_request (segment, answer_id);

-- A row for each request.
CREATE VIEW spend_log AS
SELECT spend_request.segment, position, call_id, token, user_id, team_id, mode, model_group, deployment_id, model,
    requests, status, prompt_tokens, completion_tokens, cached_tokens, cache_write_tokens, reasoning_tokens, cost,
    started_at, duration_ms, answer_id, end_user, request_tags, requester_ip, api_base, key_alias, error_class,
    error_message
FROM spend_request
JOIN spend_kind ON spend_kind.segment = spend_request.segment AND spend_kind.kind = spend_request.kind;

-- What was used by hour, day and month, so that reports do not read the log. Recording usage adds to these rows in its own
-- transaction.
CREATE TABLE usage_series (
    id             BIGINT PRIMARY KEY,  -- a hash of the other columns
    scope          BIGINT NOT NULL,     -- 0: all requests; by 1: team, 2: user, 3: key, 4: end user, 5: tag
    name           TEXT NOT NULL,       -- of the team, user, key (its hash), end user or tag; empty for all requests
    token          TEXT NOT NULL,       -- of a key and of an end user; empty for the master key and in other scopes
    user_id        TEXT NOT NULL,       -- of a key, at that time; empty if there is none
    team_id        TEXT NOT NULL,       -- of a key and of the key of an end user, at that time; empty if there is none
    model_group    TEXT NOT NULL,
    model          TEXT NOT NULL,       -- provider/model; empty if no deployment responded
    mode           TEXT NOT NULL,
    deployment_id  TEXT NOT NULL,       -- of all requests; empty in other scopes
    api_base       TEXT NOT NULL        -- of all requests; empty in other scopes
);

CREATE INDEX usage_series_name ON usage_series (scope, name);
CREATE INDEX usage_series_user ON usage_series (scope, user_id);
CREATE INDEX usage_series_team ON usage_series (scope, team_id);

CREATE TABLE usage_rollup (
    scope               BIGINT NOT NULL,
    unit                BIGINT NOT NULL,  -- 0: hour, 1: day, 2: month
    at                  BIGINT NOT NULL,  -- its start (UTC), hours since 1970
    series              BIGINT NOT NULL,
    requests            BIGINT NOT NULL,
    successes           BIGINT NOT NULL,
    spend               BIGINT NOT NULL,  -- picodollars
    prompt_tokens       BIGINT NOT NULL,
    completion_tokens   BIGINT NOT NULL,
    cached_tokens       BIGINT NOT NULL,
    cache_write_tokens  BIGINT NOT NULL,
    reasoning_tokens    BIGINT NOT NULL,
    cache_hits          BIGINT NOT NULL,  -- requests with cached tokens
    timed_requests      BIGINT NOT NULL,  -- requests that a deployment answered
    duration_ms         BIGINT NOT NULL,  -- of those, the sum
    streamed_requests   BIGINT NOT NULL,  -- of those, with a known time to the first token
    first_token_ms      BIGINT NOT NULL,  -- of those, the sum
    PRIMARY KEY (scope, unit, at, series)
);

CREATE INDEX usage_rollup_series ON usage_rollup (series, unit, at);

-- Histograms of all requests.
CREATE TABLE usage_latency (
    unit      BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    series    BIGINT NOT NULL,
    measure   BIGINT NOT NULL,  -- 0: duration, 1: time to first token
    bucket    BIGINT NOT NULL,
    requests  BIGINT NOT NULL,
    PRIMARY KEY (unit, at, series, measure, bucket)
);

CREATE TABLE usage_failure (
    scope     BIGINT NOT NULL,
    unit      BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    series    BIGINT NOT NULL,
    status    BIGINT NOT NULL,
    class     TEXT NOT NULL,
    requests  BIGINT NOT NULL,
    PRIMARY KEY (scope, unit, at, series, status, class)
);

CREATE INDEX usage_failure_series ON usage_failure (series, unit, at);

-- Segments of the log from before these tables, until they are added.
CREATE TABLE usage_unfilled (
    segment  BIGINT PRIMARY KEY
);

INSERT INTO usage_unfilled (segment) SELECT id FROM spend_segment;

ALTER TABLE spend_request ADD COLUMN first_token_ms BIGINT;  -- of a stream

DROP VIEW spend_log;

CREATE VIEW spend_log AS
SELECT spend_request.segment, position, call_id, token, user_id, team_id, mode, model_group, deployment_id, model,
    requests, status, prompt_tokens, completion_tokens, cached_tokens, cache_write_tokens, reasoning_tokens, cost,
    started_at, duration_ms, first_token_ms, answer_id, end_user, request_tags, requester_ip, api_base, key_alias,
    error_class, error_message
FROM spend_request
JOIN spend_kind ON spend_kind.segment = spend_request.segment AND spend_kind.kind = spend_request.kind;

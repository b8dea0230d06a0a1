-- The same file runs on SQLite and on Postgres, so only types that both have and that sqlx's `Any` driver reads:
-- TEXT, BIGINT, DOUBLE PRECISION. Money is picodollars (1e-12 USD), a moment is microseconds since 1970,
-- a truth value is 0 or 1, a document is JSON text.

CREATE TABLE virtual_key (
    token            TEXT PRIMARY KEY,  -- SHA-256 of the key, 64 hexadecimal digits
    key_name         TEXT NOT NULL,     -- sk-...last4
    key_alias        TEXT UNIQUE,
    user_id          TEXT,
    team_id          TEXT,
    organization_id  TEXT,
    budget_id        TEXT,
    max_budget       DOUBLE PRECISION,  -- USD, as the operator wrote it
    budget_duration  TEXT,
    budget_reset_at  BIGINT,
    spend            BIGINT NOT NULL,   -- since the last reset
    total_spend      BIGINT NOT NULL,   -- since creation
    expires_at       BIGINT,
    blocked          BIGINT,
    settings         TEXT NOT NULL,     -- what SQL never looks into
    created_at       BIGINT NOT NULL,
    created_by       TEXT NOT NULL,
    updated_at       BIGINT NOT NULL,
    updated_by       TEXT NOT NULL,
    last_active      BIGINT
);

CREATE INDEX virtual_key_user ON virtual_key (user_id);
CREATE INDEX virtual_key_team ON virtual_key (team_id);
CREATE INDEX virtual_key_created ON virtual_key (created_at);
CREATE INDEX virtual_key_reset ON virtual_key (budget_reset_at);

-- One row. Counting in a row, not in a sequence, makes numbers appear in the order of their commits and without
-- gaps: a reader that has seen number n can never be overtaken by a smaller number that commits later.
CREATE TABLE feed (
    id    BIGINT PRIMARY KEY,
    last  BIGINT NOT NULL
);

CREATE TABLE change (
    seq    BIGINT PRIMARY KEY,
    token  TEXT NOT NULL
);

-- Batches that were accounted for; a repeated id changes nothing.
CREATE TABLE usage_batch (
    id           TEXT PRIMARY KEY,
    received_at  BIGINT NOT NULL
);

CREATE INDEX usage_batch_received ON usage_batch (received_at);

CREATE TABLE spend_log (
    batch_id            TEXT NOT NULL,
    position            BIGINT NOT NULL,
    call_id             TEXT NOT NULL,
    token               TEXT,          -- absent for the master key
    user_id             TEXT,
    team_id             TEXT,
    mode                TEXT NOT NULL,
    model_group         TEXT NOT NULL,
    deployment_id       TEXT NOT NULL,
    model               TEXT NOT NULL,
    requests            BIGINT NOT NULL,  -- that the row adds up; 1 but after a long absence of this service
    status              BIGINT NOT NULL,
    prompt_tokens       BIGINT NOT NULL,
    completion_tokens   BIGINT NOT NULL,
    cached_tokens       BIGINT NOT NULL,
    cache_write_tokens  BIGINT NOT NULL,
    reasoning_tokens    BIGINT NOT NULL,
    cost                BIGINT,        -- absent when the price is not known
    started_at          BIGINT NOT NULL,
    duration_ms         BIGINT NOT NULL,
    PRIMARY KEY (batch_id, position)
);

CREATE INDEX spend_log_started ON spend_log (started_at);
CREATE INDEX spend_log_token ON spend_log (token, started_at);

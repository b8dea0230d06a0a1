-- Users, teams, members of teams and budget objects: what keys belong to and what limits them. One table, since they
-- are limited, spent from and reset in the same way.
CREATE TABLE account (
    kind             TEXT NOT NULL,     -- user, team, team_member, budget
    id               TEXT NOT NULL,     -- of a member: the JSON text ["team_id","user_id"]
    alias            TEXT,
    email            TEXT,              -- of a user
    team_id          TEXT,              -- of a member
    user_id          TEXT,              -- of a member
    role             TEXT,              -- of a user or a member
    organization_id  TEXT,
    max_budget       DOUBLE PRECISION,  -- USD, as the operator wrote it
    budget_duration  TEXT,
    budget_reset_at  BIGINT,
    spend            BIGINT NOT NULL,   -- since the last reset
    total_spend      BIGINT NOT NULL,   -- since creation
    blocked          BIGINT,
    settings         TEXT NOT NULL,     -- what SQL never looks into
    created_at       BIGINT NOT NULL,
    created_by       TEXT NOT NULL,
    updated_at       BIGINT NOT NULL,
    updated_by       TEXT NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE INDEX account_team ON account (team_id);
CREATE INDEX account_user ON account (user_id);
CREATE INDEX account_email ON account (email);
CREATE INDEX account_created ON account (kind, created_at);
CREATE INDEX account_reset ON account (budget_reset_at);

CREATE INDEX virtual_key_budget ON virtual_key (budget_id);

-- What was spent on one model, where `model_max_budget` limits it. The limit itself is in the owner's settings.
CREATE TABLE model_spend (
    kind             TEXT NOT NULL,     -- key, user, team
    id               TEXT NOT NULL,
    model            TEXT NOT NULL,
    budget_duration  TEXT,
    budget_reset_at  BIGINT,
    spend            BIGINT NOT NULL,
    PRIMARY KEY (kind, id, model)
);

CREATE INDEX model_spend_reset ON model_spend (budget_reset_at);

-- Who holds what of an account's limits; a JSON document that only the module `lease` reads.
CREATE TABLE lease (
    kind      TEXT NOT NULL,
    id        TEXT NOT NULL,
    model     TEXT NOT NULL,            -- '' for all models
    book      TEXT NOT NULL,
    asked_at  BIGINT NOT NULL,
    PRIMARY KEY (kind, id, model)
);

CREATE INDEX lease_asked ON lease (asked_at);

-- Keys that were regenerated and still work for a while, as their successors.
CREATE TABLE retired_key (
    token      TEXT PRIMARY KEY,
    successor  TEXT NOT NULL,
    revoke_at  BIGINT NOT NULL
);

CREATE INDEX retired_key_successor ON retired_key (successor);

CREATE INDEX spend_log_user ON spend_log (user_id, started_at);
CREATE INDEX spend_log_call ON spend_log (call_id);

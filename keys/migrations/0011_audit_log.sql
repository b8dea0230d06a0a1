-- Who changed what, written in the transaction of the change.
CREATE TABLE audit_log (
    id                  TEXT PRIMARY KEY,
    updated_at          BIGINT NOT NULL,
    changed_by          TEXT NOT NULL,   -- a user, or the name of a key without one
    changed_by_api_key  TEXT NOT NULL,   -- its hash, or the alias of the master key
    action              TEXT NOT NULL,   -- created, updated, blocked, rotated, deleted
    table_name          TEXT NOT NULL,   -- the kind of the object, with LiteLLM's name
    object_id           TEXT NOT NULL,
    new_id              TEXT,            -- of a rotated key: its new hash
    team_id             TEXT,            -- of the object
    before_value        TEXT,            -- JSON: the fields that changed
    updated_values      TEXT             -- JSON: the same, afterwards
);

CREATE INDEX audit_log_updated ON audit_log (updated_at, id);
CREATE INDEX audit_log_object ON audit_log (object_id, updated_at);
CREATE INDEX audit_log_author ON audit_log (changed_by, updated_at);

-- Models that were added with /model/new (`general_settings.store_model_in_db`).
CREATE TABLE stored_model (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,    -- model_name
    params      TEXT NOT NULL,    -- litellm_params: JSON, encrypted
    info        TEXT NOT NULL,    -- model_info: JSON
    rejected    TEXT,             -- why Envoy does not accept it; it is then not used
    version     BIGINT NOT NULL,  -- of its last change; see model_version
    created_at  BIGINT NOT NULL,
    created_by  TEXT NOT NULL,
    updated_at  BIGINT NOT NULL,
    updated_by  TEXT NOT NULL
);

-- Counts the changes of the table above, so that all replicas notice them.
CREATE TABLE model_version (
    id    BIGINT PRIMARY KEY,
    last  BIGINT NOT NULL
);

INSERT INTO model_version (id, last) VALUES (1, 1);

-- Key services with connected Envoys, and the version of stored models that all of these use.
CREATE TABLE replica (
    id TEXT PRIMARY KEY,
    models BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);

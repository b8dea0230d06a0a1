-- Sessions of the console.
CREATE TABLE console_session (
    id          TEXT PRIMARY KEY NOT NULL,  -- SHA-256 of the cookie
    holder      TEXT NOT NULL,              -- the hash of the key that logged in; "master" and a proof for the master key
    created_at  BIGINT NOT NULL,
    seen_at     BIGINT NOT NULL
);

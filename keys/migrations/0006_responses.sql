-- Responses of the Responses API, for clients that continue them by their id (`general_settings.store_responses`).
CREATE TABLE stored_response (
    token        TEXT NOT NULL,    -- hash of the key; empty for the master key
    id           TEXT NOT NULL,
    parent       TEXT,             -- the response that this one continues
    turns        BIGINT NOT NULL,  -- number of responses in the conversation, with this one
    chain_bytes  BIGINT NOT NULL,  -- bytes of all of them
    bytes        BIGINT NOT NULL,
    input        TEXT NOT NULL,    -- the items of this turn, a JSON array
    response     TEXT NOT NULL,    -- JSON
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    PRIMARY KEY (token, id)
);

CREATE INDEX stored_response_expires ON stored_response (expires_at);
CREATE INDEX stored_response_bytes ON stored_response (token, bytes);

-- Where an item is that a request refers to by its id.
CREATE TABLE stored_item (
    token        TEXT NOT NULL,
    id           TEXT NOT NULL,
    response_id  TEXT NOT NULL,
    expires_at   BIGINT NOT NULL,
    PRIMARY KEY (token, id, response_id)
);

CREATE INDEX stored_item_response ON stored_item (token, response_id);
CREATE INDEX stored_item_expires ON stored_item (expires_at);

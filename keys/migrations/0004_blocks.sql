-- Where a far page of /key/list begins, without walking to it: the keys in the order of their creation, divided into
-- blocks. A block goes from the end of the one before it up to `last_at`, inclusive. The newest keys are in none.
CREATE TABLE key_block (
    last_at         BIGINT PRIMARY KEY,
    number_of_keys  BIGINT NOT NULL
);

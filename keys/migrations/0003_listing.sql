-- Pages of /key/list are read from this alone: the newest keys first, in one order on every page.
CREATE INDEX virtual_key_listed ON virtual_key (created_at, token);

DROP INDEX virtual_key_created;

-- Finds keys by a part of their names. Three letters are enough for the index of trigrams.
CREATE TABLE key_text (
    id     INTEGER PRIMARY KEY,
    token  TEXT NOT NULL UNIQUE,
    text   TEXT NOT NULL            -- what is searched; keys without a name, a user and a team have no row
);

INSERT INTO key_text (token, text)
SELECT token, COALESCE(key_alias, '') || '
' || COALESCE(user_id, '') || '
' || COALESCE(team_id, '')
FROM virtual_key WHERE COALESCE(key_alias, user_id, team_id) IS NOT NULL;

CREATE VIRTUAL TABLE key_trigram USING fts5 (text, content = 'key_text', content_rowid = 'id', tokenize = 'trigram');

INSERT INTO key_trigram (key_trigram) VALUES ('rebuild');

CREATE TRIGGER key_text_added AFTER INSERT ON key_text BEGIN
    INSERT INTO key_trigram (rowid, text) VALUES (new.id, new.text);
END;

CREATE TRIGGER key_text_deleted AFTER DELETE ON key_text BEGIN
    INSERT INTO key_trigram (key_trigram, rowid, text) VALUES ('delete', old.id, old.text);
END;

CREATE TRIGGER virtual_key_added AFTER INSERT ON virtual_key
WHEN COALESCE(new.key_alias, new.user_id, new.team_id) IS NOT NULL BEGIN
    INSERT INTO key_text (token, text)
    VALUES (new.token, COALESCE(new.key_alias, '') || '
' || COALESCE(new.user_id, '') || '
' || COALESCE(new.team_id, ''));
END;

CREATE TRIGGER virtual_key_deleted AFTER DELETE ON virtual_key BEGIN
    DELETE FROM key_text WHERE token = old.token;
END;

CREATE TRIGGER virtual_key_renamed AFTER UPDATE OF token, key_alias, user_id, team_id ON virtual_key
WHEN old.token IS NOT new.token OR old.key_alias IS NOT new.key_alias OR old.user_id IS NOT new.user_id
    OR old.team_id IS NOT new.team_id BEGIN
    DELETE FROM key_text WHERE token = old.token;
    INSERT INTO key_text (token, text)
    SELECT new.token, COALESCE(new.key_alias, '') || '
' || COALESCE(new.user_id, '') || '
' || COALESCE(new.team_id, '')
    WHERE COALESCE(new.key_alias, new.user_id, new.team_id) IS NOT NULL;
END;

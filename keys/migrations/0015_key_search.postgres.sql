-- Finds keys by a part of their names. Without the extension, or the right to create it, a search reads all keys.
DO $$
DECLARE
    place TEXT;
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    SELECT nspname INTO place FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
    WHERE extname = 'pg_trgm';
    EXECUTE format('CREATE INDEX virtual_key_text ON virtual_key USING gin ((LOWER(COALESCE(key_alias, '''') || ''
'' || COALESCE(user_id, '''') || ''
'' || COALESCE(team_id, ''''))) %I.gin_trgm_ops)', place);
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object OR invalid_schema_name
    OR duplicate_object OR unique_violation THEN
    RAISE NOTICE 'pg_trgm cannot be used, so searching keys reads all of them: %', SQLERRM;
END
$$;

-- The role that ingestion connects as, and exactly what it may do.
--   CONNECT on this database       metadata comes from the system catalogs, which every role may read
--   USAGE on both schemas          names inside them can be resolved
--   SELECT on all their relations  profiling reads the rows
-- It may not write, create, run the procedure, or use more than a few connections. Its password is set by
-- fill.py, so that it is written in no SQL.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'catalog_reader') THEN
        CREATE ROLE catalog_reader;
    END IF;
END
$$;
ALTER ROLE catalog_reader WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 20;
ALTER ROLE catalog_reader SET default_transaction_read_only = on;

REVOKE ALL ON DATABASE nycflights FROM PUBLIC;
GRANT CONNECT ON DATABASE nycflights TO catalog_reader;
GRANT USAGE ON SCHEMA aviation, reporting TO catalog_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA aviation, reporting TO catalog_reader;
REVOKE EXECUTE ON PROCEDURE reporting.refresh FROM PUBLIC;

-- The role that dbt connects as, and exactly what it may do.
--   CONNECT on this database         and TEMPORARY: incremental models are staged in temporary tables
--   USAGE and SELECT in aviation     the sources of its models
--   the schema analytics is its own  it makes, changes and drops what is in it, and nothing anywhere else
-- What it makes there, the ingestion's role may read. Its password is set by fill.py.

DROP SCHEMA IF EXISTS analytics CASCADE;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'dbt_builder') THEN
        CREATE ROLE dbt_builder;
    END IF;
END
$$;
ALTER ROLE dbt_builder WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 10;

GRANT CONNECT, TEMPORARY ON DATABASE nycflights TO dbt_builder;
GRANT USAGE ON SCHEMA aviation TO dbt_builder;
GRANT SELECT ON ALL TABLES IN SCHEMA aviation TO dbt_builder;

CREATE SCHEMA analytics AUTHORIZATION dbt_builder;
COMMENT ON SCHEMA analytics IS 'What dbt makes of the schema aviation';

GRANT USAGE ON SCHEMA analytics TO catalog_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE dbt_builder IN SCHEMA analytics GRANT SELECT ON TABLES TO catalog_reader;

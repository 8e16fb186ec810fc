-- Made once, by a superuser, before the first migration. The owner changes tables and holds no data of its own; the application
-- owns nothing, so that policies hold for it; the system role reads across tenants what migrations grant it.
CREATE ROLE tenantry_owner LOGIN PASSWORD 'owner' NOSUPERUSER NOBYPASSRLS;
CREATE ROLE tenantry_app LOGIN PASSWORD 'app' NOSUPERUSER NOBYPASSRLS;
CREATE ROLE tenantry_system LOGIN PASSWORD 'system' NOSUPERUSER BYPASSRLS;
GRANT CREATE ON DATABASE saas TO tenantry_owner;
GRANT USAGE, CREATE ON SCHEMA public TO tenantry_owner;

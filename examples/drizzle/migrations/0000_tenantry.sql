-- The tenant of the running transaction, which tenant columns take as their default.
CREATE SCHEMA tenantry;
--> statement-breakpoint
CREATE FUNCTION tenantry.tenant_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
  RETURN nullif(current_setting('app.current_tenant_id', true), '')::uuid;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION tenantry.tenant_id() FROM PUBLIC;
--> statement-breakpoint
GRANT USAGE ON SCHEMA tenantry TO tenantry_app, tenantry_system;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION tenantry.tenant_id() TO tenantry_app, tenantry_system;

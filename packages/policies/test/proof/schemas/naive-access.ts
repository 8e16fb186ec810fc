const OWN = `tenant_id = current_setting('app.current_tenant_id')::uuid`

/**
 * The policies and grants of {@link existingApplication}, none of which looks wrong by itself: they hold an honest query
 * to its tenant. What is wrong with them is what the attacks are.
 */
export const NAIVE_ACCESS = `
  DO $$
  DECLARE
    name text;
  BEGIN
    FOREACH name IN ARRAY ARRAY['users', 'projects', 'events', 'documents'] LOOP
      EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
      EXECUTE format($policy$CREATE POLICY isolation ON %I USING (${OWN})$policy$, name);
    END LOOP;
  END $$;

  -- Whoever may see the project sees its tasks. Comments have no tenant, so there was nothing to write a policy on.
  ALTER TABLE tasks ENABLE ROW LEVEL SECURITY;
  CREATE POLICY isolation ON tasks USING (EXISTS (SELECT FROM projects WHERE projects.id = tasks.project_id));

  ALTER TABLE labels ENABLE ROW LEVEL SECURITY;
  CREATE POLICY isolation ON labels USING (tenant_id IS NULL OR ${OWN});

  -- "The application's own statements name the tenant, and reading is what matters."
  ALTER TABLE "order" ENABLE ROW LEVEL SECURITY;
  CREATE POLICY reading ON "order" FOR SELECT USING (${OWN});
  CREATE POLICY adding ON "order" FOR INSERT WITH CHECK (true);
  CREATE POLICY changing ON "order" FOR UPDATE USING (true);
  CREATE POLICY removing ON "order" FOR DELETE USING (true);

  -- "So that the nightly job, which has no tenant, sees all of them."
  ALTER TABLE billing.invoices ENABLE ROW LEVEL SECURITY;
  CREATE POLICY isolation ON billing.invoices
    USING (nullif(current_setting('app.current_tenant_id', true), '') IS NULL
      OR tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::uuid);

  GRANT USAGE ON SCHEMA billing TO tenantry_app;
  GRANT ALL ON ALL TABLES IN SCHEMA public, billing TO tenantry_app;
  GRANT ALL ON ALL SEQUENCES IN SCHEMA public, billing TO tenantry_app;
  GRANT SELECT ON events_2025 TO PUBLIC;
  GRANT REFERENCES (id) ON projects TO PUBLIC;

  -- Where the application may make objects of its own.
  CREATE SCHEMA workshop;
  GRANT ALL ON SCHEMA workshop TO tenantry_app;`

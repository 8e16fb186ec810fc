import { afterEach, expect, test } from 'vitest'
import { openDatabase, type OpenDatabase } from '../../support/open-database.ts'
import { planFor, tenants } from './support/scenario.ts'

let database: OpenDatabase
afterEach(() => database.close())

const tables = `${tenants}
  CREATE TABLE projects (id int PRIMARY KEY, tenant_id uuid NOT NULL);
  CREATE TABLE tasks (id int PRIMARY KEY, tenant_id uuid NOT NULL, project_id int REFERENCES projects);`

// Each made the plan leave the key out without a word, or fail near its end.
test.each([
  ['CREATE TABLE tenantry_projects_pkey (tenant_id uuid)', 'public.tenantry_projects_pkey', 'which a table'],
  ['CREATE VIEW tenantry_tasks_pkey AS SELECT', 'public.tenantry_tasks_pkey', 'which a view'],
  ['CREATE SEQUENCE tenantry_tasks_pkey', 'public.tenantry_tasks_pkey', 'which a sequence'],
  [
    'ALTER TABLE projects ADD CONSTRAINT tenantry_projects_pkey CHECK (id > 0)',
    'public.projects',
    'which a foreign key or check',
  ],
  [
    'ALTER TABLE tasks ADD CONSTRAINT tenantry_tasks_project_id_fkey CHECK (id > 0)',
    'public.tasks',
    'which a key or check',
  ],
])(
  'a name that the plan needs and something else has is found before it begins: %s',
  async (sql, object, message) => {
    database = await openDatabase('taken-names', `${tables} ${sql};`)
    await expect(planFor(database.owner, {}, 'online')).rejects.toMatchObject({
      code: 'TENANCY_DOES_NOT_FIT',
      problems: [{ code: 'NAME_TAKEN', object, message: expect.stringContaining(message) }],
    })
  },
)

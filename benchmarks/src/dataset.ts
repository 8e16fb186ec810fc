import type { Client } from 'pg'

/** A table of `rows` rows, ten for each project, the projects spread evenly over the tenants. */
export interface Dataset {
  readonly table: string
  readonly rows: number
  readonly tenants: number
}

/** What one query asks for: the ten rows of one project of one tenant. */
export interface Task {
  readonly tenantId: string
  readonly projectId: number
}

export const rowsPerProject = 10

export function createDataset(rows: number, tenants: number): Dataset {
  if (rows % (tenants * rowsPerProject) !== 0)
    throw new RangeError(
      `${rows} rows do not divide into ${tenants} tenants with projects of ${rowsPerProject} rows.`,
    )
  return { table: `task_of_${tenants}_tenants`, rows, tenants }
}

/** The id of the nth tenant, counted from 0. */
export function tenantId(tenant: number): string {
  return `00000000-0000-4000-8000-${tenant.toString(16).padStart(12, '0')}`
}

/** A task of any tenant and any of its projects. */
export function randomTask(dataset: Dataset): Task {
  return taskOfProject(dataset, Math.floor(Math.random() * (dataset.rows / rowsPerProject)))
}

/** The task of a project and of the tenant to whom it belongs; the projects are counted from 0, and round and round. */
export function taskOfProject({ rows, tenants }: Dataset, project: number): Task {
  const projectId = project % (rows / rowsPerProject)
  return { tenantId: tenantId(projectId % tenants), projectId }
}

/** What the table has for a task of its tenant. */
export function expectedRows({ projectId }: Task): { id: string; title: string; done: boolean }[] {
  return Array.from({ length: rowsPerProject }, (_, index) => ({
    id: String(projectId * rowsPerProject + index + 1),
    title: `Task ${index + 1} of project ${projectId}`,
    done: (index + 1) % 3 === 0,
  }))
}

/** The table with one row a tenant, for datasets of up to so many. */
export async function loadTenants(client: Client, tenants: number): Promise<void> {
  await client.query(`
    CREATE TABLE tenant (id uuid PRIMARY KEY);
    INSERT INTO tenant SELECT ${tenantIdOf('n')} FROM generate_series(0, ${tenants - 1}) AS n`)
}

/** Creates and fills a dataset's table, as the superuser: with row-level security the load would take minutes. */
export async function loadDataset(client: Client, { table, rows, tenants }: Dataset): Promise<void> {
  await client.query(`
    CREATE TABLE ${table} (
      tenant_id uuid NOT NULL,
      id bigint NOT NULL,
      project_id integer NOT NULL,
      title text NOT NULL,
      done boolean NOT NULL DEFAULT false
    );
    INSERT INTO ${table} (tenant_id, id, project_id, title, done)
      SELECT ${tenantIdOf(`project % ${tenants}`)},
             project * ${rowsPerProject} + n, project, 'Task ' || n || ' of project ' || project, n % 3 = 0
      FROM generate_series(0, ${rows / rowsPerProject - 1}) AS project, generate_series(1, ${rowsPerProject}) AS n;
    ALTER TABLE ${table} ADD PRIMARY KEY (tenant_id, id);
    CREATE INDEX ON ${table} (tenant_id, project_id, id);
    ALTER TABLE ${table} OWNER TO tenantry_owner`)
  // Not within the text above: VACUUM cannot run in a transaction. It sets the hint bits and statistics now
  // rather than during the first measurements.
  await client.query(`VACUUM ANALYZE ${table}`)
}

/** The same id as `tenantId` makes, in SQL. */
function tenantIdOf(number: string): string {
  return `('00000000-0000-4000-8000-' || lpad(to_hex(${number}), 12, '0'))::uuid`
}

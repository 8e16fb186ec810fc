import type { ConformanceSubject, ProjectOperations, ProjectRow } from './harness.ts'

const COLUMNS = 'id::text as id, tenant_id::text as "tenantId", name'

/** The operations of a library that has no query builder. */
export function rawOperations(subject: Pick<ConformanceSubject, 'query'>): ProjectOperations {
  const projects = async (text: string, values?: readonly unknown[]): Promise<ProjectRow[]> =>
    (await subject.query(text, values)) as unknown as ProjectRow[]
  return {
    list: () => projects(`select ${COLUMNS} from projects order by id`),
    find: async (id) => (await projects(`select ${COLUMNS} from projects where id = $1::uuid`, [id]))[0],
    async insert(name) {
      const [row] = await projects(`insert into projects (name) values ($1::text) returning ${COLUMNS}`, [
        name,
      ])
      return row as ProjectRow
    },
    async updateAll(name) {
      await subject.query('update projects set name = $1::text', [name])
    },
    async deleteAll() {
      await subject.query('delete from projects')
    },
  }
}

import packageOfPg from 'pg/package.json' with { type: 'json' }

const [major = 0, minor = 0] = packageOfPg.version.split('.').map(Number)

/** The release of node-postgres that the tests run on, such as `'8.23.1'`. */
export const pgVersion: string = packageOfPg.version

/** Whether it is the release 8.`since` or a later one. */
export function pgIsAtLeast(since: number): boolean {
  return major > 8 || minor >= since
}

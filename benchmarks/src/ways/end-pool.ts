import type { Pool } from 'pg'

/**
 * Ends a pool and waits until its connections are closed, which `pool.end()` does not: a database dropped in between
 * would end them with an error that nobody listens for.
 *
 * @param end - How, for a pool that belongs to somebody.
 */
export async function endPool(pool: Pool, end: () => Promise<void> = () => pool.end()): Promise<void> {
  let open = pool.totalCount
  const closed = new Promise<void>((resolve) => {
    if (open === 0) resolve()
    pool.on('remove', () => {
      open -= 1
      if (open === 0) resolve()
    })
  })
  await end()
  await closed
}

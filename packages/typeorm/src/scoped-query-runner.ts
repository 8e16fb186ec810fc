import { TenantryError } from '@tenantry/core'
import { QueryFailedError, type QueryRunner } from 'typeorm'

interface RowStream {
  destroy(): unknown
  once(event: 'close', listener: () => void): unknown
}

interface PostgresRunner {
  databaseConnectionPromise?: Promise<unknown> | undefined
  connect(): Promise<unknown>
  query(...values: unknown[]): Promise<unknown>
  stream(...values: unknown[]): Promise<RowStream>
  commitTransaction(): Promise<void>
}

/** Closes what a query runner of TypeORM gets wrong where statements may be refused. */
export function scopeQueryRunner<Runner extends QueryRunner>(queryRunner: Runner): Runner {
  const runner = queryRunner as unknown as PostgresRunner
  const connect = runner.connect.bind(runner)
  const query = runner.query.bind(runner)
  const stream = runner.stream.bind(runner)
  const commitTransaction = runner.commitTransaction.bind(runner)
  let opening: Promise<RowStream> | undefined

  // It keeps a connection that it could not get: first used with no scope, it would fail in every later one.
  runner.connect = () => {
    const attempt = connect()
    attempt.catch(() => {
      if (runner.databaseConnectionPromise === attempt) runner.databaseConnectionPromise = undefined
    })
    return attempt
  }

  // It wraps whatever fails as an error of the database, which a refusal is not.
  runner.query = (...values) => query(...values).catch(rethrowRefusal)

  runner.stream = async (...values) => {
    opening = stream(...values)
    try {
      const opened = await opening
      // As a query builder gives its connection back: at the end and on an error. One that is broken off has neither.
      const [, , onEnd, onError] = values
      if (typeof onEnd === 'function' && onEnd === onError) opened.once('close', onEnd as () => void)
      return opened
    } finally {
      opening = undefined
    }
  }

  // A query builder's own transaction is committed before anybody has the stream: the COMMIT waits for it to be read,
  // and whoever would read it for the COMMIT.
  runner.commitTransaction = async () => {
    const unread = opening
    if (unread === undefined) return commitTransaction()
    ;(await unread).destroy()
    throw new TenantryError({
      code: 'TRANSACTION_CONTROL_REFUSED',
      message:
        'useTransaction(true).stream() cannot work: its transaction ends before the stream can be read. Read the stream ' +
        'inside of dataSource.transaction(async (manager) => { … }), or leave useTransaction out.',
    })
  }
  return queryRunner
}

function rethrowRefusal(error: unknown): never {
  if (error instanceof QueryFailedError && TenantryError.isInstance(error.driverError))
    throw error.driverError
  throw error
}

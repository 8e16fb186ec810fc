import postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import { PreludeFactory } from '../../../src/pg/prelude.ts'
import { escapeLiteral, queryMessage, readyForQuery } from '../../../src/postgres-js/messages.ts'
import { checkDriver } from '../../../src/postgres-js/pending-query.ts'
import type { RawSql } from '../../../src/postgres-js/pending-query.ts'
import { Session } from '../../../src/postgres-js/session.ts'
import { tenancy } from '../../pg/support/tenants.ts'

const refusal = expect.objectContaining({ code: 'UNSUPPORTED_DRIVER' }) as Error

describe('A driver made in another way', () => {
  test('is refused when a client is made', () => {
    const raw = postgres() as unknown as RawSql
    expect(() => checkDriver(raw)).not.toThrow()
    for (const missing of ['handler', 'canceller', 'resolve', 'reject', 'strings', 'state']) {
      const unsafe = (): unknown => {
        const query = raw.unsafe('')
        delete (query as unknown as Record<string, unknown>)[missing]
        return query
      }
      expect(() => checkDriver(Object.assign(() => {}, raw, { unsafe }) as unknown as RawSql)).toThrow(
        refusal,
      )
    }
  })

  test('that does not say whose query it writes has its connection ended, and nothing is sent', async () => {
    const sent: Buffer[] = []
    const ended = new Promise<Error>((resolve) => {
      const session = new Session(
        { toServer: (bytes) => sent.push(bytes), toDriver: () => {}, destroy: resolve, known: () => true },
        { preludes: new PreludeFactory(tenancy.settings, escapeLiteral), prepare: true, allows: () => false },
      )
      session.fromServer(readyForQuery('I'))
      session.fromDriver(queryMessage('select 1'))
    })
    expect(await ended).toEqual(refusal)
    expect(sent).toEqual([])
  })
})

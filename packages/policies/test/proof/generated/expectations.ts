import { expect } from 'vitest'
import { displayName, identifier, identifiers, literal } from '../../../src/identifiers.ts'
import type { Note, Plan } from '../../../src/plan/plan.ts'
import type { Query } from '../../../src/query.ts'
import { answerTo, STATE } from '../support/answers.ts'
import type { DatabaseCopy } from '../support/database-copy.ts'
import { bucketOf, type GeneratedSchema, type GeneratedTable, idOf, keyValueOf } from './generated-schema.ts'
import { referenceValues, rowsOf, tableName } from './schema-sql.ts'

/** Tenant A is the first, B the second. */
const A = 0
const B = 1

/** Every tenant reads its rows and what is common, through tables and views; without a tenant there is only what all read. */
export async function expectOwnRows(database: DatabaseCopy, generated: GeneratedSchema): Promise<void> {
  for (const table of generated.tables) {
    const rows = rowsOf(generated, table)
    const select = `SELECT ${identifier(table.idColumn)}::text AS id FROM`
    const relations = [table.name, ...(table.viewName === undefined ? [] : [table.viewName])]
    for (const name of relations) {
      const statement = `${select} ${tableName(generated, { name })}`
      for (const [tenant, id] of generated.tenants.entries()) {
        const own = rows.filter((row) => row.tenant === -1 || row.tenant === tenant)
        expect(await idsFrom(database.as(id), statement), `${name} as ${id}`).toEqual(idsOf(table, own))
      }
      const common = rows.filter((row) => row.tenant === -1)
      expect(await idsFrom(database.app, statement), `${name} as nobody`).toEqual(idsOf(table, common))
    }
  }
}

function idsOf(table: GeneratedTable, rows: ReturnType<typeof rowsOf>): readonly string[] {
  return rows.map(({ values }) => String(values[table.idColumn])).sort(byCodeUnits)
}

async function idsFrom(query: Query, statement: string): Promise<readonly string[]> {
  return (await query(statement)).rows.map(({ id }) => String(id)).sort(byCodeUnits)
}

function byCodeUnits(left: string, right: string): number {
  return left < right ? -1 : Number(left > right)
}

/** A new row of A's is welcome; the same one is not if it refers to B's, and is all the same if it has a value that B has. */
export async function expectOwnReferences(
  database: DatabaseCopy,
  generated: GeneratedSchema,
  plan: Plan,
): Promise<void> {
  const as = database.attempting(generated.tenants[A] ?? '')
  for (const table of generated.tables) {
    if (table.kind === 'shared') continue
    const insert = (changes: Readonly<Record<string, string | null>>): Promise<string> =>
      answerTo(as, insertion(generated, table, changes))
    const object = displayName({ schema: generated.schema, name: table.name })
    // What the plan cannot close it has to say.
    const toldOf = (effect: Note['effect'], what: string): boolean =>
      plan.notes.some(
        (note) => note.object === object && note.effect === effect && note.message.includes(what),
      )

    expect(await insert({}), `a new row of ${table.name}`).toBe('done')
    for (const foreignKey of table.foreignKeys) {
      if (foreignKey.target?.kind === 'shared') continue
      const answer = await insert(referenceValues(generated, foreignKey, { tenant: B, row: 0 }))
      if (answer === 'done') {
        const { target, name, idColumn } = foreignKey
        const open = target === undefined ? toldOf('information', idColumn) : toldOf('exposes', name)
        expect(open, `${table.name} refers to B by ${name}`).toBe(true)
      } else {
        expect(answer).toBe(STATE.foreignKey)
      }
    }
    for (const { column } of table.keys) {
      const answer = await insert({ [column]: keyValueOf(B, 0), [table.bucketColumn]: String(bucketOf(0)) })
      expect(answer, `${table.name} has what B has in ${column}`).toBe('done')
    }
    const answer = await insert({
      [table.idColumn]: idOf(table.idType, B, 0),
      [table.bucketColumn]: String(bucketOf(0)),
    })
    const known = answer === STATE.unique && toldOf('exposes', 'compares the rows of all tenants')
    if (!known) expect(answer, `${table.name} has an id that B has`).toBe('done')
  }
}

/** A row of A's with an id that nobody has, in which all else but `changes` is as in A's first; the tenant is left out. */
function insertion(
  generated: GeneratedSchema,
  table: GeneratedTable,
  changes: Readonly<Record<string, string | null>>,
): string {
  const values: Record<string, string | null> = {
    ...rowsOf(generated, table).find(({ tenant }) => tenant === A)?.values,
    [table.idColumn]: idOf(table.idType, A, 99),
  }
  for (const { column } of table.keys) values[column] = keyValueOf(A, 99)
  // Rows that refer to nothing refer to something now, so that MATCH FULL is content.
  for (const each of table.foreignKeys)
    Object.assign(values, referenceValues(generated, each, { tenant: A, row: 0 }))
  Object.assign(values, changes)
  delete values[generated.tenantColumn]
  const list = Object.values(values).map((value) => (value === null ? 'NULL' : literal(value)))
  return `INSERT INTO ${tableName(generated, table)} (${identifiers(Object.keys(values))}) VALUES (${list.join(', ')})`
}

/** Whatever A writes and deletes, nothing of B's or of what is common changes; and A gives nothing away. */
export async function expectOwnWrites(database: DatabaseCopy, generated: GeneratedSchema): Promise<void> {
  const as = database.as(generated.tenants[A] ?? '')
  const other = literal(generated.tenants[B] ?? '')
  const before = await foreignRows(database.superuser, generated)

  for (const table of generated.tables) {
    const name = tableName(generated, table)
    const set = `UPDATE ${name} SET ${identifier(table.valueColumn)} = 'written by A'`
    const ofB = `${identifier(table.idColumn)} = ${literal(idOf(table.idType, B, 0))}`
    await answerTo(as, `${set} WHERE ${ofB}`)
    await answerTo(as, set)
    await answerTo(as, `DELETE FROM ${name} WHERE ${ofB}`)
    expect(await answerTo(as, `TRUNCATE ${name} CASCADE`), `TRUNCATE ${name}`).toBe(STATE.privilege)
    if (table.kind === 'shared') continue
    const column = identifier(generated.tenantColumn)
    expect(await answerTo(as, `UPDATE ${name} SET ${column} = ${other}`), `moves rows of ${name}`).toBe(
      STATE.privilege,
    )
    expect(await answerTo(as, `UPDATE ${name} SET ${column} = NULL`), `frees rows of ${name}`).not.toBe(
      'done',
    )
    expect(
      await answerTo(as, `INSERT INTO ${name} (${column}) VALUES (${other})`),
      `plants rows in ${name}`,
    ).not.toBe('done')
  }
  expect(await foreignRows(database.superuser, generated)).toEqual(before)

  for (const table of generated.tables.toReversed())
    await answerTo(as, `DELETE FROM ${tableName(generated, table)}`)
  expect(await foreignRows(database.superuser, generated)).toEqual(before)
}

/** All rows that are not A's, by table. */
async function foreignRows(
  superuser: Query,
  generated: GeneratedSchema,
): Promise<Readonly<Record<string, readonly unknown[]>>> {
  const found: Record<string, readonly unknown[]> = {}
  for (const table of generated.tables) {
    const { rows } = await superuser(
      `SELECT to_jsonb(each) AS row FROM ${tableName(generated, table)} AS each ORDER BY 1`,
    )
    const contents = rows.map(({ row }) => row as Record<string, unknown>)
    found[table.name] = contents.filter((row) => String(row[generated.tenantColumn]) !== generated.tenants[A])
  }
  return found
}

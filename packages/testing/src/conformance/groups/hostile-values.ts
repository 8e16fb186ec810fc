import assert from 'node:assert/strict'
import { claim } from '../group.ts'
import type { ConformanceGroup } from '../group.ts'
import { textTenancy } from '../tenancies.ts'
import { assertOwnProjects, assertUntouched, LIST_PROJECTS } from '../tenants.ts'

/** Text that breaks whoever builds SQL from values. */
const HOSTILE_TEXTS = [
  `'`,
  `"`,
  `o'brien`,
  `''`,
  `\\`,
  `\\'`,
  `\\\\'; drop table conformance_notes; --`,
  `'; drop table conformance_notes; --`,
  `', true); delete from conformance_notes; --`,
  `' or '1'='1`,
  `x' || (select string_agg(note, '') from conformance_notes) || '`,
  `$1`,
  `$$`,
  `$tag$ x $tag$`,
  `%s %I %%`,
  `{"a": [1, 2]}`,
  `a;b;c`,
  `line one\nline two\r\n\ttab`,
  `-- comment`,
  `/* comment */`,
  `\u0001\u001b[31m`,
  `Ünïcödé 東京 العربية`,
  `👩‍👩‍👧‍👦 e\u0301`,
  `\u202eright to left`,
  ` padded `,
  `default`,
  `DEFAULT`,
  `off`,
  `__proto__`,
  `constructor`,
]

const SCALARS_THAT_ARE_NO_UUID: readonly unknown[] = [
  '',
  ' ',
  'null',
  'undefined',
  'default',
  '1',
  `'; drop table projects; --`,
  `' or '1'='1`,
  '00000000-0000-4000-8000-00000000000',
  '00000000-0000-4000-8000-0000000000000',
  '00000000-0000-4000-8000-00000000000g',
  ' 00000000-0000-4000-8000-000000000000',
  '00000000-0000-4000-8000-000000000000\n',
  '00000000-0000-4000-8000-000000000000\0',
  `00000000-0000-4000-8000-000000000000' or 'a'='a`,
  '{00000000-0000-4000-8000-000000000000}',
  'x'.repeat(1_000_000),
  '__proto__',
  'constructor',
  0,
  1,
  Number.NaN,
  1n,
  true,
  false,
  null,
  undefined,
  Symbol('id'),
]

const TEXTS_THAT_ARE_NO_ID: readonly unknown[] = [
  '',
  ' ',
  '\n',
  'null',
  'undefined',
  '[object Object]',
  'NUL \0 byte',
  '\0',
  '\ud800',
  'x'.repeat(1_000_000),
  0,
  null,
  undefined,
]

/** Values that look like an id to careless code. */
function objectsThatAreNoId(id: string): unknown[] {
  return [
    [],
    [id],
    {},
    { id },
    { tenantId: [id] },
    { tenantId: { toString: () => id } },
    { toString: () => id, valueOf: () => id },
    new String(id),
    Object.create({ tenantId: id }) as unknown,
    JSON.parse(`{ "__proto__": { "tenantId": "${id}" } }`) as unknown,
    Object.assign(Object.create(null) as object, { id }),
    new Proxy({}, { get: () => id }),
    () => id,
    Buffer.from(id),
    Promise.resolve(id),
    new Map([['tenantId', id]]),
  ]
}

/** Ids and settings that try to be more than values. */
export const hostileValues: ConformanceGroup = {
  title: 'hostile ids and values',
  claims: [
    claim('whatever is no UUID is refused as INVALID_TENANT_ID, and nothing is sent', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open()
      await probe.sendsNothing(async () => {
        for (const id of [...SCALARS_THAT_ARE_NO_UUID, ...objectsThatAreNoId(a.id)]) {
          await bench.refuses('INVALID_TENANT_ID', () => bench.tenancy.run(id as never, () => probe.list()))
        }
      })
      await assertUntouched(bench.observer, [a])
      assertOwnProjects(await bench.tenancy.run(a.id, () => probe.list()), a)
    }),

    claim('whatever is no text is refused as INVALID_TENANT_ID, and nothing is sent', async (bench) => {
      const probe = await bench.open({ tenancy: textTenancy })
      await probe.sendsNothing(async () => {
        for (const id of [...TEXTS_THAT_ARE_NO_ID, ...objectsThatAreNoId('acme')]) {
          await bench.refuses('INVALID_TENANT_ID', () =>
            textTenancy.run(id as never, () => probe.query('select 1')),
          )
        }
      })
    }),

    claim('a refusal never repeats more than a piece of the id', async (bench) => {
      const probe = await bench.open()
      const id = 'secret'.repeat(10_000)
      const refusal = await Promise.resolve()
        .then(() => bench.tenancy.run(id, () => probe.list()))
        .catch((error: unknown) => error)
      assert.ok(refusal instanceof Error)
      assert.ok(refusal.message.length < 500, `the message has ${refusal.message.length} characters`)
    }),

    claim('a UUID in capitals is the same tenant', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open()
      assertOwnProjects(await bench.tenancy.run(a.id.toUpperCase(), () => probe.list()), a)
    }),

    claim('text ids full of quotes, comments and commands are tenants like any other', async (bench) => {
      await bench.observer.rows('delete from conformance_notes')
      const probe = await bench.open({ max: 1, tenancy: textTenancy })
      for (const [index, id] of HOSTILE_TEXTS.entries()) {
        await textTenancy.run(id, () =>
          probe.query('insert into conformance_notes (note) values ($1::text)', [`${index}`]),
        )
      }
      for (const [index, id] of HOSTILE_TEXTS.entries()) {
        const rows = await textTenancy.run(id, () =>
          probe.query('select tenant_id as "tenantId", note from conformance_notes'),
        )
        assert.deepEqual(rows, [{ tenantId: id, note: `${index}` }])
      }
      const stored = await bench.observer.rows(
        'select tenant_id as id from conformance_notes order by note::int',
      )
      assert.deepEqual(
        stored.map((row) => row['id']),
        HOSTILE_TEXTS,
      )
    }),

    claim('text ids are told apart to the letter', async (bench) => {
      await bench.observer.rows('delete from conformance_notes')
      const probe = await bench.open({ max: 1, tenancy: textTenancy })
      const ids = [
        'acme',
        'Acme',
        'acme ',
        ' acme',
        'acme\n',
        'ａcme',
        'acmé',
        'acme\u0301',
        'acmé '.trim().normalize('NFD'),
      ]
      const different = [...new Set(ids)]
      for (const id of different) {
        await textTenancy.run(id, () =>
          probe.query('insert into conformance_notes (note) values ($1::text)', [id]),
        )
      }
      for (const id of different) {
        const rows = await textTenancy.run(id, () => probe.query('select note from conformance_notes'))
        assert.deepEqual(rows, [{ note: id }])
      }
    }),

    claim('settings arrive exactly as they were given', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 1 })
      const read = `select current_setting('app.current_user_id', true) as "user",
        current_setting('app.current_tenant_id', true) as tenant`
      for (const userId of [...HOSTILE_TEXTS, 'x'.repeat(50_000), ' ']) {
        const expected = [{ user: userId, tenant: a.id }]
        const scope = { tenantId: a.id, userId }
        assert.deepEqual(await bench.tenancy.run(scope, () => probe.query(read)), expected)
        assert.deepEqual(
          await bench.tenancy.run(scope, () => probe.transaction((transaction) => transaction.query(read))),
          expected,
        )
      }
      await assertUntouched(bench.observer, [a])
    }),

    claim(
      'settings that PostgreSQL cannot hold are refused as INVALID_SETTING, and nothing is sent',
      async (bench) => {
        const [a] = await bench.tenants(1)
        const probe = await bench.open()
        await probe.sendsNothing(async () => {
          for (const userId of [
            'NUL \0 byte',
            '\ud800',
            ['u1'],
            { id: 'u1' },
            Number.NaN,
            Symbol('u1'),
            () => 'u1',
          ]) {
            await bench.refuses('INVALID_SETTING', () =>
              bench.tenancy.run({ tenantId: a.id, userId: userId as never }, () => probe.list()),
            )
            await bench.refuses('INVALID_SETTING', () =>
              bench.tenancy.withoutTenant({ userId: userId as never }, () => probe.list()),
            )
          }
          for (const unknown of ['role', 'search_path', 'constructor', 'app.current_tenant_id']) {
            await bench.refuses('INVALID_SETTING', () =>
              bench.tenancy.run({ tenantId: a.id, [unknown]: 'x' }, () => probe.list()),
            )
          }
        })
      },
    ),

    claim('bound values arrive exactly as they were given', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 1 })
      await bench.tenancy.run(a.id, async () => {
        for (const value of HOSTILE_TEXTS) {
          assert.deepEqual(await probe.query('select $1::text as value', [value]), [{ value }])
        }
        assertOwnProjects(await probe.query(LIST_PROJECTS), a)
      })
    }),

    claim('semicolons, comments and quotes inside a text neither change it nor its scope', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 1 })
      const texts = [
        [`select ';' as value`, ';'],
        [`select 'it''s; begin; commit' as value`, `it's; begin; commit`],
        [`select E'\\'; rollback; ' as value`, `'; rollback; `],
        [`select $$; commit; $$ as value`, '; commit; '],
        [`select $a$ $b$ ; begin $b$ $a$ as value`, ' $b$ ; begin $b$ '],
        [`/* ; begin; /* nested; */ ; */ select 'x' as value -- ; commit`, 'x'],
        [`-- begin;\nselect 'x' as value`, 'x'],
        [`select 'x' as value;`, 'x'],
        [`select 'x' as value ; -- the end`, 'x'],
        [`select 'x' as "value"`, 'x'],
        [`\n\t select 'x' as value \n`, 'x'],
      ] as const
      for (const [text, value] of texts) {
        await bench.tenancy.run(a.id, async () => {
          assert.deepEqual(await probe.query(text), [{ value }], text)
          const counted = text.replace(' as value', ` as value, (select count(*)::int from projects) as n`)
          if (counted !== text) assert.deepEqual(await probe.query(counted), [{ value, n: 3 }], counted)
        })
      }
    }),
  ],
}

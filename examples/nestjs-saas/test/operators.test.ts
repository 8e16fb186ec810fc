import { decodeJwt, SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { AuditEntry } from '../src/audit/audit-entry.entity.ts'
import { AuditLog } from '../src/audit/audit-log.ts'
import { Reports } from '../src/reports/reports.ts'
import { Users } from '../src/users/users.ts'
import { tenancy } from '../src/tenancy.ts'
import { furnish } from './route-cases.ts'
import { useApp } from './running-app.ts'

const app = useApp()

const auditLog = () => app.database.query('select reason, operator, request from audit_log order by id')

describe('the report across tenants', () => {
  test('counts the tasks of every tenant, for an operator, and is in the audit log', async () => {
    const [acme] = [await furnish(app, 'Acme'), await furnish(app, 'Globex')]
    await app.call('PATCH', `/tasks/${acme.taskId}`, { token: acme.token, body: { status: 'done' } })
    const report = await app.call('GET', '/reports/tasks', { token: await app.operator('olga') })
    expect(report).toMatchObject({
      status: 200,
      body: [
        { tenant: 'Acme', status: 'done', tasks: 1 },
        { tenant: 'Globex', status: 'open', tasks: 1 },
      ],
    })
    const entry = { reason: 'tasks by tenant and status', operator: 'olga', request: 'GET /reports/tasks' }
    expect(await auditLog()).toEqual([entry])
    const { body } = await app.call('GET', '/reports/audit', { token: await app.operator('omar') })
    expect(body).toMatchObject([{ reason: 'reading the audit log', operator: 'omar' }, entry])
  })

  test('is refused to everybody else, whatever their token says, and nothing crosses tenants', async () => {
    const { configuration } = app
    const { token } = await app.signUp('Acme')
    const before = await auditLog()
    const claims = decodeJwt(token)
    const sign = (changes: object, key: Uint8Array) =>
      new SignJWT({ ...claims, ...changes }).setProtectedHeader({ alg: 'HS256' }).sign(key)
    const tokens = [
      undefined,
      token,
      await sign({ aud: 'operators' }, configuration.tokens.userSecret),
      await sign({ role: 'operator', aud: ['users', 'operators'] }, configuration.tokens.userSecret),
      await sign({}, configuration.tokens.operatorSecret),
      await sign({ aud: 'operators', exp: 1 }, configuration.tokens.operatorSecret),
    ]
    for (const path of ['/reports/tasks', '/reports/audit']) {
      const answers = await Promise.all(tokens.map((each) => app.call('GET', path, { token: each })))
      expect(answers.map(({ status }) => status)).toEqual(tokens.map(() => 401))
    }
    expect(await auditLog()).toEqual(before)
  })

  test('comes from the scope: the same service finds one tenant for that tenant, and is refused without one', async () => {
    const [acme] = [await furnish(app, 'Initech'), await furnish(app, 'Umbrella')]
    const reports = app.app.get(Reports)
    expect(await tenancy.run(acme.id, () => reports.countTasks())).toEqual([
      { tenant: 'Initech', status: 'open', tasks: 1 },
    ])
    expect(await tenancy.withoutTenant(() => reports.countTasks())).toEqual([])
    await expect(reports.countTasks()).rejects.toMatchObject({ code: 'TENANT_REQUIRED' })
  })
})

describe('the audit log', () => {
  test('has an entry before anything is read: a report that cannot be audited fails', async () => {
    await app.database.query('revoke insert on audit_log from tenantry_app')
    try {
      const report = await app.call('GET', '/reports/tasks', { token: await app.operator() })
      expect(report).toMatchObject({ status: 500, body: { message: 'Internal server error' } })
      expect(report.text).not.toContain('audit')
    } finally {
      await app.database.query('grant insert on audit_log to tenantry_app')
    }
  })

  test('is not done without: a report that nobody listens to fails', async () => {
    const deaf = new Reports(app.dataSource, new AuditLog(app.dataSource.getRepository(AuditEntry)))
    await expect(tenancy.asSystem('unheard', () => deaf.countTasks())).rejects.toThrow('"unheard"')
  })

  test('has every use of the system role, of code that no request has asked for too', async () => {
    const users = app.app.get(Users)
    const found = await tenancy.asSystem('a nightly job', () => users.list({ skip: 0, take: 1 }))
    expect(found).toHaveLength(1)
    await expect.poll(auditLog).toContainEqual({ reason: 'a nightly job', operator: null, request: null })
  })

  test('can be neither read nor changed by the application itself', async () => {
    const { id } = await app.signUp('Acme')
    for (const statement of [
      'select * from audit_log',
      'delete from audit_log',
      `update audit_log set reason = ''`,
    ]) {
      for (const attempt of [
        () => tenancy.run(id, () => app.dataSource.query(statement)),
        () => tenancy.withoutTenant(() => app.dataSource.query(statement)),
      ]) {
        await expect(attempt(), statement).rejects.toMatchObject({ driverError: { code: '42501' } })
      }
    }
    const asSystem = tenancy.asSystem('a test', () => app.dataSource.query('delete from audit_log'))
    await expect(asSystem).rejects.toMatchObject({ driverError: { code: '42501' } })
  })
})

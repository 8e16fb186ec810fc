import { describe, expect, test } from 'vitest'
import { hashPassword, isPassword } from '../src/access/password.ts'
import { Tokens } from '../src/access/tokens.ts'
import { tenancy } from '../src/tenancy.ts'
import { SignIn } from '../src/users/sign-in.ts'
import { User } from '../src/users/user.entity.ts'
import { useApp } from './running-app.ts'

const app = useApp()

describe('signing in', () => {
  test('is for the users of the subdomain, and the answer does not tell who is one', async () => {
    const [acme, globex] = [await app.signUp('Acme'), await app.signUp('Globex')]
    const { slug, email, password } = acme
    const right = await app.call('POST', '/sign-in', { slug, body: { email, password } })
    expect((await app.call('GET', '/projects', { slug, token: right.body.token })).status).toBe(200)

    const answers = await Promise.all([
      app.call('POST', '/sign-in', { slug, body: { email, password: 'wrong horse battery' } }),
      app.call('POST', '/sign-in', { slug, body: { email: 'nobody@acme.example', password } }),
      app.call('POST', '/sign-in', { slug: globex.slug, body: { email, password } }),
      app.call('POST', '/sign-in', { slug, body: { email: `${email}' or true --@x.example`, password } }),
    ])
    expect(answers.slice(0, 3).map(({ status, text }) => ({ status, text }))).toEqual(
      Array.from({ length: 3 }, () => ({
        status: 401,
        text: expect.stringContaining('The e-mail address or the password is wrong.'),
      })),
    )
    expect(new Set(answers.slice(0, 3).map(({ text }) => text)).size).toBe(1)
    expect(answers[3]?.status).toBe(400)
  })

  test('needs a subdomain that is a tenant’s', async () => {
    const { slug, email, password } = await app.signUp('Acme')
    const hosts = [
      'localhost',
      'nobody.localhost',
      'www.localhost',
      `a.${slug}.localhost`,
      `${slug}.localhost.evil.example`,
      '127.0.0.1',
    ]
    for (const host of hosts) {
      const { status } = await app.call('POST', '/sign-in', { headers: { host }, body: { email, password } })
      expect(status, host).toBe(401)
    }
    const upper = await app.call('POST', '/sign-in', {
      headers: { host: `${slug.toUpperCase()}.LOCALHOST:80` },
      body: { email, password },
    })
    expect(upper.status).toBe(200)
  })

  test('two users of the same address in two tenants each sign in to their own', async () => {
    const [acme, globex] = [await app.signUp('Acme'), await app.signUp('Globex')]
    const first = await app.addMember(acme, 'same@example.org')
    const second = await app.addMember(globex, 'same@example.org')
    const names = async (token: string) => (await app.call('GET', '/users', { token })).text
    expect(await names(first.token)).toContain('Admin of Acme')
    expect(await names(second.token)).toContain('Admin of Globex')
    expect(await names(second.token)).not.toContain('Acme')
  })

  test('takes an address in capitals for the same', async () => {
    const { slug, email, password } = await app.signUp('Acme')
    const body = { email: email.toUpperCase(), password }
    expect((await app.call('POST', '/sign-in', { slug, body })).status).toBe(200)
  })

  test('takes as long for an address that nobody has as for a wrong password', async () => {
    // As slow as in production, so that a missing hash would show.
    const users = app.dataSource.getRepository(User)
    const signIn = new SignIn(users, app.app.get(Tokens), { ...app.configuration, passwordCost: 2 ** 14 })
    const email = 'slow@acme.example'
    const { id } = await app.signUp('Acme')
    const passwordHash = await hashPassword('correct horse battery', 2 ** 14)
    const quickest = (address: string) =>
      tenancy.run(id, async () => {
        const times: number[] = []
        for (let turn = 0; turn < 4; turn += 1) {
          const begun = performance.now()
          await expect(signIn.signIn({ email: address, password: 'wrong' })).rejects.toMatchObject({
            status: 401,
          })
          times.push(performance.now() - begun)
        }
        return Math.min(...times)
      })
    await tenancy.run(id, () => users.insert({ email, name: 'Slow', role: 'member', passwordHash }))
    const wrongPassword = await quickest(email)
    expect(await quickest('nobody@acme.example')).toBeGreaterThan(wrongPassword / 3)
  })

  test('is over at once for an administrator who no longer is one', async () => {
    const { id, token } = await app.signUp('Acme')
    expect((await app.call('GET', '/users', { token })).status).toBe(200)
    await app.database.query(`update users set role = 'member' where tenant_id = $1`, [id])
    expect((await app.call('GET', '/users', { token })).status).toBe(403)
  })

  test('gives a token that names user, tenant and role, and nothing else of them', async () => {
    const { id, token } = await app.signUp('Acme')
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    expect(claims).toEqual({
      sub: expect.any(String),
      tenant_id: id,
      role: 'admin',
      iss: 'tests',
      aud: 'users',
      iat: expect.any(Number),
      exp: expect.any(Number),
    })
  })
})

describe('passwords', () => {
  test('are kept as salted hashes, which no route shows', async () => {
    const { id, token } = await app.signUp('Acme')
    const rows = await app.database.query<{ password_hash: string }>(
      'select password_hash from users where tenant_id = $1',
      [id],
    )
    expect(rows).toEqual([{ password_hash: expect.stringMatching(/^scrypt\$16\$[^$]{24}\$[^$]{44}$/) }])
    expect((await app.call('GET', '/users', { token })).text).not.toMatch(/scrypt|password/i)
  })

  test('are compared whole', async () => {
    const stored = await hashPassword('Correct horse', 16)
    expect(await isPassword('Correct horse', stored)).toBe(true)
    for (const wrong of ['', 'correct horse', 'Correct hors', 'Correct horse ']) {
      expect(await isPassword(wrong, stored), wrong).toBe(false)
    }
    expect(await hashPassword('Correct horse', 16)).not.toBe(stored)
    // An é of one keyboard and of another.
    expect(await isPassword('cafe\u0301', await hashPassword('caf\u00E9', 16))).toBe(true)
    // What is damaged lets nobody in.
    expect(await isPassword('', 'scrypt$16$$')).toBe(false)
  })
})

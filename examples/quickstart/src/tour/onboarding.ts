import { randomUUID } from 'node:crypto'
import type { TenantPool } from '@tenantry/core/pg'
import pg from 'pg'
import { tenancy } from '../tenancy.ts'
import type { Tour } from './tour.ts'

interface NewCompany {
  id: string
  name: string
  adminEmail: string | null
}

/** A company signs up with the application's own rights: whoever runs as a new id may insert that company. */
export async function showOnboarding({ pool, superuser, report }: Tour): Promise<void> {
  report.heading('A new company, in one transaction and without privileges')

  const rowsOf = async ({ id }: NewCompany): Promise<number> => {
    const { rows } = await superuser.query<{ count: number }>(
      `SELECT (SELECT count(*) FROM tenants WHERE id = $1)::int + (SELECT count(*) FROM users WHERE tenant_id = $1)::int
         + (SELECT count(*) FROM projects WHERE tenant_id = $1)::int AS count`,
      [id],
    )
    return rows[0]!.count
  }

  const company: NewCompany = {
    id: randomUUID(),
    name: 'Faroe Kayaks',
    adminEmail: 'runa@faroe-kayaks.example',
  }
  await onboard(pool, company)
  const kept = await rowsOf(company)
  report.check(
    kept === 3,
    `${company.name}, its first admin and first project: the superuser finds ${kept} rows`,
  )

  const broken: NewCompany = { id: randomUUID(), name: 'Nameless', adminEmail: null }
  const failure: unknown = await onboard(pool, broken).then(
    () => 'no error',
    (error: unknown) => error,
  )
  const left = await rowsOf(broken)
  const isRefused = failure instanceof pg.DatabaseError
  report.check(isRefused, `without an e-mail address: ${isRefused ? failure.message : String(failure)}`)
  report.check(left === 0, `of that company the superuser finds ${left} rows`)
}

/** Only the company itself is named: in what it has, the column defaults to it, and the floor refuses any other. */
function onboard(pool: TenantPool, company: NewCompany): Promise<void> {
  return tenancy.run(company.id, () =>
    pool.transaction(async (client) => {
      await client.query("INSERT INTO tenants (id, name, country) VALUES ($1, $2, 'FO')", [
        company.id,
        company.name,
      ])
      const admin = await client.query<{ id: string }>(
        "INSERT INTO users (email, name, role) VALUES ($1, 'Runa Dam', 'admin') RETURNING id",
        [company.adminEmail],
      )
      await client.query("INSERT INTO projects (owner_id, name) VALUES ($1, 'First steps')", [
        admin.rows[0]!.id,
      ])
    }),
  )
}

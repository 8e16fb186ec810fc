import { identifier } from '../identifiers.ts'
import { accessStep } from './access-step.ts'
import type { PlanContext, Step } from './plan.ts'
import { roleExists, roleNamed } from './role-reach.ts'
import { doIf } from './sql-blocks.ts'

/** The roles of the model that do not exist yet, without passwords. The owner has to be there already. */
export function roleSteps({ tenancy }: PlanContext): readonly Step[] {
  const { app, system } = tenancy.tenancy.roles
  const wanted = [
    {
      name: app,
      attributes: 'LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION',
      reason: `${app} is what the application signs in as: policies apply to it, and it owns nothing.`,
    },
    ...(system === undefined
      ? []
      : [
          {
            name: system,
            attributes: 'LOGIN NOSUPERUSER BYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION',
            reason: `${system} is what work across tenants signs in as: no policy applies to it.`,
          },
        ]),
  ]
  return wanted
    .filter(({ name }) => roleNamed(tenancy.catalogue, name) === undefined)
    .map(({ name, attributes, reason }) =>
      accessStep({
        id: `role ${name}: create`,
        phase: 'expand',
        statements: [doIf(`NOT ${roleExists(name)}`, [`CREATE ROLE ${identifier(name)} ${attributes}`])],
        undo: [`DROP ROLE IF EXISTS ${identifier(name)}`],
        reason,
        note: 'Roles belong to the whole server, not to one database. It has no password yet.',
      }),
    )
}

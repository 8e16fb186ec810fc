import type { Table, Trigger } from '../catalogue/catalogue.ts'
import { dollarQuoted } from '../dollar-quoted.ts'
import { displayName, identifier, ownName, qualified, type QualifiedName, sameName } from '../identifiers.ts'
import type { ResolvedTable } from '../model/resolved-tenancy.ts'
import { dataStep, remarks } from './data-step.ts'
import type { PlanContext, Step } from './plan.ts'
import { columnExists, doIf } from './sql-blocks.ts'
import { childrenToFill, columnJoin, tenantPath, type TenantPath } from './tenant-path.ts'

const TRIGGER = 'tenantry_fill'

/**
 * Online: a trigger that finds the tenant of rows which the old application writes without it, until that is gone. It runs
 * with the rights of who applies the plan, because whoever may write a child need not be allowed to read its parent.
 */
export function fillSteps(context: PlanContext): readonly Step[] {
  return triggersToMake(context).map(({ each, path }) =>
    dataStep({
      id: `${displayName(each.table)}: fill ${each.column}`,
      phase: 'expand',
      statements: createFill(each.table, fillFunction(each.table), fillBody(each, path)),
      undo: dropFill(each.table, fillFunction(each.table)),
      reason: `The application in use does not know ${each.column} yet: what it writes into ${displayName(each.table)} gets the tenant from the row that it belongs to.`,
      lock: 'SHARE ROW EXCLUSIVE',
      tables: [each.table, ...each.partitions],
      note: remarks(
        'Every insert into this table reads one row more.',
        each.path?.foreignKey.deferrable === true &&
          'A row that is inserted before the one it belongs to, in one transaction, gets no tenant, and is refused once the column is NOT NULL.',
      ),
    }),
  )
}

/** Takes the triggers away, those of an earlier plan too. */
export function dropFillSteps(context: PlanContext): readonly Step[] {
  const { functions } = context.tenancy.catalogue
  const made = triggersToMake(context).map(({ each, path }) => ({
    each,
    name: fillFunction(each.table),
    body: fillBody(each, path),
  }))
  const found = context.tenancy.tenantTables.flatMap((each) => {
    const name = fillTrigger(each.table)?.function
    const body = functions.find((other) => name && sameName(other, name))?.body
    return name && body !== undefined ? [{ each, name, body }] : []
  })
  return [...made, ...found].map(({ each, name, body }) =>
    dataStep({
      id: `${displayName(each.table)}: stop filling ${each.column}`,
      phase: 'contract',
      statements: dropFill(each.table, name),
      // Not if a later part of taking the plan back has been done already.
      undo: [
        doIf(
          `to_regnamespace('tenantry') IS NOT NULL AND ${columnExists(each.table, each.column)}`,
          createFill(each.table, name, body),
        ),
      ],
      reason: 'The new application acts for a tenant, which the default of the column knows.',
      lock: 'ACCESS EXCLUSIVE',
      tables: [each.table, ...each.partitions],
    }),
  )
}

interface Filling {
  readonly each: ResolvedTable
  readonly path: TenantPath
}

function triggersToMake(context: PlanContext): readonly Filling[] {
  if (context.shape === 'offline') return []
  return childrenToFill(context).flatMap((each) => {
    const path = tenantPath(each)
    return path && !fillTrigger(each.table) ? [{ each, path }] : []
  })
}

function fillTrigger(table: Table): Trigger | undefined {
  return table.triggers.find((trigger) => trigger.name === TRIGGER && trigger.function.schema === 'tenantry')
}

/** A schema with an underscore is set off by a dot, so that no two tables share a function. */
function fillFunction({ schema, name }: QualifiedName): QualifiedName {
  const separator = schema.includes('_') ? '.' : '_'
  return {
    schema: 'tenantry',
    name: ownName('fill', `${schema}${separator}${name}`).replace(/^tenantry_/, ''),
  }
}

function createFill(table: Table, fillFunctionName: QualifiedName, body: string): readonly string[] {
  const name = qualified(fillFunctionName)
  return [
    `CREATE OR REPLACE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS ${dollarQuoted(body)}`,
    `REVOKE ALL ON FUNCTION ${name}() FROM PUBLIC`,
    `CREATE OR REPLACE TRIGGER ${TRIGGER} BEFORE INSERT OR UPDATE ON ${qualified(table)} FOR EACH ROW EXECUTE FUNCTION ${name}()`,
  ]
}

/**
 * A row without a tenant gets that of its parent. So does one that moves to another parent and keeps its tenant: the old
 * application moves rows between tenants by nothing else. One whose parent has none yet waits for the backfill.
 */
function fillBody({ table, column }: ResolvedTable, path: TenantPath): string {
  const tenant = identifier(column)
  const { parent, columns } = path
  const row = (alias: string): string => columns.map((each) => `${alias}.${identifier(each)}`).join(', ')
  return `
DECLARE
  found_tenant ${qualified(table)}.${tenant}%TYPE;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF NEW.${tenant} IS NOT NULL AND (
      NEW.${tenant} IS DISTINCT FROM OLD.${tenant} OR (${row('NEW')}) IS NOT DISTINCT FROM (${row('OLD')})
    ) THEN
      RETURN NEW;
    END IF;
  ELSIF NEW.${tenant} IS NOT NULL THEN
    RETURN NEW;
  END IF;
  SELECT parent.${identifier(parent.column)} INTO found_tenant
  FROM ${qualified(parent.table)} AS parent
  WHERE ${columnJoin(path, 'NEW', 'parent')};
  NEW.${tenant} := coalesce(found_tenant, NEW.${tenant});
  RETURN NEW;
END
`
}

function dropFill(table: Table, name: QualifiedName): readonly string[] {
  return [
    `DROP TRIGGER IF EXISTS ${TRIGGER} ON ${qualified(table)}`,
    `DROP FUNCTION IF EXISTS ${qualified(name)}()`,
  ]
}

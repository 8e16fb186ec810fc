import type { Client } from 'pg'
import type { PolicyForm } from './policy-forms.ts'
import { tableOf, type Actor, type Keys } from './policy-table.ts'

/** What is asked: all rows of a tenant, one row by its key, or that with the statement planned anew each time. */
export const shapes = ['scan', 'key', 'key-unprepared'] as const
export type Shape = (typeof shapes)[number]

/** What came of a slice. */
export interface Timing {
  readonly executions: number
  /** Of one execution within the server. */
  readonly microseconds: number
  /** The sum of the scan; how many of the rows asked for by key were found. */
  readonly answer: number
}

/**
 * Functions that run one statement again and again within the server, where neither network nor client is in the time.
 * Their statements are prepared, with a plan for any tenant, but for those that are text: those are parsed, given
 * their policies and planned each time, as a driver's unnamed statements are.
 */
export function timedStatements(): string {
  return (['tenant-led', 'ordinary'] as const)
    .flatMap((keys) => [true, false].flatMap((byHand) => shapes.map((shape) => timed(keys, byHand, shape))))
    .join('\n')
}

function functionName(keys: Keys, byHand: boolean, shape: Shape): string {
  return `policy_cost.${[keys, byHand ? 'by_hand' : 'by_policy', shape].join('_').replaceAll('-', '_')}`
}

/** The statement as an application writes it; `$1` is the tenant, `$2` the key. */
export function statementOf({ keys, policies }: Pick<PolicyForm, 'keys' | 'policies'>, shape: Shape): string {
  const byHand = policies === undefined
  const conditions = [...(byHand ? ['tenant_id = $1'] : []), ...(shape === 'scan' ? [] : ['id = $2'])]
  const select = shape === 'scan' ? 'sum(length(title))' : 'length(title)'
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`
  return `SELECT ${select} FROM ${tableOf[keys]}${where}`
}

function timed(keys: Keys, byHand: boolean, shape: Shape): string {
  const text = statementOf({ keys, policies: byHand ? undefined : '' }, shape)
  const execute =
    shape === 'key-unprepared'
      ? `EXECUTE '${text}' INTO found USING $1, wanted`
      : `${text.replace('$2', 'wanted')} INTO found`
  const add = shape === 'scan' ? 'answer := found' : 'answer := answer + (found IS NOT NULL)::int'
  return `
    CREATE FUNCTION ${functionName(keys, byHand, shape)}(tenant uuid, keys bigint[], milliseconds float8)
      RETURNS TABLE (executions int, microseconds float8, answer bigint)
      LANGUAGE plpgsql
      SET plan_cache_mode = force_generic_plan
      SET max_parallel_workers_per_gather = 0
    AS $$
      DECLARE
        wanted bigint;
        found bigint;
        start timestamptz := clock_timestamp();
        counted int := -10;
      BEGIN
        answer := 0;
        LOOP
          -- The first executions plan, and find the processor's caches full of something else.
          IF counted < 0 AND clock_timestamp() - start > milliseconds / 4 * interval '1 ms' THEN counted := 0; END IF;
          IF counted = 0 THEN
            start := clock_timestamp();
            answer := 0;
          END IF;
          wanted := keys[1 + (counted + 10) % cardinality(keys)];
          ${execute};
          ${add};
          counted := counted + 1;
          EXIT WHEN counted > 0 AND clock_timestamp() - start >= milliseconds * interval '1 ms';
        END LOOP;
        executions := counted;
        microseconds := extract(epoch FROM clock_timestamp() - start) * 1e6 / counted;
        RETURN NEXT;
      END
    $$;`
}

/** Runs a statement for some time, in a transaction that acts for the actor. */
export async function runTimed(
  client: Client,
  { keys, policies }: PolicyForm,
  shape: Shape,
  actor: Actor,
  milliseconds: number,
): Promise<Timing> {
  return withActor(client, actor, async () => {
    const { rows } = await client.query<{ executions: number; microseconds: number; answer: string }>(
      `SELECT * FROM ${functionName(keys, policies === undefined, shape)}($1, $2, $3)`,
      [actor.tenantId, actor.keys, milliseconds],
    )
    const [{ executions, microseconds, answer }] = rows as [(typeof rows)[number]]
    return { executions, microseconds, answer: Number(answer) }
  })
}

/** The plan of the prepared statement, a line each. */
export async function explain(
  client: Client,
  form: PolicyForm,
  shape: Shape,
  actor: Actor,
): Promise<readonly string[]> {
  return withActor(client, actor, async () => {
    await client.query('SET LOCAL plan_cache_mode = force_generic_plan')
    await client.query('SET LOCAL max_parallel_workers_per_gather = 0')
    await client.query(`PREPARE explained (uuid, bigint) AS ${statementOf(form, shape)}`)
    try {
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN (COSTS OFF) EXECUTE explained ('${actor.tenantId}', ${actor.keys[0]})`,
      )
      return rows.map((row) => row['QUERY PLAN'])
    } finally {
      await client.query('DEALLOCATE explained')
    }
  })
}

async function withActor<Result>(
  client: Client,
  { tenantId, userId }: Actor,
  work: () => Promise<Result>,
): Promise<Result> {
  await client.query('BEGIN')
  try {
    await client.query(
      `SELECT set_config('app.current_tenant_id', $1, true), set_config('app.current_user_id', $2, true)`,
      [tenantId, userId],
    )
    return await work()
  } finally {
    await client.query('ROLLBACK')
  }
}

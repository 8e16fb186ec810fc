import pg from 'pg'
import type { Dataset } from '../dataset.ts'
import type { Rounds } from '../interleave.ts'
import { interleave } from '../interleave.ts'
import { preparePolicyForms, usePolicies, type PolicyForm } from '../policies/policy-forms.ts'
import { loadPolicyTables, randomActor, type Actor } from '../policies/policy-table.ts'
import { explain, runTimed, shapes, timedStatements, type Shape } from '../policies/timed-statements.ts'
import { median, pairedRatio } from '../statistics.ts'
import type { ConnectionStrings } from '../ways/way.ts'

/** What one execution costs within the server, in microseconds. */
export interface PolicyCost {
  /** Median of the rounds. */
  readonly median: number
  /** The least of the rounds. */
  readonly minimum: number
  /** Median of the rounds' ratios to the hand-written statement on the same table. */
  readonly ratio: number
  /** Median of the rounds' differences from it. */
  readonly added: number
}

export interface PoliciesRow {
  readonly way: string
  /** Whether these are the policies that Tenantry makes. */
  readonly generated: boolean
  readonly costs: Readonly<Record<Shape, PolicyCost>>
  /** The prepared statements' plans, a line each, as EXPLAIN (COSTS OFF) shows them. */
  readonly plans: Readonly<Record<'scan' | 'key', readonly string[]>>
}

/** The connections of one measurement: the superuser's, who sees everything, and the application's. */
interface Clients {
  readonly superuser: pg.Client
  readonly app: pg.Client
}

/** What policies cost by themselves: statements that repeat within the server, without a network and a client. */
export async function measurePolicies(
  connectionStrings: ConnectionStrings,
  dataset: Dataset,
  effort: Rounds,
): Promise<PoliciesRow[]> {
  const superuser = new pg.Client({ connectionString: connectionStrings.superuser })
  const app = new pg.Client({ connectionString: connectionStrings.app })
  try {
    await superuser.connect()
    await app.connect()
    await loadPolicyTables(superuser, dataset)
    await superuser.query(timedStatements())
    const forms = await preparePolicyForms(superuser)
    return await compareForms({ superuser, app }, forms, dataset, effort)
  } finally {
    await Promise.allSettled([superuser.end(), app.end()])
  }
}

async function compareForms(
  clients: Clients,
  forms: readonly PolicyForm[],
  dataset: Dataset,
  effort: Rounds,
): Promise<PoliciesRow[]> {
  // All forms of a round act for the same tenant: where its rows lie is a part of the time.
  const actors: Actor[] = []
  for (let round = 0; round < effort.rounds; round += 1)
    actors.push(await randomActor(clients.superuser, dataset))

  const turns = new Map<PolicyForm, number>()
  const slices = await interleave(forms, effort.rounds, (form) => {
    const turn = turns.get(form) ?? 0
    turns.set(form, turn + 1)
    return measureSlice(clients, form, actors[turn]!, effort.millisecondsPerRound)
  })

  const rows: PoliciesRow[] = []
  for (const [index, form] of forms.entries()) {
    const { title: way, generated = false } = form
    const costs = costsOf(slices[index]!, slices[baselineOf(form, forms)]!)
    rows.push({ way, generated, costs, plans: await plansOf(clients, form, actors[0]!) })
  }
  return rows
}

/** Microseconds of one execution of each statement. */
type Slice = Readonly<Record<Shape, number>>

async function measureSlice(
  clients: Clients,
  form: PolicyForm,
  actor: Actor,
  milliseconds: number,
): Promise<Slice> {
  await usePolicies(clients.superuser, form)
  const slice: Record<Shape, number> = { scan: 0, key: 0, 'key-unprepared': 0 }
  for (const shape of shapes)
    slice[shape] = (await runTimed(clientOf(clients, form), form, shape, actor, milliseconds)).microseconds
  return slice
}

async function plansOf(clients: Clients, form: PolicyForm, actor: Actor): Promise<PoliciesRow['plans']> {
  await usePolicies(clients.superuser, form)
  const client = clientOf(clients, form)
  return {
    scan: await explain(client, form, 'scan', actor),
    key: await explain(client, form, 'key', actor),
  }
}

/** Whoever has no policies to obey looks past those that are there. */
function clientOf({ superuser, app }: Clients, { policies }: PolicyForm): pg.Client {
  return policies === undefined ? superuser : app
}

/** The hand-written statement on the same table. */
function baselineOf({ keys }: PolicyForm, forms: readonly PolicyForm[]): number {
  return forms.findIndex((form) => form.keys === keys && form.policies === undefined)
}

function costsOf(slices: readonly Slice[], baseline: readonly Slice[]): Record<Shape, PolicyCost> {
  const costOf = (shape: Shape): PolicyCost => {
    const values = slices.map((slice) => slice[shape])
    const baselineValues = baseline.map((slice) => slice[shape])
    return {
      median: median(values),
      minimum: Math.min(...values),
      ratio: pairedRatio(values, baselineValues),
      added: median(values.map((value, round) => value - baselineValues[round]!)),
    }
  }
  return { scan: costOf('scan'), key: costOf('key'), 'key-unprepared': costOf('key-unprepared') }
}

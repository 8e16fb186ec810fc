/**
 * Writes data/companies.jsonl.gz: invented companies of very uneven size. `npm run generate-data`.
 * The same records come out on every machine, because every choice is drawn from one seeded generator.
 */
import { writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import {
  cities,
  firstNames,
  lastNames,
  projectThemes,
  taskActions,
  taskObjects,
  trades,
} from './generate-words.ts'

const companies = 320
const startOfFirstYear = Date.UTC(2023, 0, 9)
const today = Date.UTC(2026, 9, 1)
const day = 24 * 60 * 60 * 1000

/** Every record of the data file, parents before children. */
export function* generateRecords(): Generator<Record<string, unknown>> {
  const random = createRandom(20_261_001)
  const names = companyNames(random)
  for (let rank = 1; rank <= companies; rank++) {
    // A power law: the tenth company is an eighth of the first, and most are small teams.
    yield* generateCompany(random, names[rank - 1]!, 1 / rank ** 0.9)
  }
}

function* generateCompany(
  random: Random,
  { name, domain, country }: CompanyName,
  share: number,
): Generator<Record<string, unknown>> {
  const foundedAt = random.between(startOfFirstYear, today - 60 * day)
  const tenant_id = random.uuid(foundedAt)
  const plan = share > 0.05 ? 'business' : share > 0.01 ? 'team' : 'free'
  yield { kind: 'tenant', id: tenant_id, name, plan, country, created_at: timestamp(foundedAt) }

  const users: string[] = []
  for (const person of people(random, 2 + Math.round(share * 500))) {
    const joinedAt = random.between(foundedAt, today)
    const id = random.uuid(joinedAt)
    const role = users.length === 0 ? 'admin' : random.weighted({ admin: 5, member: 85, guest: 10 })
    const email = `${person.toLowerCase().replace(' ', '.')}@${domain}`
    yield { kind: 'user', tenant_id, id, email, name: person, role, created_at: timestamp(joinedAt) }
    users.push(id)
  }

  for (let project = 0; project < 1 + Math.round(share * 120); project++) {
    const startedAt = random.between(foundedAt, today)
    const project_id = random.uuid(startedAt)
    const title = `${random.pick(projectThemes)} ${new Date(startedAt).getUTCFullYear()}`
    const status = random.weighted({ active: 60, paused: 10, archived: 30 })
    const owner_id = random.pick(users)
    yield {
      kind: 'project',
      tenant_id,
      id: project_id,
      owner_id,
      name: title,
      status,
      created_at: timestamp(startedAt),
    }

    const team = Array.from({ length: 6 }, () => random.pick(users))
    for (let task = random.between(8, 36); task > 0; task--) {
      yield { kind: 'task', tenant_id, ...generateTask(random, project_id, team, startedAt) }
    }
  }
}

function generateTask(
  random: Random,
  project_id: string,
  team: string[],
  startedAt: number,
): Record<string, unknown> {
  const createdAt = random.between(startedAt, Math.min(startedAt + 120 * day, today))
  const dueOn = timestamp(createdAt + random.between(1, 40) * day).slice(0, 10)
  return {
    id: random.uuid(createdAt),
    project_id,
    assignee_id: random.chance(0.85) ? random.pick(team) : null,
    title: `${random.pick(taskActions)} the ${random.pick(taskObjects)}`,
    status: random.weighted({ todo: 35, doing: 15, done: 50 }),
    priority: Number(random.weighted({ 1: 10, 2: 55, 3: 25, 4: 10 })),
    due_on: random.chance(0.6) ? dueOn : null,
    created_at: timestamp(createdAt),
  }
}

interface CompanyName {
  name: string
  domain: string
  country: string
}

function companyNames(random: Random): CompanyName[] {
  const all = cities.flatMap(({ name, country }) =>
    trades.map((trade) => ({
      name: `${name} ${trade}`,
      domain: `${name}-${trade}.example`.toLowerCase(),
      country,
    })),
  )
  return random.shuffle(all).slice(0, companies)
}

/** Distinct full names, so that e-mail addresses are distinct within a company. */
function people(random: Random, count: number): string[] {
  const names = new Set<string>()
  while (names.size < count) names.add(`${random.pick(firstNames)} ${random.pick(lastNames)}`)
  return [...names]
}

function timestamp(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`
}

type Random = ReturnType<typeof createRandom>

/** Choices drawn from mulberry32, a seeded generator of 32-bit numbers: Math.random cannot be repeated. */
function createRandom(seed: number) {
  let state = seed
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const hexadecimal = (digits: number): string =>
    Array.from({ length: digits }, () => Math.floor(next() * 16).toString(16)).join('')
  const between = (least: number, greatest: number): number =>
    least + Math.floor(next() * (greatest - least + 1))
  const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(next() * values.length)]!

  return {
    between,
    pick,
    chance: (probability: number): boolean => next() < probability,
    weighted: (weights: Record<string, number>): string =>
      pick(Object.entries(weights).flatMap(([value, weight]) => Array<string>(weight).fill(value))),
    shuffle: <Value>(values: Value[]): Value[] =>
      values
        .map((value) => ({ value, order: next() }))
        .toSorted((a, b) => a.order - b.order)
        .map(({ value }) => value),
    /** A version 7 UUID: the time in milliseconds, then chance. https://www.rfc-editor.org/rfc/rfc9562#section-5.7 */
    uuid: (milliseconds: number): string => {
      const time = milliseconds.toString(16).padStart(12, '0')
      const variant = pick(['8', '9', 'a', 'b'])
      return `${time.slice(0, 8)}-${time.slice(8)}-7${hexadecimal(3)}-${variant}${hexadecimal(3)}-${hexadecimal(12)}`
    },
  }
}

if (import.meta.main) {
  const lines = [...generateRecords()].map((record) => `${JSON.stringify(record)}\n`)
  const file = new URL('../data/companies.jsonl.gz', import.meta.url)
  writeFileSync(file, gzipSync(lines.join(''), { level: 9 }))
  console.log(`Wrote ${lines.length} records.`)
}

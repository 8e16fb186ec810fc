import type { Query } from '../query.ts'

/** Values of settings by name, such as `{ lock_timeout: '0' }`. */
export type Settings = Readonly<Record<string, string>>

/** How long a setting holds. */
export type SettingsScope = 'transaction' | 'session'

/** The values of settings, `''` for those that have none. */
export async function currentSettings(query: Query, names: readonly string[]): Promise<Settings> {
  const values = names.map((_, at) => `pg_catalog.current_setting($${at + 1}, true) AS value${at + 1}`)
  const { rows } = await query(`SELECT ${values.join(', ')}`, names)
  return Object.fromEntries(names.map((name, at) => [name, (rows[0]?.[`value${at + 1}`] ?? '') as string]))
}

/** The value of a setting, `''` where it has none. */
export async function currentSetting(query: Query, name: string): Promise<string> {
  const { [name]: value = '' } = await currentSettings(query, [name])
  return value
}

/** For the rest of the transaction. */
export function setLocally(query: Query, settings: Settings): Promise<void> {
  return set(query, settings, 'transaction')
}

/**
 * While `work` runs, then as they were: for the `session`, because statements that cannot be in a transaction know no other
 * way; or within a `transaction` that goes on afterwards.
 */
export async function withSettings<T>(
  query: Query,
  settings: Settings,
  scope: SettingsScope,
  work: () => Promise<T>,
): Promise<T> {
  const before = await currentSettings(query, Object.keys(settings))
  let result: T
  try {
    await set(query, settings, scope)
    result = await work()
  } catch (error) {
    // In a transaction that failed this fails too, and its rollback brings them back.
    await set(query, before, scope).catch(() => undefined)
    throw error
  }
  await set(query, before, scope)
  return result
}

// Functions are named with their schema throughout: whatever the search path is, nobody's own take their place.
async function set(query: Query, settings: Settings, scope: SettingsScope): Promise<void> {
  const pairs = Object.entries(settings)
  const local = String(scope === 'transaction')
  const calls = pairs.map((_, at) => `pg_catalog.set_config($${at * 2 + 1}, $${at * 2 + 2}, ${local})`)
  await query(`SELECT ${calls.join(', ')}`, pairs.flat())
}

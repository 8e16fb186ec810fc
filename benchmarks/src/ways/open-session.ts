import type { Task } from '../dataset.ts'
import { expectedRows, randomTask, taskOfProject, tenantId } from '../dataset.ts'
import type { Session, SessionSettings, TaskRow } from './way.ts'

/** A way, or an application. */
interface OpenableAs<Opened> {
  readonly title: string
  open(settings: SessionSettings): Opened | Promise<Opened>
}

/**
 * Opens a session of a way, and makes sure that it returns what it should before anybody measures how fast.
 *
 * @throws Error - When it does not return the tenant's rows, or returns another's.
 */
export async function openSession<Opened extends Session>(
  way: OpenableAs<Opened>,
  settings: SessionSettings,
): Promise<Opened> {
  const session = await way.open(settings)
  try {
    await checkRows(way, session, settings)
    return session
  } catch (error) {
    // The first error is the one that counts.
    await session.close().catch(() => {})
    throw error
  }
}

async function checkRows(
  { title }: OpenableAs<Session>,
  session: Session,
  { dataset }: SessionSettings,
): Promise<void> {
  const task = randomTask(dataset)
  const next = taskOfProject(dataset, task.projectId + 1)
  for (const own of [task, next]) {
    const found = await ask(session, own)
    if (asText(found) !== asText(expectedRows(own)))
      throw new Error(`"${title}" returned wrong rows for ${asText([own])}: ${asText(found)}`)
  }
  // A tenant who has rows too, and one who has nothing.
  for (const stranger of [next.tenantId, tenantId(dataset.tenants)].map((id) => ({
    ...task,
    tenantId: id,
  }))) {
    const leaked = await ask(session, stranger)
    if (leaked.length > 0)
      throw new Error(
        `"${title}" returned another tenant's rows for ${asText([stranger])}: ${asText(leaked)}`,
      )
  }
}

async function ask(session: Session, task: Task): Promise<readonly TaskRow[]> {
  await session.beforeQuery?.(task)
  return await session.query(task)
}

/** Ids that JavaScript has as numbers and as strings look the same. */
function asText(rows: readonly object[]): string {
  return rows.map((row) => JSON.stringify('id' in row ? { ...row, id: String(row.id) } : row)).join('\n')
}

import { beforeEach, describe, expect, it } from 'vitest'
import { createDataset, expectedRows, taskOfProject, type Task } from '../src/dataset.ts'
import { openSession } from '../src/ways/open-session.ts'
import type { TaskRow, Way } from '../src/ways/way.ts'

const dataset = createDataset(2_000, 20)
const settings = { connectionStrings: { superuser: '', app: '' }, dataset, connections: 1 }

describe('the check of a way before it is measured', () => {
  let closed = false

  beforeEach(() => {
    closed = false
  })

  function wayThatReturns(rows: (task: Task, isStranger: boolean) => TaskRow[]): Way {
    return {
      name: 'stub',
      title: 'a stub',
      open: () => ({
        query: async (task) => rows(task, task.tenantId !== taskOfProject(dataset, task.projectId).tenantId),
        close: async () => {
          closed = true
        },
      }),
    }
  }

  it('passes a way that returns the rows of the tenant, ids as text or as numbers', async () => {
    for (const id of [String, Number]) {
      const way = wayThatReturns((task, isStranger) =>
        isStranger ? [] : expectedRows(task).map((row) => ({ ...row, id: id(row.id) })),
      )
      await expect(openSession(way, settings)).resolves.toHaveProperty('query')
      expect(closed).toBe(false)
    }
  })

  it('refuses a way that returns other rows, and closes it', async () => {
    const way = wayThatReturns((task) => expectedRows({ ...task, projectId: task.projectId + 1 }))
    await expect(openSession(way, settings)).rejects.toThrow('"a stub" returned wrong rows')
    expect(closed).toBe(true)
  })

  it('refuses a way that returns fewer rows, which would be fast', async () => {
    const way = wayThatReturns((task) => expectedRows(task).slice(1))
    await expect(openSession(way, settings)).rejects.toThrow('wrong rows')
  })

  it('refuses a way that returns nothing to strangers but always the same rows to tenants', async () => {
    const first = taskOfProject(dataset, 0)
    const way = wayThatReturns((_task, isStranger) => (isStranger ? [] : expectedRows(first)))
    await expect(openSession(way, settings)).rejects.toThrow('wrong rows')
  })

  it('refuses a way that returns the same rows to another tenant, and closes it', async () => {
    await expect(openSession(wayThatReturns(expectedRows), settings)).rejects.toThrow(
      '"a stub" returned another tenant\'s rows',
    )
    expect(closed).toBe(true)
  })
})

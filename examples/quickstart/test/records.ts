/** Records for data files: one small, good company, and variations of its parts. */

const created_at = '2026-01-31T09:30:00Z'

/** A UUID that is easy to tell from others. */
export function uuid(number: number): string {
  return `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`
}

type Fields = Record<string, unknown>

export function tenant(id: number, fields: Fields = {}): Fields {
  return {
    kind: 'tenant',
    id: uuid(id),
    name: `Company ${id}`,
    plan: 'team',
    country: 'NL',
    created_at,
    ...fields,
  }
}

export function user(tenantId: number, id: number, fields: Fields = {}): Fields {
  return {
    kind: 'user',
    tenant_id: uuid(tenantId),
    id: uuid(id),
    email: `person-${id}@company.example`,
    name: 'Ada Bjork',
    role: 'member',
    created_at,
    ...fields,
  }
}

export function project(tenantId: number, id: number, ownerId: number, fields: Fields = {}): Fields {
  return {
    kind: 'project',
    tenant_id: uuid(tenantId),
    id: uuid(id),
    owner_id: uuid(ownerId),
    name: 'Website',
    status: 'active',
    created_at,
    ...fields,
  }
}

export function task(tenantId: number, id: number, projectId: number, fields: Fields = {}): Fields {
  return {
    kind: 'task',
    tenant_id: uuid(tenantId),
    id: uuid(id),
    project_id: uuid(projectId),
    assignee_id: null,
    title: 'Draft the agenda',
    status: 'todo',
    priority: 2,
    due_on: null,
    created_at,
    ...fields,
  }
}

/** Company 1 with user 11, project 12 and task 13; company 2 with 21, 22 and 23. */
export const twoCompanies = [
  tenant(1),
  user(1, 11),
  project(1, 12, 11),
  task(1, 13, 12, { assignee_id: uuid(11), due_on: '2028-02-29' }),
  tenant(2),
  user(2, 21),
  project(2, 22, 21),
  task(2, 23, 22),
]

/** Records as the text of a data file; texts are taken as they are. */
export function toLines(records: (Fields | string)[]): string {
  return records.map((record) => (typeof record === 'string' ? record : JSON.stringify(record))).join('\n')
}

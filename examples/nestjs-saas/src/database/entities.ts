import { AuditEntry } from '../audit/audit-entry.entity.ts'
import { Project } from '../projects/project.entity.ts'
import { Task } from '../tasks/task.entity.ts'
import { TenantSlug } from '../tenants/tenant-slug.entity.ts'
import { Tenant } from '../tenants/tenant.entity.ts'
import { User } from '../users/user.entity.ts'

export const entities = [AuditEntry, Project, Task, Tenant, TenantSlug, User]

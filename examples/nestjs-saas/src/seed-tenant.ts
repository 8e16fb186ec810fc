import type { INestApplicationContext } from '@nestjs/common'
import { SignIn } from './users/sign-in.ts'
import { Projects } from './projects/projects.ts'
import { Tasks } from './tasks/tasks.ts'
import { tenancy } from './tenancy.ts'
import { Onboarding } from './tenants/onboarding.ts'

/** A tenant to try the application with. */
export interface SeededTenant {
  readonly email: string
  readonly password: string
  readonly token: string
}

/** A tenant with a project and two tasks, by the services of the application. */
export async function seedTenant(
  app: INestApplicationContext,
  { name, slug }: { name: string; slug: string },
): Promise<SeededTenant> {
  const email = `admin@${slug}.example`
  const password = `${slug}: correct horse battery`
  const administrator = { email, password, name: `Administrator of ${name}` }
  const { id } = await app.get(Onboarding).createTenant({ name, slug, administrator })
  return tenancy.run(id, async () => {
    const project = await app.get(Projects).create({ name: `Website of ${name}` })
    for (const title of ['Text', 'Pictures']) await app.get(Tasks).create(project.id, { title })
    const { token } = await app.get(SignIn).signIn({ email, password })
    return { email, password, token }
  })
}

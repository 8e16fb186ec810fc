import { displayName, qualified } from '../identifiers.ts'
import { accessStep } from './access-step.ts'
import type { PlanContext, Step } from './plan.ts'
import { reachingViews } from './view-access.ts'

/** Views through which rows of tenants show, made to ask their reader's rights instead of their owner's. */
export function viewSteps({ tenancy }: PlanContext): readonly Step[] {
  return reachingViews(tenancy)
    .filter(({ view, invoker }) => invoker && !view.securityInvoker)
    .map(({ view }) =>
      accessStep({
        id: `${displayName(view)}: security_invoker`,
        phase: 'protect',
        statements: [`ALTER VIEW ${qualified(view)} SET (security_invoker = true)`],
        undo: [`ALTER VIEW ${qualified(view)} RESET (security_invoker)`],
        reason:
          `${displayName(view)} reads tables with rows of tenants with the rights of its owner, ${view.owner}: the policies ` +
          'that apply are those for the owner, not those for whoever reads the view.',
        lock: { mode: 'ACCESS EXCLUSIVE', tables: [displayName(view)] },
        note: 'Roles that read it need rights on the tables behind it from here on.',
      }),
    )
}

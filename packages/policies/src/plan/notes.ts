import { foreignKeyNotes } from './foreign-key-notes.ts'
import { functionNotes } from './function-notes.ts'
import { keyNotes } from './key-notes.ts'
import type { Note, PlanContext } from './plan.ts'
import { policyNotes } from './policy-notes.ts'
import { roleNotes } from './role-notes.ts'
import { tableNotes } from './table-notes.ts'
import { viewNotes } from './view-notes.ts'

/** What a plan leaves to a person. Those about holes that stay open come first. */
export function planNotes(context: PlanContext): readonly Note[] {
  const { tenancy } = context
  const notes = [
    ...policyNotes(tenancy),
    ...viewNotes(tenancy),
    ...functionNotes(tenancy),
    ...keyNotes(context),
    ...foreignKeyNotes(context),
    ...roleNotes(tenancy),
    ...tableNotes(tenancy),
  ]
  return effects.flatMap((effect) => notes.filter((note) => note.effect === effect))
}

const effects: readonly Note['effect'][] = ['exposes', 'widens', 'narrows', 'information']

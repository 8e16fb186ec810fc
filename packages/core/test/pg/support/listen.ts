import diagnostics from 'node:diagnostics_channel'
import { onTestFinished } from 'vitest'

/** What is published on a diagnostics channel from now on, until the test is over. */
export function listenTo<Event>(channel: string): Event[] {
  const events: Event[] = []
  const listener = (event: unknown): void => {
    events.push(event as Event)
  }
  diagnostics.subscribe(channel, listener)
  onTestFinished(() => void diagnostics.unsubscribe(channel, listener))
  return events
}

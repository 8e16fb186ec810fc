import type { Session, SessionSettings } from '../ways/way.ts'

/** A running application: `query` asks it over HTTP. */
export interface ApplicationSession extends Session {
  /** Where it listens. */
  readonly url: string
  /** How many instances Nest has made of the application's classes and of its modules', until now. */
  instances(): number
}

/** One way to write the same application: a row of the tables of the part `http`. */
export interface Application {
  /** What the tables of results call it. */
  readonly title: string
  /** How many of the first application's requests it should answer in the same time, by the name of the network. */
  readonly reach?: Readonly<Record<string, number>>
  open(settings: SessionSettings): Promise<ApplicationSession>
}

/** As many permits as there are connections, handed out in the order in which they are asked for. */
export class Permits {
  #free: number
  readonly #total: number
  readonly #waiting: ((give: () => void) => void)[] = []
  readonly #idle: (() => void)[] = []

  constructor(total: number) {
    this.#free = total
    this.#total = total
  }

  /** Resolves with what gives the permit back. */
  take(): Promise<() => void> {
    return new Promise((resolve) => {
      if (this.#free === 0) {
        this.#waiting.push(resolve)
        return
      }
      this.#free -= 1
      resolve(this.#giver())
    })
  }

  /** Resolves once nobody has or wants one. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#free === this.#total) resolve()
      else this.#idle.push(resolve)
    })
  }

  #giver(): () => void {
    let given = false
    return () => {
      if (given) return
      given = true
      const next = this.#waiting.shift()
      if (next !== undefined) {
        next(this.#giver())
        return
      }
      this.#free += 1
      if (this.#free === this.#total) for (const resolve of this.#idle.splice(0)) resolve()
    }
  }
}

import { Worker } from 'node:worker_threads'

/** How early the sleeping thread wakes, in milliseconds: about what it takes to be scheduled and heard. */
const wakeUpTime = 0.06

/** Shorter waits than this, in milliseconds, are spent turning the event loop: no sleep is that short. */
const shortestSleep = 0.08

/** What the sleeping thread does: wait for a deadline, sleep until just before it, report, repeat. */
const sleeper = `
  const { parentPort, workerData } = require('node:worker_threads')
  const armed = new Int32Array(workerData.memory, 0, 1)
  const sleepFor = new Float64Array(workerData.memory, 8, 1)
  const nobody = new Int32Array(new SharedArrayBuffer(4))
  for (;;) {
    Atomics.wait(armed, 0, 0)
    Atomics.store(armed, 0, 0)
    Atomics.wait(nobody, 0, 0, sleepFor[0])
    parentPort.postMessage(undefined)
  }`

/**
 * A timer for fractions of a millisecond. `setTimeout` counts whole ones, and turning the event loop until the
 * time has come takes a whole core from what is being measured; here a thread sleeps in `Atomics.wait`, which
 * takes fractions, and only the last 0.1 ms are spent turning the loop.
 */
export class PreciseTimer {
  readonly #memory = new SharedArrayBuffer(16)
  readonly #armed = new Int32Array(this.#memory, 0, 1)
  readonly #sleepFor = new Float64Array(this.#memory, 8, 1)
  readonly #onDue: () => void
  #deadline = 0

  /** @param onDue - Called at or just after the moment given to `wakeAt`, never before it. */
  constructor(onDue: () => void) {
    this.#onDue = onDue
    const thread = new Worker(sleeper, { eval: true, workerData: { memory: this.#memory } })
    thread.on('message', () => this.#check())
  }

  /** Asks for one call at `deadline`, in `performance.now()` milliseconds. One deadline at a time. */
  wakeAt(deadline: number): void {
    this.#deadline = deadline
    this.#check()
  }

  #check(): void {
    const remaining = this.#deadline - performance.now()
    if (remaining <= 0) return void setImmediate(this.#onDue)
    if (remaining < shortestSleep) return void setImmediate(() => this.#check())
    this.#sleepFor[0] = remaining - wakeUpTime
    Atomics.store(this.#armed, 0, 1)
    Atomics.notify(this.#armed, 0)
  }
}

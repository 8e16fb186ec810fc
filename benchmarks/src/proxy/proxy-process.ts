// The child process behind startDelayingProxy: run by fork, never imported for its values.
import net from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { PreciseTimer } from './precise-timer.ts'

export type ProxyRequest =
  | { readonly kind: 'start'; readonly host: string; readonly port: number; readonly oneWayDelay: number }
  | { readonly kind: 'delay'; readonly oneWayDelay: number }
  | { readonly kind: 'report' }

export interface ProxyAnswer {
  readonly listeningPort: number
  readonly roundTrips: number[]
}

/** What leaves the proxy at a known moment: a chunk, or the end of a direction. */
interface Delivery {
  readonly due: number
  readonly deliver: () => void
}

/** One connection's flights: a new one starts when the client sends after it has received. */
class FlightCounter {
  flights = 0
  #answered = true

  clientSent(): void {
    if (this.#answered) this.flights += 1
    this.#answered = false
  }

  clientReceived(): void {
    this.#answered = true
  }
}

let target = { host: '', port: 0 }
let oneWayDelay = 0
const counters: FlightCounter[] = []
const deliveries: Delivery[] = []
const timer = new PreciseTimer(deliverWhatIsDue)

function deliverWhatIsDue(): void {
  const now = performance.now()
  let delivered = 0
  while (delivered < deliveries.length && deliveries[delivered]!.due <= now) {
    deliveries[delivered]!.deliver()
    delivered += 1
  }
  deliveries.splice(0, delivered)
  if (deliveries.length > 0) timer.wakeAt(deliveries[0]!.due)
}

/** Everything waits in one line; a shorter delay must not let a late chunk overtake an early one. */
function schedule(deliver: () => void): void {
  const due = Math.max(performance.now() + oneWayDelay, deliveries.at(-1)?.due ?? 0)
  deliveries.push({ due, deliver })
  if (deliveries.length === 1) timer.wakeAt(due)
}

function forward(from: Socket, to: Socket, onArrival: () => void, onDelivery: () => void): void {
  from.setNoDelay(true)
  // No back-pressure: the queue grows instead, because a pause would limit throughput.
  from.on('data', (chunk: Buffer) => {
    onArrival()
    schedule(() => {
      onDelivery()
      to.write(chunk)
    })
  })
  from.on('end', () => schedule(() => to.end()))
  // A reset has nothing left to deliver; 'close' follows and takes the other side down.
  from.on('error', () => {})
  from.on('close', () => schedule(() => to.destroySoon()))
}

const server = net.createServer({ allowHalfOpen: true }, (client) => {
  const upstream = net.connect({ ...target, allowHalfOpen: true })
  const counter = new FlightCounter()
  counters.push(counter)
  const nothing = () => {}
  forward(client, upstream, () => counter.clientSent(), nothing)
  forward(upstream, client, nothing, () => counter.clientReceived())
})

function answer(): void {
  process.send!({
    listeningPort: (server.address() as AddressInfo).port,
    roundTrips: counters.map((counter) => counter.flights),
  } satisfies ProxyAnswer)
}

process.on('message', (request: ProxyRequest) => {
  if (request.kind !== 'report') oneWayDelay = request.oneWayDelay
  if (request.kind !== 'start') return answer()
  target = { host: request.host, port: request.port }
  server.listen(0, '127.0.0.1', answer)
})
process.on('disconnect', () => process.exit())

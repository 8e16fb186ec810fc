import Module from 'node:module'
import { afterAll, beforeAll } from 'vitest'

type Callback = (error: null, result: unknown) => void

/** Values that every client reads and writes, as those of one Redis do. */
export interface RedisStandIn {
  readonly values: Map<string, string>
}

/**
 * Gives TypeORM a client when it loads `ioredis`, with the commands that its store sends: by callback from 0.3, by promise from
 * 1.x. It takes the place of a server, of which the store needs no more than keys and values.
 */
export function useRedisStandIn(): RedisStandIn {
  const values = new Map<string, string>()

  class Redis {
    get(key: string, callback?: Callback): unknown {
      return answer(values.get(key) ?? null, callback)
    }

    set(key: string, value: string, _unit: string, _duration: number, callback?: Callback): unknown {
      values.set(key, value)
      return answer('OK', callback)
    }

    del(keys: string | string[], callback?: Callback): unknown {
      const deleted = [keys].flat().filter((key) => values.delete(key))
      return answer(deleted.length, callback)
    }

    flushdb(callback?: Callback): unknown {
      values.clear()
      return answer('OK', callback)
    }

    quit(callback?: Callback): unknown {
      return answer('OK', callback)
    }
  }

  const loader = Module as unknown as { _load: (name: string, ...others: unknown[]) => unknown }
  const load = loader._load
  beforeAll(() => {
    loader._load = (name, ...others) => (name === 'ioredis' ? Redis : load.call(Module, name, ...others))
  })
  afterAll(() => {
    loader._load = load
  })
  return { values }
}

function answer(result: unknown, callback: Callback | undefined): Promise<unknown> | undefined {
  if (callback === undefined) return Promise.resolve(result)
  setImmediate(callback, null, result)
  return undefined
}

import { describe, expect, it } from 'vitest'
import { interleave } from '../src/interleave.ts'
import { median, pairedRatio, percentile } from '../src/statistics.ts'

describe('statistics', () => {
  it('finds percentiles of values in any order', () => {
    const values = Array.from({ length: 100 }, (_, index) => (index * 37) % 100)
    expect(median(values)).toBe(50)
    expect(percentile(values, 0.95)).toBe(95)
    expect(percentile([7], 0.95)).toBe(7)
    expect(() => median([])).toThrow(RangeError)
  })

  it('takes ratios within a round, so that a slow round does not count', () => {
    expect(pairedRatio([3, 300, 3], [2, 200, 2])).toBe(1.5)
  })
})

describe('interleaving', () => {
  it('gives every entry each place once in as many rounds as there are entries', async () => {
    const order: string[] = []
    const measured = await interleave(['a', 'b', 'c'], 3, async (entry) => order.push(entry))
    expect(order.join('')).toBe('abcbcacab')
    expect(measured).toEqual([
      [1, 6, 8],
      [2, 4, 9],
      [3, 5, 7],
    ])
  })
})

import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt)
const LENGTH = 32

/** The password as the database keeps it, with all that is needed to compare: `scrypt$<cost>$<salt>$<hash>`. */
export async function hashPassword(password: string, cost: number): Promise<string> {
  const salt = randomBytes(16)
  const hash = await deriveKey(password, salt, cost)
  return ['scrypt', cost, salt.toString('base64'), hash.toString('base64')].join('$')
}

/** Compares in a time that does not depend on how much of it is right. */
export async function isPassword(password: string, stored: string): Promise<boolean> {
  const [, cost, salt = '', hash = ''] = stored.split('$')
  const expected = Buffer.from(hash, 'base64')
  const actual = await deriveKey(password, Buffer.from(salt, 'base64'), Number(cost))
  return expected.length === LENGTH && timingSafeEqual(actual, expected)
}

// r = 8, p = 3 with a cost of 2 ** 15: the OWASP Password Storage Cheat Sheet.
function deriveKey(password: string, salt: Buffer, cost: number): Promise<Buffer> {
  // The same password may be typed as other code points on another keyboard.
  return derive(password.normalize('NFKC'), salt, LENGTH, {
    cost,
    blockSize: 8,
    parallelization: 3,
    maxmem: 2048 * cost,
  })
}

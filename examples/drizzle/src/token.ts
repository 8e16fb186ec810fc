import { createHmac, timingSafeEqual } from 'node:crypto'

/** A company's token: its id, and a signature that only this server can make. */
export function issueToken(companyId: string, secret: string): string {
  return `${companyId}.${signatureOf(companyId, secret).toString('base64url')}`
}

/** The company of a token, or nothing if this server did not issue it. */
export function companyOf(token: string, secret: string): string | undefined {
  const [companyId = '', signature = ''] = token.split('.')
  const given = Buffer.from(signature, 'base64url')
  const expected = signatureOf(companyId, secret)
  return given.length === expected.length && timingSafeEqual(given, expected) ? companyId : undefined
}

function signatureOf(companyId: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(companyId).digest()
}

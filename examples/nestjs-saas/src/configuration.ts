/** What differs from one installation to the next. */
export interface Configuration {
  readonly port: number
  /** Tenants sign in at `<slug>.<baseDomain>`. */
  readonly baseDomain: string
  readonly database: {
    /** Of the application's role: owns nothing, is no superuser, has no BYPASSRLS. */
    readonly url: string
    /** Of the role with BYPASSRLS, for reports across tenants. */
    readonly systemUrl: string
    readonly poolSize: number
  }
  readonly tokens: {
    readonly issuer: string
    /** Signs what users of tenants get. */
    readonly userSecret: Uint8Array
    /** Signs what operators get: no fault in how users' tokens are made can make an operator. */
    readonly operatorSecret: Uint8Array
  }
  /** The cost of a password's hash, a power of two: memory is 1 KiB times this. */
  readonly passwordCost: number
}

/** The injection token of the {@link Configuration}. */
export const CONFIGURATION = Symbol('configuration')

/** @throws Error that names the variable which is missing or wrong */
export function readConfiguration(environment: NodeJS.ProcessEnv = process.env): Configuration {
  const text = (name: string): string => {
    const value = environment[name]
    if (!value) throw new Error(`Set ${name} in the environment: see compose.yaml.`)
    return value
  }
  const number = (name: string, otherwise: number): number => {
    const value = Number(environment[name] || otherwise)
    if (!Number.isSafeInteger(value)) throw new Error(`${name} has to be a whole number.`)
    return value
  }
  const secret = (name: string): Uint8Array => {
    const value = Buffer.from(text(name), 'base64')
    // RFC 7518, 3.2: a key as long as the hash.
    if (value.length < 32)
      throw new Error(`${name} has to be 32 bytes or more, in base64: openssl rand -base64 32`)
    return value
  }
  const [userSecret, operatorSecret] = [secret('TOKEN_SECRET'), secret('OPERATOR_TOKEN_SECRET')]
  if (Buffer.compare(userSecret, operatorSecret) === 0) {
    throw new Error('OPERATOR_TOKEN_SECRET has to be another one than TOKEN_SECRET.')
  }
  return {
    port: number('PORT', 3000),
    baseDomain: text('BASE_DOMAIN'),
    database: {
      url: text('DATABASE_URL'),
      systemUrl: text('SYSTEM_DATABASE_URL'),
      poolSize: number('DATABASE_POOL_SIZE', 10),
    },
    tokens: { issuer: text('TOKEN_ISSUER'), userSecret, operatorSecret },
    // What OWASP recommends for scrypt with p = 3: see password.ts.
    passwordCost: 2 ** 15,
  }
}

import { afterAll, beforeAll, describe, inject, test } from 'vitest'
import { connectToPostgres } from '../../src/index.ts'
import { describeTenancyConformance } from '../../src/conformance/index.ts'
import { ReferenceSubject } from './reference-subject.ts'

// What the broken subjects are variations of has to pass: otherwise their failing would prove nothing.
describeTenancyConformance(
  { name: 'the reference', open: (options) => new ReferenceSubject(options) },
  {},
  { describe, test, beforeAll, afterAll },
  { server: () => connectToPostgres(inject('postgresUrl')) },
)

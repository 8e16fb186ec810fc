// The conversion of parameter values has no other door, and @types/pg does not describe this one. pg-cursor, which is
// part of node-postgres, takes the same.
declare module 'pg/lib/utils.js' {
  const utilities: { prepareValue(value: unknown): unknown }
  export default utilities
}

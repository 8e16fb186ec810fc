// Starts an embedded server, says which, and then ends as the argument says, without stopping the server itself.
import { startPostgres } from '../../../src/postgres/start-postgres.ts'
import { serverFacts } from '../server-facts.ts'

const server = await startPostgres({ provider: 'embedded' })
console.log(JSON.stringify(await serverFacts(server.url)))
switch (process.argv[2] ?? 'finish') {
  case 'stop':
    await server.stop()
    break
  case 'exit':
    process.exit(3)
  case 'throw':
    throw new Error('the program crashes')
  case 'wait':
    setInterval(() => {}, 1000)
    break
}

import { readConfiguration } from './configuration.ts'
import { createApp } from './create-app.ts'

const configuration = readConfiguration()
const app = await createApp(configuration)
// SIGTERM: requests are finished, and then connections closed.
app.enableShutdownHooks()
await app.listen(configuration.port)

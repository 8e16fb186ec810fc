// Makes a database from the template "shared", noting in another database if it was this process that made the template.
import { queryAs } from '../../../src/postgres/query-as.ts'
import { connectToPostgres } from '../../../src/postgres/test-postgres.ts'

const [serverUrl = '', notesUrl = ''] = process.argv.slice(2)
const database = await connectToPostgres(serverUrl).createDatabase({
  template: 'shared',
  setup: async (query) => {
    await queryAs(notesUrl, 'insert into template_makers values ($1)', [process.pid])
    await query('create table notes as select 1 as id')
  },
})
console.log(JSON.stringify({ rows: await database.query('select id from notes') }))

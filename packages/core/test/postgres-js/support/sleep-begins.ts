import type { TestDatabase } from '@tenantry/testing'

/** Waits until a backend of the database is in pg_sleep. */
export async function sleepBegins(database: TestDatabase): Promise<void> {
  await database.query(`
    do $$ begin
      loop
        perform pg_stat_clear_snapshot();
        exit when exists (select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database());
      end loop;
    end $$`)
}

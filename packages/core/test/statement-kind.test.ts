import { describe, expect, test } from 'vitest'
import { statementsOf } from '../src/pg/sql-words.ts'
import { statementKind } from '../src/pg/statement-kind.ts'

describe('a single statement', () => {
  test.each([
    ['select 1', 'data'],
    ['  SELECT 1;', 'data'],
    ['select 1 ; \n', 'data'],
    ['with x as (select 1) select * from x', 'data'],
    ['/* a; b */ insert into t values (1)', 'data'],
    ['-- select 1; commit\nupdate t set a = 1', 'data'],
    ['(select 1) union (select 2)', 'other'],
    ['merge into t using s on true when matched then do nothing', 'data'],
    ['explain analyze select 1', 'other'],
    ['create table t (a int)', 'other'],
    ['do $$ begin commit; end $$', 'other'],
    ['call p()', 'other'],
    ['fetch 10 from c', 'other'],
    ['listen x', 'other'],
    ['', 'other'],
    ['-- nothing', 'other'],
    ['begin', 'begin'],
    ['BEGIN ISOLATION LEVEL SERIALIZABLE;', 'begin'],
    ['start transaction read only', 'begin'],
    ['commit', 'commit'],
    ['COMMIT AND CHAIN', 'commit'],
    ['end', 'commit'],
    ["prepare transaction 'x'", 'commit'],
    ['rollback', 'rollback'],
    ['/* c */ ROLLBACK TO SAVEPOINT s', 'rollback'],
    ['abort', 'rollback'],
    ['savepoint s', 'savepoint'],
    ['release s', 'release'],
    ['set transaction isolation level serializable', 'set'],
    ['SET LOCAL statement_timeout = 1', 'set'],
    ['reset all', 'set'],
    ['lock table t', 'set'],
    ['vacuum', 'untransacted'],
    ['create unique index concurrently i on t (a)', 'untransacted'],
    ['CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)', 'untransacted'],
    ['drop index concurrently i', 'untransacted'],
    ['reindex table concurrently t', 'untransacted'],
    ['alter table a.b detach partition a.c concurrently', 'untransacted'],
    ['create database x', 'untransacted'],
    ['alter system set work_mem = 1', 'untransacted'],
    ['discard all', 'untransacted'],
    ["commit prepared 'x'", 'untransacted'],
    ["rollback prepared 'x'", 'untransacted'],
    ['create index i on t (a)', 'other'],
    ['discard plans', 'other'],
    ['prepare q as select 1', 'other'],
    ['copy t from stdin', 'copy-in'],
    ['copy "from" (a, b) from stdin', 'copy-in'],
    ['COPY public.t TO STDOUT', 'copy-out'],
    ['copy (select a from t) to stdout', 'copy-out'],
  ])('%j is %s', (text, kind) => {
    expect(statementKind(text)).toBe(kind)
  })
})

describe('several statements', () => {
  test.each([
    ['select 1; select 2', 'several'],
    ['select 1;; ;select 2', 'several'],
    ['set local x.y = 1; select 1', 'several'],
    ['begin; set transaction isolation level serializable', 'control'],
    ['commit; begin', 'control'],
    ['set a = 1; set b = 2', 'set'],
    ['begin; select 1; commit', 'mixed'],
    ['select 1; commit', 'mixed'],
    ['select 1; rollback to s; select 2', 'mixed'],
    ['select 1; /* ; */ -- ;\n end', 'mixed'],
    ['select 1; copy t to stdout', 'copy-out'],
    ['copy t to stdout; commit; select 1', 'mixed'],
    ['copy t from stdin; rollback', 'mixed'],
  ])('%j is %s', (text, kind) => {
    expect(statementKind(text)).toBe(kind)
  })
})

describe('what hides a semicolon', () => {
  test.each([
    "select ';commit;'",
    "select 'it''s;' as a",
    "select e'\\';commit;'",
    "select E'\\\\'",
    `select 1 as ";commit;"`,
    `select 1 as "a"";commit"`,
    'select $$;commit;$$',
    'select $tag$ ; $$ ; commit $tag$',
    'select 1 /* ; /* ; */ commit; */',
    'select 1 -- ; commit',
    'select $1 -- ;',
    'select a$b$c from t -- ;',
  ])('%s', (text) => {
    expect(statementsOf(text)).toHaveLength(1)
  })

  test('not what only looks like it', () => {
    expect(statementKind("select '\\'; commit; --'")).toBe('mixed')
    expect(statementKind("select te'x'; commit")).toBe('mixed')
    expect(statementKind('select 1e5; commit')).toBe('mixed')
    expect(statementKind('select a$1$b; commit; select $1$')).toBe('mixed')
  })

  test('a function with an atomic body is one statement, and its END is no commit', () => {
    const body = `create or replace function f() returns int language sql
      begin atomic select case when true then 1 else 2 end; select 2; end`
    expect(statementKind(body)).toBe('other')
    expect(statementsOf(`${body}; select 1`)).toHaveLength(2)
  })

  test('a rule with several actions is one statement', () => {
    expect(
      statementsOf(
        'create rule r as on insert to t do also (insert into a default values; insert into b default values)',
      ),
    ).toHaveLength(1)
  })

  test('an unfinished quote or comment swallows the rest, as in the server', () => {
    for (const text of [
      "select 'a; commit",
      'select "a; commit',
      'select /* ; commit',
      'select $$; commit',
    ]) {
      expect(statementsOf(text)).toHaveLength(1)
    }
  })
})

test('stays fast on long texts: quadratic lexing would take minutes', () => {
  const inserts = "insert into t values ('x;y'); ".repeat(50_000)
  expect(statementsOf(inserts)).toHaveLength(50_000)
})

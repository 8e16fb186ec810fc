import { columnNames } from './read-json.ts'

/**
 * The column lists of publications, for `WITH`: `column_lists` gives for each table that has any a sorted json array. One of a
 * partitioned table is that of its partitions, if the publication sends them as rows of the whole; else there is none.
 */
export function columnLists(serverVersion: number): string {
  // They came with PostgreSQL 15.
  return `column_lists AS (${serverVersion >= 150_000 ? published : 'SELECT NULL::oid AS published, NULL::json AS lists WHERE false'})`
}

const published = `
    SELECT published, json_agg(json_build_object('publication', pubname, 'columns', columns) ORDER BY pubname, level) AS lists
    FROM (
      SELECT coalesce(relid, prrelid)::oid AS published, pubname, coalesce(level, 0) AS level,
        ${columnNames('prrelid', 'prattrs::smallint[]')} AS columns
      FROM pg_publication_rel JOIN pg_publication ON pg_publication.oid = prpubid
      LEFT JOIN LATERAL pg_partition_tree(prrelid) ON true
      WHERE prattrs IS NOT NULL AND (pubupdate OR pubdelete)
    ) AS listed GROUP BY published
  `

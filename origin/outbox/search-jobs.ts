// Reads a page of jobs, and how many match in all. A search by text or age reads each row once for both.
import { sql } from 'kysely';
import type { Db } from '../schema.ts';
import {
  columns,
  countMatching,
  type Job,
  type JobCount,
  type JobFilter,
  type ListOptions,
  listJobs,
  orderOf,
  partsOf,
  restOf,
} from './find-jobs.ts';

interface SearchOptions extends ListOptions {
  searchAtMost: number;
  /** Counting stops at this number. */
  countAtMost: number;
}

export interface FoundJobs {
  jobs: Job[];
  /** How many jobs match in all. */
  found: JobCount;
}

export async function searchJobs(db: Db, filter: JobFilter, options: SearchOptions): Promise<FoundJobs> {
  const rest = restOf(filter);
  const { after, searchAtMost, countAtMost } = options;
  const isNamed = filter.ids !== undefined || filter.subjects !== undefined;
  // Without a text or an age, counting needs only an index. A later page does not begin where counting does.
  if (rest !== undefined && !isNamed && after === undefined) return readOnce(db, filter, options);
  const [jobs, found] = await Promise.all([
    listJobs(db, filter, options),
    countMatching(db, filter, countAtMost, searchAtMost),
  ]);
  return { jobs, found };
}

type FoundRow = { [Name in keyof Job]: Job[Name] | null } & { total: number; isCut: boolean };

async function readOnce(
  db: Db,
  filter: JobFilter,
  { limit, searchAtMost, countAtMost }: SearchOptions,
): Promise<FoundJobs> {
  const isAscending = filter.state === 'waiting' || filter.state === 'due';
  const direction = isAscending ? sql`asc` : sql`desc`;
  const parts = partsOf(filter).map(({ state, is }) => {
    const order = orderOf(state, filter);
    return sql`
      (select id, place, ${restOf(filter)!} as matches, count(*) over () as looked_at
      from (
        select id, failure, committed_at, ${order} as place from outbox where ${is}
        order by ${order} ${direction}, id ${direction} limit ${searchAtMost}) rows)`;
  });
  const { rows } = await sql<FoundRow>`
    with searched as materialized (${sql.join(parts, sql` union all `)}),
    page as (
      select id, place from searched where matches
      order by place ${direction}, id ${direction} limit ${limit})
    select totals.total, totals."isCut", listed.*
    from (
      select (count(*) filter (where matches))::integer as total,
        coalesce(bool_or(looked_at >= ${searchAtMost}), false) as "isCut" from searched) totals
    left join (
      select ${columns}, place, (extract(epoch from place) * 1000000)::bigint::text || '_' || id as cursor
      from page join outbox using (id)) listed on true
    order by place ${direction}, id ${direction}`.execute(db);
  const { total, isCut } = rows[0]!;
  return {
    jobs: rows.filter(({ id }) => id !== null) as Job[],
    found: { count: Math.min(countAtMost, total), more: isCut || total >= countAtMost },
  };
}

// A week of rows and a backlog of mails: what every query of the outbox reads must not grow with them.
import { Kysely, PostgresDialect, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pruneAccounts } from '../../origin/account/reset-password.ts';
import { readAttempts } from '../../origin/outbox/attempts.ts';
import { dropJobs, retryJobs } from '../../origin/outbox/change-jobs.ts';
import { addToOutbox } from '../../origin/outbox/events.ts';
import { countMatching, groupErrors, type JobFilter, listJobs } from '../../origin/outbox/find-jobs.ts';
import { countedTo, countJobs, measureOutbox } from '../../origin/outbox/measure.ts';
import { claimMails, claimRows, findDueKinds, pruneOutbox } from '../../origin/outbox/work.ts';
import { createDatabase, createPool } from '../../origin/postgres/database.ts';
import { connectRedis } from '../../origin/redis/connect.ts';
import type { Database, Db } from '../../origin/schema.ts';
import { Health } from '../../origin/web/serving/health.ts';
import { createDashboard } from '../../worker/dashboard.ts';
import { startJobs } from '../../worker/jobs.ts';
import { createMetrics } from '../../worker/metrics.ts';
import { openQueues } from '../../worker/queues.ts';
import { openShop, type Shop } from '../support/shop.ts';

const large = ['outbox', 'idempotency_keys', 'sessions', 'password_resets', 'job_attempts', 'job_subjects'];
const wait = { timeout: 30_000, interval: 50 };

const pagesOfConsole = [
  '/list',
  ...['waiting', 'due', 'failing', 'dead', 'done'].map((state) => `/list?state=${state}`),
  '/list?error=nothing+has+this',
  '/list?error=come&older=1h',
  '/list?about=product:1',
  '/log',
  '/throughput?over=week',
];

/** @param size of the backlog of mails */
export function describeQueriesThatGrow(size: number): void {
  describe(`With a backlog of ${size} mails and a week of rows`, () => {
    let shop: Shop;
    let patient: Db;
    /** Tells what it sends. */
    let watched: Db;
    let sent: { sql: string; parameters: readonly unknown[] }[] = [];

    beforeAll(async () => {
      shop = await openShop();
      const url = shop.deps.settings.databaseUrl;
      patient = createDatabase(createPool({ url, name: 'test-fill', max: 2, queryTimeoutMs: 300_000 }));
      await fill(patient, size);
      watched = new Kysely<Database>({
        dialect: new PostgresDialect({ pool: createPool({ url, name: 'test-plans', max: 2 }) }),
        log: ({ query }) => {
          sent.push({ sql: query.sql, parameters: query.parameters });
        },
      });
    }, 600_000);
    afterAll(async () => {
      await watched?.destroy();
      await patient?.destroy();
      await shop?.[Symbol.asyncDispose]();
    });

    /**
     * Runs within the shop's two seconds a statement. @returns the rows that each statement looked at, and its scans of
     * whole tables
     */
    async function watch(run: (db: Db) => Promise<unknown>, inTransaction: boolean) {
      sent = [];
      await (inTransaction ? undo(watched, run) : run(watched));
      const settings = sent
        .filter(({ sql: text }) => /^\s*set local/i.test(text))
        .map(({ sql: text }) => text);
      const statements = sent.filter(({ sql: text }) => /^\s*(select|with|update|delete)/i.test(text));
      expect(statements.length).toBeGreaterThan(0);
      const plans: PlanNode[] = [];
      for (const statement of statements) plans.push(await explain(patient, settings, statement));
      return {
        rowsRead: Math.max(...plans.map(rowsReadBy)),
        scans: plans
          .flatMap(nodesOf)
          .filter(isScanOfAll)
          .map((node) => node['Relation Name']),
      };
    }

    const page = 2_000;
    const bounded = { limit: 50, searchAtMost: 2_000 };
    const searched = 8 * 2_000 + 1_000;
    const ofProduct = { subjects: ['product:1'] };
    const changes: [string, number, (db: Db) => Promise<unknown>][] = [
      [
        'finding due kinds',
        10,
        (db) => findDueKinds(db, ['invalidate', 'mail', 'settle-payment', 'expire-hold']),
      ],
      ['claiming changes', 200, (db) => claimRows(db, 'invalidate', 40)],
      ['claiming overdue changes', 200, (db) => claimRows(db, 'invalidate', 40, 2)],
      ['claiming payments, of which none is due', 100, (db) => claimRows(db, 'settle-payment', 40)],
      ['claiming mails', page, (db) => claimMails(db, 40, undefined)],
      ['claiming overdue mails of later domains', page, (db) => claimMails(db, 40, 'domain100.example', 2)],
      ['listing what failed', page, (db) => listJobs(db, {}, { limit: 50 })],
      ['listing dead mails', page, (db) => listJobs(db, { state: 'dead', kind: 'mail' }, { limit: 50 })],
      ['listing what is due', page, (db) => listJobs(db, { state: 'due' }, { limit: 50 })],
      ['listing what waits', page, (db) => listJobs(db, { state: 'waiting' }, { limit: 50 })],
      ['listing what is done', page, (db) => listJobs(db, { state: 'done' }, { limit: 50 })],
      ['listing the next page', page, async (db) => listJobs(db, {}, await nextPage(db, {}))],
      ['listing by a text that nothing has', searched, (db) => listJobs(db, { error: 'x' }, bounded)],
      ['listing by age', searched, (db) => listJobs(db, { state: 'done', olderThanSeconds: 3e6 }, bounded)],
      ['listing the jobs of a product', 25_000, (db) => listJobs(db, ofProduct, { limit: 50 })],
      ['listing a group', page, async (db) => listJobs(db, { group: await someGroup(db) }, { limit: 50 })],
      ['counting what failed', 2 * countedTo + 1_000, (db) => countMatching(db, {}, countedTo)],
      ['counting by a text', searched, (db) => countMatching(db, { error: 'x' }, countedTo, 2_000)],
      ['grouping errors', 40 * 2_000 + 10_000, (db) => groupErrors(db, {}, 2_000)],
      ['reading attempts', page, (db) => readAttempts(db, ['1', '2'])],
      ['forgetting finished work', 2 * 20_000 + 1_000, (db) => pruneOutbox(db)],
      ['forgetting sessions and links', 2 * 20_000 + 1_000, (db) => pruneAccounts(db)],
      ['looking for the next question about a payment', 10, (db) => findQuestion(db)],
    ];
    // Of each of what is counted no more than is told. A change has transactions of its own.
    const counts: typeof changes = [
      ['measuring', 3 * countedTo + 1_000, (db) => measureOutbox(db)],
      ['giving one dead letter up', 20_000, (db) => changeOne(db, dropJobs)],
      ['bringing one dead letter back', 20_000, (db) => changeOne(db, retryJobs)],
      ['counting by kind', 8 * countedTo + 1_000, (db) => countJobs(db)],
    ];
    test.each([
      ...changes.map((change) => [...change, true] as const),
      ...counts.map((count) => [...count, false] as const),
    ])('%s reads no more than %i rows, and no table whole', async (_, most, run, inTransaction) => {
      const { rowsRead, scans } = await watch(run, inTransaction);
      expect(scans).toEqual([]);
      expect(rowsRead).toBeLessThanOrEqual(most);
    });

    test('what is counted to 10,000 says so, and what is below is exact', async () => {
      const { counts, depth } = await countJobs(watched);
      expect(counts.mail).toMatchObject({
        due: { count: countedTo, more: true },
        failing: { count: countedTo, more: true },
        done: { count: countedTo, more: true },
      });
      const none = { count: 0, more: false };
      expect(counts['settle-payment']).toEqual({
        waiting: { count: 20, more: false },
        due: none,
        failing: none,
        dead: none,
        done: none,
      });
      expect(depth).toMatchObject({ pending: countedTo, failing: countedTo });
      expect(await measureOutbox(watched)).toMatchObject({ pending: countedTo, failing: countedTo });
    });

    test('each page of the console answers within a second, whatever else this machine does', async () => {
      const { settings, db } = shop.deps;
      const queues = openQueues(connectRedis({ urls: settings.redisUrls, name: 'test' }), () => undefined);
      const metrics = createMetrics(db, queues);
      const console = createDashboard({ settings, queues, metrics, health: new Health(), db });
      const headers = { Authorization: `Basic ${btoa('operator:a-password-of-operators')}` };
      const [dead] = await listJobs(db, { state: 'dead' }, { limit: 1 });
      const slow: string[] = [];
      for (const path of ['', ...pagesOfConsole, `/${dead!.id}`, `/trace?of=${dead!.id}`]) {
        const times: number[] = [];
        for (let turn = 0; turn < 3; turn++) {
          const startedAtMs = performance.now();
          const answer = await console.request(`/jobs${path}`, { headers });
          const text = await answer.text();
          times.push(performance.now() - startedAtMs);
          expect([path, answer.status, text.includes('does not answer')]).toEqual([path, 200, false]);
        }
        const medianMs = times.sort((a, b) => a - b)[1]!;
        if (process.env['TIMES'])
          process.stdout.write(`${medianMs.toFixed(0).padStart(5)} ms  /jobs${path}\n`);
        if (medianMs > 1_000) slow.push(`${path} ${medianMs}`);
      }
      expect(slow).toEqual([]);
    });

    test('a new change and a mail to another domain wait for none of it', async () => {
      const { db } = shop.deps;
      const jobs = startJobs(shop.deps);
      // By now the worker is busy with the backlog.
      const isDone = async (id: string) => {
        const row = await db.selectFrom('outbox').select('state').where('id', '=', id).executeTakeFirst();
        return row?.state;
      };
      await expect
        .poll(
          async () =>
            (
              await patient
                .selectFrom('outbox')
                .select('id')
                .where('kind', '=', 'mail')
                .where('state', '=', 'done')
                .limit(20)
                .execute()
            ).length,
          wait,
        )
        .toBe(20);
      const { change, mail } = await db.transaction().execute(async (tx) => ({
        change: await addToOutbox(tx, 'invalidate', { tags: { 'product:1': 1 } }),
        mail: await addToOutbox(tx, 'mail', {
          to: 'x@zz-last.example',
          template: 'password-reset',
          data: {},
        }),
      }));
      await expect.poll(() => isDone(change.id), { timeout: 5_000, interval: 20 }).toBe('done');
      await expect.poll(() => isDone(mail.id), { timeout: 15_000, interval: 50 }).toBe('done');
      const left = await measureOutbox(db);
      expect(left.pending).toBe(countedTo);
      await jobs.stop();
    });
  });
}

async function changeOne(db: Db, change: typeof dropJobs): Promise<void> {
  const [row] = await listJobs(db, { state: 'dead' }, { limit: 1 });
  expect((await change(db, { who: 'test', filter: { ids: [row!.id] } })).changed).toBe(1);
}

async function nextPage(db: Db, filter: JobFilter) {
  const [row] = await listJobs(db, filter, { limit: 1 });
  return { limit: 50, after: row!.cursor };
}

async function someGroup(db: Db): Promise<string> {
  const { rows } = await sql<{ fingerprint: string }>`
    select fingerprint from outbox where state = 'pending' and kind = 'mail' and fingerprint is not null
    order by fingerprint limit 1`.execute(db);
  return rows[0]!.fingerprint;
}

/** As the order domain asks after each answer that leaves a payment open. */
const findQuestion = (db: Db) =>
  sql`
    select from outbox
    where state = 'pending' and due_at > clock_timestamp()
      and kind = 'settle-payment' and payload ->> 'orderId' = ${'7'}
    limit 1`.execute(db);

/**
 * Half of the mails is due, most of them to one domain, half has failed: some are due later, some again, some are dead.
 */
async function fill(db: Db, size: number): Promise<void> {
  const { rows: indexes } = await sql<{ name: string; definition: string }>`
    select indexname as name, indexdef as definition from pg_indexes
    where tablename = 'outbox' and indexname <> 'outbox_pkey'`.execute(db);
  for (const { name } of indexes) await sql`drop index ${sql.id(name)}`.execute(db);
  await sql`delete from outbox`.execute(db);
  await sql`
    insert into outbox (kind, payload, state, attempt, failures, failure, committed_at, due_at, first_failed_at)
    select 'mail',
      jsonb_build_object('template', 'password-reset', 'data', '{}'::jsonb, 'to',
        'person' || n || '@' || case when n % 4 < 3 then 'big.example' else 'domain' || n / 4 % 200 || '.example' end),
      case when n % 10 = 9 then 'dead' else 'pending' end,
      n % 2, n % 2,
      case when n % 2 = 1 then '451 come later, ' || chr(97 + n % 20) end,
      now() - make_interval(secs => 600000.0 * n / ${size}),
      case when n % 10 in (1, 3, 5) then now() + interval '1 hour' else now() - make_interval(secs => 60 + 600000.0 * n / ${size}) end,
      case when n % 2 = 1 then now() - interval '1 hour' end
    from generate_series(1, ${size}) n`.execute(db);
  await sql`
    insert into outbox (kind, payload, state, attempt, committed_at, due_at, done_at)
    select case n % 3 when 0 then 'mail' else 'invalidate' end, '{"to":"x@y.example","tags":{"product:1":1}}', 'done', 1, at, at, at
    from (select n, now() - make_interval(secs => 8 * 86400.0 * n / ${size}) as at from generate_series(1, ${size}) n) rows`.execute(
    db,
  );
  await sql`
    insert into outbox (kind, payload, due_at)
    select 'invalidate', '{"tags":{"product:1":1}}', now() - interval '1 minute' from generate_series(1, 20)
    union all
    select 'settle-payment', jsonb_build_object('orderId', n::text), now() + interval '1 hour' from generate_series(1, 20) n`.execute(
    db,
  );
  for (const { definition } of indexes) await sql.raw(definition).execute(db);
  await sql`
    insert into job_subjects (subject, job_id) select 'product:1', id from outbox where kind = 'invalidate'`.execute(
    db,
  );
  await sql`
    insert into job_attempts (job_id, attempt, worker, started_at, ended_at, outcome)
    select id, 1, 'w', committed_at, committed_at, 'done' from outbox where state = 'done'`.execute(db);
  await sql`
    insert into idempotency_keys (scope, key, fingerprint, created_at)
    select 's', n::text, 'f', now() - make_interval(secs => 8 * 86400.0 * n / ${size}) from generate_series(1, ${size / 4}::integer) n`.execute(
    db,
  );
  await sql`insert into accounts (email, name, password_hash) values ('many@example.com', 'Many', 'none')`.execute(
    db,
  );
  await sql`
    insert into sessions (token_hash, account_id, last_seen_at, created_at)
    select n::text, (select id from accounts limit 1), at, at
    from (select n, now() - make_interval(secs => 40 * 86400.0 * n / ${size / 4}) as at from generate_series(1, ${size / 4}::integer) n) rows`.execute(
    db,
  );
  await sql`
    insert into password_resets (token_hash, account_id, created_at)
    select n::text, (select id from accounts limit 1), now() - make_interval(secs => 2 * 86400.0 * n / ${size / 4})
    from generate_series(1, ${size / 4}::integer) n`.execute(db);
  for (const table of large) await sql`vacuum analyze ${sql.id(table)}`.execute(db);
}

class Undone extends Error {}

/** What was watched is not to change what the next watches. */
async function undo(db: Db, run: (db: Db) => Promise<unknown>): Promise<void> {
  await db
    .transaction()
    .execute(async (tx) => {
      await run(tx as unknown as Db);
      throw new Undone();
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undone)) throw error;
    });
}

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows'?: number;
  'Actual Loops'?: number;
  'Rows Removed by Filter'?: number;
  Plans?: PlanNode[];
}

async function explain(
  db: Db,
  settings: string[],
  statement: { sql: string; parameters: readonly unknown[] },
): Promise<PlanNode> {
  const explained = `explain (analyze, buffers, format json) ${statement.sql}`;
  const pieces = explained.split(/\$\d+/);
  const numbers = [...explained.matchAll(/\$(\d+)/g)].map((match) => Number(match[1]) - 1);
  const query = sql.join(
    pieces.flatMap((piece, at) =>
      at < numbers.length ? [sql.raw(piece), sql`${statement.parameters[numbers[at]!]}`] : [sql.raw(piece)],
    ),
    sql.raw(''),
  );
  let plan: PlanNode | undefined;
  await undo(db, async (tx) => {
    for (const setting of settings) await sql.raw(setting).execute(tx);
    const { rows } = await sql<{ 'QUERY PLAN': { Plan: PlanNode }[] }>`${query}`.execute(tx);
    plan = rows[0]!['QUERY PLAN'][0]!.Plan;
  });
  return plan!;
}

function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

const isScanOfAll = (node: PlanNode) =>
  node['Node Type'] === 'Seq Scan' && large.includes(node['Relation Name'] ?? '');

/** Those that a scan found and those that it passed over. */
function rowsReadBy(plan: PlanNode): number {
  return nodesOf(plan)
    .filter((node) => / Scan$/.test(node['Node Type']) && large.includes(node['Relation Name'] ?? ''))
    .reduce(
      (sum, node) =>
        sum +
        ((node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0)) * (node['Actual Loops'] ?? 0),
      0,
    );
}

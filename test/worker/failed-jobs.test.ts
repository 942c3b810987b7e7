// What failed is counted as it stands now, listed, shown, tried again and given up: on the jobs page and by command.
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { jobsCommand } from '../../ops-scripts/jobs/command.ts';
import { addToOutbox, outboxKinds } from '../../origin/outbox/events.ts';
import { countJobs } from '../../origin/outbox/measure.ts';
import { Health } from '../../origin/web/serving/health.ts';
import { createDashboard } from '../../worker/dashboard.ts';
import { type Jobs, startJobs } from '../../worker/jobs.ts';
import { openShop, type Shop } from '../support/shop.ts';
import { type SmtpServer, startSmtpServer } from '../support/smtp-server.ts';

const wait = { timeout: 30_000, interval: 50 };
const operator = { Authorization: `Basic ${btoa('operator:a-password-of-operators')}` };

let smtp: SmtpServer;
let shop: Shop;
let jobs: Jobs;
let page: ReturnType<typeof createDashboard>;
beforeEach(async () => {
  smtp = await startSmtpServer();
  smtp.react = (stage, to) => {
    if (stage !== 'RCPT') return undefined;
    if (to.some((address) => address.startsWith('later'))) return { say: '451 <b>come later</b>' };
    return to.some((address) => address.startsWith('never')) ? { say: '550 no such user' } : undefined;
  };
  shop = await openShop({ env: { SMTP_URL: smtp.url } });
  jobs = startJobs(shop.deps);
  const { settings, db } = shop.deps;
  page = createDashboard({ settings, db, ...jobs, health: new Health() });
});
afterEach(async () => {
  await jobs?.stop();
  await shop?.[Symbol.asyncDispose]();
  await smtp?.[Symbol.asyncDispose]();
});

async function mailTo(email: string): Promise<string> {
  const { db } = shop.deps;
  await shop.browser().signUp(email);
  const { id } = await db
    .transaction()
    .execute((tx) => addToOutbox(tx, 'mail', { to: email, template: 'password-reset', data: {} }));
  return id;
}
const read = (id: string) =>
  shop.deps.db.selectFrom('outbox').selectAll().where('id', '=', id).executeTakeFirst();
const until = (id: string, is: { failures?: number; state?: string }) =>
  expect.poll(() => read(id), wait).toMatchObject(is);
const makeDue = (id: string) =>
  sql`update outbox set due_at = clock_timestamp() where id = ${id}`.execute(shop.deps.db);
const open = async (path: string) => (await page.request(path, { headers: operator })).text();
const post = (path: string, action: string) =>
  page.request(path, {
    method: 'POST',
    headers: {
      ...operator,
      'Sec-Fetch-Site': 'same-origin',
      'Content-Type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ action }),
  });

/** As the page shows them: waiting, due, failing, dead, done. */
async function countsOfMail(): Promise<number[]> {
  const row = /<th scope="row">mail<\/th>((?:<td>[^<]*<\/td>)+)/.exec(await open('/jobs'))![1]!;
  return [...row.matchAll(/<td>(\d+)<\/td>/g)].map(([, count]) => Number(count));
}

describe('the jobs page', () => {
  test('counts a job as failed while it is, and no more once a later attempt has mended it', async () => {
    expect(await countsOfMail()).toEqual([0, 0, 0, 0, 0]);
    const id = await mailTo('later@example.com');
    await until(id, { failures: 1 });
    expect(await countsOfMail()).toEqual([0, 0, 1, 0, 0]);
    smtp.react = () => undefined;
    await makeDue(id);
    await until(id, { state: 'done' });
    expect(await countsOfMail()).toEqual([0, 0, 0, 0, 1]);
  });

  test('counts each job once, in the state in which it stands', async () => {
    const never = await mailTo('never@example.com');
    const later = await mailTo('later@example.com');
    await mailTo('fine@example.com');
    await until(never, { state: 'dead' });
    await until(later, { failures: 1 });
    await shop.deps.db
      .transaction()
      .execute((tx) =>
        addToOutbox(
          tx,
          'mail',
          { to: 'x@example.com', template: 'password-reset', data: {} },
          { dueAt: new Date(Date.now() + 60_000) },
        ),
      );
    await expect.poll(countsOfMail, wait).toEqual([1, 0, 1, 1, 1]);
    const counted = Object.values((await countJobs(shop.deps.db)).counts).flatMap((counts) =>
      Object.values(counts),
    );
    const { rows } = await sql<{ count: number }>`select count(*)::integer as count from outbox`.execute(
      shop.deps.db,
    );
    expect(counted.reduce((sum, { count }) => sum + count, 0)).toBe(rows[0]!.count);
  });

  test('lists what failed with its reason and next try, shows each, and tries it again or gives it up', async () => {
    const later = await mailTo('later@example.com');
    const never = await mailTo('never@example.com');
    await until(later, { failures: 1 });
    await until(never, { state: 'dead' });
    const listed = await open('/jobs');
    expect(listed).toContain('given up');
    expect(listed).toContain('550 no such user');
    expect(listed).toContain('451 &lt;b&gt;come later&lt;/b&gt;');
    const shown = await open(`/jobs/${later}`);
    expect(shown).toContain('later@example.com');
    expect(shown).toContain('>failing<');

    expect((await post(`/jobs/${later}`, 'retry')).status).toBe(303);
    await until(later, { failures: 2 });
    smtp.react = () => undefined;
    await post(`/jobs/${never}`, 'retry');
    await until(never, { state: 'done' });
    await post(`/jobs/${later}`, 'drop');
    expect(await read(later)).toBeUndefined();
    expect((await page.request(`/jobs/${later}`, { headers: operator })).status).toBe(404);
  });

  test('lets nobody act without a password, from another site, or on what has not failed', async () => {
    const id = await mailTo('later@example.com');
    await until(id, { failures: 1 });
    expect((await page.request(`/jobs/${id}`)).status).toBe(401);
    const body = new URLSearchParams({ action: 'drop' });
    const anonymous = { method: 'POST', headers: { 'Sec-Fetch-Site': 'same-origin' }, body };
    expect((await page.request(`/jobs/${id}`, anonymous)).status).toBe(401);
    const crossing = { method: 'POST', headers: { ...operator, 'Sec-Fetch-Site': 'cross-site' }, body };
    expect((await page.request(`/jobs/${id}`, crossing)).status).toBe(403);
    expect((await post(`/jobs/${id}`, 'burn')).status).toBe(422);
    expect(await read(id)).toMatchObject({ state: 'pending' });
    smtp.react = () => undefined;
    await post(`/jobs/${id}`, 'retry');
    await until(id, { state: 'done' });
    await post(`/jobs/${id}`, 'drop');
    expect(await read(id)).toMatchObject({ state: 'done' });
  });

  test('is whole while Redis is away, and says when Postgres is', async () => {
    process.kill(shop.redis.pid, 'SIGKILL');
    expect(await countsOfMail()).toEqual([0, 0, 0, 0, 0]);
    await shop.deps.db.destroy();
    expect(await open('/jobs')).toContain('Postgres does not answer');
  });
});

test('A gauge that cannot be read is absent: neither 0, nor what it was', async () => {
  const gauges = async () =>
    (await jobs.metrics.registry.metrics())
      .split('\n')
      .filter((line) => /^(outbox_|jobs_waiting|job_oldest)/.test(line));
  await expect.poll(gauges, wait).toHaveLength(4 + 2 * outboxKinds.length);
  process.kill(shop.redis.pid, 'SIGKILL');
  await expect.poll(gauges, wait).toHaveLength(4);
  await shop.deps.db.destroy();
  expect(await gauges()).toEqual([]);
  expect(await jobs.metrics.registry.metrics()).toContain('jobs_failed_total');
});

test('By command, what failed is listed, shown, tried again, and given up, several only when asked so', async () => {
  const never = [await mailTo('never1@example.com'), await mailTo('never2@example.com')];
  const later = await mailTo('later@example.com');
  for (const id of never) await until(id, { state: 'dead' });
  await until(later, { failures: 1 });
  /** In this process: the command itself is run by test/worker/outbox.test.ts. */
  const ops = async (...args: string[]) => {
    const said: string[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((line) => void said.push(String(line)));
    try {
      const env = { DATABASE_URL: shop.deps.settings.databaseUrl };
      await jobsCommand(env).parseAsync(args, { from: 'user' });
    } finally {
      log.mockRestore();
    }
    return said.join('\n');
  };
  const all = await ops('list', '--json');
  expect(all.split('\n').map((line) => JSON.parse(line))).toMatchObject([
    { id: later, state: 'failing', failures: 1, failure: expect.stringContaining('come later') },
    { id: never[1], state: 'dead', nextTryAt: null },
    { id: never[0], state: 'dead' },
  ]);
  expect(await ops('list', '--state', 'failing', '--error', 'COME later')).toMatch(
    new RegExp(`^${later}  mail .*451`),
  );
  expect(await ops('list', '--kind', 'invalidate')).toBe('Nothing has failed');
  expect(await ops('list', '--older-than', '1h')).toBe('Nothing has failed');
  expect(await ops('show', later)).toContain('later@example.com');
  expect(await ops('drop', '--state', 'dead', '--dry-run')).toBe('2 jobs would be dropped');
  await expect(ops('drop', '--state', 'dead')).rejects.toThrow('--yes');
  await expect(ops('drop')).rejects.toThrow();
  expect(await read(never[0]!)).toBeDefined();
  expect(await ops('drop', later)).toBe('1 job dropped');
  smtp.react = () => undefined;
  expect(await ops('retry', '--state', 'dead', '--yes')).toBe('2 jobs brought back');
  for (const id of never) await until(id, { state: 'done' });
  expect(await read(later)).toBeUndefined();
}, 120_000);

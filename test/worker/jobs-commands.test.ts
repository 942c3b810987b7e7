// `ops jobs` in this process, on a shop with a mail server that refuses: filters, groups, attempts, pause, and the log.
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openRedis } from '../../ops-scripts/connect-stores.ts';
import { dbCommand } from '../../ops-scripts/db/command.ts';
import { jobsCommand } from '../../ops-scripts/jobs/command.ts';
import { addToOutbox } from '../../origin/outbox/events.ts';
import { addPendingPurges } from '../../origin/outbox/pending-purges.ts';
import { type Jobs, startJobs } from '../../worker/jobs.ts';
import { writeReport } from '../../worker/reports.ts';
import { type Json, openShop, type Shop } from '../support/shop.ts';
import { type SmtpServer, startSmtpServer } from '../support/smtp-server.ts';

const wait = { timeout: 30_000, interval: 50 };

let smtp: SmtpServer;
let shop: Shop;
let jobs: Jobs;
beforeAll(async () => {
  smtp = await startSmtpServer();
  smtp.react = (stage, to) => {
    const [name = ''] = to;
    if (stage !== 'RCPT' || name.startsWith('fine')) return undefined;
    return {
      say: name.startsWith('full') ? '552 mailbox full' : `550 <${name}> unknown here, ref 8${to.length}Z7`,
    };
  };
  shop = await openShop({ env: { SMTP_URL: smtp.url } });
  jobs = startJobs(shop.deps);
});
afterAll(async () => {
  await jobs?.stop();
  await shop?.[Symbol.asyncDispose]();
  await smtp?.[Symbol.asyncDispose]();
});

/** @returns the lines that the command printed */
async function ops(...args: string[]): Promise<string[]> {
  const said: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line) => void said.push(String(line)));
  try {
    const env = { DATABASE_URL: shop.deps.settings.databaseUrl, REDIS_URL: shop.redis.url };
    await jobsCommand(env).parseAsync(args, { from: 'user' });
  } finally {
    log.mockRestore();
  }
  return said;
}
test('A command that Redis refuses says why, with host and port and no secret', async () => {
  const { host } = new URL(shop.redis.url);
  const refusals: [url: string, sentence: string][] = [
    [`redis://nobody:a-secret@${host}`, `Cannot reach Redis at ${host}: user or password refused`],
    ['redis://:a-secret@127.0.0.1:1', 'Cannot reach Redis at 127.0.0.1:1: connection refused'],
  ];
  for (const [url, sentence] of refusals)
    await expect(openRedis({ REDIS_URL: url })).rejects.toThrow(new RegExp(`^${sentence}$`));
});

test('Workers and edges are told with their state, an edge that confirms nothing by how long and how much it lacks', async () => {
  const { db } = shop.deps;
  const edge = (number: number, pending: number, confirmedAgoMs: number | null) => ({
    ...{ url: `http://edge-${number}`, pending, confirmedAgoMs },
  });
  const edges = [edge(1, 0, 900), edge(2, 3, 61_000), edge(3, 0, null)];
  await writeReport(db, 'zone/one', { purges: true, mailServerAway: true, edges });
  await addPendingPurges(db, 'http://edge-4', { 'product:1': 1 });
  // The shop's own worker tells of itself as well.
  const lines = await ops('workers');
  expect(lines).toContainEqual(
    expect.stringMatching(
      /^zone\/one {2}works {2}jobs, purges the edges, waits for the mail server {2}started \d.* {2}process \d+ on ./,
    ),
  );
  expect(lines.filter((line) => line.startsWith('edge '))).toEqual([
    'edge http://edge-1  confirms  0 tags unconfirmed',
    'edge http://edge-2  silent for 61 s  3 tags unconfirmed',
    'edge http://edge-3  has confirmed nothing yet  0 tags unconfirmed',
    'edge http://edge-4  purged by no worker  1 tag unconfirmed',
  ]);
  const told = (await ops('workers', '--json')).map((line) => JSON.parse(line) as Json);
  expect(told.find(({ worker }) => worker === 'zone/one')).toMatchObject({ isSilent: false, purges: true });
  expect(told.filter(({ edge: url }) => url !== undefined)).toMatchObject([
    { edge: 'http://edge-1', state: 'confirms', silentMs: null },
    { edge: 'http://edge-2', state: 'silent', silentMs: 61_000, unconfirmedTags: 3 },
    { edge: 'http://edge-3' },
    { edge: 'http://edge-4', unconfirmedTags: 1 },
  ]);
});

test('The state of the schema is told as JSON too, and migrations can be applied up to one of them', async () => {
  const said: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line) => void said.push(String(line)));
  const db = (...args: string[]) =>
    dbCommand({ DATABASE_URL: shop.deps.settings.databaseUrl }).parseAsync(args, { from: 'user' });
  try {
    await db('status', '--json');
    await db('migrate', '--json');
    await db('migrate', '--until', '0001-catalog', '--json');
    await expect(db('migrate', '--until', 'none')).rejects.toThrow('there is no such migration');
  } finally {
    log.mockRestore();
  }
  expect(said.map((line) => JSON.parse(line))).toEqual([
    { upToDate: true, missing: [] },
    { applied: [] },
    { applied: [] },
  ]);
});

const asJson = async (...args: string[]): Promise<Json[]> =>
  (await ops(...args, '--json')).map((line) => JSON.parse(line));

async function mailTo(email: string): Promise<string> {
  await shop.browser().signUp(email);
  const { id } = await shop.deps.db
    .transaction()
    .execute((tx) => addToOutbox(tx, 'mail', { to: email, template: 'password-reset', data: {} }));
  return id;
}
const stateOf = async (id: string) =>
  (await shop.deps.db.selectFrom('outbox').select('state').where('id', '=', id).executeTakeFirst())?.state;

test('Jobs that failed for the same reason are one group, whatever addresses and numbers the error names', async () => {
  const ids = [await mailTo('nobody1@example.com'), await mailTo('nobody2@example.org')];
  const full = await mailTo('full@example.com');
  for (const id of [...ids, full]) await expect.poll(() => stateOf(id), wait).toBe('dead');
  const groups = await asJson('groups');
  expect(groups).toMatchObject([
    { kind: 'mail', count: 2, dead: 2, failing: 0, error: expect.stringContaining('unknown here') },
    { kind: 'mail', count: 1, error: expect.stringContaining('552 mailbox full') },
  ]);
  const [unknown] = groups;
  expect(Date.parse(unknown.firstSeen)).toBeLessThanOrEqual(Date.parse(unknown.lastSeen));
  expect(await asJson('groups', '--error', 'FULL')).toMatchObject([{ count: 1 }]);
  expect(await asJson('groups', '--state', 'failing')).toEqual([]);
  expect((await asJson('list', '--group', unknown.group)).map(({ id }) => id).sort()).toEqual(ids.sort());
  expect(await asJson('drop', '--group', unknown.group, '--dry-run')).toMatchObject([
    { jobs: 2, changed: 0 },
  ]);
  expect(await ops('retry', '--group', unknown.group, '--yes')).toEqual(['2 jobs brought back']);
  for (const id of ids) await expect.poll(() => stateOf(id), wait).toBe('dead');
  const [again] = await asJson('groups', '--error', 'unknown here');
  expect(again).toMatchObject({ count: 2, firstSeen: unknown.firstSeen });
  expect(Date.parse(again.lastSeen)).toBeGreaterThan(Date.parse(unknown.lastSeen));
  expect(await ops('drop', '--group', unknown.group, '--yes')).toEqual(['2 jobs dropped']);
  expect(await asJson('groups', '--kind', 'mail')).toMatchObject([{ count: 1 }]);
});

test('Each attempt is kept with its worker, its time, its steps and its error', async () => {
  const id = await mailTo('full-again@example.com');
  await expect.poll(() => stateOf(id), wait).toBe('dead');
  await ops('retry', id);
  await expect.poll(async () => (await asJson('show', id))[0].tried.length, wait).toBe(2);
  const [shown] = await asJson('show', id);
  expect(shown).toMatchObject({ id, kind: 'mail', state: 'dead', payload: { to: 'full-again@example.com' } });
  for (const attempt of shown.tried) {
    expect(attempt).toMatchObject({
      worker: 'local/origin-1',
      outcome: 'dead',
      error: expect.stringMatching(/552/),
    });
    expect(attempt.steps).toMatchObject([{ what: 'mail rendered' }]);
    expect(attempt.tookMs).toBeGreaterThan(0);
    expect(Date.parse(attempt.startedAt)).toBeLessThanOrEqual(Date.parse(attempt.endedAt));
  }
  expect((await asJson('list', id)).map((job) => job.id)).toEqual([id]);
  expect(await asJson('groups', id)).toMatchObject([{ count: 1, jobId: id }]);
  expect((await ops('show', id)).filter((line) => line.startsWith('attempt '))).toHaveLength(2);
});

test('Of a job that is tried again and again the last fifty attempts are kept', async () => {
  const { db } = shop.deps;
  const id = await mailTo('full-often@example.com');
  await expect.poll(() => stateOf(id), wait).toBe('dead');
  await sql`
    insert into job_attempts (job_id, attempt, worker, started_at, ended_at, outcome)
    select ${id}, n, 'w', now(), now(), 'failed' from generate_series(2, 60) n on conflict do nothing`.execute(
    db,
  );
  await sql`update outbox set attempt = 60 where id = ${id}`.execute(db);
  await ops('retry', id);
  await expect.poll(async () => (await asJson('show', id))[0].tried.at(-1).attempt, wait).toBe(61);
  const [{ tried }] = await asJson('show', id);
  expect([tried.length, tried[0].attempt]).toEqual([50, 12]);
});

test('Jobs are found by the order, the product or the account that they are about', async () => {
  const browser = shop.browser();
  await browser.signUp('fine-buyer@example.com');
  const order = await browser.buy(shop.variants[0]!.id, 1, { email: 'fine-buyer@example.com' });
  const kindsAbout = async (about: string) => {
    const found = await asJson('list', '--about', about);
    return [...new Set(found.map(({ kind }) => kind))].sort();
  };
  const ofOrder = ['expire-hold', 'mail', 'settle-payment'];
  for (const about of [order.number, order.number.toLowerCase(), `order:${order.id}`])
    expect([about, await kindsAbout(about)]).toEqual([about, ofOrder]);
  expect(await kindsAbout('fine-buyer@example.com')).toEqual(expect.arrayContaining(ofOrder));
  const staff = await shop.staff();
  const { body } = await shop.browser().get('/api/products/plain-tee');
  const changed = await staff.patch(`/api/staff/products/${body.id}`, {
    price: { amount: 1_500, currency: 'EUR' },
  });
  for (const about of ['plain-tee', `product:${body.id}`]) {
    const found = await asJson('list', '--about', about, '--kind', 'invalidate');
    expect(found.map(({ id }) => id)).toContain(changed.body.invalidation.id);
  }
  await expect(ops('list', '--about', 'no-such-thing')).rejects.toThrow("'no-such-thing'");
  expect(await asJson('list', '--about', order.number, '--older-than', '1h')).toEqual([]);
});

test('A job stands in one state, and each state can be listed, tried again and given up', async () => {
  const later = await shop.deps.db
    .transaction()
    .execute((tx) =>
      addToOutbox(
        tx,
        'mail',
        { to: 'fine-later@example.com', template: 'password-reset', data: {} },
        { dueAt: new Date(Date.now() + 3_600_000) },
      ),
    );
  for (const state of ['waiting', 'due', 'failing', 'dead', 'done']) {
    const listed = await asJson('list', '--state', state, '--kind', 'mail');
    expect(listed.every((job) => job.state === state)).toBe(true);
    expect(listed.some(({ id }) => id === later.id)).toBe(state === 'waiting');
    const [counted] = await asJson('retry', '--state', state, '--kind', 'mail', '--dry-run');
    expect(counted.jobs).toBe(state === 'done' ? 0 : listed.length);
  }
  expect(await ops('drop', later.id)).toEqual(['0 jobs dropped']);
  expect(await ops('retry', '--state', 'waiting', '--kind', 'mail')).toEqual(['1 job brought back']);
  await expect.poll(() => stateOf(later.id), wait).toBe('done');
  expect(await ops('retry', later.id)).toEqual(['0 jobs brought back']);
});

test('A paused kind is begun by no worker, not even by one that starts later, until it is resumed', async () => {
  expect(await ops('pause', 'mail', '--as', 'Ada')).toEqual(['mail is paused']);
  expect(await ops('pause', 'mail')).toEqual(['mail was paused already']);
  const id = await mailTo('fine-paused@example.com');
  const other = startJobs(shop.deps);
  const { id: change } = await shop.deps.db
    .transaction()
    .execute((tx) => addToOutbox(tx, 'invalidate', { tags: { 'product:1': 1 } }));
  await expect.poll(() => stateOf(change), wait).toBe('done');
  // Both workers' sweepers take what has been due for two seconds.
  await expect
    .poll(async () => Date.now() - Date.parse((await asJson('show', id))[0].committedAt), wait)
    .toBeGreaterThan(4_000);
  expect((await asJson('show', id))[0]).toMatchObject({ state: 'due', attempts: 0 });
  expect((await asJson('status'))[0].queues).toContainEqual(
    expect.objectContaining({ queue: 'mail', due: 1, paused: true }),
  );
  expect(await ops('resume', 'mail', '--as', 'Ada')).toEqual(['mail is worked again']);
  await expect.poll(() => stateOf(id), wait).toBe('done');
  await other.stop();
});

test('The log says who did what to how many', async () => {
  const log = await asJson('log');
  expect(log.slice(0, 2)).toMatchObject([
    { who: 'Ada', action: 'resume', target: 'mail', jobs: null },
    { who: 'Ada', action: 'pause', target: 'mail' },
  ]);
  expect(log).toContainEqual(
    expect.objectContaining({
      action: 'drop',
      jobs: 2,
      target: expect.stringContaining('group'),
      who: expect.stringContaining('@'),
    }),
  );
});

// The operators' console by its forms, as a browser without scripts sends them: search, change, pause, log and trace.
import { sql } from 'kysely';
import { parse } from 'node-html-parser';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { measureOutbox } from '../../origin/outbox/measure.ts';
import { pruneOutbox } from '../../origin/outbox/work.ts';
import { Health } from '../../origin/web/serving/health.ts';
import { createDashboard } from '../../worker/dashboard.ts';
import { createFigureRecorder, pruneFigures, readFigures } from '../../worker/figures.ts';
import { type Jobs, startJobs } from '../../worker/jobs.ts';
import { createTaskRecorder } from '../../worker/reports.ts';
import { startTimedTasks } from '../../worker/timed-tasks.ts';
import { openShop, type Shop } from '../support/shop.ts';

const wait = { timeout: 30_000, interval: 50 };

let shop: Shop;
let jobs: Jobs;
let page: ReturnType<typeof createDashboard>;
let cookie: string;
beforeAll(async () => {
  shop = await openShop();
  jobs = startJobs(shop.deps);
  const { settings, db } = shop.deps;
  page = createDashboard({ settings, db, ...jobs, health: new Health() });
  const signedIn = await send('/jobs', { name: 'Ada <L>', password: 'a-password-of-operators' });
  cookie = signedIn.headers.get('Set-Cookie')!.split(';')[0]!;
});
afterAll(async () => {
  await jobs?.stop();
  await shop?.[Symbol.asyncDispose]();
});

async function send(path: string, fields: Record<string, string> | [string, string][]): Promise<Response> {
  return page.request(path, {
    method: 'POST',
    headers: {
      Cookie: cookie ?? '',
      'Sec-Fetch-Site': 'same-origin',
      'Content-Type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams(fields),
  });
}

async function open(path: string) {
  const answer = await page.request(path, { headers: { Cookie: cookie } });
  expect([path, answer.status]).toEqual([path, 200]);
  return parse(await answer.text());
}

/** As a browser sends the form of the page that asks whether a change is meant. */
async function confirm(answer: Response): Promise<string> {
  const form = parse(await answer.text()).querySelector('form[action="/jobs/change"]')!;
  const fields = form
    .querySelectorAll('input')
    .map((input): [string, string] => [input.getAttribute('name')!, input.getAttribute('value')!]);
  const done = await send('/jobs/change', fields);
  expect(done.status).toBe(303);
  return done.headers.get('Location')!;
}

async function plantDead(error: string, count: number): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    insert into outbox (kind, payload, state, attempt, failures, failure)
    select 'mail', '{"to":"nobody@example.com","template":"password-reset","data":{}}', 'dead', 3, 3, ${error}
    from generate_series(1, ${count}) returning id`.execute(shop.deps.db);
  return rows.map(({ id }) => id);
}

const idsOn = async (path: string) =>
  (await open(path)).querySelectorAll('input[name=id]').map((box) => box.getAttribute('value')!);

test('A list is searched, paged, and shows each job of its filter once', async () => {
  const ids = await plantDead('550 the first reason', 120);
  await plantDead('the second <reason>', 3);
  const seen: string[] = [];
  for (let path: string | undefined = '/jobs/list?error=FIRST+reason'; path !== undefined; ) {
    seen.push(...(await idsOn(path)));
    path = (await open(path)).querySelector('a[rel=next]')?.getAttribute('href')?.replaceAll('&amp;', '&');
  }
  expect(seen.sort()).toEqual(ids.sort());
  const told = async (path: string) => (await open(path)).querySelector('[role=status]')!.text;
  expect(await told('/jobs/list?error=FIRST+reason')).toMatch(/^120 jobs\./);
  expect(await told('/jobs/list?error=nothing+has+this')).toMatch(/^0 jobs\./);
  expect(await told('/jobs/list?error=reason&older=1h')).toMatch(/^0 jobs\./);
  expect((await open('/jobs/list?state=dead')).querySelector('[role=status]')!.text).toContain('123 jobs');
  expect(await idsOn('/jobs/list?state=due&kind=mail')).toEqual([]);
  const kinds = (await open('/jobs')).querySelectorAll('table.counts tbody tr');
  const [waiting, due, failing, dead] = kinds
    .find((row) => row.querySelector('th')!.text === 'mail')!
    .querySelectorAll('td')
    .map((cell) => cell.text);
  expect({ waiting, due, failing, dead }).toEqual({ waiting: '0', due: '0', failing: '0', dead: '123' });
  const group = (await open('/jobs')).querySelector('a[href*="group="]')!.getAttribute('href')!;
  expect((await idsOn(group.replaceAll('&amp;', '&'))).length).toBe(50);
  for (const wrong of ['state=lost', 'kind=x', 'older=soon', 'about=nobody-knows', 'group=zz'])
    expect([wrong, (await open(`/jobs/list?${wrong}`)).querySelector('[role=alert]')?.text]).toEqual([
      wrong,
      expect.stringMatching(/\.$/),
    ]);
});

test('A job of very many tags or a long error shows their beginning, folds the rest, and cuts what nobody reads', async () => {
  const tags = Object.fromEntries(Array.from({ length: 3_000 }, (_, at) => [`product:${100_000 + at}`, 1]));
  const { rows } = await sql<{ id: string }>`
    insert into outbox (kind, payload, state, attempt, failures, failure)
    values ('invalidate', ${JSON.stringify({ tags })}, 'dead', 3, 3, ${`too long ${'x'.repeat(2_000)}`}) returning id`.execute(
    shop.deps.db,
  );
  const { id } = rows[0]!;
  const job = await open(`/jobs/${id}`);
  const folds = job.querySelectorAll('table.facts details');
  expect(folds.length).toBe(2);
  for (const fold of folds) fold.remove();
  for (const cell of job.querySelectorAll('table.facts td')) expect(cell.text.length).toBeLessThan(450);
  const [, payload] = folds;
  expect(payload!.text.length).toBeLessThan(21_000);
  expect(payload!.text).toMatch(new RegExp(`and [\\d,]+ more: ops jobs show ${id} --json`));
  expect(job.querySelector('a.skip')?.getAttribute('href')).toBe(`#${job.querySelector('main')?.id}`);
  await sql`delete from outbox where id = ${id}`.execute(shop.deps.db);
});

test('Several are changed only after a question that says how many: a selection, or all of a filter', async () => {
  const ids = await plantDead('a third reason', 4);
  const selection: [string, string][] = [
    ['error', 'third'],
    ['change', 'drop-selected'],
    ['id', ids[0]!],
    ['id', ids[1]!],
  ];
  const asked = await send('/jobs/change', selection);
  expect(asked.status).toBe(200);
  expect((await idsOn('/jobs/list?error=third')).length).toBe(4);
  expect(await confirm(asked)).toMatch(/done=drop&count=2$/);
  expect((await idsOn('/jobs/list?error=third')).sort()).toEqual(ids.slice(2).sort());
  const all = await send('/jobs/change', { error: 'third', change: 'drop-all' });
  const location = await confirm(all);
  expect((await open(location)).querySelector('.notice')!.text).toBe('2 jobs given up.');
  expect(await idsOn('/jobs/list?error=third')).toEqual([]);
  const none = await send('/jobs/change', { error: 'third', change: 'drop-selected' });
  expect((await open(none.headers.get('Location')!)).querySelector('.notice')!.text).toContain('No job');
  expect((await send('/jobs/change', { change: 'burn-all' })).status).toBe(422);
  expect((await send('/jobs/change', { state: 'lost', change: 'drop-all' })).status).toBe(422);
});

test('A kind is paused after a question, and resumed; the page and the log say by whom', async () => {
  const asked = await send('/jobs/kinds', { kind: 'mail', action: 'pause' });
  expect(await asked.text()).toContain('No worker will begin');
  expect((await open('/jobs')).text).not.toContain('Paused by');
  expect((await send('/jobs/kinds', { kind: 'mail', action: 'pause', confirmed: 'yes' })).status).toBe(303);
  expect((await open('/jobs')).text).toContain('Paused by Ada <L>');
  expect((await send('/jobs/kinds', { kind: 'mail', action: 'resume' })).status).toBe(303);
  expect((await open('/jobs')).text).not.toContain('Paused by');
  expect((await send('/jobs/kinds', { kind: 'nothing', action: 'pause' })).status).toBe(422);
  const rows = (await open('/jobs/log')).querySelectorAll('tbody tr').map((row) => row.text);
  expect(rows[0]).toContain('resume');
  expect(rows.every((row) => row.includes('Ada <L>'))).toBe(true);
});

test('A change is traced from its request to the last cache, an order from its placing to its mail', async () => {
  const staff = await shop.staff();
  const { body: product } = await shop.browser().get('/api/products/plain-tee');
  const price = { amount: 1_234, currency: 'EUR' };
  const { body } = await staff.patch(`/api/staff/products/${product.id}`, { price }, { Prefer: 'wait=5' });
  expect(body.invalidation.state).toBe('done');
  const told = (await open(`/jobs/trace?of=${body.invalidation.id}`))
    .querySelectorAll('.timeline tbody tr')
    .map((row) => row.querySelectorAll('td')[1]!.text);
  expect(told).toEqual([
    `request: PATCH /api/staff/products/${product.id}`,
    expect.stringContaining(`outbox row ${body.invalidation.id} written`),
    `product:${product.id} changed by staff@myclothes.test`,
    'attempt 1 claimed',
    'attempt 1 begun by local/origin-1',
    'attempt 1: floors raised in Redis',
    'attempt 1: no origin trusts older memory',
    'done',
  ]);
  const order = await shop.browser().buy(shop.variants[0]!.id);
  const traceOfOrder = async () => (await open(`/jobs/trace?of=${order.number}`)).text;
  await expect.poll(traceOfOrder, wait).toContain('mail written to a file');
  expect(await traceOfOrder()).toContain(`order ${order.number} placed`);
});

test('The console shows each worker and when each timed task ran, and nothing to whoever is not signed in', async () => {
  await expect.poll(async () => (await open('/jobs')).text, wait).toMatch(/local\/origin-1\s+works/);
  for (const path of [
    '/jobs',
    '/jobs/list',
    '/jobs/log',
    '/jobs/trace?of=1',
    '/jobs/throughput',
    '/jobs/1',
  ]) {
    const answer = await page.request(path);
    expect([path, answer.status]).toEqual([path, 401]);
    expect(answer.headers.get('Content-Security-Policy')).toContain("script-src 'self'");
  }
  for (const path of ['/jobs/change', '/jobs/kinds', '/jobs/tasks', '/jobs/1']) {
    const crossing = await page.request(path, {
      method: 'POST',
      headers: { Cookie: cookie, 'Sec-Fetch-Site': 'cross-site' },
      body: new URLSearchParams({ change: 'drop-all', confirmed: 'yes' }),
    });
    expect([path, crossing.status]).toEqual([path, 403]);
  }
});

test('A timed task that is asked for runs once on one worker, again when asked again, and the log says for whom', async () => {
  const { deps } = shop;
  let runs = 0;
  const name = 'count <runs>';
  const task = { name, everyMs: 3_600_000, run: async () => ++runs };
  const start = (worker: string) =>
    startTimedTasks(deps, deps.log, [task], createTaskRecorder(deps.db, worker));
  const workers = [start('a'), start('b')];
  await expect.poll(async () => (await open('/jobs')).text, wait).toContain(name);
  const before = runs;
  for (const more of [1, 2]) {
    const asked = await send('/jobs/tasks', { task: name });
    expect(asked.headers.get('Location')).toBe('/jobs?done=run');
    await send('/jobs/tasks', { task: name });
    await expect.poll(() => runs, wait).toBeGreaterThanOrEqual(before + more);
    await expect
      .poll(() => deps.db.selectFrom('timed_task_requests').select('task').execute(), wait)
      .toEqual([]);
  }
  expect(runs).toBeLessThanOrEqual(before + 4);
  expect((await send('/jobs/tasks', { task: 'no such task' })).status).toBe(422);
  const [row] = (await open('/jobs/log')).querySelectorAll('tbody tr');
  expect(row!.text).toMatch(/Ada <L>\s+run\s+count <runs>/);
  await Promise.all(workers.map((one) => one.stop()));
});

test('Jobs that ended are shown by kind over an hour, a day and a week, and of the past only so much is kept', async () => {
  const { db } = shop.deps;
  const nothing = parse(
    await (await page.request('/jobs/throughput?over=decade', { headers: { Cookie: cookie } })).text(),
  );
  expect(nothing.querySelector('[aria-current=page][href*=over]')!.text).toBe('Last hour');
  const recorders = [createFigureRecorder(db), createFigureRecorder(db)];
  for (const recorder of recorders) {
    for (let ms = 1; ms <= 100; ms += 1) recorder.noteDone('pay-back', ms, ms * 10);
    recorder.noteFailed('pay-back', 60_000);
  }
  await Promise.all(recorders.map((recorder) => recorder.write()));
  await Promise.all(recorders.map((recorder) => recorder.write()));
  for (const over of ['hour', 'day', 'week'] as const) {
    const figures = (await readFigures(db, over)).find(({ kind }) => kind === 'pay-back')!;
    expect([over, figures]).toMatchObject([over, { done: 200, failed: 2 }]);
    // Exact to the bound that a duration counts to.
    expect(figures.halfWithinMs).toBeGreaterThan(320);
    expect(figures.halfWithinMs).toBeLessThan(640);
    expect(figures.mostWithinMs).toBeGreaterThan(640);
    const bars = figures.bars.filter((bar) => bar.done > 0);
    expect(bars.reduce((sum, bar) => sum + bar.done, 0)).toBe(200);
    const shown = await open(`/jobs/throughput?over=${over}`);
    expect(shown.text).toContain('200 done, 2 attempts failed.');
    expect(shown.querySelectorAll('svg.chart rect.failed').length).toBeGreaterThan(0);
  }
  await sql`
    insert into job_figures (kind, span_minutes, starts_at, done, failed, waits, runs)
    select 'mail', span, now() - make_interval(hours => hours), 1, 0, '{}', '{}'
    from unnest(array[1, 15, 120]) span, unnest(array[1, 2, 26, 190, 200]) hours`.execute(db);
  await pruneFigures(db);
  const { rows } = await sql<{ span: number; kept: number }>`
    select span_minutes as span, count(*)::integer as kept from job_figures
    where waits = '{}' group by 1 order by 1`.execute(db);
  expect(rows).toEqual([
    { span: 1, kept: 2 },
    { span: 15, kept: 3 },
    { span: 120, kept: 4 },
  ]);
  await sql`delete from job_figures where waits = '{}'`.execute(db);
});

test('A paused kind is not late, and counts again once it is resumed', async () => {
  const { db } = shop.deps;
  await send('/jobs/kinds', { kind: 'expire-hold', action: 'pause', confirmed: 'yes' });
  const before = await measureOutbox(db);
  expect(before.lagSeconds).toBeLessThan(3_000);
  await sql`
    insert into outbox (kind, payload, due_at, failure)
    values ('expire-hold', '{"orderId":"0"}', now() - interval '1 hour', null),
      ('expire-hold', '{"orderId":"0"}', now() - interval '2 hours', 'planted')`.execute(db);
  const during = await measureOutbox(db);
  expect([during.pending - before.pending, during.failing - before.failing]).toEqual([0, 1]);
  expect(during.lagSeconds).toBeLessThan(3_000);
  await jobs.stop();
  await send('/jobs/kinds', { kind: 'expire-hold', action: 'resume' });
  const after = await measureOutbox(db);
  expect(after.pending - before.pending).toBeGreaterThanOrEqual(2);
  expect(after.lagSeconds).toBeGreaterThan(7_000);
});

test('Old dead letters of mails are forgotten, those that hold money or pieces are not', async () => {
  const { db } = shop.deps;
  await sql`
    insert into outbox (kind, payload, state, failure, committed_at)
    select kind, '{}', 'dead', 'planted long ago', now() - make_interval(days => days)
    from unnest(array['mail', 'invalidate', 'settle-payment', 'expire-hold', 'pay-back']) kind, unnest(array[89, 91]) days`.execute(
    db,
  );
  await pruneOutbox(db);
  const { rows } = await sql<{ kind: string; kept: number }>`
    select kind, count(*)::integer as kept from outbox where failure = 'planted long ago' group by 1 order by 1`.execute(
    db,
  );
  expect(rows).toEqual([
    { kind: 'expire-hold', kept: 2 },
    { kind: 'invalidate', kept: 1 },
    { kind: 'mail', kept: 1 },
    { kind: 'pay-back', kept: 2 },
    { kind: 'settle-payment', kept: 2 },
  ]);
});

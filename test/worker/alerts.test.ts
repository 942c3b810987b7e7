// Alerts: rules that name only metrics and pages that exist, the same in the worker, posted once however many workers.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import type { Command } from 'commander';
import { sql } from 'kysely';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { createCounts, writeMetrics } from '../../edge/metrics.ts';
import { backupCommand } from '../../ops-scripts/backup/command.ts';
import { dbCommand } from '../../ops-scripts/db/command.ts';
import { jobsCommand } from '../../ops-scripts/jobs/command.ts';
import { privacyCommand } from '../../ops-scripts/privacy/command.ts';
import { createReadMetrics } from '../../origin/postgres/replicas/replica-set.ts';
import { watchStores } from '../../origin/watch-stores.ts';
import { createAlerts, workerRules } from '../../worker/alerts.ts';
import { type Jobs, startJobs } from '../../worker/jobs.ts';
import { measureSurroundings } from '../../worker/surroundings.ts';
import { type Json, openShop, type Shop } from '../support/shop.ts';
import { findProgram } from '../support/system-packages.ts';

interface Rule {
  alert: string;
  expr: string;
  for: string;
  labels: { severity: string };
  annotations: { summary: string; runbook: string };
}

const { groups } = parse(readFileSync('ops-scripts/alerts/rules.yaml', 'utf8')) as {
  groups: { rules: Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);
const runbook = readFileSync('docs/runbook.md', 'utf8');
const pages = runbook.split(/^## /m).slice(1);
const anchorOf = (page: string) => page.split('\n')[0]!.toLowerCase().replaceAll(' ', '-');

let shop: Shop;
let jobs: Jobs;
beforeAll(async () => {
  shop = await openShop();
  jobs = startJobs(shop.deps);
});
afterAll(async () => {
  await jobs?.stop();
  await shop?.[Symbol.asyncDispose]();
});

/** The pages of figures of all processes. */
async function readServed(): Promise<string> {
  const { deps } = shop;
  const replicas = new Registry();
  createReadMetrics(replicas, () => [{ name: 'r', isFit: true, lagSeconds: 0 }]);
  const stores = new Registry();
  await using _watch = watchStores(deps.settings, deps.log, stores);
  return [
    await stores.metrics(),
    await jobs.metrics.registry.metrics(),
    await deps.registry.metrics(),
    await replicas.metrics(),
    writeMetrics({ counts: createCounts(), store: { bytes: () => 0 }, fence: { leaseLeftMs: () => 0 } }),
    readFileSync('ops-scripts/region/control.ts', 'utf8'),
  ].join('\n');
}

const keywords = [
  'max',
  'min',
  'sum',
  'rate',
  'by',
  'absent',
  'and',
  'on',
  'count',
  'le',
  'status',
  'outcome',
  'm',
  'h',
  'histogram_quantile',
];

function metricsOf(expr: string): string[] {
  const labels = [...expr.matchAll(/by \(([\w, ]+)\)/g)].flatMap(([, names]) => names!.split(/,\s*/));
  const plain = expr.replaceAll(/"[^"]*"|\$__\w+/g, '');
  const names = [...plain.matchAll(/[a-z][a-z_]+/g)].map(([name]) => name);
  return names.filter((name) => !keywords.includes(name) && !labels.includes(name));
}

test('Each query of a dashboard names a metric that we serve, and each panel says what it shows', async () => {
  const served = await readServed();
  for (const name of ['shop', 'jobs', 'stores', 'edge']) {
    const board = JSON.parse(readFileSync(`ops-scripts/dashboards/${name}.json`, 'utf8')) as Json;
    expect([board.uid, board.panels.length > 4]).toEqual([`myclothes-${name}`, true]);
    for (const { title, targets } of board.panels) {
      expect(title).not.toBe('');
      const metrics = targets.flatMap(({ expr }: { expr: string }) => metricsOf(expr));
      expect(metrics.length).toBeGreaterThan(0);
      for (const metric of metrics) {
        const declared = metric.replace(/_(count|bucket|total)$/, '');
        expect([title, metric, served]).toEqual([
          title,
          metric,
          expect.stringMatching(new RegExp(`# TYPE ${declared}(_total)? `)),
        ]);
      }
    }
  }
});

test('Each rule names a metric that we serve, with a label that it has', async () => {
  const served = await readServed();
  for (const { alert, expr } of rules) {
    const metrics = metricsOf(expr);
    expect(metrics.length).toBeGreaterThan(0);
    for (const metric of metrics) {
      const declared = metric.replace(/_(count|bucket|total)$/, '');
      expect([alert, metric, served]).toEqual([
        alert,
        metric,
        expect.stringMatching(new RegExp(`# TYPE ${declared}(_total)? `)),
      ]);
    }
  }
});

test('Each rule has a severity, a time and a page of the runbook, and each page tells all four things', () => {
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  for (const rule of rules) {
    expect(['page', 'ticket']).toContain(rule.labels.severity);
    expect(rule.for).toMatch(/^\d+[smh]$/);
    const [file, anchor] = rule.annotations.runbook.split('#');
    expect([file, pages.map(anchorOf)]).toEqual(['docs/runbook.md', expect.arrayContaining([anchor])]);
  }
  for (const page of pages) {
    const parts = [...page.matchAll(/^\*\*([^*]+)\.\*\*/gm)].map(([, part]) => part);
    expect([anchorOf(page), parts]).toEqual([
      anchorOf(page),
      ['What one sees', 'What it means', 'What to type', 'How one knows that it is over'],
    ]);
  }
});

test('Each command in the runbook is one that there is, with options that it has', () => {
  const commands: Record<string, Command> = {
    jobs: jobsCommand({}),
    backup: backupCommand({}),
    db: dbCommand({}),
    privacy: privacyCommand({}),
  };
  const lines = [...runbook.matchAll(/^ops (.+)$|`ops ([^`]+)`/gm)].map(
    ([, line, inline]) => (line ?? inline)!,
  );
  expect(lines.length).toBeGreaterThan(25);
  for (const line of lines) {
    const [group = '', name = '', ...words] = line.split(' ');
    if (name === '') continue;
    const command = commands[group]?.commands.find((one) => one.name() === name);
    expect([line, command?.name()]).toEqual([line, name]);
    const known = command!.options.map((option) => option.long);
    for (const word of words.filter((one) => one.startsWith('--')))
      expect([line, known]).toEqual([line, expect.arrayContaining([word])]);
  }
});

test("The worker's rules are those of the file", () => {
  const seconds: Record<string, number> = { s: 1, m: 60, h: 3_600 };
  for (const { alert, metric, by, is, than, forSeconds, severity, page, summary } of workerRules) {
    const rule = rules.find((one) => one.alert === alert)!;
    const many = is === '>' ? 'max' : 'min';
    expect(rule.expr).toBe(`${many}${by === undefined ? '' : ` by (${by}) `}(${metric}) ${is} ${than}`);
    expect(Number.parseInt(rule.for, 10) * seconds[rule.for.at(-1)!]!).toBe(forSeconds);
    expect(rule.labels.severity).toBe(severity);
    expect(rule.annotations).toEqual({ summary, runbook: `docs/runbook.md#${page}` });
  }
});

const promtool = findProgram('promtool');
test.skipIf(promtool === undefined)(
  'Each alert fires after its time and not before, as promtool runs the rules',
  () => {
    const checked = spawnSync(promtool!, ['test', 'rules', 'ops-scripts/alerts/rules.test.yaml'], {
      encoding: 'utf8',
    });
    expect([checked.status, checked.stdout + checked.stderr]).toEqual([
      0,
      expect.stringContaining('SUCCESS'),
    ]);
  },
);

test('The worker posts what fires and what is over, once for all workers, and again where the webhook failed', async () => {
  const posted: Json[] = [];
  let status = 500;
  const webhook = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => (body += String(part)));
    request.on('end', () => {
      posted.push(JSON.parse(body));
      response.writeHead(status).end();
    });
  }).listen(0, '127.0.0.1');
  await once(webhook, 'listening');
  const { db, log, settings } = shop.deps;
  let nowMs = 0;
  let canMeasure = true;
  /** A figure that a busy machine leaves out is asked for again: it would say nothing. */
  const registry = {
    getMetricsAsJSON: () =>
      vi.waitFor(async () => {
        if (!canMeasure) return [];
        const metrics = await jobs.metrics.registry.getMetricsAsJSON();
        expect(metrics.find(({ name }) => name === 'outbox_dead_letters')?.values).toHaveLength(1);
        return metrics;
      }, 20_000),
  } as Registry;
  const open = (worker: string) =>
    createAlerts({
      webhookUrl: `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/`,
      registry,
      ...{ db, log, worker, siteUrl: settings.siteUrl, nowMs: () => nowMs },
    });
  const [first, second] = [open('a'), open('b')];
  const round = async () => {
    await first();
    await second();
  };
  await sql`
    insert into outbox (kind, payload, state, failure) values ('mail', '{}', 'dead', '550 planted')`.execute(
    db,
  );
  await round();
  expect(posted).toEqual([]);
  nowMs = 61_000;
  await round();
  // Both workers tried, as the first had to give its claim back.
  expect(posted.length).toBe(2);
  status = 200;
  posted.length = 0;
  await round();
  await round();
  expect(posted).toEqual([
    expect.objectContaining({
      alert: 'DeadLetters',
      state: 'firing',
      severity: 'ticket',
      value: 1,
      runbook: 'docs/runbook.md#jobs-were-given-up',
      text: expect.stringContaining('Jobs were given up'),
    }),
  ]);
  await sql`delete from outbox where failure = '550 planted'`.execute(db);
  await round();
  await round();
  expect(posted.map(({ state }) => state)).toEqual(['firing', 'resolved']);

  // The second time as the first.
  await sql`
    insert into outbox (kind, payload, state, failure) values ('mail', '{}', 'dead', '550 planted')`.execute(
    db,
  );
  await round();
  // Postgres does not tell for a while: that begins nothing anew, and ends nothing.
  canMeasure = false;
  await round();
  canMeasure = true;
  nowMs += 61_000;
  await round();
  expect(posted.map(({ state }) => state)).toEqual(['firing', 'resolved', 'firing']);
  webhook.closeAllConnections();
  webhook.close();
});

const openssl = findProgram('openssl');
test.skipIf(openssl === undefined)(
  'A certificate that has expired, room on the disk and missing migrations are measured; a silent host is no figure',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'myclothes-certificate-'));
    await using _folder = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
    const [key, request, certificate] = ['key', 'request', 'certificate'].map((name) => join(folder, name));
    const run = (...args: string[]) => expect(spawnSync(openssl!, args).status).toBe(0);
    run('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', key!, '-subj', '/CN=shop.test', '-out', request!);
    run('x509', '-req', '-in', request!, '-signkey', key!, '-days', '-1', '-out', certificate!);
    const server = createTlsServer({ key: readFileSync(key!), cert: readFileSync(certificate!) });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const registry = new Registry();
    const edgeUrls = [`https://${host}/`, 'https://127.0.0.1:1', 'http://127.0.0.1:2'];
    const settings = { dataDir: folder, siteUrl: `https://${host}`, edgeUrls };
    measureSurroundings({ settings, db: shop.deps.db, registry });
    const expired = new RegExp(`^certificate_left_seconds\\{host="${host}"\\} -86`, 'm');
    await expect.poll(() => registry.metrics()).toMatch(expired);
    const figures = await registry.metrics();
    expect(figures.match(/^certificate_left_seconds\{/gm)).toHaveLength(1);
    expect(figures).toMatch(/^disk_free_ratio 0\.\d+$/m);
    expect(figures).toMatch(/^migrations_missing 0$/m);
    const { db } = shop.deps;
    await sql`update kysely_migration set name = name || '-' where name = '0001-catalog'`.execute(db);
    expect(await registry.metrics()).toMatch(/^migrations_missing 1$/m);
    await sql`update kysely_migration set name = '0001-catalog' where name = '0001-catalog-'`.execute(db);
    server.close();
  },
);

test.each([0, 90_000, -90_000])(
  'A machine whose clock is %i ms ahead of that of Postgres says so, and one that agrees says 0',
  async (aheadMs) => {
    const registry = new Registry();
    const { settings, log } = shop.deps;
    await using _watch = watchStores(settings, log, registry, () => Date.now() + aheadMs);
    const read = async () => Number(/^clock_offset_seconds (\S+)$/m.exec(await registry.metrics())?.[1]);
    const least = aheadMs === 0 ? 0 : 80;
    await expect.poll(read, { timeout: 10_000 }).toBeGreaterThanOrEqual(least);
    expect(await read()).toBeLessThan(aheadMs === 0 ? 0.1 : 90.1);
  },
);

test('A store that is down is posted although Postgres cannot say whether another worker has', async () => {
  const posted: Json[] = [];
  const webhook = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => (body += String(part)));
    request.on('end', () => {
      posted.push(JSON.parse(body));
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await once(webhook, 'listening');
  await using other = await openShop();
  const registry = new Registry();
  await using _watch = watchStores(other.deps.settings, other.deps.log, registry);
  await expect.poll(() => registry.metrics()).toContain('store_up{store="redis"} 1');
  process.kill(other.redis.pid, 'SIGKILL');
  await expect.poll(() => registry.metrics()).toContain('store_up{store="redis"} 0');
  await other.deps.db.destroy();
  let nowMs = 0;
  const evaluate = createAlerts({
    webhookUrl: `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/`,
    registry,
    ...{ db: other.deps.db, log: other.deps.log, worker: 'a', siteUrl: 'http://shop', nowMs: () => nowMs },
  });
  await evaluate();
  nowMs = 61_000;
  await evaluate();
  await evaluate();
  expect(posted.map(({ key, state }) => `${key} ${state}`)).toEqual(['StoreDown redis firing']);
  webhook.closeAllConnections();
  webhook.close();
});

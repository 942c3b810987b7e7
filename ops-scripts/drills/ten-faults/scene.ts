// The shop of the drill `ten-faults` with its surroundings, and the shell in which its operator types.
import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { parse } from 'yaml';
import { findFreePort } from '../../local/ports.ts';
import { findRunning } from '../../local/processes.ts';
import { waitUntil } from '../../local/wait-until.ts';
import { CookieJar } from '../../traffic/http-connection.ts';
import { readVariants } from '../../traffic/read-catalog.ts';
import { type LocalShop, startLocalShop } from '../shop-life/shop/local-shop.ts';
import { type MailServer, startMailServer } from '../shop-life/shop/mail-server.ts';
import { type StripeServer, startStripeServer } from '../stripe-server.ts';
import { type CertificateProxy, openCertificateProxy } from './certificate-proxy.ts';

export interface Scene extends AsyncDisposable {
  shop: LocalShop;
  mail: MailServer;
  stripe: StripeServer;
  certificate: CertificateProxy;
  edge: { url: string; start(): Promise<void>; kill(): void };
  /** Variables of the operator's shell, besides those that a fault adds. */
  environment: Record<string, string>;
  query(sql: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** @returns the order's number */
  order(email: string, provider: 'demo' | 'stripe'): Promise<string>;
  figures(): Promise<string>;
}

const alertMs = 120_000;

export async function openScene(stopping: AbortSignal): Promise<Scene> {
  await using standing = new AsyncDisposableStack();
  const folder = standing.adopt(await mkdtemp(join(tmpdir(), 'ten-faults-')), (path) =>
    rm(path, { recursive: true, force: true, maxRetries: 5 }),
  );
  const mail = standing.use(await startMailServer());
  const stripe = standing.use(await startStripeServer());
  const [port, edgePort] = [await findFreePort(), await findFreePort()];
  const certificate = standing.use(await openCertificateProxy(folder, port));
  const edgeUrl = `http://127.0.0.1:${edgePort}`;
  const purgeKey = randomBytes(24).toString('base64url');
  const shop = standing.use(
    await startLocalShop(
      {
        PORT: String(port),
        SITE_URL: certificate.url,
        SMTP_URL: mail.url,
        PAYMENT_PROVIDERS: 'demo,stripe',
        ...stripe.settings,
        EDGE_URLS: edgeUrl,
        EDGE_PURGE_KEY: purgeKey,
        BACKUP_KEY: randomBytes(24).toString('base64url'),
        COOKIE_KEYS: randomBytes(24).toString('base64url'),
      },
      stopping,
    ),
  );
  const { workerUrl } = findRunning(shop.folder)!;
  const bin = join(folder, 'bin');
  await makeOps(bin);
  const environment = {
    ...(shop.environment as Record<string, string>),
    PATH: `${bin}:${process.env['PATH']}`,
    SHOP: shop.url,
    EDGE: edgeUrl,
    EDGE_PORT: String(edgePort),
    EDGE_PURGE_KEY: purgeKey,
    ORIGIN_URL: shop.url,
    NO_COLOR: '1',
    COLUMNS: '110',
  };
  let edge: ReturnType<typeof spawn> | undefined;
  const start = async () => {
    edge = spawn(process.execPath, ['edge/main.ts'], { env: environment, stdio: 'ignore' });
    await waitUntil(async () => (await fetch(`${edgeUrl}/.edge/livez`)).ok, {
      what: 'the edge',
      deadlineMs: 30_000,
      everyMs: 100,
    });
  };
  const kill = () => void edge?.kill('SIGKILL');
  standing.defer(kill);
  await start();
  const stack = standing.move();
  return {
    shop,
    mail,
    stripe,
    certificate,
    edge: { url: edgeUrl, start, kill },
    environment,
    query: (sql, values) => ask(shop.databaseUrl, sql, values),
    order: (email, provider) => placeOrder(shop.url, email, provider),
    figures: async () =>
      (await fetch(`${workerUrl}/metrics`, { signal: AbortSignal.timeout(10_000) })).text(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Makes `ops` a command, as the runbook writes it. */
async function makeOps(bin: string): Promise<void> {
  await mkdir(bin);
  const main = resolve('ops-scripts/main.ts');
  await writeFile(join(bin, 'ops'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  await chmod(join(bin, 'ops'), 0o755);
}

export async function ask(url: string, sql: string, values: unknown[] = []) {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

async function placeOrder(url: string, email: string, provider: 'demo' | 'stripe'): Promise<string> {
  const jar = new CookieJar();
  const [variant] = await readVariants(url, 6);
  const send = async (path: string, body: object) => {
    const answer = await fetch(url + path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'idempotency-key': randomUUID(),
        cookie: jar.header,
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(60_000),
    });
    jar.keep(answer);
    return (await answer.json()) as { number?: string };
  };
  await send('/api/cart/lines', { variantId: variant!.id, quantity: 1 });
  const shippingAddress = { name: 'T. Faults', line1: '1', city: 'Dublin', postalCode: 'D01', country: 'IE' };
  const payment = provider === 'demo' ? { provider, outcome: 'paid' } : { provider };
  const { number } = await send('/api/orders', { email, shippingAddress, payment });
  if (number === undefined) throw new Error('Cannot place an order');
  return number;
}

interface AlertRule {
  page: string;
  severity: string;
  summary: string;
  /** How long the condition has to hold, such as `5m`. */
  holds: string;
  metric: string;
  is: '<' | '>';
  than: number;
}

const rulesFile = 'ops-scripts/alerts/rules.yaml';

/** Reads a rule that compares one metric with a number. */
export function readRule(alert: string): AlertRule {
  const rule = parse(readFileSync(rulesFile, 'utf8'))
    .groups.flatMap((group: { rules: { alert: string }[] }) => group.rules)
    .find((one: { alert: string }) => one.alert === alert);
  const [, metric = '', is, than] = /\((\w+)\) ([<>]) ([\d.]+)$/.exec(rule.expr) ?? [];
  return {
    page: rule.annotations.runbook.split('#')[1],
    severity: rule.labels.severity,
    summary: rule.annotations.summary,
    holds: rule.for,
    metric,
    is: is as '<' | '>',
    than: Number(than),
  };
}

/** @returns the figure that makes the alert fire, after it has held for the rule's time */
export async function waitForAlert(alert: string, figures: () => Promise<string>): Promise<string> {
  const rule = readRule(alert);
  let seen: string | undefined;
  const isDue = async () => {
    seen = symptomOf(rule, await figures());
    return seen !== undefined;
  };
  await waitUntil(isDue, { what: `the alert ${alert}`, deadlineMs: alertMs, everyMs: 500 });
  return seen!;
}

export async function waitUntilOver(alert: string, figures: () => Promise<string>): Promise<void> {
  const rule = readRule(alert);
  const isOver = async () => symptomOf(rule, await figures()) === undefined;
  await waitUntil(isOver, { what: `the alert ${alert} to be over`, deadlineMs: alertMs, everyMs: 500 });
}

function symptomOf({ metric, is, than }: AlertRule, figures: string): string | undefined {
  const lines = figures
    .split('\n')
    .filter((line) => line.startsWith(`${metric} `) || line.startsWith(`${metric}{`));
  return lines.find((line) => {
    const value = Number(line.slice(line.lastIndexOf(' ') + 1));
    return is === '>' ? value > than : value < than;
  });
}

export interface Typed {
  output: string;
  code: number;
  seconds: number;
}

/** Runs a line in a shell in the repository's folder, as an operator would. */
export async function type(line: string, environment: Record<string, string>): Promise<Typed> {
  const startedAtMs = performance.now();
  const shell = spawn('sh', ['-c', line], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (part) => (output += String(part)));
  const [code] = (await once(shell, 'exit')) as [number | null];
  return { output: output.trim(), code: code ?? 1, seconds: (performance.now() - startedAtMs) / 1_000 };
}

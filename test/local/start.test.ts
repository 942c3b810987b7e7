// `npm start` on one data folder, from the first start to the last: what it prints, what it survives, and that it
// leaves nothing behind.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { findFreePort, ownAddress } from '../../ops-scripts/local/ports.ts';
import { findRunning, processIdentity } from '../../ops-scripts/local/processes.ts';
import { waitUntil } from '../../ops-scripts/local/wait-until.ts';
import { type RunningProgram, runProgram } from '../support/run-program.ts';

const folder = mkdtempSync(join(tmpdir(), 'myclothes-start-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const start = (env: Record<string, string> = {}) =>
  runProgram('ops-scripts/local/start.ts', [], { DATA_DIR: folder, PORT: '0', WORKER_PORT: '0', ...env });

async function readyUrl(shop: RunningProgram): Promise<string> {
  return (await shop.line(/^ready http:\/\/localhost:\d+$/)).slice('ready '.length);
}

function partsOf(dataDir: string): string[] {
  return findRunning(dataDir)?.parts ?? [];
}

const alive = (parts: string[]) =>
  parts.filter((part) => processIdentity(Number.parseInt(part, 10)) === part);

/** Finds children in Linux's list of processes. */
function childrenOf(parent: number): { pid: number; command: string }[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      const isChild = readFileSync(`/proc/${pid}/status`, 'utf8').includes(`\nPPid:\t${parent}\n`);
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return isChild ? [{ pid: Number(pid), command }] : [];
    } catch {
      return [];
    }
  });
}

test('A first start that was killed half-way with kill -9 does not hinder the next', async () => {
  await using broken = start();
  await waitUntil(() => partsOf(folder).length >= 2, { what: 'the stores to stand', deadlineMs: 60_000 });
  const parts = partsOf(folder);
  broken.child.kill('SIGKILL');
  await broken.exitCode;
  await waitUntil(() => alive(parts).length === 0, { what: 'everything to end', deadlineMs: 20_000 });
});

test('A start serves a page, shows passwords only to the owner, and ends everything within 10 s of SIGTERM', async () => {
  await using shop = start();
  const url = await readyUrl(shop);
  // The previous start generated the passwords, and was killed before it could print them.
  const { operatorPassword, staffPassword } = JSON.parse(readFileSync(join(folder, 'secrets.json'), 'utf8'));
  expect(await shop.line(/^Dashboard /)).toContain(`operator, ${operatorPassword}`);
  expect(await shop.line(/^Staff /)).toContain(`staff@myclothes.test, ${staffPassword}`);
  expect((await fetch(url)).status).toBe(200);
  for (const file of ['running.json', 'secrets.json'])
    expect(statSync(join(folder, file)).mode & 0o077).toBe(0);
  const parts = partsOf(folder);
  expect(parts.length).toBe(4);
  const asked = performance.now();
  shop.child.kill('SIGTERM');
  expect(await shop.exitCode).toBe(0);
  expect(performance.now() - asked).toBeLessThan(10_000);
  expect(alive(parts)).toEqual([]);
});

test('a later start finds the data, says so without the passwords, and starts again whatever part is killed', async () => {
  await using shop = start({ OPERATOR_PASSWORD: 'set-by-the-user' });
  const url = await readyUrl(shop);
  const { operatorPassword, staffPassword } = JSON.parse(readFileSync(join(folder, 'secrets.json'), 'utf8'));
  expect(await shop.line(/^Dashboard /)).toMatch(/as set in OPERATOR_PASSWORD$/);
  expect(await shop.line(/^Staff /)).toMatch(/password in .*secrets\.json$/);
  for (const secret of [operatorPassword, staffPassword, 'set-by-the-user'])
    expect(shop.output()).not.toContain(secret);
  const { items } = (await (await fetch(`${url}/api/products?limit=1`)).json()) as {
    items: { slug: string }[];
  };
  expect(items).toHaveLength(1);

  for (const part of partsOf(folder)) process.kill(Number.parseInt(part, 10), 'SIGKILL');
  for (const name of ['Postgres', 'Redis', 'origin', 'worker'])
    await shop.line(new RegExp(`^${name} was killed by SIGKILL`));
  await waitUntil(async () => (await fetch(`${url}/api/products/${items[0]?.slug}`)).status === 200, {
    what: 'the shop to return on its address',
    deadlineMs: 30_000,
  });

  await using second = start();
  await second.line(/runs already.*Stop that one first/);
  expect(await second.exitCode).toBe(1);
  expect((await fetch(url)).status).toBe(200);
});

test('a start that is killed while origin and worker are loading leaves neither of them', async () => {
  await using broken = start();
  const loading = () =>
    childrenOf(broken.child.pid!).filter(({ command }) => /(origin|worker)\/main\.ts/.test(command));
  await waitUntil(() => loading().length === 2, { what: 'both to be spawned', deadlineMs: 30_000 });
  const parts = loading().flatMap(({ pid }) => processIdentity(pid) ?? []);
  broken.child.kill('SIGKILL');
  expect(broken.output()).not.toContain('ready');
  await waitUntil(() => alive(parts).length === 0, { what: 'both to end', deadlineMs: 20_000 });
});

test('The origin has the configured name, and answers on IPv6 addresses', async () => {
  await using shop = start({ HOST: '::', INSTANCE: 'my-own-name' });
  const { port } = new URL(await readyUrl(shop));
  const page = await fetch(`http://[::1]:${port}/`);
  expect([page.status, page.headers.get('served-by')]).toEqual([200, 'local/my-own-name']);
});

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['0.0.0.0', '127.0.0.1'],
  ['::1', '[::1]'],
  ['::', '[::1]'],
  ['localhost', 'localhost'],
])('what listens on %s is asked at %s', (host, asked) => {
  expect(ownAddress(host)).toBe(asked);
});

test('A port in use is reported before anything is started', async () => {
  const port = await findFreePort();
  await using blocker = await occupy(port);
  await using shop = start({ PORT: String(port) });
  await shop.line(new RegExp(`^Port ${port} is in use: stop the program`));
  expect(await shop.exitCode).toBe(1);
  expect(blocker.listening()).toBe(true);
});

test('Wrong settings are reported all at once, without their values', async () => {
  await using shop = start({ PORT: 'eighty', DATABASE_URL: 'a-secret-and-no-url' });
  expect(await shop.exitCode).toBe(1);
  expect(shop.output()).toMatch(/DATABASE_URL/);
  expect(shop.output()).toMatch(/PORT/);
  expect(shop.output()).not.toContain('a-secret-and-no-url');
});

async function occupy(port: number) {
  const server = createServer().listen(port, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    listening: () => server.listening,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

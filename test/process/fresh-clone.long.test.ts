// A newcomer's fresh clone under Deno, and a server's installation without development packages.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, readdirSync, symlinkSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test, vi } from 'vitest';
import { findFreePort } from '../../ops-scripts/local/ports.ts';
import { copyCheckout, pathOfMachine } from '../support/copy-checkout.ts';
import { openShop } from '../support/shop.ts';

const installMs = 300_000;

test('All three parts start under Deno in a fresh clone, at once, by the commands of README', {
  timeout: 2 * installMs,
}, async () => {
  await using shop = await openShop();
  await using clone = await copyCheckout();
  await using tools = await mkdtempDisposable(join(tmpdir(), 'myclothes-deno-'));
  symlinkSync(resolve('node_modules/.bin/deno'), join(tools.path, 'deno'));
  const [origin, worker, edge] = [await findFreePort(), await findFreePort(), await findFreePort()];
  const env = {
    PATH: pathOfMachine(tools.path),
    HOME: process.env['HOME'],
    DATABASE_URL: shop.deps.settings.databaseUrl,
    REDIS_URL: shop.deps.settings.redisUrls.join(','),
    COOKIE_KEYS: shop.deps.settings.cookieKeys.join(','),
    PORT: String(origin),
    WORKER_PORT: String(worker),
    EDGE_PORT: String(edge),
    ORIGIN_URL: `http://127.0.0.1:${origin}`,
    LOG_LEVEL: 'warn',
  };
  const parts = ['origin', 'worker', 'edge'].map((part) =>
    spawn('deno', ['task', part], { cwd: clone.path, env, stdio: ['ignore', 'ignore', 'inherit'] }),
  );
  const addresses = [
    `http://127.0.0.1:${origin}/readyz`,
    `http://127.0.0.1:${worker}/readyz`,
    `http://127.0.0.1:${edge}/p/${shop.slug}`,
  ];
  for (const address of addresses) {
    await vi.waitFor(async () => expect((await fetch(address)).status).toBe(200), {
      timeout: installMs,
      interval: 200,
    });
  }
  const exits = Promise.all(parts.map((part) => once(part, 'exit')));
  for (const part of parts) part.kill('SIGTERM');
  expect(await exits).toEqual([
    [0, null],
    [0, null],
    [0, null],
  ]);
});

test("Operators' commands in an installation without development packages change nothing in it", {
  timeout: 2 * installMs,
}, async () => {
  await using clone = await copyCheckout();
  const env = { PATH: pathOfMachine(), HOME: process.env['HOME'] };
  const run = (command: string, ...args: string[]) =>
    execFileSync(command, args, {
      cwd: clone.path,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  run('npm', 'ci', '--omit=dev', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error');
  const before = listFiles(join(clone.path, 'node_modules'));
  for (const args of [
    ['--help'],
    ['compliance', 'list'],
    ['jobs', '--help'],
    ['catalog', 'import', '--help'],
  ]) {
    for (let time = 0; time < 2; time++) expect(run('npm', 'run', 'ops', '--', ...args)).not.toBe('');
  }
  expect(listFiles(join(clone.path, 'node_modules'))).toEqual(before);
});

/** Each file and folder with its size and time. */
function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => {
      const { size, mtimeMs } = lstatSync(join(folder, name));
      return `${name} ${size} ${mtimeMs}`;
    })
    .sort();
}

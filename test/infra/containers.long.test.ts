// Runs the steps of the Containerfile in a folder, without a container engine.
// The files that it installs and copies are enough for each program to run as a user without write access.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, readFileSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DockerfileParser } from 'dockerfile-ast';
import { expect, test, vi } from 'vitest';
import { findFreePort } from '../../ops-scripts/local/ports.ts';
import { pathOfMachine } from '../support/copy-checkout.ts';
import { openShop } from '../support/shop.ts';

const image = DockerfileParser.parse(readFileSync('ops-scripts/containers/Containerfile', 'utf8'));
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

/** @returns the words of each COPY and RUN of the first two stages, in order */
function stepsOf(stage: number): { keyword: string; text: string }[] {
  const [from, until] = [image.getFROMs()[stage]!, image.getFROMs()[stage + 1]];
  return image
    .getInstructions()
    .filter((each) => each.getRange().start.line > from.getRange().start.line)
    .filter((each) => until === undefined || each.getRange().start.line < until.getRange().start.line)
    .map((each) => ({ keyword: each.getKeyword(), text: each.getArgumentsContent() ?? '' }));
}

function build(packages: string, shop: string): void {
  for (const { keyword, text } of stepsOf(0)) {
    const words = text.split(' ');
    if (keyword === 'COPY') for (const file of words.slice(0, -1)) cpSync(file, join(packages, file));
    if (keyword === 'RUN')
      execFileSync('sh', ['-c', text.replaceAll(/\\\n/g, ' ')], {
        cwd: packages,
        env: { ...process.env, NODE_ENV: 'production', PATH: pathOfMachine() },
        stdio: ['ignore', 'ignore', 'inherit'],
      });
  }
  const copy = { verbatimSymlinks: true, recursive: true };
  cpSync(packages, shop, copy);
  for (const { keyword, text } of stepsOf(1)) {
    const words = text.split(' ');
    if (keyword === 'COPY' && words.length === 2 && !words[0]!.startsWith('/'))
      cpSync(words[0]!, join(shop, words[1]!), copy);
  }
}

test('the programs of the image run from what it copies, as a user who may write nothing, and stop cleanly', {
  timeout: 600_000,
}, async () => {
  await using shop = await openShop();
  await using folder = await mkdtempDisposable(join(tmpdir(), 'myclothes-image-'));
  const at = (name: string) => join(folder.path, name);
  for (const name of ['packages', 'shop', 'data']) mkdirSync(at(name));
  build(at('packages'), at('shop'));
  chmodSync(folder.path, 0o755);
  const bill = JSON.parse(readFileSync(at('shop/sbom.spdx.json'), 'utf8'));
  expect(bill.packages.map(({ name }: { name: string }) => name)).toContain('hono');
  const ports = { origin: await findFreePort(), worker: await findFreePort(), edge: await findFreePort() };
  const env = {
    NODE_ENV: 'production',
    PATH: pathOfMachine(),
    DATA_DIR: at('data'),
    DATABASE_URL: shop.deps.settings.databaseUrl,
    REDIS_URL: shop.deps.settings.redisUrls.join(','),
    COOKIE_KEYS: 'a-secret-of-tests-that-is-long-enough',
    EDGE_PURGE_KEY: 'a-secret-of-tests-that-is-long-enough',
    PAYMENT_PROVIDERS: 'on-delivery',
    EDGE_URLS: `http://127.0.0.1:${ports.edge}`,
    ORIGIN_URL: `http://127.0.0.1:${ports.origin}`,
    PORT: String(ports.origin),
    WORKER_PORT: String(ports.worker),
    EDGE_PORT: String(ports.edge),
    LOG_LEVEL: 'warn',
  };
  const programs = image.getCMDs().map((command) => {
    const [, ...words] = JSON.parse(command.getArgumentsContent()!) as string[];
    return spawn(process.execPath, words, {
      cwd: at('shop'),
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
      ...nobody,
    });
  });
  const healthOf = (port: number, ...path: string[]) =>
    execFileSync(process.execPath, ['ops-scripts/containers/healthcheck.mjs', String(port), ...path], {
      cwd: at('shop'),
      stdio: 'ignore',
    });
  await vi.waitFor(
    async () => {
      for (const port of [ports.origin, ports.worker])
        expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
      expect((await fetch(`http://127.0.0.1:${ports.edge}/p/${shop.slug}`)).status).toBe(200);
    },
    { timeout: 60_000, interval: 200 },
  );
  healthOf(ports.origin);
  healthOf(ports.worker);
  healthOf(ports.edge, '/.edge/livez');
  expect(() => healthOf(9)).toThrow();
  const exits = Promise.all(programs.map((program) => once(program, 'exit')));
  for (const program of programs) program.kill('SIGTERM');
  expect((await exits).map(([code]) => code)).toEqual([0, 0, 0]);
});

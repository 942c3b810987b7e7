// Before each command, missing packages are installed, once. An installation without development packages stays as it
// is.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const lock = {
  '': { name: 'shop' },
  'node_modules/hono': { version: '4.0.0', integrity: 'sha512-a' },
  'node_modules/vitest': { version: '5.0.0', integrity: 'sha512-b', dev: true },
  'node_modules/fsevents': { version: '2.0.0', integrity: 'sha512-c', optional: true },
};
const { '': _root, 'node_modules/fsevents': _otherSystem, ...everything } = lock;
const { 'node_modules/vitest': _development, ...production } = everything;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'myclothes-install-'));
  cpSync('ops-scripts/install.mjs', join(folder, 'ops-scripts/install.mjs'));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ packages: lock }));
  mkdirSync(join(folder, 'bin'));
  // Stands in for npm, which would use the registry: it logs each call, takes a moment, and leaves npm's own note.
  const npm = `#!/bin/sh
echo "$*" >> calls; sleep 0.3; mkdir -p node_modules
printf '%s' '${JSON.stringify({ packages: everything })}' > node_modules/.package-lock.json\n`;
  writeFileSync(join(folder, 'bin/npm'), npm);
  chmodSync(join(folder, 'bin/npm'), 0o755);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const env = () => ({ PATH: `${join(folder, 'bin')}:/usr/bin:/bin` });
const runInstall = (...args: string[]) =>
  spawnSync(process.execPath, [join(folder, 'ops-scripts/install.mjs'), ...args], {
    env: env(),
    encoding: 'utf8',
  });
const calls = () => {
  const file = join(folder, 'calls');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
};

/** An installation as `npm ci` leaves it, without the note of install.mjs. */
function lieInstalled(packages: object): void {
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  writeFileSync(join(folder, 'node_modules/.package-lock.json'), JSON.stringify({ packages }));
}

const packagesFolder = () => {
  const path = join(folder, 'node_modules');
  return [
    statSync(path).mtimeMs,
    ...readdirSync(path).map((name) => [name, statSync(join(path, name)).mtimeMs]),
  ];
};

test('A fresh clone is installed once, however many commands are started in it at once', async () => {
  const commands = [1, 2, 3].map(() =>
    spawn(process.execPath, [join(folder, 'ops-scripts/install.mjs')], { env: env() }),
  );
  const codes = await Promise.all(commands.map(async (command) => (await once(command, 'exit'))[0]));
  expect(codes).toEqual([0, 0, 0]);
  expect(runInstall('--with-development').status).toBe(0);
  expect(calls()).toHaveLength(1);
  expect(existsSync(join(folder, '.installing'))).toBe(false);
});

test('An installation that was killed half-way is made again', () => {
  writeFileSync(join(folder, '.installing'), '999999999');
  mkdirSync(join(folder, 'node_modules/hono'), { recursive: true });
  expect(runInstall().status).toBe(0);
  expect(calls()).toHaveLength(1);
});

test('What npm installed by hand is not installed again', () => {
  lieInstalled(everything);
  for (const args of [[], ['--with-development']]) expect(runInstall(...args).status).toBe(0);
  expect(calls()).toEqual([]);
});

test('A newer lockfile installs again', () => {
  lieInstalled({ ...everything, 'node_modules/hono': { version: '3.9.0', integrity: 'sha512-old' } });
  expect(runInstall().status).toBe(0);
  expect(calls()).toHaveLength(1);
});

test('An installation without development packages is left as it is by every command of the shop', () => {
  lieInstalled(production);
  const before = packagesFolder();
  for (let time = 0; time < 2; time++) expect(runInstall()).toMatchObject({ status: 0, stderr: '' });
  expect(calls()).toEqual([]);
  expect(packagesFolder()).toEqual(before);
});

test('An outdated installation without development packages is told and left as it is', () => {
  lieInstalled({ 'node_modules/hono': { version: '3.9.0', integrity: 'sha512-old' } });
  const before = packagesFolder();
  expect(runInstall()).toMatchObject({
    status: 1,
    stderr: "Cannot start: the packages are not those of package-lock.json. Run 'npm ci --omit=dev' first\n",
  });
  expect(calls()).toEqual([]);
  expect(packagesFolder()).toEqual(before);
});

test('Tests in an installation without development packages install them', () => {
  lieInstalled(production);
  expect(runInstall('--with-development').status).toBe(0);
  expect(calls()).toEqual(['ci --no-progress --loglevel=error --include=dev']);
});

test('A machine without npm is told so in one sentence', () => {
  rmSync(join(folder, 'bin/npm'));
  const { status, stderr } = spawnSync(process.execPath, [join(folder, 'ops-scripts/install.mjs')], {
    env: { PATH: join(folder, 'bin') },
    encoding: 'utf8',
  });
  expect([status, stderr.trim().split('\n').at(-1)]).toEqual([
    1,
    'Cannot install packages: npm could not be run (ENOENT)',
  ]);
});

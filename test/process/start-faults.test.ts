// A fault that prevents a start is one sentence on standard error, the same under both runtimes, with exit code 1.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const parts = ['origin', 'worker', 'edge'] as const;
type Part = (typeof parts)[number];
const portSettings = { origin: 'PORT', worker: 'WORKER_PORT', edge: 'EDGE_PORT' };

/** No server needs to answer there, because a process starts without its stores. */
const sound = {
  DATABASE_URL: 'postgres://shop:a-secret@127.0.0.1:9/shop',
  REDIS_URL: 'redis://:a-secret@127.0.0.1:9',
  COOKIE_KEYS: 'a-key-of-the-tests-with-32-letters',
  ORIGIN_URL: 'http://127.0.0.1:9',
  LOG_LEVEL: 'silent',
};

async function runToEnd(command: string[], env: Record<string, string>) {
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const told: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => told.push(String(text)));
  const [code] = await once(child, 'close');
  const lines = told.join('').trim().split('\n');
  // `deno task` prints the task's name first.
  return { code, lines: lines.filter((line) => !line.includes('Task') && !line.startsWith('{')) };
}

const commands = parts.flatMap((part) => [
  [part, `node ${part}/main.ts`] as const,
  [part, `deno task ${part}`] as const,
]);

test.each(commands)(
  'The %s that is started by "%s" on a port in use says so',
  async (part: Part, command) => {
    await using blocker = createServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    const { port } = blocker.address() as { port: number };
    const setting = portSettings[part];
    expect(await runToEnd(command.split(' '), { ...sound, [setting]: String(port) })).toEqual({
      code: 1,
      lines: [
        `Port ${port} is in use: stop the program that listens there, or set ${setting} to another port (0 takes a free one)`,
      ],
    });
  },
);

test.each(['origin', 'edge'] as const)(
  'The port of the metrics of the %s is named where it is in use',
  async (part) => {
    await using blocker = createServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    const { port } = blocker.address() as { port: number };
    const env = { ...sound, [portSettings[part]]: '0', METRICS_PORT: String(port) };
    const { code, lines } = await runToEnd(['node', `${part}/main.ts`], env);
    expect([code, lines.join('\n')]).toEqual([
      1,
      expect.stringMatching(/^Port \d+ is in use: .* METRICS_PORT /),
    ]);
  },
);

test.each(parts)('The %s says what to do about an address that is not of this machine', async (part) => {
  const { code, lines } = await runToEnd(['node', `${part}/main.ts`], { ...sound, HOST: '192.0.2.1' });
  expect([code, lines]).toEqual([1, ['192.0.2.1 is no address of this machine: set HOST to one that is']]);
});

test('A folder that cannot be made is told in one sentence by edge and start', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'myclothes-edge-'));
  const file = join(folder.path, 'file');
  writeFileSync(file, '');
  // Not even root can create folders in /proc.
  for (const place of [file, join(file, 'below'), ...(existsSync('/proc/self') ? ['/proc/nothing'] : [])]) {
    const edge = await runToEnd(['node', 'edge/main.ts'], { ...sound, EDGE_STORE_FOLDER: place });
    const start = await runToEnd(['node', 'ops-scripts/local/start.ts'], { DATA_DIR: place, PORT: '0' });
    for (const [{ code, lines }, setting] of [
      [edge, 'EDGE_STORE_FOLDER'],
      [start, 'DATA_DIR'],
    ] as const) {
      expect([code, lines.at(-1)]).toEqual([
        1,
        expect.stringMatching(`^Cannot write to '${place}': .* Set ${setting} to a folder of your own$`),
      ]);
    }
  }
});

test.each(parts)(
  'The %s names all wrong settings at once, in the same form, without their values',
  async (part) => {
    const wrong = {
      ...sound,
      DATABASE_URL: 'hush',
      ORIGIN_URL: 'hush',
      TRUSTED_PROXIES: 'hush',
      METRICS_PORT: 'hush',
    };
    const { code, lines } = await runToEnd(['node', `${part}/main.ts`], wrong);
    expect([code, lines[0]]).toEqual([1, 'Cannot start, settings are wrong:']);
    expect(lines.slice(1).every((line) => /^ {2}[A-Z_]+: must be /.test(line))).toBe(true);
    expect(lines.join()).not.toContain('hush');
  },
);

const tooOld = /^Cannot start: this needs Node 24 or newer, and this is Node \d+\.\d+\.\d+$/;

test.each(parts)(
  'Under an old Node the %s ends with a sentence that names the Node it needs',
  async (part) => {
    const pretend = `Object.defineProperty(process.versions, 'node', { value: '20.20.2' });`;
    const old = spawnSync(process.execPath, ['-e', `${pretend} require('./${part}/main.ts')`], {
      encoding: 'utf8',
    });
    expect([old.status, old.stderr.trim()]).toEqual([1, expect.stringMatching(tooOld)]);
  },
);

test('The Node of the machine runs the shop or says that it is too old', async (context) => {
  const machines = ['/usr/bin/node', '/usr/local/bin/node'].find((path) => existsSync(path));
  if (machines === undefined) return context.skip('this machine has no Node of its own');
  const major = Number(
    spawnSync(machines, ['-p', 'process.versions.node.split(".")[0]'], { encoding: 'utf8' }).stdout,
  );
  if (major >= 24) return context.skip('the Node of this machine is new enough');
  for (const part of parts) {
    const { status, stderr } = spawnSync(machines, [`${part}/main.ts`], { encoding: 'utf8' });
    expect([status, stderr.trim()]).toEqual([1, expect.stringMatching(tooOld)]);
  }
});

test('An edge logs under its own name, in the form of the others', async () => {
  const env = {
    PATH: process.env['PATH'],
    ...sound,
    EDGE_PORT: '0',
    EDGE_PURGE_KEY: 'a-key-for-tests-only',
    ZONE: 'b',
  };
  const edge = spawn('node', ['edge/main.ts'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(edge.stdout, 'data');
  expect(JSON.parse(String(line).split('\n')[0]!)).toMatchObject({
    level: 30,
    service: 'edge',
    zone: 'b',
    instance: 'edge',
  });
  edge.kill('SIGTERM');
  expect(await once(edge, 'exit')).toEqual([0, null]);
});

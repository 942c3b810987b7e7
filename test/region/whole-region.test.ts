// `npm run region`: every part in its JSON line is real, a killed part returns at its address, and a stop leaves
// nothing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { answers } from '../../ops-scripts/local/node-part.ts';
import { processIdentity } from '../../ops-scripts/local/processes.ts';
import { waitUntil } from '../../ops-scripts/local/wait-until.ts';
import type { RegionPart } from '../../ops-scripts/region/region-part.ts';
import { runProgram } from '../support/run-program.ts';

interface RegionLine {
  storefront: string;
  edge: string;
  parts: RegionPart[];
  control: { url: string; token: string };
}

test('a region shows pages through balancer and edge, starts killed parts again, and leaves nothing', {
  timeout: 240_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'myclothes-whole-region-'));
  await using region = runProgram('ops-scripts/region/start.ts', ['--json'], {
    DATA_DIR: folder,
    PORT: '0',
    WORKER_PORT: '0',
  });
  const line: RegionLine = JSON.parse(await region.line(/^\{"ready":true/, 150_000));
  const kinds = line.parts.map(({ kind }) => kind).sort();
  expect(kinds).toEqual([
    'balancer',
    'edge',
    'origin',
    'origin',
    'origin',
    'postgres-primary',
    'postgres-replica',
    'postgres-standby',
    'redis-primary',
    'redis-replica',
    'worker',
    'worker',
  ]);
  for (const url of [line.storefront, line.edge]) expect(await answers(url)).toBe(true);

  const headers = { authorization: `Bearer ${line.control.token}` };
  const partsNow = async () =>
    (await (await fetch(`${line.control.url}/parts`, { headers })).json()) as RegionPart[];
  const doomed = line.parts.filter(({ name }) =>
    ['origin-a1', 'worker-b1', 'edge-1', 'balancer'].includes(name),
  );
  for (const part of doomed) process.kill(part.pid, 'SIGKILL');
  for (const { name, url, pid } of doomed) {
    await waitUntil(
      async () =>
        (await partsNow()).some((part) => part.name === name && part.url === url && part.pid !== pid),
      {
        what: `${name} to return`,
        deadlineMs: 60_000,
      },
    );
  }
  await waitUntil(() => answers(line.edge), { what: 'the edge to serve', deadlineMs: 30_000 });
  expect((await fetch(`${line.control.url}/metrics`)).status).toBe(401);
  expect(await (await fetch(`${line.control.url}/metrics`, { headers })).text()).toContain(
    'postgres_standby_in_sync 1',
  );

  const pids = (await partsNow()).map(({ pid }) => pid);
  region.child.kill('SIGTERM');
  await region.exitCode;
  expect(pids.filter((pid) => processIdentity(pid) !== undefined)).toEqual([]);
  rmSync(folder, { recursive: true, force: true });
});

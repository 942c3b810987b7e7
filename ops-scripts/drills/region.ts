// A region of the drills' own, started by its command, and the ways to hurt its parts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { pidOfListener } from './pid-of-listener.ts';

export type CartStateName = 'server' | 'cookie' | 'sticky';

export interface RegionPart {
  name: string;
  kind: string;
  zone: string;
  pid: number;
  url: string;
  restart: 'always' | 'never';
}

interface RegionLine {
  ready: true;
  storefront: string;
  edge: string;
  parts: RegionPart[];
}

export interface Region extends AsyncDisposable {
  storefront: string;
  parts: RegionPart[];
  origins(): RegionPart[];
  /** @throws where the region has no such part */
  part(name: string): RegionPart;
  ofKind(kind: string): RegionPart;
  /** Sends a signal to whatever process now listens at the part's address. */
  signal(part: RegionPart, signal: NodeJS.Signals): Promise<void>;
  /** Until every origin answers ready and a write is acknowledged again. */
  healed(): Promise<void>;
  /** Until every store's process listens again at its address. */
  rebuilt(): Promise<void>;
}

const startMs = 180_000;
const healMs = 90_000;

export async function startRegion(env: NodeJS.ProcessEnv, state: CartStateName): Promise<Region> {
  const folder = await mkdtemp(join(tmpdir(), 'myclothes-drill-'));
  const child = spawn(process.execPath, ['ops-scripts/region/start.ts', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...env, DATA_DIR: folder, CART_STATE: state, PORT: '0', RATE_LIMITS: 'off', LOG_LEVEL: 'warn' },
  });
  const ended = once(child, 'exit').then(() =>
    Promise.reject(new Error('Cannot start the region: see the lines above')),
  );
  ended.catch(() => undefined);
  const late = delay(startMs, undefined, { ref: false }).then(() =>
    Promise.reject(new Error('Cannot start the region in time')),
  );
  const { storefront, parts } = await Promise.race([readReadyLine(child.stdout), ended, late]);
  const find = (matches: (part: RegionPart) => boolean, what: string) => {
    const found = parts.find(matches);
    if (found === undefined) throw new Error(`This region has no ${what}`);
    return found;
  };
  const origins = () => parts.filter(({ kind }) => kind === 'origin');
  return {
    storefront,
    parts,
    origins,
    part: (name) => find((part) => part.name === name, name),
    ofKind: (kind) => find((part) => part.kind === kind, kind),
    async signal(part, signal) {
      process.kill(pidOfListener(Number(new URL(part.url).port)) ?? part.pid, signal);
    },
    healed: () => waitHealed(origins().map(({ url }) => url)),
    rebuilt: () => waitRebuilt(parts),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function readReadyLine(output: NodeJS.ReadableStream): Promise<RegionLine> {
  for await (const line of createInterface({ input: output })) {
    if (line.startsWith('{"ready":true')) return JSON.parse(line) as RegionLine;
  }
  return new Promise(() => undefined);
}

async function waitHealed(urls: string[]): Promise<void> {
  const until = performance.now() + healMs;
  const isReady = async (url: string) => {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(1_000) }).catch(
      () => undefined,
    );
    return answer?.ok === true;
  };
  while (!(await Promise.all(urls.map(isReady))).every(Boolean)) {
    if (performance.now() > until) throw new Error('Cannot go on as an origin did not come back');
    await delay(200);
  }
}

async function waitRebuilt(parts: RegionPart[]): Promise<void> {
  const stores = parts.filter(({ kind }) => kind.startsWith('postgres-') || kind.startsWith('redis-'));
  const until = performance.now() + healMs;
  while (stores.some(({ url }) => pidOfListener(Number(new URL(url).port)) === undefined)) {
    if (performance.now() > until) throw new Error('Cannot go on as a store was not rebuilt');
    await delay(250);
  }
}

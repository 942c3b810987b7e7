// Starts a region for drills by its command, and offers functions to kill, freeze and stop its parts.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fillDisk, freeDisk, makeSmallDisks, whyNoSmallDisks } from './small-disks.ts';

export type CartStateName = 'server' | 'cookie' | 'sticky';

export interface DrillRegionPart {
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
  parts: DrillRegionPart[];
  staff: StaffLogin;
  control: { url: string; token: string };
}

export interface StaffLogin {
  email: string;
  password: string;
}

/** How a start differs from the previous one. */
export interface NextStart {
  /** Added to the part's settings. */
  env?: Record<string, string>;
  /** The folder of another release. */
  releaseFolder?: string;
}

export interface DrillRegion extends AsyncDisposable {
  storefront: string;
  edge: string;
  /** Removed together with the region. */
  folder: string;
  staff: StaffLogin;
  /** As of the last `refresh`. A failover moves roles, and a restart changes a pid. */
  parts: DrillRegionPart[];
  refresh(): Promise<void>;
  origins(): DrillRegionPart[];
  ofKind(kind: string): DrillRegionPart;
  signal(part: DrillRegionPart, signal: NodeJS.Signals): void;
  /** Drains an origin, worker or edge and starts it again. Without a change it starts as before. */
  replace(part: DrillRegionPart, change?: NextStart): Promise<void>;
  /** Drains an origin, worker or edge, which then stays stopped. */
  stop(part: Pick<DrillRegionPart, 'name'>): Promise<void>;
  start(part: Pick<DrillRegionPart, 'name'>): Promise<void>;
  /** For Prometheus: where to discover targets, and the metrics of the region itself. */
  control: { url: string; token: string };
  /** The addresses of the stores that origins and workers use. */
  endpoints(): Promise<{ databaseUrl: string; redisUrl: string; replicaUrl: string }>;
  /** Copies the data and the log of the Postgres primary into a folder of the region. */
  takeBaseBackup(): Promise<BaseBackup>;
  /** Restores Postgres to an earlier state. Its followers are built again afterwards. */
  restore(from: BaseBackup | { file: string; key: string }): Promise<void>;
  /** Waits until every origin is ready. */
  healed(): Promise<void>;
  /** Waits until every part runs and all followers replicate. */
  rebuilt(): Promise<void>;
  /** Undefined unless the region was started with them. */
  disks: Disks | undefined;
}

export interface BaseBackup {
  folder: string;
}

export interface Disks {
  /** Fills the disk of that Postgres server to the last byte. */
  fill(part: DrillRegionPart): Promise<void>;
  free(part: DrillRegionPart): Promise<void>;
}

export interface RegionOptions {
  state: CartStateName;
  /** Whether each Postgres server gets a small file system. */
  smallDisks?: boolean;
}

/** This machine cannot run the requested region; the message says why. */
export class Impossible extends Error {
  override readonly name = 'Impossible';
}

const startMs = 240_000;
const healMs = 180_000;
const replaceMs = 90_000;
const restoreMs = 240_000;

/** @throws Impossible, with nothing left running */
export async function startRegion(
  env: NodeJS.ProcessEnv,
  { state, smallDisks = false }: RegionOptions,
): Promise<DrillRegion> {
  const { folder, disks, child, end } = await spawnRegion(env, { state, smallDisks });
  const line = await waitForReady(child).catch(async (error) => {
    await end();
    throw error;
  });
  const { storefront, edge, parts: first, staff, control } = line;
  const { ask, order } = speakTo(control);
  const region: DrillRegion = {
    storefront,
    edge,
    folder,
    staff,
    parts: first,
    control,
    async refresh() {
      region.parts = (await (await ask('/parts')).json()) as DrillRegionPart[];
    },
    origins: () => region.parts.filter(({ kind }) => kind === 'origin'),
    ofKind(kind) {
      const found = region.parts.find((part) => part.kind === kind);
      if (found === undefined) throw new Error(`This region has no ${kind} right now`);
      return found;
    },
    signal: (part, signal) => process.kill(part.pid, signal),
    async stop({ name }) {
      await order(`/parts/${name}/stop`, {});
    },
    async start({ name }) {
      await order(`/parts/${name}/start`, {});
    },
    async replace(part, change = {}) {
      const path = `/parts/${part.name}/replace`;
      region.parts = (await order(path, change, replaceMs)) as DrillRegionPart[];
    },
    endpoints: async () => (await ask('/endpoints')).json() as ReturnType<DrillRegion['endpoints']>,
    async takeBaseBackup() {
      const backup = { folder: join(folder, 'base-backup') };
      await order('/postgres/backup', backup);
      return backup;
    },
    async restore(from) {
      region.parts = (await order('/postgres/restore', from)) as DrillRegionPart[];
    },
    healed: () => waitReady(region.origins().map(({ url }) => url)),
    rebuilt: () => waitRebuilt(region, first.length, async () => (await ask('/metrics')).text()),
    disks: disks && {
      // The region's own process is used because it exists whatever happens to the servers.
      fill: ({ name }) => fillDisk(disks, name, child.pid!),
      free: ({ name }) => freeDisk(disks, name, child.pid!),
    },
    [Symbol.asyncDispose]: end,
  };
  return region;
}

/** @throws Impossible, with nothing left running */
async function spawnRegion(env: NodeJS.ProcessEnv, { state, smallDisks }: Required<RegionOptions>) {
  const folder = await mkdtemp(join(tmpdir(), 'region-'));
  const reason = smallDisks ? await whyNoSmallDisks(folder) : undefined;
  if (reason !== undefined) {
    await rm(folder, { recursive: true, force: true });
    throw new Impossible(reason);
  }
  const disks = smallDisks ? await makeSmallDisks(join(folder, 'disks')) : undefined;
  const command = [process.execPath, 'ops-scripts/region/start.ts', '--json'];
  const [program = '', ...args] = [...(disks?.wrapper ?? []), ...command];
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    // Detached, so that Ctrl-C does not end it before the drill has ended.
    detached: true,
    env: {
      ...env,
      DATA_DIR: folder,
      CART_STATE: state,
      PORT: '0',
      RATE_LIMITS: 'off',
      LOG_LEVEL: 'warn',
      ...(disks ? { POSTGRES_DISKS: disks.folder } : {}),
    },
  });
  const endAnyway = () => child.kill('SIGTERM');
  process.once('exit', endAnyway);
  const end = async () => {
    process.off('exit', endAnyway);
    child.kill('SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    await rm(folder, { recursive: true, force: true });
  };
  return { folder, disks, child, end };
}

/** A client of the region's control API. */
function speakTo({ url, token }: RegionLine['control']) {
  const headers = { authorization: `Bearer ${token}` };
  const ask = (path: string) => fetch(url + path, { headers, signal: AbortSignal.timeout(5_000) });
  const order = async (path: string, body: object, timeoutMs = restoreMs): Promise<unknown> => {
    const answer = await fetch(url + path, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (!answer.ok) throw new Error(`The region refused ${path}: ${await answer.text()}`);
    return answer.json();
  };
  return { ask, order };
}

async function waitForReady(child: ChildProcessByStdio<null, Readable, null>): Promise<RegionLine> {
  const ended = once(child, 'exit').then(() =>
    Promise.reject(new Error('Cannot start the region: see the lines above')),
  );
  ended.catch(() => undefined);
  const late = delay(startMs, undefined, { ref: false }).then(() =>
    Promise.reject(new Error('Cannot start the region in time')),
  );
  return Promise.race([readReadyLine(child.stdout), ended, late]);
}

async function readReadyLine(output: NodeJS.ReadableStream): Promise<RegionLine> {
  for await (const line of createInterface({ input: output })) {
    if (line.startsWith('{"ready":true')) return JSON.parse(line) as RegionLine;
  }
  return new Promise(() => undefined);
}

async function waitReady(urls: string[]): Promise<void> {
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

async function waitRebuilt(
  region: DrillRegion,
  count: number,
  metrics: () => Promise<string>,
): Promise<void> {
  const until = performance.now() + healMs;
  const isWhole = async () => {
    await region.refresh();
    // A part that was just killed is listed until the region notices.
    if (region.parts.length !== count || !region.parts.every(({ pid }) => isAlive(pid))) return false;
    return (await metrics()).match(/^\w+_in_sync 1$/gm)?.length === 2;
  };
  while (!(await isWhole().catch(() => false))) {
    if (performance.now() > until) throw new Error('Cannot go on as a part was not rebuilt');
    await delay(250);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

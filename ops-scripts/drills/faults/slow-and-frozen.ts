// Freezes a part with all its processes, or slows the Postgres primary down without stopping it.
import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { FaultContext } from '../drill.ts';
import type { DrillRegionPart } from '../region.ts';

/**
 * Freezes a part with SIGSTOP, including all processes that it forked: Postgres serves each connection in a
 * child.
 */
export function freeze(part: Pick<DrillRegionPart, 'pid'>): void {
  signalWhole(part, 'SIGSTOP');
}

/** The part may have been replaced meanwhile and be gone. */
export function wake(part: Pick<DrillRegionPart, 'pid'>): void {
  try {
    signalWhole(part, 'SIGCONT');
  } catch {}
}

/**
 * Signals the part's process and then the processes that it forked. These include those forked before the stop took
 * effect, and those that a killed process leaves.
 * @throws ESRCH if the part is gone
 */
export function signalWhole(part: Pick<DrillRegionPart, 'pid'>, signal: NodeJS.Signals): void {
  const before = forkedBy(part.pid);
  process.kill(part.pid, signal);
  for (const pid of new Set([...before, ...forkedBy(part.pid)])) signalIfThere(pid, signal);
}

function forkedBy(pid: number): number[] {
  const table = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' });
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child!);
}

/** A process that serves a connection can end at any moment. */
function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** A standby that is silent for more than a second would be removed. */
const standbyMs = { from: 150, to: 700 };
const sessionMs = { from: 0, to: 2_300 };
const breathMs = { from: 40, to: 150 };
/** The name of the pool that commits carts. The measuring session uses it too, so that it is slowed in the same way. */
const sessionName = 'cart-writer';

// Such a session has committed and waits for the standby, so it holds no lock that the server itself needs.
const committingSql = `
  select pid from pg_stat_activity where application_name = $1 and wait_event = 'SyncRep'`;

interface SlowPostgres {
  /** Resolves once Postgres is as fast as before, and notes how long commits took. */
  end(): Promise<void>;
}

/**
 * Commits take 0.2 to 3 s: the standby confirms late, as with a slow disk, and sessions that write carts get
 * processor time late.
 */
export async function slowPostgres({ region, random, mark, note }: FaultContext): Promise<SlowPostgres> {
  const primary = region.ofKind('postgres-primary');
  const standby = region.ofKind('postgres-standby');
  const watching = await connect(primary.url, 'drill');
  const measuring = await connect(primary.url, sessionName);
  const stopped = new Set<number>();
  const ends: Promise<void>[] = [];
  const tookMs: number[] = [];
  let slow = true;

  const holdBack = async (pid: number, ms: number) => {
    if (stopped.has(pid) || !trySignal(pid, 'SIGSTOP')) return;
    stopped.add(pid);
    await delay(ms);
    stopped.delete(pid);
    trySignal(pid, 'SIGCONT');
  };
  const slowDown = async () => {
    while (slow) {
      freeze(standby);
      await delay(between(standbyMs));
      const { rows } = await watching
        .query<{ pid: number }>(committingSql, [sessionName])
        .catch(() => ({ rows: [] }));
      for (const { pid } of rows) ends.push(holdBack(pid, between(sessionMs)));
      wake(standby);
      await delay(between(breathMs));
    }
  };
  const measure = async () => {
    while (slow) {
      const began = performance.now();
      await measuring
        .query("select pg_logical_emit_message(true, 'drill', '')")
        .then(() => tookMs.push(performance.now() - began))
        .catch(() => delay(100));
    }
  };
  const between = ({ from, to }: { from: number; to: number }) => random.integer(from, to);
  const running = Promise.all([slowDown(), measure()]);
  mark('slow Postgres down');
  return {
    async end() {
      slow = false;
      await running.finally(() => wake(standby));
      await Promise.all(ends);
      await Promise.all([watching.end(), measuring.end()].map((ended) => ended.catch(() => undefined)));
      mark('Postgres quick again');
      note(describe(tookMs));
    },
  };
}

function describe(tookMs: number[]): string {
  const sorted = tookMs.toSorted((a, b) => a - b);
  const at = (share: number) => ((sorted[Math.floor((sorted.length - 1) * share)] ?? 0) / 1_000).toFixed(2);
  return `${sorted.length} commits were measured on the slow Postgres: ${at(0)} to ${at(1)} s, half of them over ${at(0.5)} s`;
}

async function connect(url: string, name: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    application_name: name,
    connectionTimeoutMillis: 5_000,
    query_timeout: 10_000,
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** A session may end at any moment. */
function trySignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

// Runs the origins, workers and edge of a region in their zones.
// Restarts those that die, and kills those that are silent.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { answers, startNodePart } from '../local/node-part.ts';
import { type RunningPart, type Supervised, supervise } from '../local/part.ts';
import { findFreePort } from '../local/ports.ts';
import type { RunningBalancer } from './balancer.ts';

export interface FleetMember {
  name: string;
  kind: 'origin' | 'worker' | 'edge';
  zone: string;
  url: string;
  /** The path from the root of a release's folder. */
  entry: string;
  /** Undefined: this release. */
  releaseFolder?: string | undefined;
  env: Record<string, string | undefined>;
  readyPath: string;
  livePath: string;
  /** Where Prometheus finds its metrics. */
  metricsUrl: string;
  logFile: string;
}

/** How a start differs from the previous one. */
export interface RestartChange {
  env?: Record<string, string>;
  /** The folder of another release, with everything that its entry files need. */
  releaseFolder?: string;
}

interface FleetOptions {
  members: FleetMember[];
  balancer: Pick<RunningBalancer, 'drain' | 'admit'>;
  signal: AbortSignal;
  onEvent: (sentence: string) => void;
  onStarted: (part: RunningPart) => void;
}

export interface Fleet {
  has(name: string): boolean;
  /** The running process, or the last one; undefined if it was stopped. */
  processOf(name: string): RunningPart | undefined;
  /** Drains it and keeps it stopped, as a scale-in does. */
  stop(name: string): Promise<void>;
  /** Resolves when it is ready. */
  start(name: string, change?: RestartChange): Promise<void>;
  stopAll(): Promise<void>;
}

const lookEveryMs = 1_000;
const unhealthyAfter = 4;

export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { members, balancer, signal, onEvent, onStarted } = options;
  const stopping = new AbortController();
  const running = new Map<string, Supervised<RunningPart>>();

  const start = async (name: string, { env, releaseFolder }: RestartChange = {}) => {
    const member = members.find((candidate) => candidate.name === name);
    if (member === undefined || running.has(name)) return;
    Object.assign(member.env, env);
    member.releaseFolder = releaseFolder ?? member.releaseFolder;
    const process = await supervise({
      name,
      signal,
      start: (ended) =>
        startNodePart({
          ...member,
          readyUrl: member.url + member.readyPath,
          stopWithinMs: 12_000,
          deadlineMs: 60_000,
          onSpawned: onStarted,
          signal: ended,
        }),
      onStarted: (part) => killWhenUnhealthy(part, member.url + member.livePath, stopping.signal, onEvent),
      onEvent,
    });
    running.set(name, process);
    if (member.kind === 'origin') await balancer.admit(name);
  };

  const stop = async (name: string) => {
    const process = running.get(name);
    running.delete(name);
    await process?.stop();
  };

  const drain = async (name: string) => {
    if (members.some((member) => member.name === name && member.kind === 'origin'))
      await balancer.drain(name);
    await stop(name);
  };

  const stopAll = async () => {
    stopping.abort();
    // Nobody shops any more, so nothing is drained.
    for (const process of running.values()) kill(process.current());
    await Promise.all([...running.keys()].map(stop));
  };

  const starts = await Promise.allSettled(members.map(({ name }) => start(name)));
  const failed = starts.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    await stopAll();
    throw failed.reason;
  }
  return {
    has: (name) => members.some((member) => member.name === name),
    processOf: (name) => running.get(name)?.current(),
    stop: drain,
    start,
    stopAll,
  };
}

/**
 * Replaces a process that fails its health checks, as an Auto Scaling group does. A frozen process does not end by
 * itself.
 */
async function killWhenUnhealthy(
  part: RunningPart,
  url: string,
  signal: AbortSignal,
  onEvent: (sentence: string) => void,
): Promise<void> {
  let unanswered = 0;
  while (!part.hasExited() && !signal.aborted) {
    const alive = await answers(url).catch(() => false);
    unanswered = alive ? 0 : unanswered + 1;
    if (unanswered >= unhealthyAfter && !part.hasExited() && !signal.aborted) {
      onEvent(`${part.name} no longer answers`);
      kill(part);
      return;
    }
    await sleep(lookEveryMs, undefined, { signal, ref: false }).catch(() => {});
  }
}

function kill(part: RunningPart): void {
  if (!part.hasExited()) process.kill(part.pid, 'SIGKILL');
}

/** The origins, workers and edge of a region, with their zones and settings. */
interface FleetPlan {
  regionFolder: string;
  host: string;
  storefrontUrl: string;
  edgePort: number;
  workerPort: number;
  edgePurgeKey: string;
  /** The environment of origins and workers: stores, keys, settings of the user. */
  env: Record<string, string | undefined>;
}

export async function placeFleet(plan: FleetPlan): Promise<FleetMember[]> {
  const edgeUrl = `http://127.0.0.1:${plan.edgePort}`;
  const shared = { ...plan.env, EDGE_URLS: edgeUrl, EDGE_PURGE_KEY: plan.edgePurgeKey, HOST: plan.host };
  const origins = ['a', 'b', 'c'].map(async (zone) => {
    const [port, metricsPort] = [await findFreePort(), await findFreePort()];
    const metrics = { METRICS_PORT: String(metricsPort) };
    return {
      ...place(plan, { kind: 'origin', name: `origin-${zone}1`, zone }, port, metricsPort),
      env: { ...shared, ...metrics, ZONE: zone, INSTANCE: `origin-${zone}1`, PORT: String(port) },
    };
  });
  const workers = ['a', 'b'].map(async (zone) => {
    const port = zone === 'a' ? plan.workerPort : await findFreePort();
    return {
      ...place(plan, { kind: 'worker', name: `worker-${zone}1`, zone }, port),
      env: { ...shared, ZONE: zone, INSTANCE: `worker-${zone}1`, WORKER_PORT: String(port) },
    };
  });
  const edgeMetricsPort = await findFreePort();
  const edge = {
    ...place(plan, { kind: 'edge', name: 'edge-1', zone: 'edge' }, plan.edgePort, edgeMetricsPort),
    readyPath: '/.edge/livez',
    livePath: '/.edge/livez',
    env: {
      ...plan.env,
      HOST: plan.host,
      EDGE_PORT: String(plan.edgePort),
      METRICS_PORT: String(edgeMetricsPort),
      EDGE_PURGE_KEY: plan.edgePurgeKey,
      ORIGIN_URL: plan.storefrontUrl,
    },
  };
  return [...(await Promise.all([...origins, ...workers])), edge];
}

function place(
  plan: FleetPlan,
  { kind, name, zone }: Pick<FleetMember, 'kind' | 'name' | 'zone'>,
  port: number,
  metricsPort = port,
): Omit<FleetMember, 'env'> {
  return {
    name,
    kind,
    zone,
    url: `http://127.0.0.1:${port}`,
    entry: `${kind}/main.ts`,
    readyPath: '/readyz',
    livePath: '/livez',
    metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    logFile: join(plan.regionFolder, 'logs', `${name}.log`),
  };
}

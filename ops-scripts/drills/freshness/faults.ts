// The faults of the freshness drill: each begins and heals within one call. Also says which faults each size includes.
import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '../../traffic/seeded-random.ts';
import { freeze, wake } from '../faults/slow-and-frozen.ts';
import { emptyRedis } from '../faults/stores.ts';
import type { DrillRegion, DrillRegionPart } from '../region.ts';
import type { ProxyMode, PurgeProxy } from './purge-proxy.ts';
import { pauseReplay } from './writers.ts';

export interface FaultScene {
  region: DrillRegion;
  random: SeededRandom;
  /** Undefined if workers send purges to the edge directly. */
  purgeProxy: PurgeProxy | undefined;
  /** Whether faults are shorter. */
  short: boolean;
}

export interface FreshnessFault {
  /** Set if parts are lost that the region has to rebuild. */
  loses?: true;
  inflict(scene: FaultScene): Promise<void>;
}

export const freshnessFaults = byName({
  'freeze an origin': {
    inflict: (scene) => standStill(scene, scene.random.pick(scene.region.origins()), 2_800),
  },
  'stop an origin again and again, between any two of its steps': { inflict: stutter },
  'kill an origin': {
    loses: true,
    inflict: (scene) => kill(scene, scene.random.pick(scene.region.origins())),
  },
  'freeze the edge': { inflict: (scene) => standStill(scene, scene.region.ofKind('edge'), 2_800) },
  'freeze the edge for longer than its lease': {
    loses: true,
    inflict: (scene) => standStill(scene, scene.region.ofKind('edge'), 6_500),
  },
  'kill the edge': { loses: true, inflict: (scene) => kill(scene, scene.region.ofKind('edge')) },
  'freeze a worker': { inflict: (scene) => standStill(scene, pickWorker(scene), 2_500) },
  'freeze a worker for longer than its right to purge': {
    loses: true,
    inflict: (scene) => standStill(scene, pickWorker(scene), 6_500),
  },
  'kill a worker': { loses: true, inflict: (scene) => kill(scene, pickWorker(scene)) },
  'hold everything on its way through the balancer': {
    inflict: (scene) => standStill(scene, scene.region.ofKind('balancer'), 1_500),
  },
  'empty Redis': { inflict: ({ region }) => emptyRedis(region.ofKind('redis-primary')) },
  'empty Redis three times': {
    async inflict({ region }) {
      for (let time = 0; time < 3; time++) {
        await emptyRedis(region.ofKind('redis-primary'));
        await delay(400);
      }
    },
  },
  'freeze Redis': { inflict: (scene) => standStill(scene, scene.region.ofKind('redis-primary'), 1_200) },
  'fail over Redis': {
    loses: true,
    inflict: (scene) => kill(scene, scene.region.ofKind('redis-primary')),
  },
  'restart Redis on its own data': {
    loses: true,
    async inflict(scene) {
      await kill(scene, scene.region.ofKind('redis-replica'));
      await kill(scene, scene.region.ofKind('redis-primary'));
    },
  },
  'lose the Redis primary, its replica empty': {
    loses: true,
    async inflict(scene) {
      await emptyRedis(scene.region.ofKind('redis-primary'));
      await kill(scene, scene.region.ofKind('redis-primary'));
    },
  },
  'pause the replay of the read replica': {
    inflict: ({ region, short }) => pauseReplay(region.ofKind('postgres-replica'), short ? 2_000 : 5_000),
  },
  'kill the read replica': {
    loses: true,
    inflict: (scene) => kill(scene, scene.region.ofKind('postgres-replica')),
  },
  'fail over Postgres': {
    loses: true,
    inflict: (scene) => kill(scene, scene.region.ofKind('postgres-primary')),
  },
  'lose the purges to the edge': throughProxy('lose purges', 7_000),
  'lose the purges to the edge for a moment': throughProxy('lose purges', 1_500),
  'lose the answers of the edge': throughProxy('lose answers', 3_000),
  'double the purges to the edge': throughProxy('double', 3_000),
  'disorder the purges to the edge': throughProxy('disorder', 4_000),
  'repeat old purges to the edge': throughProxy('repeat old purges', 3_000),
});

export type FaultName = keyof typeof freshnessFaults;

async function standStill({ short }: FaultScene, part: DrillRegionPart, ms: number): Promise<void> {
  freeze(part);
  await delay(short ? Math.min(ms, 1_500) : ms);
  wake(part);
}

function byName<Name extends string>(faults: Record<Name, FreshnessFault>): Record<Name, FreshnessFault> {
  return faults;
}

/**
 * Freezes an origin again and again, so that some stops fall between two steps: between read and store, or check and
 * answer.
 */
async function stutter({ region, random, short }: FaultScene): Promise<void> {
  const origin = random.pick(region.origins());
  for (let stop = 0; stop < (short ? 6 : 14); stop++) {
    freeze(origin);
    await delay(random.integer(80, 400));
    wake(origin);
    await delay(random.integer(1, 40));
  }
}

async function kill({ region }: FaultScene, part: DrillRegionPart): Promise<void> {
  region.signal(part, 'SIGKILL');
}

function pickWorker({ region, random }: FaultScene): DrillRegionPart {
  return random.pick(region.parts.filter(({ kind }) => kind === 'worker'));
}

function throughProxy(mode: ProxyMode, ms: number): FreshnessFault {
  return {
    async inflict({ purgeProxy }) {
      if (purgeProxy === undefined) throw new Error('the workers send purges to the edge directly');
      purgeProxy.mode = mode;
      await delay(ms);
      purgeProxy.mode = 'pass';
    },
  };
}

// The faults of each size. They run one after another, with pauses in which the shop heals.

/** The sizes of the freshness drill: its duration, and which faults it includes. */
export interface FreshnessSize {
  seconds: number;
  faults: readonly FaultName[];
  /** Whether purges go through the drill's proxy. The workers are replaced at the beginning and at the end for that. */
  throughProxy: boolean;
  /**
   * Whether a product is archived and published again by the operators' command, which takes seconds of a processor.
   */
  archivesProduct: boolean;
}

const allFaults = Object.keys(freshnessFaults) as FaultName[];

export const fullSize: FreshnessSize = {
  seconds: 240,
  faults: allFaults,
  throughProxy: true,
  archivesProduct: true,
};

/** A size for half a minute on a shared region: nothing has to be rebuilt or replaced. */
export const shortSize: FreshnessSize = {
  seconds: 20,
  faults: [
    'empty Redis',
    'stop an origin again and again, between any two of its steps',
    'freeze an origin',
    'freeze the edge',
    'freeze a worker',
    'pause the replay of the read replica',
  ],
  throughProxy: false,
  archivesProduct: false,
};

export interface FaultLog {
  /** How often each fault was inflicted. */
  readonly counts: Map<string, number>;
  /** Faults that could not be inflicted, and why. */
  readonly failures: string[];
  /** The fault that runs now. */
  current: string;
}

const pauseMs = 1_500;
const mostAttempts = 4;
/** Rebuilding takes up to half a minute, so no such fault begins later than this before the end. */
const losingMs = 35_000;

export async function inflictUntil(
  scene: FaultScene,
  log: FaultLog,
  options: {
    faults: readonly FaultName[];
    msLeft: () => number;
    onBegin: (name: string) => void;
    onHealed: () => void;
  },
): Promise<void> {
  let bag: FaultName[] = [];
  while (options.msLeft() > 0) {
    if (bag.length === 0) bag = shuffle(options.faults, scene.random);
    const name = bag.shift()!;
    const fault = freshnessFaults[name];
    if (fault.loses && options.msLeft() < losingMs) {
      if (options.faults.every((other) => freshnessFaults[other].loses)) return;
      continue;
    }
    log.current = name;
    options.onBegin(name);
    try {
      await inflictOnStanding(fault, scene);
      log.counts.set(name, (log.counts.get(name) ?? 0) + 1);
    } catch (error) {
      log.failures.push(`${name}: ${error instanceof Error ? error.message : error}`);
    }
    // Stale reads shortly after the fault still count as its effect.
    await delay(pauseMs);
    if (fault.loses) await scene.region.rebuilt();
    await scene.region.healed();
    log.current = 'nothing';
    options.onHealed();
    await delay(pauseMs);
  }
}

/** Inflicts a fault. A lost part is listed until its successor runs, so a missing process is tried again. */
async function inflictOnStanding(fault: FreshnessFault, scene: FaultScene): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await scene.region.refresh();
    try {
      return await fault.inflict(scene);
    } catch (error) {
      const isGone = error instanceof Error && 'code' in error && error.code === 'ESRCH';
      if (!isGone || attempt === mostAttempts) throw error;
      await delay(pauseMs);
    }
  }
}

function shuffle(names: readonly FaultName[], random: SeededRandom): FaultName[] {
  return names
    .map((name) => ({ name, place: random.next() }))
    .sort((a, b) => a.place - b.place)
    .map(({ name }) => name);
}

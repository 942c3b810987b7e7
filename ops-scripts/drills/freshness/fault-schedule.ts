// Which faults a freshness drill of each size includes, run one after another with pauses in which the shop heals.

import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '../../traffic/seeded-random.ts';
import { type FaultName, type FaultScene, type FreshnessFault, freshnessFaults } from './faults.ts';

/** The sizes of the freshness drill: its duration, and which faults it includes. */
export interface FreshnessSize {
  seconds: number;
  faults: readonly FaultName[];
  /** Purges go through the drill's proxy. The workers are replaced at the beginning and at the end. */
  throughProxy: boolean;
  /**
   * A product is taken archived and published again by the operators' command, which costs seconds of a processor
   * each time.
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

/** What a region on loan and half a minute allow: nothing has to be rebuilt or replaced. */
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
  /** How often each was done. */
  readonly counts: Map<string, number>;
  /** Faults that could not be done, and why. */
  readonly failures: string[];
  /** What is done to the region right now. */
  current: string;
}

const pauseMs = 1_500;
const mostAttempts = 4;
/** Rebuilding takes up to half a minute: no such fault so shortly before the end. */
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
    // What it left behind belongs to it.
    await delay(pauseMs);
    if (fault.loses) await scene.region.rebuilt();
    await scene.region.healed();
    log.current = 'nothing';
    options.onHealed();
    await delay(pauseMs);
  }
}

/** A part that was lost before is listed until its successor stands: then the fault is tried again. */
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

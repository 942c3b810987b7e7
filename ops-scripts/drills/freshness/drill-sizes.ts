// The sizes of the freshness drill: its duration, and which faults it includes.
import { type FaultName, freshnessFaults } from './faults.ts';

export interface DrillSize {
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

export const fullSize: DrillSize = {
  seconds: 240,
  faults: allFaults,
  throughProxy: true,
  archivesProduct: true,
};

/** What a region on loan and half a minute allow: nothing has to be rebuilt or replaced. */
export const shortSize: DrillSize = {
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

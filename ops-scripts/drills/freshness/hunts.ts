// How long a hunt goes on, and what is done to the region meanwhile.
import { type FaultName, freshnessFaults } from './faults.ts';

export interface Hunt {
  seconds: number;
  faults: readonly FaultName[];
  /** Workers speak to the edge through us: they are replaced at the beginning and at the end. */
  onTheLine: boolean;
  /** A product is taken off the shelf and brought back by the operators' command, which costs seconds of a processor each time. */
  turnsShelf: boolean;
}

const allFaults = Object.keys(freshnessFaults) as FaultName[];

export const longHunt: Hunt = { seconds: 240, faults: allFaults, onTheLine: true, turnsShelf: true };

/** What a region on loan and half a minute allow: nothing has to be rebuilt or replaced. */
export const shortHunt: Hunt = {
  seconds: 20,
  faults: [
    'empty Redis',
    'stop an origin again and again, between any two of its steps',
    'freeze an origin',
    'freeze the edge',
    'freeze a worker',
    'pause the replay of the read replica',
  ],
  onTheLine: false,
  turnsShelf: false,
};

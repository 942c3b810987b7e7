// The steps that can happen to a shop's caches. A play is a sequence of steps.
import fc from 'fast-check';

export type Step =
  /** A row changes; floors are raised and the edge is purged. */
  | 'change'
  | 'read at origin 0'
  | 'read at origin 1'
  | 'read at the edge'
  /** From now on a reader that has read rows, or an origin's answer, stops before its next step. */
  | 'hold'
  | 'let go'
  /** The replica has replayed all that the primary has written. */
  | 'catch up'
  | 'empty Redis'
  /** The Redis replica has all that the primary has. */
  | 'copy Redis'
  /** The replica takes over with what it has. */
  | 'fail over Redis'
  /** Purges to the edge arrive, are lost, or are on their way until `deliver`. */
  | 'words pass'
  | 'words are lost'
  | 'words wait'
  | 'deliver the oldest word'
  | 'deliver the newest word'
  /** Time passes. Origins that are paused see it only after their next turn. */
  | 'stand still'
  | 'wait 10 ms'
  | 'wait 60 ms'
  | 'wait 900 ms'
  | 'wait 2.5 s'
  | 'wait 4.2 s';

const inRedis: Step[] = [
  'change',
  'read at origin 0',
  'read at origin 1',
  'hold',
  'let go',
  'catch up',
  'empty Redis',
  'copy Redis',
  'fail over Redis',
  'wait 10 ms',
  'wait 60 ms',
  'stand still',
];
const atTheEdge: Step[] = [
  'change',
  'read at origin 0',
  'read at the edge',
  'read at the edge',
  'hold',
  'let go',
  'empty Redis',
  'words pass',
  'words are lost',
  'words wait',
  'deliver the oldest word',
  'deliver the newest word',
  'wait 60 ms',
  'wait 900 ms',
  'wait 2.5 s',
  'wait 4.2 s',
];

export const plays: fc.Arbitrary<Step[]> = fc.oneof(
  fc.array(fc.constantFrom(...inRedis), { minLength: 4, maxLength: 24 }),
  fc.array(fc.constantFrom(...atTheEdge), { minLength: 4, maxLength: 24 }),
);

/** Plays for caches without edges, replicas and failovers. */
export const plainPlays: fc.Arbitrary<Step[]> = fc.array(
  fc.constantFrom<Step>(
    'change',
    'change',
    'read at origin 0',
    'read at origin 0',
    'read at origin 1',
    'read at origin 1',
    'hold',
    'let go',
    'empty Redis',
  ),
  { minLength: 6, maxLength: 24 },
);

// While AWS changes a part, what is wrong with it may be about to be right: then nothing about its zones is a failure.
import type { Verdict } from '../verdict.ts';

/** States that sound like a change, and leave zones as they are. */
const settled = new Set([
  'backing-up',
  'configuring-enhanced-monitoring',
  'configuring-iam-database-auth',
  'configuring-log-exports',
  'snapshotting',
]);

/** The first of the states (`modifying`, `enabling` …) that is one in between. */
export function findInBetween(states: unknown[]): string | undefined {
  const words = states.map((state) => String(state ?? '').toLowerCase());
  return words.find(
    (word) =>
      !settled.has(word) && /^[a-z]+ing\b|^(maintenance|storage-config-upgrade|delete-precheck)$/.test(word),
  );
}

/** The same verdict, but each failure is unknown while the part is in a state in between. */
export function unlessInBetween(verdict: Verdict, name: string, state: string | undefined): Verdict {
  if (state === undefined) return verdict;
  return {
    ...verdict,
    fail: ({ reason }) => verdict.unknown(`${reason}, which may change as ${name} is ${state}`),
  };
}

// Every process that comes or goes is known to the orphanReaper and to running.json, so that nothing is left behind however we end.

import { startOrphanReaper } from './orphan-reaper.ts';
import { processIdentity } from './process-identity.ts';
import { createRoster, type Roster } from './roster.ts';
import { type RunningShop, removeRunning, writeRunning } from './running-file.ts';

export interface Books extends Roster {
  /** What others find in running.json changes. */
  note(change: Partial<RunningShop>): void;
  /** After everything was stopped. */
  close(): void;
}

export function recordParts(dataDir: string, running: RunningShop): Books {
  const orphanReaper = startOrphanReaper();
  const note = (change: Partial<RunningShop>) => writeRunning(dataDir, Object.assign(running, change));
  const roster = createRoster((living) => {
    orphanReaper.watch(living);
    note({ parts: living.flatMap((part) => processIdentity(part.pid) ?? []) });
  });
  note({});
  return {
    ...roster,
    note,
    close: () => {
      orphanReaper.dismiss();
      removeRunning(dataDir);
    },
  };
}

// Tells the orphan reaper and running.json of every process that starts or ends.

import { startOrphanReaper } from './orphan-reaper.ts';
import { processIdentity } from './process-identity.ts';
import { createProcessList, type ProcessList } from './process-list.ts';
import { type RunningShop, removeRunning, writeRunning } from './running-file.ts';

export interface ProcessRecord extends ProcessList {
  /** What others find in running.json changes. */
  note(change: Partial<RunningShop>): void;
  /** After everything was stopped. */
  close(): void;
}

export function recordParts(dataDir: string, running: RunningShop): ProcessRecord {
  const orphanReaper = startOrphanReaper();
  const note = (change: Partial<RunningShop>) => writeRunning(dataDir, Object.assign(running, change));
  const list = createProcessList((living) => {
    orphanReaper.watch(living);
    note({ parts: living.flatMap((part) => processIdentity(part.pid) ?? []) });
  });
  note({});
  return {
    ...list,
    note,
    close: () => {
      orphanReaper.dismiss();
      removeRunning(dataDir);
    },
  };
}

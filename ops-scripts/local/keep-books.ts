// Every process that comes or goes is known to the undertaker and to running.json, so that nothing is left behind however we end.
import { processIdentity } from './process-identity.ts';
import { createRoster, type Roster } from './roster.ts';
import { type RunningShop, removeRunning, writeRunning } from './running-file.ts';
import { startUndertaker } from './undertaker.ts';

export interface Books extends Roster {
  /** What others find in running.json changes. */
  note(change: Partial<RunningShop>): void;
  /** After everything was stopped. */
  close(): void;
}

export function keepBooks(dataDir: string, running: RunningShop): Books {
  const undertaker = startUndertaker();
  const note = (change: Partial<RunningShop>) => writeRunning(dataDir, Object.assign(running, change));
  const roster = createRoster((living) => {
    undertaker.watch(living);
    note({ parts: living.flatMap((part) => processIdentity(part.pid) ?? []) });
  });
  note({});
  return {
    ...roster,
    note,
    close: () => {
      undertaker.dismiss();
      removeRunning(dataDir);
    },
  };
}

// The list of our running processes; notifies listeners of each change.
import type { Part } from './part.ts';

export interface ProcessList {
  /** Whoever is added already is not added again. */
  add(part: Part): void;
  living(): Part[];
}

export function createProcessList(onChange: (living: Part[]) => void): ProcessList {
  const living = new Map<number, Part>();
  const tell = () => onChange([...living.values()]);
  return {
    add: (part) => {
      if (part.hasExited() || living.has(part.pid)) return;
      living.set(part.pid, part);
      tell();
      part.exited.then(() => {
        living.delete(part.pid);
        tell();
      });
    },
    living: () => [...living.values()],
  };
}

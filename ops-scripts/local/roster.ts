// Which processes of ours live right now; whoever must end them after us is told of each change.
import type { Part } from './part.ts';

export interface Roster {
  add(part: Part): void;
  living(): Part[];
}

export function createRoster(onChange: (living: Part[]) => void): Roster {
  const living = new Set<Part>();
  return {
    add: (part) => {
      living.add(part);
      onChange([...living]);
      part.exited.then(() => {
        living.delete(part);
        onChange([...living]);
      });
    },
    living: () => [...living],
  };
}

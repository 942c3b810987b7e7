// One unreadable item, or one unreadable list of groups, is a doubt and does not stop the reading of the others.
import type { Listed } from '../answers.ts';
import { attempt } from '../doubt.ts';

/** Reads each item; one that can't be read is a doubt about the list. */
export function readEach<T, P>(listed: Listed<T>, read: (raw: T) => P): Listed<P> {
  const doubts = [...listed.doubts];
  const items = listed.items.flatMap((raw) => {
    const part = attempt(
      () => read(raw),
      (reason) => doubts.push(reason),
    );
    return part === undefined ? [] : [part];
  });
  return { items, doubts, absent: listed.absent };
}

/** The groups of a part, or none and the reason. */
export function readGroups(read: () => string[]): { groups: string[]; groupDoubts: string[] } {
  const groupDoubts: string[] = [];
  const groups = attempt(read, (reason) => groupDoubts.push(reason)) ?? [];
  return { groups: [...new Set(groups)], groupDoubts };
}

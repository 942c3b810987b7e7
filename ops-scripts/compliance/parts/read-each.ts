// One unreadable item, or one unreadable list of groups, is a doubt and does not stop the reading of the others.
import type { Answered, Listed } from '../answers.ts';
import { attempt } from '../doubt.ts';

/** Reads each item; one that can't be read is a doubt about the list, and one that is no part gives undefined. */
export function readEach<T, P>(listed: Answered<T>, read: (raw: T) => P | undefined): Listed<P> {
  const { call, absent } = listed;
  const doubts = [...listed.doubts];
  const items = listed.items.flatMap((raw) => {
    const part = attempt(
      () => read(raw),
      (reason) => doubts.push(reason.includes(call) ? reason : `${call}: ${reason}`),
      call,
    );
    return part === undefined ? [] : [part];
  });
  return { items, doubts, absent };
}

/** The groups of a part, or none and the reason. */
export function readGroups(read: () => string[]): { groups: string[]; groupDoubts: string[] } {
  const groupDoubts: string[] = [];
  const groups = attempt(read, (reason) => groupDoubts.push(reason)) ?? [];
  return { groups: [...new Set(groups)], groupDoubts };
}

/** The value where it is text; garbage in a name or an ARN is no reason to lose the part. */
export function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}

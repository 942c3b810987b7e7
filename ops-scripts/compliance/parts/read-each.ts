// One unreadable item, or one unreadable list of groups, is a doubt and does not stop the reading of the others.
import type { Answered, Listed } from '../answers.ts';
import { attempt, Doubt, knownList, knownText } from '../doubt.ts';

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

/** The groups of all that a part consists of; one whose groups can't be read is a doubt beside those of the others. */
export function readGroups(...reads: (() => string[])[]): { groups: string[]; groupDoubts: string[] } {
  const groupDoubts: string[] = [];
  const groups = reads.flatMap((read) => attempt(read, (reason) => groupDoubts.push(reason)) ?? []);
  return { groups: [...new Set(groups)], groupDoubts };
}

/**
 * The groups that something of a part declares. None at all is a doubt: on AWS nothing in a VPC is without one, so that
 * the answer must have lost them, and those of one member say nothing of another.
 */
export function declaredGroups<T>(
  list: readonly T[] | undefined | null,
  name: string,
  idOf: (item: T) => unknown,
): string[] {
  const what = `security groups of ${name}`;
  const groups = knownList(list, what).map((item) => knownText(idOf(item), `one of the ${what}`));
  if (groups.length === 0) throw new Doubt(`${what} are not in the answer`);
  return groups;
}

/** The value where it is text; garbage in a name or an ARN is no reason to lose the part. */
export function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}

// Reads lists item by item, so that an unreadable item is an unknown reason and the others are still read.
import type { Answered, Listed } from '../answers.ts';
import { attempt, knownList, knownText, UnknownError } from '../unknown.ts';

/** Reads each item; an unreadable one adds an unknown reason to the list, and one that is no part gives undefined. */
export function readEach<T, P>(listed: Answered<T>, read: (raw: T) => P | undefined): Listed<P> {
  const { call, absent } = listed;
  const unknownReasons = [...listed.unknownReasons];
  const items = listed.items.flatMap((raw) => {
    const part = attempt(
      () => read(raw),
      (reason) => unknownReasons.push(reason.includes(call) ? reason : `${call}: ${reason}`),
      call,
    );
    return part === undefined ? [] : [part];
  });
  return { items, unknownReasons, absent };
}

/** The groups of everything in a part. Unreadable groups add an unknown reason; the others are kept. */
export function readGroups(...reads: (() => string[])[]): {
  groups: string[];
  groupUnknownReasons: string[];
} {
  const groupUnknownReasons: string[] = [];
  const groups = reads.flatMap((read) => attempt(read, (reason) => groupUnknownReasons.push(reason)) ?? []);
  return { groups: [...new Set(groups)], groupUnknownReasons };
}

/**
 * The groups that something of a part declares. None at all is unknown: on AWS nothing in a VPC is without one, so that
 * the answer must have lost them, and those of one member say nothing of another.
 */
export function declaredGroups<T>(
  list: readonly T[] | undefined | null,
  name: string,
  idOf: (item: T) => unknown,
): string[] {
  const what = `security groups of ${name}`;
  const groups = knownList(list, what).map((item) => knownText(idOf(item), `one of the ${what}`));
  if (groups.length === 0) throw new UnknownError(`${what} are not in the answer`);
  return groups;
}

/** The value where it is text; garbage in a name or an ARN is no reason to lose the part. */
export function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}

// What can't be known stops a judgement as a Doubt, which becomes `unknown` and never `pass`.
import { isUnknownValue } from './snapshot.ts';

export class Doubt extends Error {
  override name = 'Doubt';
}

/** The value, or a Doubt where it is absent or marked as not knowable; `what` names it in the reason. */
export function known<T>(value: T | undefined | null, what: string): T {
  const present = knownOrAbsent(value, what);
  if (present === undefined) throw new Doubt(`${what} is not in the answer`);
  return present;
}

/** The value or undefined; a Doubt only where it is marked as not knowable. */
export function knownOrAbsent<T>(value: T | undefined | null, what: string): T | undefined {
  if (isUnknownValue(value)) throw new Doubt(`${what} cannot be known: ${value.$unknown}`);
  return value ?? undefined;
}

/** The items of a list, none where it is absent; a Doubt where it, or one of its items, can't be known. */
export function knownList<T>(value: readonly T[] | undefined | null, what: string): T[] {
  const list = knownOrAbsent(value, what) ?? [];
  if (!Array.isArray(list)) throw new Doubt(`${what} is not a list`);
  return list.map((item) => known(item as T, `one of ${what}`));
}

/** Text; a Doubt where it is absent, marked as not knowable, or anything but text. */
export function knownText(value: unknown, what: string): string {
  const text = known(value, what);
  if (typeof text !== 'string') throw new Doubt(`${what} is not text`);
  return text;
}

/** Reads each item of a list that can be read; the list, or an item, that can't be is told to `onDoubt`. */
export function readItems<T>(
  list: readonly T[] | undefined | null,
  what: string,
  read: (item: T) => void,
  onDoubt: (reason: string) => void,
): void {
  const items = attempt(() => {
    const present = knownOrAbsent(list, what) ?? [];
    if (!Array.isArray(present)) throw new Doubt(`${what} is not a list`);
    return present as T[];
  }, onDoubt);
  for (const item of items ?? []) attempt(() => read(known(item, `one of ${what}`)), onDoubt, what);
}

/** Runs a reading; a Doubt, or anything that garbage in the answer to `call` throws, goes to `onDoubt`. */
export function attempt<T>(
  read: () => T,
  onDoubt: (reason: string) => void,
  call = 'an answer',
): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Doubt) onDoubt(error.message);
    else onDoubt(`${call} has an unexpected shape (${error instanceof Error ? error.message : error})`);
    return undefined;
  }
}

// UnknownError and its guards: a value that can't be known makes a finding `unknown`, never `pass`.
import { isUnknownValue } from './snapshot.ts';

export class UnknownError extends Error {
  override name = 'UnknownError';
}

/** The value, or an UnknownError where it is absent or marked as not knowable; `what` names it in the reason. */
export function known<T>(value: T | undefined | null, what: string): T {
  const present = knownOrAbsent(value, what);
  if (present === undefined) throw new UnknownError(`${what} is not in the answer`);
  return present;
}

/** The value or undefined; an UnknownError only where it is marked as not knowable. */
export function knownOrAbsent<T>(value: T | undefined | null, what: string): T | undefined {
  if (isUnknownValue(value)) throw new UnknownError(`${what} cannot be known: ${value.$unknown}`);
  return value ?? undefined;
}

/** The items of a list, none where it is absent; an UnknownError where it, or one of its items, can't be known. */
export function knownList<T>(value: readonly T[] | undefined | null, what: string): T[] {
  const list = knownOrAbsent(value, what) ?? [];
  if (!Array.isArray(list)) throw new UnknownError(`${what} is not a list`);
  return list.map((item) => known(item as T, `one of ${what}`));
}

/** Text; an UnknownError where it is absent, marked as not knowable, or anything but text. */
export function knownText(value: unknown, what: string): string {
  const text = known(value, what);
  if (typeof text !== 'string') throw new UnknownError(`${what} is not text`);
  return text;
}

/** Reads each item of a list that can be read; the list, or an item, that can't be is told to `onUnknown`. */
export function readItems<T>(
  list: readonly T[] | undefined | null,
  what: string,
  read: (item: T) => void,
  onUnknown: (reason: string) => void,
): void {
  const items = attempt(() => {
    const present = knownOrAbsent(list, what) ?? [];
    if (!Array.isArray(present)) throw new UnknownError(`${what} is not a list`);
    return present as T[];
  }, onUnknown);
  for (const item of items ?? []) attempt(() => read(known(item, `one of ${what}`)), onUnknown, what);
}

/** Runs a reading; an UnknownError, or anything that garbage in the answer to `call` throws, goes to `onUnknown`. */
export function attempt<T>(
  read: () => T,
  onUnknown: (reason: string) => void,
  call = 'an answer',
): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof UnknownError) onUnknown(error.message);
    else onUnknown(`${call} has an unexpected shape (${error instanceof Error ? error.message : error})`);
    return undefined;
  }
}

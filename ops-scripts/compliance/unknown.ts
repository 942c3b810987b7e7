// UnknownError and its guards: a value that can't be known makes a finding `unknown`, and never `pass`.
import { isUnknownValue } from './snapshot.ts';

export class UnknownError extends Error {
  override name = 'UnknownError';
}

/** Returns the value. Throws an UnknownError where it is absent or unknown; `what` names it in the reason. */
export function known<T>(value: T | undefined | null, what: string): T {
  const present = knownOrAbsent(value, what);
  if (present === undefined) throw new UnknownError(`${what} is not in the answer`);
  return present;
}

/** Returns the value or undefined. Throws an UnknownError only where it is unknown. */
export function knownOrAbsent<T>(value: T | undefined | null, what: string): T | undefined {
  if (isUnknownValue(value)) throw new UnknownError(`${what} cannot be known: ${value.$unknown}`);
  return value ?? undefined;
}

/**
 * Returns the items of a list, which is empty if absent. Throws an UnknownError where the list or an item is unknown.
 */
export function knownList<T>(value: readonly T[] | undefined | null, what: string): T[] {
  const list = knownOrAbsent(value, what) ?? [];
  if (!Array.isArray(list)) throw new UnknownError(`${what} is not a list`);
  return list.map((item) => known(item as T, `one of ${what}`));
}

/** Returns text. Throws an UnknownError where it is absent, unknown, or anything but text. */
export function knownText(value: unknown, what: string): string {
  const text = known(value, what);
  if (typeof text !== 'string') throw new UnknownError(`${what} is not text`);
  return text;
}

/** Reads each item of a list. `onUnknown` gets the reason for an item, or for the whole list, that can't be read. */
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

/**
 * Runs a reading. `onUnknown` gets the reason of an UnknownError, and of any error that garbage in the answer to `call`
 * causes.
 */
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

// Text with unknown parts. Text that was joined can be split again.
import { isUnknownValue, type UnknownValue, unknownValue } from '../snapshot.ts';
import type { Names } from './parse-template.ts';

/** The parts of an unknown text. The snapshot only contains the reason. */
const partsOfText = new WeakMap<UnknownValue, readonly (string | UnknownValue)[]>();

export function textOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}

/** The known and unknown parts of a text, in order. */
export function partsOf(value: unknown): readonly (string | UnknownValue)[] {
  if (!isUnknownValue(value)) return [textOf(value)];
  return partsOfText.get(value) ?? [value];
}

/** Joins the items to one text. If an item is unknown, the result is an unknown value that remembers its parts. */
export function joinText(items: unknown[], separator: string, scope: Names): unknown {
  const present = items.filter((item) => item !== undefined);
  const unknownReason = present.find(isUnknownValue);
  if (unknownReason === undefined) return resolved(present.map(textOf).join(separator), scope);
  const parts = present.flatMap((item, index) => [...(index > 0 ? [separator] : []), ...partsOf(item)]);
  const joined = unknownValue(unknownReason.$unknown);
  partsOfText.set(joined, mergeTexts(parts));
  return joined;
}

/**
 * `trim`: whether to trim items, as CloudFormation does with lists that are given as text. An unknown item stands for
 * any number of items.
 */
export function splitText(value: unknown, separator: string, trim: boolean): unknown {
  if (Array.isArray(value)) return value;
  if (value === undefined) return undefined;
  const cut = (text: string) => text.split(separator).map((item) => (trim ? item.trim() : item));
  if (!isUnknownValue(value)) return cut(textOf(value));
  const parts = partsOf(value);
  if (!parts.some((part) => typeof part === 'string' && part.includes(separator)))
    return trim && parts.length > 1 ? [value] : value;
  const items: (string | UnknownValue)[] = [''];
  for (const part of parts) {
    const [first, ...rest] = isUnknownValue(part) ? [part] : cut(part);
    // If a piece of an item is unknown, the item is unknown.
    const last = items.at(-1)!;
    items[items.length - 1] = isUnknownValue(last) ? last : isUnknownValue(first) ? first : `${last}${first}`;
    items.push(...rest);
  }
  return items;
}

/** Resolves a dynamic reference to Parameter Store if a template of this call stores the value; else unknown. */
export function resolved(text: string, scope: Names): unknown {
  if (!text.includes('{{resolve:')) return text;
  const [, name] = /^\{\{resolve:ssm:([^}]+)\}\}$/.exec(text) ?? [];
  const stored = name === undefined ? undefined : scope.stored(name);
  if (stored !== undefined) return stored;
  const reference = /\{\{resolve:[^}]*\}\}/.exec(text)?.[0];
  return unknownValue(`${reference ?? 'a dynamic reference'} is resolved at deployment`);
}

/** The first unknown value at any depth. */
export function findUnknown(value: unknown): UnknownValue | undefined {
  if (isUnknownValue(value)) return value;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const inner of Object.values(value)) {
    const found = findUnknown(inner);
    if (found !== undefined) return found;
  }
  return undefined;
}

function mergeTexts(parts: (string | UnknownValue)[]): (string | UnknownValue)[] {
  const merged: (string | UnknownValue)[] = [];
  for (const part of parts) {
    const last = merged.at(-1);
    if (typeof part === 'string' && typeof last === 'string') merged[merged.length - 1] = last + part;
    else merged.push(part);
  }
  return merged;
}

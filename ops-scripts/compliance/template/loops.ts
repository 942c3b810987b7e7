// Unrolls `Fn::ForEach` of the language extensions, in every section and in properties.
import { isUnknownValue, type UnknownValue, unknownValue } from '../snapshot.ts';
import { isRecord, type Names } from './parse-template.ts';

const loopKey = /^Fn::ForEach::/;

export function hasLoop(record: Record<string, unknown>): boolean {
  return Object.keys(record).some((key) => loopKey.test(key));
}

type OnUnknown = (why: UnknownValue, body: Record<string, unknown>) => Record<string, unknown>;

/** The record with each loop replaced by what it makes; by what `onUnknown` gives where its items can't be known. */
export function expandLoops(
  record: Record<string, unknown>,
  scope: Names,
  onUnknown: OnUnknown,
): Record<string, unknown> {
  if (!hasLoop(record)) return record;
  const expanded: [string, unknown][] = [];
  for (const [key, value] of Object.entries(record)) {
    if (loopKey.test(key)) expanded.push(...unroll(key, value, scope, onUnknown));
    else expanded.push([key, value]);
  }
  return Object.fromEntries(expanded);
}

function unroll(key: string, loop: unknown, scope: Names, onUnknown: OnUnknown): [string, unknown][] {
  const [variable, collection, body] = Array.isArray(loop) ? loop : [];
  const items = scope.evaluate(collection);
  if (typeof variable !== 'string' || !isRecord(body)) {
    return Object.entries(onUnknown(unknownValue(`${key} can't be read`), {}));
  }
  const unknownReason = isUnknownValue(items)
    ? items
    : !Array.isArray(items)
      ? unknownValue('it is asked of what is no list')
      : items.find(isUnknownValue);
  if (unknownReason !== undefined || !Array.isArray(items)) {
    const why = unknownValue(`the items of ${key} cannot be known: ${unknownReason!.$unknown}`);
    return Object.entries(onUnknown(why, expandLoops(body, scope, onUnknown)));
  }
  return items.flatMap((item) => {
    const one = replaceVariable(body, variable, String(item)) as Record<string, unknown>;
    return Object.entries(expandLoops(one, scope, onUnknown));
  });
}

/** `${Name}` as it stands, and `&{Name}` without what is no letter or digit; also where it is referred to. */
function replaceVariable(value: unknown, name: string, item: string): unknown {
  if (typeof value === 'string')
    return value
      .replaceAll(`\${${name}}`, item)
      .replaceAll(`&{${name}}`, item.replaceAll(/[^A-Za-z0-9]/g, ''));
  if (Array.isArray(value)) return value.map((inner) => replaceVariable(inner, name, item));
  if (!isRecord(value)) return value;
  if (Object.keys(value).length === 1 && value['Ref'] === name) return item;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      replaceVariable(key, name, item) as string,
      replaceVariable(inner, name, item),
    ]),
  );
}

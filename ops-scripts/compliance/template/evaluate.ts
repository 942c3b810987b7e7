// Evaluates intrinsic functions and loops as documented. An unknown part makes the whole unknown, with its reason.
import { isUnknownValue, type UnknownValue, unknownValue } from '../snapshot.ts';
import { isRecord, type Names, zonePrefix, zonesAtMost } from './parse-template.ts';
import { findUnknown, joinText, resolved, splitText, textOf } from './text.ts';

type Intrinsic = (argument: never, scope: Names) => unknown;

/** Returns the value of an expression as plain data with unknown values in it. */
export function evaluate(value: unknown, scope: Names): unknown {
  if (Array.isArray(value))
    return value.map((item) => evaluate(item, scope)).filter((item) => item !== undefined);
  if (typeof value === 'string') return resolved(value, scope);
  if (!isRecord(value) || isUnknownValue(value)) return value;
  const [name, ...others] = Object.keys(value);
  if (name !== undefined && others.length === 0) {
    const intrinsic = Object.hasOwn(intrinsics, name) ? intrinsics[name] : undefined;
    if (intrinsic !== undefined) return intrinsic(value[name] as never, scope);
    if (name.startsWith('Fn::') && !hasLoop(value)) return unknownValue(`${name} is not evaluated here`);
  }
  // A macro also gets the properties beside it and may rewrite them.
  if (transformKey in value) return unread;
  let unlooped: UnknownValue | undefined;
  const whole = expandLoops(value, scope, (why) => {
    unlooped = why;
    return {};
  });
  if (unlooped !== undefined) return unlooped;
  const entries = Object.entries(whole).map(([key, inner]) => [key, evaluate(inner, scope)] as const);
  return Object.fromEntries(entries.filter(([, inner]) => inner !== undefined));
}

const transformKey = 'Fn::Transform';
const unread = unknownValue('a macro (Fn::Transform) may add to it or rewrite it');

/** Evaluates properties. If they are unknown as a whole, such as the result of a macro, each property is unknown. */
export function evaluateProperties(value: unknown, scope: Names): Record<string, unknown> {
  if (value === undefined || value === null) return {};
  const evaluated = evaluate(value, scope);
  if (isUnknownValue(evaluated)) return allUnknown(evaluated);
  return isRecord(evaluated) ? evaluated : {};
}

const whyAll = new WeakMap<Record<string, unknown>, UnknownValue>();

function allUnknown(why: UnknownValue): Record<string, unknown> {
  const properties = new Proxy<Record<string, unknown>>(
    {},
    { get: (target, name) => (typeof name === 'string' ? why : Reflect.get(target, name)) },
  );
  whyAll.set(properties, why);
  return properties;
}

/** @returns why all properties are unknown, or undefined if they can be read. */
export function whyUnread(properties: Record<string, unknown>): UnknownValue | undefined {
  return whyAll.get(properties);
}

const intrinsics: Record<string, Intrinsic> = {
  Ref: (name, scope) => known([evaluate(name, scope)], ([text]) => scope.ref(String(text))),
  Condition: (name, scope) => (typeof name === 'string' ? scope.condition(name) : { Condition: name }),
  'Fn::GetAtt': (argument, scope) => {
    const [id, ...path] = (Array.isArray(argument) ? argument : String(argument).split('.')) as unknown[];
    return known([evaluate(id, scope), ...path.map((each) => evaluate(each, scope))], ([of, ...names]) =>
      scope.attribute(String(of), names.join('.')),
    );
  },
  'Fn::Sub': substitute,
  'Fn::Join': ([separator, list]: unknown[], scope) =>
    known([evaluate(list, scope)], ([items]) =>
      Array.isArray(items)
        ? joinText(items, String(separator), scope)
        : unknownValue('Fn::Join gets a value that is not a list'),
    ),
  'Fn::Select': ([index, list]: unknown[], scope) =>
    known([evaluate(index, scope), evaluate(list, scope)], ([at, items]) => {
      if (!Array.isArray(items) || !(Number(at) in items))
        return unknownValue(`the list has no item ${String(at)}`);
      // An earlier unknown item may stand for several items.
      return items.slice(0, Number(at)).find(isUnknownValue) ?? items[Number(at)];
    }),
  'Fn::Split': ([separator, text]: unknown[], scope) =>
    splitText(evaluate(text, scope), String(separator), false),
  'Fn::FindInMap': findInMap,
  'Fn::If': ([name, then, otherwise]: unknown[], scope) =>
    known([scope.condition(String(name))], ([holds]) => evaluate(holds ? then : otherwise, scope)),
  'Fn::Equals': equals,
  'Fn::Not': ([operand]: unknown[], scope) => known([evaluate(operand, scope)], ([holds]) => !holds),
  'Fn::And': (operands, scope) => decide(operands, scope, false),
  'Fn::Or': (operands, scope) => decide(operands, scope, true),
  'Fn::GetAZs': (argument, scope) =>
    known([evaluate(argument, scope)], () =>
      Array.from({ length: zonesAtMost }, (_, index) => `${zonePrefix}${index}`),
    ),
  'Fn::ImportValue': (argument, scope) =>
    known([evaluate(argument, scope)], ([name]) => {
      const exported = scope.system.exports.get(String(name));
      return exported === undefined
        ? unknownValue(`'${String(name)}' is imported from a stack that is not given`)
        : evaluate(exported.value, exported.scope);
    }),
  'Fn::Base64': (argument, scope) => evaluate(argument, scope),
  'Fn::Cidr': ([block, count, bits]: unknown[], scope) =>
    known(
      [block, count, bits ?? 8].map((each) => evaluate(each, scope)),
      ([whole, number, size]) => cutBlock(String(whole), Number(number), Number(size)),
    ),
  'Fn::Length': (argument, scope) =>
    known([evaluate(argument, scope)], ([items]) =>
      Array.isArray(items)
        ? known(items, () => items.length)
        : unknownValue('Fn::Length gets a value that is not a list'),
    ),
  'Fn::ToJsonString': (argument, scope) =>
    known([evaluate(argument, scope)], ([value]) => {
      const inner = findUnknown(value);
      return inner ?? JSON.stringify(value);
    }),
};

function findInMap(argument: unknown, scope: Names): unknown {
  const [map, first, second, otherwise] = argument as unknown[];
  return known(
    [map, first, second].map((each) => evaluate(each, scope)),
    (path) => {
      let found: unknown = scope.template.Mappings;
      for (const key of path) {
        // An included map may have any key.
        if (isRecord(found) && !Object.hasOwn(found, String(key)) && transformKey in found) return unread;
        found = isRecord(found) && Object.hasOwn(found, String(key)) ? found[String(key)] : undefined;
      }
      if (found === undefined && isRecord(otherwise) && 'DefaultValue' in otherwise)
        return evaluate(otherwise['DefaultValue'], scope);
      return evaluate(found, scope) ?? unknownValue(`the mappings have no ${path.join('.')}`);
    },
  );
}

/**
 * Compares two texts. The result is unknown where one is unknown or a zone by number, because they may be equal once
 * deployed.
 */
function equals(argument: unknown, scope: Names): unknown {
  const [left, right] = (argument as unknown[]).map((each) => evaluate(each, scope));
  const unknownReason = [left, right].find(isUnknownValue) ?? findUnknown([left, right]);
  if (unknownReason !== undefined)
    return scope.choose(`equals ${JSON.stringify(argument)}`, [true, false]) ?? unknownReason;
  const [a, b] = [textOf(left), textOf(right)];
  if (a !== b && (a.includes(zonePrefix) || b.includes(zonePrefix)))
    return unknownValue('which zones the region has is known only once deployed');
  return a === b;
}

function substitute(argument: unknown, scope: Names): unknown {
  const [text, variables] = Array.isArray(argument) ? argument : [argument, {}];
  if (typeof text !== 'string') return unknownValue('Fn::Sub gets a value that is not text');
  const parts = text.split(/\$\{([^}]*)\}/);
  const values = parts.map((part, index) => {
    if (index % 2 === 0) return part;
    if (part.startsWith('!')) return `\${${part.slice(1)}}`;
    const name = part.trim();
    if (isRecord(variables) && Object.hasOwn(variables, name)) return evaluate(variables[name], scope);
    const [id, ...path] = name.split('.');
    return path.length === 0 ? scope.ref(id!) : scope.attribute(id!, path.join('.'));
  });
  return joinText(values, '', scope);
}

/** `And` and `Or`: one operand that decides is enough, even if others are unknown. */
function decide(operands: unknown, scope: Names, deciding: boolean): unknown {
  const values = evaluate(operands, scope);
  if (!Array.isArray(values)) return unknownValue('a condition gets a value that is not a list');
  if (values.some((value) => value === deciding)) return deciding;
  return known(values, () => !deciding);
}

/** The first blocks of 2 to the power of `bits` addresses; unknown for IPv6 and for an invalid block. */
function cutBlock(block: string, count: number, bits: number): unknown {
  const [, address = '', prefix = ''] = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(block) ?? [];
  const fits = count > 0 && count * 2 ** bits <= 2 ** (32 - Number(prefix));
  if (address === '' || !fits) return unknownValue(`Fn::Cidr of ${block} is not evaluated here`);
  const start = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * 2 ** bits;
    return `${[24, 16, 8, 0].map((shift) => Math.floor(at / 2 ** shift) % 256).join('.')}/${32 - bits}`;
  });
}

function known(values: unknown[], use: (values: unknown[]) => unknown): unknown {
  const unknownReason = values.find(isUnknownValue) as UnknownValue | undefined;
  return unknownReason ?? use(values);
}

const loopKey = /^Fn::ForEach::/;

export function hasLoop(record: Record<string, unknown>): boolean {
  return Object.keys(record).some((key) => loopKey.test(key));
}

type OnUnknown = (why: UnknownValue, body: Record<string, unknown>) => Record<string, unknown>;

/** Replaces each loop of the record by its results, or by those of `onUnknown` if the loop's items are unknown. */
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
      ? unknownValue('its collection is not a list')
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

/** Replaces `${Name}` by the item, `&{Name}` by its letters and digits, and a `Ref` to the variable by the item. */
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

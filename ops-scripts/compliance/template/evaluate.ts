// Intrinsic functions by their documented meaning; an unknown part makes the whole unknown, with the part's reason.
import { isUnknownValue, type UnknownValue, unknownValue } from '../snapshot.ts';
import { isRecord, type Template } from './parse-template.ts';

/** What expressions refer to. */
interface Names {
  template: Pick<Template, 'Mappings'>;
  exports: Map<string, () => unknown>;
  ref(name: string): unknown;
  attribute(id: string, name: string): unknown;
  condition(name: string): unknown;
}

type Intrinsic = (argument: never, scope: Names) => unknown;

/** `zone#0` is the first zone of the region, whichever that is. */
export const zonePrefix = 'zone#';

/** More zones than any region has. */
export const zonesAtMost = 8;

/** The value of an expression: plain data in which what can't be known is an unknown value. */
export function evaluate(value: unknown, scope: Names): unknown {
  if (Array.isArray(value))
    return value.map((item) => evaluate(item, scope)).filter((item) => item !== undefined);
  if (typeof value === 'string') return resolved(value);
  if (!isRecord(value) || isUnknownValue(value)) return value;
  const [name, ...others] = Object.keys(value);
  if (name !== undefined && others.length === 0) {
    const intrinsic = intrinsics[name];
    if (intrinsic !== undefined) return intrinsic(value[name] as never, scope);
    if (name.startsWith('Fn::')) return unknownValue(`${name} is not evaluated here`);
  }
  // A macro gets the members beside it as well, and may rewrite them.
  if (transformKey in value) return unread;
  const entries = Object.entries(value).map(([key, inner]) => [key, evaluate(inner, scope)] as const);
  return Object.fromEntries(entries.filter(([, inner]) => inner !== undefined));
}

const transformKey = 'Fn::Transform';
const unread = unknownValue('a macro (Fn::Transform) may add to it or rewrite it');

/** Properties of which each is unknown: a macro writes them. */
export function evaluateProperties(value: unknown, scope: Names): Record<string, unknown> {
  if (isRecord(value) && transformKey in value) return writtenByMacro;
  const evaluated = evaluate(value, scope);
  return isRecord(evaluated) && !isUnknownValue(evaluated) ? evaluated : {};
}

const writtenByMacro: Record<string, unknown> = new Proxy(
  {},
  { get: (target, name) => (typeof name === 'string' ? unread : Reflect.get(target, name)) },
);

/** @returns why none of the properties can be known, where a macro writes them. */
export function whyUnread(properties: Record<string, unknown>): UnknownValue | undefined {
  return properties === writtenByMacro ? unread : undefined;
}

/** A dynamic reference stands for text that is known only at deployment (`{{resolve:ssm:…}}`). */
function resolved(text: string): unknown {
  const reference = /\{\{resolve:[^}]*\}\}/.exec(text)?.[0];
  return reference === undefined ? text : unknownValue(`${reference} is resolved at deployment`);
}

const intrinsics: Record<string, Intrinsic> = {
  Ref: (name, scope) => scope.ref(String(name)),
  Condition: (name, scope) => (typeof name === 'string' ? scope.condition(name) : { Condition: name }),
  'Fn::GetAtt': (argument, scope) => {
    const [id, ...path] = Array.isArray(argument) ? argument : String(argument).split('.');
    const name = known([evaluate(path.join('.'), scope)], ([text]) => text);
    return isUnknownValue(name) ? name : scope.attribute(String(id), String(name));
  },
  'Fn::Sub': substitute,
  'Fn::Join': ([separator, list]: unknown[], scope) =>
    known([evaluate(list, scope)], ([items]) =>
      known(items as unknown[], (texts) => texts.map(String).join(String(separator))),
    ),
  'Fn::Select': ([index, list]: unknown[], scope) =>
    known([evaluate(index, scope), evaluate(list, scope)], ([at, items]) =>
      Array.isArray(items) && Number(at) in items
        ? items[Number(at)]
        : unknownValue(`the list has no item ${String(at)}`),
    ),
  'Fn::Split': ([separator, text]: unknown[], scope) =>
    known([evaluate(text, scope)], ([whole]) => String(whole).split(String(separator))),
  'Fn::FindInMap': (argument, scope) =>
    known(evaluate((argument as unknown[]).slice(0, 3), scope) as unknown[], (path) => {
      let found: unknown = scope.template.Mappings;
      for (const key of path) found = isRecord(found) ? found[String(key)] : undefined;
      const otherwise = (argument as unknown[])[3];
      if (found === undefined && isRecord(otherwise) && 'DefaultValue' in otherwise)
        return evaluate(otherwise['DefaultValue'], scope);
      return evaluate(found, scope) ?? unknownValue(`the mappings have no ${path.join('.')}`);
    }),
  'Fn::If': ([name, then, otherwise]: unknown[], scope) =>
    known([scope.condition(String(name))], ([holds]) => evaluate(holds ? then : otherwise, scope)),
  'Fn::Equals': ([left, right]: unknown[], scope) =>
    known([evaluate(left, scope), evaluate(right, scope)], ([a, b]) => String(a) === String(b)),
  'Fn::Not': ([operand]: unknown[], scope) => known([evaluate(operand, scope)], ([holds]) => !holds),
  'Fn::And': (operands, scope) => decide(operands, scope, false),
  'Fn::Or': (operands, scope) => decide(operands, scope, true),
  'Fn::GetAZs': (argument, scope) =>
    known([evaluate(argument, scope)], () =>
      Array.from({ length: zonesAtMost }, (_, index) => `${zonePrefix}${index}`),
    ),
  'Fn::ImportValue': (argument, scope) =>
    known([evaluate(argument, scope)], ([name]) => {
      const exported = scope.exports.get(String(name));
      return exported === undefined
        ? unknownValue(`'${String(name)}' is imported from a stack that is not given`)
        : exported();
    }),
  'Fn::Base64': (argument, scope) => evaluate(argument, scope),
  'Fn::Length': (argument, scope) =>
    known([evaluate(argument, scope)], ([items]) =>
      Array.isArray(items) ? items.length : unknownValue('Fn::Length is asked of what is no list'),
    ),
  'Fn::ToJsonString': (argument, scope) =>
    known([evaluate(argument, scope)], ([value]) => JSON.stringify(value)),
};

function substitute(argument: unknown, scope: Names): unknown {
  const [text, variables] = Array.isArray(argument) ? argument : [argument, {}];
  const parts = String(text).split(/\$\{([^}]*)\}/);
  const values = parts.map((part, index) => {
    if (index % 2 === 0) return part;
    if (part.startsWith('!')) return `\${${part.slice(1)}}`;
    if (isRecord(variables) && part in variables) return evaluate(variables[part], scope);
    const [id, ...path] = part.trim().split('.');
    return path.length === 0 ? scope.ref(id!) : scope.attribute(id!, path.join('.'));
  });
  return known(values, (texts) => texts.map(String).join(''));
}

/** `And` and `Or`: one operand that decides is enough, whatever the unknown ones are. */
function decide(operands: unknown, scope: Names, deciding: boolean): unknown {
  const values = evaluate(operands, scope) as unknown[];
  if (values.some((value) => value === deciding)) return deciding;
  return known(values, () => !deciding);
}

function known(values: unknown[], use: (values: unknown[]) => unknown): unknown {
  const unknownReason = values.find(isUnknownValue) as UnknownValue | undefined;
  return unknownReason ?? use(values);
}

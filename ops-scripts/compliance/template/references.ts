// Finds the resources that an expression refers to, at any depth, in any function and through parameters and outputs.
import { isUnknownValue } from '../snapshot.ts';
import { isRecord } from './parse-template.ts';
import type { Expression, Scope } from './scope.ts';

export interface Reference {
  /** Among those of all stacks. */
  id: string;
  /** What `Fn::GetAtt` asks for; undefined for `Ref`. */
  attribute?: string;
}

/** Keys whose contents are left out, such as those that are read elsewhere. */
export type LeaveOut = (key: string, within: Record<string, unknown>) => boolean;

/** Each reference of an expression, by `id` and attribute. Branches whose condition is known lead one way only. */
export function referencesIn(value: unknown, scope: Scope, leaveOut: LeaveOut = () => false): Reference[] {
  const found = new Map<string, Reference>();
  new Gatherer(found, leaveOut).gather(value, scope);
  return [...found.values()];
}

class Gatherer {
  readonly #found: Map<string, Reference>;
  readonly #leaveOut: LeaveOut;
  readonly #followed = new Set<string>();

  constructor(found: Map<string, Reference>, leaveOut: LeaveOut) {
    this.#found = found;
    this.#leaveOut = leaveOut;
  }

  gather(value: unknown, scope: Scope): void {
    if (typeof value === 'string') this.#dynamic(value, scope);
    if (Array.isArray(value)) for (const item of value) this.gather(item, scope);
    if (!isRecord(value)) return;
    for (const [key, inner] of Object.entries(value)) {
      if (this.#leaveOut(key, value)) continue;
      if (key === 'Ref') this.#ref(String(inner), scope);
      else if (key === 'Fn::GetAtt') this.#attribute(inner, scope);
      else if (key === 'Fn::Sub') this.#text(Array.isArray(inner) ? inner : [inner], scope);
      else if (key === 'Fn::ImportValue') this.#import(inner, scope);
      if (key === 'Fn::If') this.#branches(inner, scope);
      else this.gather(inner, scope);
    }
  }

  #branches(argument: unknown, scope: Scope): void {
    if (!Array.isArray(argument)) return;
    const [name, then, otherwise] = argument;
    const holds = scope.condition(String(name));
    if (holds !== false) this.gather(then, scope);
    if (isUnknownValue(holds) || holds === false) this.gather(otherwise, scope);
  }

  #ref(name: string, scope: Scope): void {
    if (name.startsWith('AWS::')) return;
    const parameter = scope.template.Parameters[name];
    if (parameter === undefined) {
      this.#add({ id: scope.idOf(name) });
      return;
    }
    const passed = scope.passed(name);
    this.#follow(`${scope.label}|${name}`, passed ?? { scope, value: parameter['Default'] });
    if (String(parameter['Type']).startsWith('AWS::SSM::')) this.#stored(parameter['Default'], scope);
  }

  #attribute(argument: unknown, scope: Scope): void {
    const [id = '', ...path] = (Array.isArray(argument) ? argument : String(argument).split('.')).map(String);
    const attribute = path.join('.');
    const output = attribute.startsWith('Outputs.') ? scope.outputOf(id, attribute.slice(8)) : undefined;
    if (output !== undefined) this.#follow(`${scope.label}|${id}.${attribute}`, output);
    else this.#add({ id: scope.idOf(id), attribute });
  }

  #text([text, variables]: unknown[], scope: Scope): void {
    for (const [, name = ''] of String(text).matchAll(/\$\{([^!}][^}]*)\}/g)) {
      const trimmed = name.trim();
      if (isRecord(variables) && Object.hasOwn(variables, trimmed)) continue;
      if (trimmed.includes('.')) this.#attribute(trimmed, scope);
      else this.#ref(trimmed, scope);
    }
  }

  #import(argument: unknown, scope: Scope): void {
    const name = scope.evaluate(argument);
    if (typeof name === 'string') this.#follow(`export ${name}`, scope.system.exports.get(name));
  }

  #dynamic(text: string, scope: Scope): void {
    for (const [, name] of text.matchAll(/\{\{resolve:ssm:([^}]+)\}\}/g)) this.#stored(name, scope);
  }

  #stored(name: unknown, scope: Scope): void {
    if (typeof name === 'string') this.#follow(`stored ${name}`, scope.storedAt(name));
  }

  #follow(what: string, expression: Expression | undefined): void {
    if (expression === undefined || this.#followed.has(what)) return;
    this.#followed.add(what);
    this.gather(expression.value, expression.scope);
  }

  #add(reference: Reference): void {
    this.#found.set(`${reference.id}.${reference.attribute ?? ''}`, reference);
  }
}

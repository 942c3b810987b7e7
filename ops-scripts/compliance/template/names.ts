// What expressions of a template refer to, as the functions that evaluate them see it.
import type { Template } from './parse-template.ts';

/** What expressions refer to. */
export interface Names {
  template: Pick<Template, 'Mappings'>;
  system: { exports: Map<string, { scope: Names; value: unknown }> };
  ref(name: string): unknown;
  attribute(id: string, name: string): unknown;
  condition(name: string): unknown;
  /** The value to try for what is one of `values`. */
  choose(what: string, values: unknown[]): unknown;
  /** The value that a template of this call keeps in Parameter Store by this name. */
  stored(name: string): unknown;
  evaluate(value: unknown): unknown;
}

/** `zone#0` is the first zone of the region, whichever that is. */
export const zonePrefix = 'zone#';

/** More zones than any region has. */
export const zonesAtMost = 8;

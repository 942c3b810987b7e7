// Which parts make the stack that is judged; what could not be found out stands beside them as unknown reasons.
import type { PartKind, PartsByKind } from '../parts/part.ts';

export interface Selected<P> {
  parts: P[];
  unknownReasons: string[];
}

export type Selection = { [K in PartKind]: Selected<PartsByKind[K]> };

/** What the caller named; all empty: one stack must be evident. */
export interface SelectionOptions {
  stack?: string;
  loadBalancer?: string[];
  autoScalingGroup?: string[];
  cache?: string[];
  database?: string[];
}

export const partKinds: readonly PartKind[] = ['load-balancer', 'auto-scaling-group', 'cache', 'database'];

export function namesOf(options: SelectionOptions, kind: PartKind): string[] {
  const names: Record<PartKind, string[] | undefined> = {
    'load-balancer': options.loadBalancer,
    'auto-scaling-group': options.autoScalingGroup,
    cache: options.cache,
    database: options.database,
  };
  return names[kind] ?? [];
}

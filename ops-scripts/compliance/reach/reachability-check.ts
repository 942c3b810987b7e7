// One inquiry: who reaches one part, who may, and where what is found is told. Each rule of its groups is judged with it.
import type { Part, ProxyPart } from '../parts/part.ts';
import type { Verdict } from '../verdict.ts';
import type { World } from '../world/world.ts';

export interface Allowed {
  /** The parts that may come in. */
  parts: readonly Part[];
  /** What they are called in a reason: `the load balancer`. */
  name: string;
  protocols: ReadonlySet<string>;
  ports: ReadonlySet<number>;
}

export interface Inquiry {
  world: World;
  /** The part that is reached. */
  target: Part | ProxyPart;
  allowed: Allowed;
  verdict: Verdict;
}

/** Added to a failure whose addresses a network ACL keeps out. */
export const hiddenByAcl = ' (a network ACL alone hides it, which does not count)';

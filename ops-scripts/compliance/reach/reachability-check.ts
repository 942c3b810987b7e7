// A reachability check: the target, the parts and ports that are allowed, and the verdict that collects the findings.

import type { Inventory } from '../inventory/inventory.ts';
import type { Part, ProxyPart } from '../parts/part.ts';
import type { Verdict } from '../verdict.ts';

export interface Allowed {
  /** The parts that may come in. */
  parts: readonly Part[];
  /** What they are called in a reason: `the load balancer`. */
  name: string;
  protocols: ReadonlySet<string>;
  ports: ReadonlySet<number>;
}

export interface ReachabilityCheck {
  inventory: Inventory;
  /** The part that is reached. */
  target: Part | ProxyPart;
  allowed: Allowed;
  verdict: Verdict;
}

/** Added to a failure whose addresses a network ACL keeps out. */
export function sayHidden(acls: string): string {
  return ` (a network ACL alone hides it, ${acls}, which does not count)`;
}

// Fails a rule that opens more ports to an allowed source than the allowed ones.

import { describeRule, type GroupRule } from '../inventory/group-rule.ts';
import { everyPort, exceeds } from '../network/traffic.ts';
import { describePart } from '../parts/part.ts';
import { fixRule } from './fix.ts';
import type { ReachabilityCheck } from './reachability-check.ts';

/** `from`: who comes in by the rule, as a reason calls them. */
export function judgePorts(
  { inventory, target, allowed, verdict }: ReachabilityCheck,
  rule: GroupRule,
  from: string,
): void {
  if (!exceeds(rule.traffic, allowed.protocols, allowed.ports)) return;
  // Every port is allowed where the right one is not known: then none can be named.
  const known = allowed.ports.size < everyPort().size;
  const ports = known ? [...allowed.ports].sort((a, b) => a - b) : [];
  const meant = ports.length === 0 ? 'one port of tcp' : `port ${ports.join(', ')}`;
  verdict.fail({
    reason: `${describeRule(rule)} opens more to ${from} than ${meant}`,
    path: () => [from, describeRule(rule), describePart(target)],
    fix: fixRule(inventory, rule, ports.slice(0, 4)),
  });
}

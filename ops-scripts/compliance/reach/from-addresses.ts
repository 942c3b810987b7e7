// Judges a rule whose source is a CIDR or prefix list: it may contain only addresses of the allowed parts.

import { type AddressPeer, describeRule, type GroupRule } from '../inventory/group-rule.ts';
import { aclHides } from '../inventory/network-acls.ts';
import { isEmpty, subtract } from '../network/interval-set.ts';
import { describePart } from '../parts/part.ts';
import { judgePorts } from './allowed-ports.ts';
import { fixRule } from './fix.ts';
import { addressesOf, entrance } from './origin-addresses.ts';
import { type ReachabilityCheck, sayHidden } from './reachability-check.ts';

export function judgeAddresses(check: ReachabilityCheck, rule: GroupRule<AddressPeer>): void {
  const { inventory, target, allowed, verdict } = check;
  const { peer } = rule;
  const cidrs = peer.kind === 'cidr' ? [peer] : inventory.prefixLists.entriesOf(peer.id);
  for (const cidr of cidrs) {
    const { range } = cidr;
    if (range === undefined) {
      verdict.unknown(`${describeRule(rule)}: '${cidr.cidr}' is not a CIDR`);
      continue;
    }
    const outside = subtract([range], addressesOf(inventory, allowed.parts, range.family));
    if (isEmpty(outside)) {
      judgePorts(check, rule, allowed.name);
      verdict.warn(`${describeRule(rule)} names addresses of ${allowed.name}, which may change`);
      continue;
    }
    const hidden = aclHides(inventory, target, rule.traffic, range);
    verdict.fail({
      reason: `${describeRule(rule)} lets in addresses that are not ${allowed.name}${hidden === undefined ? '' : sayHidden(hidden)}`,
      path: () => [
        entrance(inventory, cidr, outside, range.family),
        describeRule(rule),
        describePart(target),
      ],
      fix: fixRule(inventory, rule),
    });
  }
}

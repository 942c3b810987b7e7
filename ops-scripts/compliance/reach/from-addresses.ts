// A rule whose source is addresses, a CIDR or a prefix list, lets in nothing but addresses of the allowed parts.
import { isEmpty, subtract } from '../network/interval-set.ts';
import { describePart } from '../parts/part.ts';
import { type AddressPeer, describeRule, type GroupRule } from '../world/group-rule.ts';
import { aclHides } from '../world/network-acls.ts';
import { judgePorts } from './allowed-ports.ts';
import { fixRule } from './fix.ts';
import { hiddenByAcl, type Inquiry } from './inquiry.ts';
import { addressesOf, entrance } from './origin-addresses.ts';

export function judgeAddresses(inquiry: Inquiry, rule: GroupRule<AddressPeer>): void {
  const { world, target, allowed, verdict } = inquiry;
  const { peer } = rule;
  const cidrs = peer.kind === 'cidr' ? [peer] : world.prefixLists.entriesOf(peer.id);
  for (const cidr of cidrs) {
    const { range } = cidr;
    if (range === undefined) {
      verdict.doubt(`${describeRule(rule)}: '${cidr.cidr}' is not a CIDR`);
      continue;
    }
    const outside = subtract([range], addressesOf(world, allowed.parts, range.family));
    if (isEmpty(outside)) {
      judgePorts(inquiry, rule, allowed.name);
      verdict.warn(`${describeRule(rule)} names addresses of ${allowed.name}, which may change`);
      continue;
    }
    const hidden = aclHides(world, target, rule.traffic, range);
    verdict.fail({
      reason: `${describeRule(rule)} lets in addresses that are not ${allowed.name}${hidden ? hiddenByAcl : ''}`,
      path: () => [entrance(world, cidr, outside, range.family), describeRule(rule), describePart(target)],
      fix: fixRule(world, rule),
    });
  }
}

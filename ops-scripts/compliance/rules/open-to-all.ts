// A port is open to all of an address family where the rules together cover each of its addresses.
import { chooseFix } from '../choose-fix.ts';
import type { GroupRule } from '../inventory/group-rule.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { type AddressFamily, wholeFamily } from '../network/address.ts';
import { formatSet } from '../network/format-set.ts';
import { type Interval, isEmpty, subtract, unite } from '../network/interval-set.ts';
import { covers } from '../network/traffic.ts';
import type { Verdict } from '../verdict.ts';

const familyNames: Record<AddressFamily, string> = { ipv4: 'IPv4', ipv6: 'IPv6' };

export interface Opening {
  /** The rules of all groups of the load balancer. */
  rules: GroupRule[];
  /** Why there may be rules that `rules` lacks: what looks closed may then be open. */
  unread: string[];
  /** The group that a rule may be added to. */
  groupId: string;
}

export function judgeOpen(
  inventory: Inventory,
  { rules, unread, groupId }: Opening,
  port: number,
  family: AddressFamily,
  verdict: Verdict,
): void {
  const ranges: Interval[] = [];
  const unknownReasons = [...unread];
  for (const rule of rules.filter(({ traffic }) => covers(traffic, 'tcp', port))) {
    const { peer } = rule;
    if (peer.kind === 'group') continue;
    try {
      const cidrs = peer.kind === 'cidr' ? [peer] : inventory.prefixLists.entriesOf(peer.id);
      for (const { cidr, range } of cidrs) {
        if (range === undefined) unknownReasons.push(`'${cidr}' is not a CIDR`);
        else if (range.family === family) ranges.push(range);
      }
    } catch (error) {
      unknownReasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  const missing = subtract(wholeFamily(family), unite(ranges));
  if (isEmpty(missing)) {
    verdict.pass(`tcp ${port} open to all of ${familyNames[family]}`);
    return;
  }
  if (unknownReasons.length > 0) {
    unknownReasons.forEach(verdict.unknown);
    return;
  }
  const all =
    family === 'ipv4'
      ? '--cidr 0.0.0.0/0'
      : `--ip-permissions 'IpProtocol=tcp,FromPort=${port},ToPort=${port},Ipv6Ranges=[{CidrIpv6=::/0}]'`;
  const what = family === 'ipv4' ? `--protocol tcp --port ${port} ${all}` : all;
  verdict.fail({
    reason: `tcp ${port} is closed to ${ranges.length === 0 ? `all of ${familyNames[family]}` : `${familyNames[family]} ${formatSet(family, missing)}`}`,
    fix: chooseFix(inventory, {
      command: `aws ec2 authorize-security-group-ingress --group-id ${groupId} ${what}`,
      template: `add an ingress rule to ${groupId} for tcp ${port} from ${family === 'ipv4' ? '0.0.0.0/0' : '::/0'}`,
    }),
  });
}

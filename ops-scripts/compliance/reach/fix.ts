// The AWS CLI command, or template change, that closes exactly one rule.
import { chooseFix } from '../choose-fix.ts';
import type { Attachment } from '../inventory/attachments.ts';
import { describeRule, type GroupRule } from '../inventory/group-rule.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { formatTraffic } from '../network/traffic.ts';
import { isDeclared } from '../snapshot.ts';

/** Takes the rule away, and puts the same source back on the exact ports where `keep` names them. */
export function fixRule(inventory: Inventory, rule: GroupRule, keep: number[] = []): string {
  if (isDeclared(inventory.mode)) {
    const instead = keep.length > 0 ? `, and open tcp ${keep.join(', ')} alone` : '';
    return chooseFix(inventory, { command: '', template: `remove the ${describeRule(rule)}${instead}` });
  }
  const real = rule.id?.startsWith('sgr-');
  const which = real ? `--security-group-rule-ids ${rule.id}` : `--ip-permissions '${permission(rule)}'`;
  const tail = `--region ${inventory.region}`;
  const revoke = `aws ec2 revoke-security-group-ingress --group-id ${rule.groupId} ${which} ${tail}`;
  const again = keep.map(
    (port) =>
      `aws ec2 authorize-security-group-ingress --group-id ${rule.groupId} --ip-permissions '${permission({ ...rule, traffic: { protocol: 'tcp', fromPort: port, toPort: port } })}' ${tail}`,
  );
  return [...again, revoke].join(' && ');
}

/** Detaches the group from an interface that must not have it; removes the rule where no interface is known. */
export function fixAttachment(
  inventory: Inventory,
  attachment: Attachment,
  groupId: string,
  rule: GroupRule,
): string {
  const eni = attachment.eni;
  if (eni === undefined || attachment.owner !== undefined || isDeclared(inventory.mode))
    return fixRule(inventory, rule);
  const rest = eni.groups.filter((id) => id !== groupId);
  const groups = rest.length > 0 ? rest.join(' ') : '<another security group>';
  return eni.id.startsWith('i-')
    ? `aws ec2 modify-instance-attribute --instance-id ${eni.id} --groups ${groups} --region ${inventory.region}`
    : `aws ec2 modify-network-interface-attribute --network-interface-id ${eni.id} --groups ${groups} --region ${inventory.region}`;
}

/** Lets one group send to another on one port. */
export function fixEgress(inventory: Inventory, from: string, to: string, port: number): string {
  return chooseFix(inventory, {
    command: `aws ec2 authorize-security-group-egress --group-id ${from} --ip-permissions 'IpProtocol=tcp,FromPort=${port},ToPort=${port},UserIdGroupPairs=[{GroupId=${to}}]'`,
    template: `add an egress rule to ${from} for tcp ${port} to ${to}`,
  });
}

/** Lets one group in on one port of another. */
export function fixIngress(inventory: Inventory, from: string, to: string, port: number): string {
  return chooseFix(inventory, {
    command: `aws ec2 authorize-security-group-ingress --group-id ${to} --protocol tcp --port ${port} --source-group ${from}`,
    template: `add an ingress rule to ${to} for tcp ${port} from ${from}`,
  });
}

function permission({ traffic, peer }: GroupRule): string {
  const protocol = traffic.protocol === 'all' ? '-1' : traffic.protocol;
  const ports = formatTraffic(traffic).startsWith('all ')
    ? protocol === 'tcp' || protocol === 'udp'
      ? ',FromPort=0,ToPort=65535'
      : ''
    : `,FromPort=${traffic.fromPort},ToPort=${traffic.toPort}`;
  const source =
    peer.kind === 'group'
      ? `UserIdGroupPairs=[{GroupId=${peer.id}}]`
      : peer.kind === 'prefix-list'
        ? `PrefixListIds=[{PrefixListId=${peer.id}}]`
        : peer.cidr.includes(':')
          ? `Ipv6Ranges=[{CidrIpv6=${peer.cidr}}]`
          : `IpRanges=[{CidrIp=${peer.cidr}}]`;
  return `IpProtocol=${protocol}${ports},${source}`;
}

// One network interface, joined by its id from the two calls that may describe it.
import type { NetworkInterface } from '@aws-sdk/client-ec2';
import { type AddressRange, parseCidr } from '../network/address.ts';
import type { Part, ProxyPart } from '../parts/part.ts';
import { knownText, readItems } from '../unknown.ts';

export interface AttachedInterface {
  /** `eni-…`, or the instance's id where only that is known. */
  id: string;
  instanceId?: string;
  description: string;
  groups: string[];
  /** Why it may have more groups than these. */
  groupUnknownReasons: string[];
  addresses: AddressRange[];
  subnetId?: string;
  publicAddress?: string;
  owner?: Part | ProxyPart;
  /** Why there may be no such interface. */
  unknownReason?: string;
}

/**
 * `unknownReason`: why the interface may not exist; one call that is sure of it is enough.
 * `call` names the answer in a reason.
 */
export function joinInterface(
  all: Map<string, AttachedInterface>,
  raw: NetworkInterface,
  call: string,
  unknownReason: string | undefined,
): void {
  const id = knownText(raw.NetworkInterfaceId, `a NetworkInterfaceId of ${call}`);
  const before = all.get(id);
  const eni: AttachedInterface = before ?? {
    id,
    description: '',
    groups: [],
    groupUnknownReasons: [],
    addresses: [],
  };
  if (before === undefined && unknownReason !== undefined) eni.unknownReason = unknownReason;
  if (unknownReason === undefined) delete eni.unknownReason;
  all.set(id, eni);
  readItems(
    raw.Groups,
    `groups of ${id} in ${call}`,
    ({ GroupId }) => {
      const group = knownText(GroupId, `a group of ${id} in ${call}`);
      if (!eni.groups.includes(group)) eni.groups.push(group);
    },
    (reason) => eni.groupUnknownReasons.push(reason),
  );
  eni.description ||= textOf(raw.Description) ?? '';
  setOnce(eni, 'instanceId', textOf(raw.Attachment?.InstanceId));
  setOnce(eni, 'publicAddress', textOf(raw.Association?.PublicIp));
  setOnce(eni, 'subnetId', textOf(raw.SubnetId));
  if (eni.addresses.length > 0) return;
  const texts = [
    raw.PrivateIpAddress,
    ...(raw.PrivateIpAddresses ?? []).map(({ PrivateIpAddress }) => PrivateIpAddress),
    ...(raw.Ipv6Addresses ?? []).map(({ Ipv6Address }) => Ipv6Address),
  ];
  for (const text of new Set(texts)) {
    const range = typeof text === 'string' ? parseCidr(text) : undefined;
    if (range !== undefined) eni.addresses.push(range);
  }
}

function setOnce(
  eni: AttachedInterface,
  name: 'instanceId' | 'publicAddress' | 'subnetId',
  value: string | undefined,
): void {
  if (value !== undefined) eni[name] ??= value;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

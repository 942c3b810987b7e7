// One network interface, whichever of two calls tell it: what each says is joined under the interface's id.
import type { NetworkInterface } from '@aws-sdk/client-ec2';
import { knownText, readItems } from '../doubt.ts';
import { type AddressRange, parseCidr } from '../network/address.ts';
import type { Part, ProxyPart } from '../parts/part.ts';

export interface WornInterface {
  /** `eni-…`, or the instance's id where only that is known. */
  id: string;
  instanceId?: string;
  description: string;
  groups: string[];
  /** Why it may wear more groups than these. */
  groupDoubts: string[];
  addresses: AddressRange[];
  subnetId?: string;
  publicAddress?: string;
  owner?: Part | ProxyPart;
  /** Why there may be no such interface. */
  doubt?: string;
}

/** `doubt`: why there may be no such interface; one call that is sure of it is enough. `call` names the answer in a reason. */
export function joinInterface(
  all: Map<string, WornInterface>,
  raw: NetworkInterface,
  call: string,
  doubt: string | undefined,
): void {
  const id = knownText(raw.NetworkInterfaceId, `a NetworkInterfaceId of ${call}`);
  const before = all.get(id);
  const face: WornInterface = before ?? { id, description: '', groups: [], groupDoubts: [], addresses: [] };
  if (before === undefined && doubt !== undefined) face.doubt = doubt;
  if (doubt === undefined) delete face.doubt;
  all.set(id, face);
  readItems(
    raw.Groups,
    `groups of ${id} in ${call}`,
    ({ GroupId }) => {
      const group = knownText(GroupId, `a group of ${id} in ${call}`);
      if (!face.groups.includes(group)) face.groups.push(group);
    },
    (reason) => face.groupDoubts.push(reason),
  );
  face.description ||= textOf(raw.Description) ?? '';
  setOnce(face, 'instanceId', textOf(raw.Attachment?.InstanceId));
  setOnce(face, 'publicAddress', textOf(raw.Association?.PublicIp));
  setOnce(face, 'subnetId', textOf(raw.SubnetId));
  if (face.addresses.length > 0) return;
  const texts = [
    raw.PrivateIpAddress,
    ...(raw.PrivateIpAddresses ?? []).map(({ PrivateIpAddress }) => PrivateIpAddress),
    ...(raw.Ipv6Addresses ?? []).map(({ Ipv6Address }) => Ipv6Address),
  ];
  for (const text of new Set(texts)) {
    const range = typeof text === 'string' ? parseCidr(text) : undefined;
    if (range !== undefined) face.addresses.push(range);
  }
}

function setOnce(
  face: WornInterface,
  name: 'instanceId' | 'publicAddress' | 'subnetId',
  value: string | undefined,
): void {
  if (value !== undefined) face[name] ??= value;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

// Builds the snapshot from template resources: one answer for each call, as AWS would give after deployment.
import {
  type ClientName,
  type CommandOf,
  callKey,
  isUnknownValue,
  type Snapshot,
  unknownValue,
} from '../snapshot.ts';
import { listOf, type Properties, type Resource } from './resources.ts';

export class Draft {
  readonly snapshot: Snapshot;
  readonly resources: Resource[];
  /** The values of all outputs, which other stacks may read. */
  readonly outputs: unknown[];
  readonly #texts = new Map<Resource, string>();
  readonly #byType = new Map<string, Resource[]>();
  readonly #certain = new Map<string, Resource>();

  constructor(snapshot: Snapshot, resources: Resource[], outputs: unknown[]) {
    this.snapshot = snapshot;
    this.resources = resources;
    this.outputs = outputs;
    for (const resource of resources) {
      const same = this.#byType.get(resource.type);
      if (same === undefined) this.#byType.set(resource.type, [resource]);
      else same.push(resource);
      // If several resources have one id, the first is found.
      const key = `${resource.type} ${resource.id}`;
      if (resource.unknownReason === undefined && !this.#certain.has(key)) this.#certain.set(key, resource);
    }
  }

  /** Resources of a type that exist for certain. */
  of(type: string): Resource[] {
    return this.perhaps(type).filter(({ unknownReason }) => unknownReason === undefined);
  }

  /** Resources of a type, also those that may not exist. */
  perhaps(type: string): Resource[] {
    return this.#byType.get(type) ?? [];
  }

  /** Describes each resource of a type. One that may not exist becomes an unknown item. */
  items(type: string, describe: (resource: Resource) => unknown): unknown[] {
    return this.perhaps(type).map((resource) => resource.unknownReason ?? describe(resource));
  }

  /**
   * Returns the id of the resource that has this id or name; without one, the name itself. Unknown where the name of
   * some resource is unknown, because it may be this name.
   */
  named(type: string, property: string, name: unknown): unknown {
    if (typeof name !== 'string') return name;
    const all = this.perhaps(type);
    const found =
      all.find(({ id }) => id === name) ?? all.find(({ properties }) => properties[property] === name);
    if (found !== undefined) return found.id;
    // An id that AWS has given is not a name.
    if (/^(sg|lt|i|eni)-[0-9a-f]+$/.test(name)) return name;
    return all.map(({ properties }) => properties[property]).find(isUnknownValue) ?? name;
  }

  /** All properties of a resource as text. */
  textOf(resource: Resource): string {
    const text = this.#texts.get(resource) ?? JSON.stringify(resource.properties);
    this.#texts.set(resource, text);
    return text;
  }

  /** Whether the resource has this name somewhere in its text. */
  mentions(resource: Resource, name: unknown): boolean {
    if (typeof name !== 'string' || name.length < 3) return false;
    const text = this.textOf(resource);
    for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
      const around = text[at - 1]! + (text[at + name.length] ?? '');
      if (!/[\w-]/.test(around)) return true;
    }
    return false;
  }

  /**
   * Whether another stack gets the id of the resource: from an output, or as a nested stack whose template is not
   * given.
   */
  isTold(id: string): boolean {
    const quoted = `"${id}"`;
    return (
      JSON.stringify(this.outputs).includes(quoted) ||
      this.resources.some(
        (resource) =>
          resource.type === 'AWS::CloudFormation::Stack' &&
          !resource.opened &&
          this.textOf(resource).includes(quoted),
      )
    );
  }

  find(type: string, id: unknown): Properties | undefined {
    return this.#certain.get(`${type} ${String(id)}`)?.properties;
  }

  answer<C extends ClientName>(
    client: C,
    command: CommandOf<C>,
    result: Record<string, unknown>,
    input?: object,
  ): void {
    this.snapshot.calls[callKey(client, command, input)] = { ok: true, result };
  }
}

/** The zone of a subnet is unknown where the template does not declare the subnet. */
export function zoneOfSubnet(draft: Draft, subnet: unknown): Properties {
  if (isUnknownValue(subnet)) return { SubnetId: subnet, ZoneName: subnet };
  const declared = draft.find('AWS::EC2::Subnet', subnet);
  const ZoneName =
    declared === undefined
      ? unknownValue(`subnet ${String(subnet)} is not in the template`)
      : (declared['AvailabilityZone'] ??
        declared['AvailabilityZoneId'] ??
        unknownValue('the template leaves the zone of the subnet to AWS'));
  return { SubnetId: subnet, ZoneName };
}

export function describeSubnetGroup(draft: Draft, subnetIds: unknown): Properties {
  const subnets = listOf(subnetIds).map((subnet) => {
    const { SubnetId, ZoneName } = zoneOfSubnet(draft, subnet);
    return { SubnetIdentifier: SubnetId, SubnetAvailabilityZone: { Name: ZoneName }, SubnetStatus: 'Active' };
  });
  const [first] = listOf(subnetIds);
  return { VpcId: draft.find('AWS::EC2::Subnet', first)?.['VpcId'], Subnets: subnets };
}

// Selects the parts to judge: by name, by the tag Stack, or the only stack with a path from listener to group.
import { listAnswers } from '../answers.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { kindNames, type Part, type PartKind, type PartsByKind } from '../parts/part.ts';
import { attempt, knownOrAbsent, readItems } from '../unknown.ts';

export function selectStack(inventory: Inventory, options: SelectionOptions): Selection {
  const selection = Object.fromEntries(
    partKinds.map((kind) => [kind, guarded(() => selectKind(inventory, options, kind))]),
  ) as Record<PartKind, Selected<Part> | undefined>;
  const balancers = selection['load-balancer'] ?? guarded(() => evidentBalancer(inventory));
  return {
    'load-balancer': balancers,
    'auto-scaling-group':
      selection['auto-scaling-group'] ?? guarded(() => behind(inventory, balancers.parts)),
    cache: selection.cache ?? evident(inventory, 'cache', inventory.parts.cache.items),
    database: selection.database ?? evident(inventory, 'database', sources(inventory)),
  } as Selection;
}

/** Turns garbage that makes selection impossible into an unknown reason, so that the program goes on. */
function guarded<S extends Selected<Part> | undefined>(select: () => S): S | Selected<Part> {
  const unknownReasons: string[] = [];
  const selected = attempt(select, (reason) => unknownReasons.push(reason));
  return unknownReasons.length > 0 ? { parts: [], unknownReasons } : (selected as S);
}

function selectKind(
  inventory: Inventory,
  options: SelectionOptions,
  kind: PartKind,
): Selected<Part> | undefined {
  const names = namesOf(options, kind);
  const listed = inventory.parts[kind] as { items: Part[]; unknownReasons: string[] };
  if (names.length > 0) {
    const parts = new Set<Part>();
    const unknownReasons: string[] = [];
    for (const name of names) {
      const found = listed.items.filter(
        (part) => part.id === name || part.name === name || isMember(part, name),
      );
      if (found.length === 0)
        unknownReasons.push(listed.unknownReasons[0] ?? `there is no ${kindNames[kind]} '${name}'`);
      for (const part of found) parts.add(part);
    }
    return { parts: [...parts], unknownReasons };
  }
  if (options.stack === undefined) return undefined;
  const unknownReasons = [...listed.unknownReasons];
  const parts = listed.items.filter((part) => {
    const tags = tagsOf(inventory, part);
    unknownReasons.push(...tags.unknownReasons);
    return tags.tags.get('Stack') === options.stack;
  });
  if (parts.length === 0 && unknownReasons.length === 0)
    unknownReasons.push(`no ${kindNames[kind]} has the tag Stack=${options.stack}`);
  return { parts, unknownReasons };
}

/** Whether the name is that of a member or replica of the part, which also selects the part. */
function isMember(part: Part, name: string): boolean {
  if (part.kind === 'database') {
    const others = part.flavor === 'cluster' ? [...part.members, ...part.replicas] : part.replicas;
    return others.some((each) => each.DBInstanceIdentifier === name || each.DBInstanceArn === name);
  }
  return (
    part.kind === 'cache' &&
    part.flavor === 'replication-group' &&
    part.clusters.some(({ CacheClusterId }) => CacheClusterId === name)
  );
}

function evident(inventory: Inventory, kind: PartKind, candidates: Part[]): Selected<Part> {
  const { unknownReasons } = inventory.parts[kind];
  if (candidates.length === 1) return { parts: candidates, unknownReasons };
  const reason =
    candidates.length === 0
      ? `no ${kindNames[kind]} is evident`
      : `${candidates.length} ${kindNames[kind]}s are candidates (${candidates
          .slice(0, 5)
          .map(({ name }) => name)
          .join(', ')}): name one, or a stack`;
  return { parts: [], unknownReasons: unknownReasons.length > 0 ? unknownReasons : [reason] };
}

/** Databases without read replicas of other databases. Such replicas are candidates only if nothing else exists. */
function sources({ parts: { database } }: Inventory): Part[] {
  const own = database.items.filter(({ isReplica }) => !isReplica);
  return own.length > 0 ? own : database.items;
}

/** Every group behind the chosen load balancer belongs to its stack, so each is judged. */
function behind(inventory: Inventory, balancers: Part[]): Selected<Part> {
  const { parts, unknownReasons } = attachedTo(inventory, balancers);
  const selected =
    parts.length > 1
      ? { parts, unknownReasons: inventory.parts['auto-scaling-group'].unknownReasons }
      : evident(inventory, 'auto-scaling-group', parts);
  return { parts: selected.parts, unknownReasons: [...unknownReasons, ...selected.unknownReasons] };
}

/** The only load balancer, or the one with a target group that an Auto Scaling group uses. */
function evidentBalancer(inventory: Inventory): Selected<Part> {
  const every = inventory.parts['load-balancer'].items;
  // A gateway load balancer forwards traffic to firewalls and has no clients of its own.
  const facing = every.filter(({ raw }) => raw.Type !== 'gateway');
  const all = facing.length > 0 ? facing : every;
  if (all.length < 2) return evident(inventory, 'load-balancer', all);
  const fed = all.map((balancer) => ({ balancer, attached: attachedTo(inventory, [balancer]) }));
  const candidates = fed.filter(({ attached }) => attached.parts.length > 0);
  const { parts, unknownReasons } = evident(
    inventory,
    'load-balancer',
    candidates.map(({ balancer }) => balancer),
  );
  return {
    parts,
    unknownReasons: [...fed.flatMap(({ attached }) => attached.unknownReasons), ...unknownReasons],
  };
}

function attachedTo(inventory: Inventory, balancers: Part[]): Selected<Part> {
  const arns = new Set(balancers.map(({ id }) => id));
  const unknownReasons: string[] = [];
  const fed = new Set<unknown>();
  const call = 'elbv2.DescribeTargetGroups';
  for (const target of listAnswers(inventory.answers, 'elbv2', 'DescribeTargetGroups', 'TargetGroups')
    .items) {
    readItems(
      target.LoadBalancerArns,
      `LoadBalancerArns of ${target.TargetGroupName} in ${call}`,
      (arn) => {
        if (arns.has(arn)) fed.add(target.TargetGroupArn);
      },
      (reason) => unknownReasons.push(reason),
    );
  }
  const groups = inventory.parts['auto-scaling-group'].items;
  const parts = groups.filter(({ targetGroupArns }) => targetGroupArns.some((arn) => fed.has(arn)));
  unknownReasons.push(...groups.flatMap(({ targetUnknownReasons }) => targetUnknownReasons));
  return { parts, unknownReasons };
}

interface Tags {
  tags: Map<string, string>;
  unknownReasons: string[];
}

type Tag = { Key?: string | undefined; Value?: string | undefined };

/** Reads the tags of a part, wherever its service keeps them. Unreadable tags add an unknown reason. */
function tagsOf(inventory: Inventory, part: Part): Tags {
  if (part.kind === 'auto-scaling-group') return toTags(part.raw.Tags);
  if (part.kind === 'database') return toTags(part.raw.TagList);
  if (part.kind === 'cache') {
    const listed = listAnswers(inventory.answers, 'elasticache', 'ListTagsForResource', 'TagList', part.id);
    return toTags(listed.items, listed.unknownReasons);
  }
  const listed = listAnswers(inventory.answers, 'elbv2', 'DescribeTags', 'TagDescriptions', part.id);
  const own = listed.items.filter(({ ResourceArn }) => ResourceArn === part.id);
  return toTags(
    own.flatMap(({ Tags: tags }) => tags ?? []),
    listed.unknownReasons,
  );
}

function toTags(tags: Tag[] | undefined, unknownReasons: string[] = []): Tags {
  const byKey = new Map<string, string>();
  const unread: string[] = [];
  readItems(
    tags,
    'tags of a part',
    ({ Key, Value }) =>
      byKey.set(
        String(Key),
        String((Key === 'Stack' ? knownOrAbsent(Value, `the tag ${Key}`) : Value) ?? ''),
      ),
    (reason) => unread.push(reason),
  );
  return { tags: byKey, unknownReasons: [...unknownReasons, ...unread] };
}

export interface Selected<P> {
  parts: P[];
  unknownReasons: string[];
}

export type Selection = { [K in PartKind]: Selected<PartsByKind[K]> };

/** The names that the caller gave. If all are empty, only one stack may exist. */
export interface SelectionOptions {
  stack?: string;
  loadBalancer?: string[];
  autoScalingGroup?: string[];
  cache?: string[];
  database?: string[];
}

export const partKinds: readonly PartKind[] = ['load-balancer', 'auto-scaling-group', 'cache', 'database'];

export function namesOf(options: SelectionOptions, kind: PartKind): string[] {
  const names: Record<PartKind, string[] | undefined> = {
    'load-balancer': options.loadBalancer,
    'auto-scaling-group': options.autoScalingGroup,
    cache: options.cache,
    database: options.database,
  };
  return names[kind] ?? [];
}

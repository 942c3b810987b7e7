// Selects the parts: by name, by the tag Stack, or the one stack that is evident from load balancer → target group → group.
import { listAnswers } from '../answers.ts';
import { attempt, readItems } from '../doubt.ts';
import { kindNames, type Part, type PartKind } from '../parts/part.ts';
import type { World } from '../world/world.ts';
import { namesOf, partKinds, type Selected, type Selection, type SelectionOptions } from './selection.ts';
import { tagsOf } from './tags.ts';

export function selectStack(world: World, options: SelectionOptions): Selection {
  const selection = Object.fromEntries(
    partKinds.map((kind) => [kind, guarded(() => selectKind(world, options, kind))]),
  ) as Record<PartKind, Selected<Part> | undefined>;
  const balancers = selection['load-balancer'] ?? guarded(() => evidentBalancer(world));
  return {
    'load-balancer': balancers,
    'auto-scaling-group': selection['auto-scaling-group'] ?? guarded(() => behind(world, balancers.parts)),
    cache: selection.cache ?? evident(world, 'cache', world.parts.cache.items),
    database: selection.database ?? evident(world, 'database', sources(world)),
  } as Selection;
}

/** What garbage makes impossible to select is in doubt, not an end of the program. */
function guarded<S extends Selected<Part> | undefined>(select: () => S): S | Selected<Part> {
  const doubts: string[] = [];
  const selected = attempt(select, (reason) => doubts.push(reason));
  return doubts.length > 0 ? { parts: [], doubts } : (selected as S);
}

function selectKind(world: World, options: SelectionOptions, kind: PartKind): Selected<Part> | undefined {
  const names = namesOf(options, kind);
  const listed = world.parts[kind] as { items: Part[]; doubts: string[] };
  if (names.length > 0) {
    const parts = new Set<Part>();
    const doubts: string[] = [];
    for (const name of names) {
      const found = listed.items.filter(
        (part) => part.id === name || part.name === name || isMember(part, name),
      );
      if (found.length === 0) doubts.push(listed.doubts[0] ?? `there is no ${kindNames[kind]} '${name}'`);
      for (const part of found) parts.add(part);
    }
    return { parts: [...parts], doubts };
  }
  if (options.stack === undefined) return undefined;
  const doubts = [...listed.doubts];
  const parts = listed.items.filter((part) => {
    const tags = tagsOf(world, part);
    doubts.push(...tags.doubts);
    return tags.tags.get('Stack') === options.stack;
  });
  if (parts.length === 0 && doubts.length === 0)
    doubts.push(`no ${kindNames[kind]} has the tag Stack=${options.stack}`);
  return { parts, doubts };
}

/** A cluster or replica named by the name of one of its members. */
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

function evident(world: World, kind: PartKind, candidates: Part[]): Selected<Part> {
  const { doubts } = world.parts[kind];
  if (candidates.length === 1) return { parts: candidates, doubts };
  const reason =
    candidates.length === 0
      ? `no ${kindNames[kind]} is evident`
      : `${candidates.length} ${kindNames[kind]}s are candidates (${candidates
          .slice(0, 5)
          .map(({ name }) => name)
          .join(', ')}): name one, or a stack`;
  return { parts: [], doubts: doubts.length > 0 ? doubts : [reason] };
}

/** A read replica of a database elsewhere is a candidate only where there is nothing else. */
function sources({ parts: { database } }: World): Part[] {
  const own = database.items.filter(({ isReplica }) => !isReplica);
  return own.length > 0 ? own : database.items;
}

/** Every group that the chosen load balancer feeds belongs to its stack: each is judged. */
function behind(world: World, balancers: Part[]): Selected<Part> {
  const { parts, doubts } = attachedTo(world, balancers);
  const selected =
    parts.length > 1
      ? { parts, doubts: world.parts['auto-scaling-group'].doubts }
      : evident(world, 'auto-scaling-group', parts);
  return { parts: selected.parts, doubts: [...doubts, ...selected.doubts] };
}

/** The load balancer with a target group that some Auto Scaling group feeds; in any case the only one. */
function evidentBalancer(world: World): Selected<Part> {
  const every = world.parts['load-balancer'].items;
  // A gateway load balancer hands traffic to firewalls, and faces no client.
  const facing = every.filter(({ raw }) => raw.Type !== 'gateway');
  const all = facing.length > 0 ? facing : every;
  if (all.length < 2) return evident(world, 'load-balancer', all);
  const fed = all.map((balancer) => ({ balancer, attached: attachedTo(world, [balancer]) }));
  const candidates = fed.filter(({ attached }) => attached.parts.length > 0);
  const { parts, doubts } = evident(
    world,
    'load-balancer',
    candidates.map(({ balancer }) => balancer),
  );
  return { parts, doubts: [...fed.flatMap(({ attached }) => attached.doubts), ...doubts] };
}

function attachedTo(world: World, balancers: Part[]): Selected<Part> {
  const arns = new Set(balancers.map(({ id }) => id));
  const doubts: string[] = [];
  const fed = new Set<unknown>();
  const call = 'elbv2.DescribeTargetGroups';
  for (const target of listAnswers(world.answers, 'elbv2', 'DescribeTargetGroups', 'TargetGroups').items) {
    readItems(
      target.LoadBalancerArns,
      `LoadBalancerArns of ${target.TargetGroupName} in ${call}`,
      (arn) => {
        if (arns.has(arn)) fed.add(target.TargetGroupArn);
      },
      (reason) => doubts.push(reason),
    );
  }
  const groups = world.parts['auto-scaling-group'].items;
  const parts = groups.filter(({ targetGroupArns }) => targetGroupArns.some((arn) => fed.has(arn)));
  doubts.push(...groups.flatMap(({ targetDoubts }) => targetDoubts));
  return { parts, doubts };
}

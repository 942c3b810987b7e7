// Runs the drill in which stores, an edge and a zone vanish without a word.
// The stores are reached through proxies that fall silent, so that nothing resets a connection.

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { addUpResults, type DrillContext, type DrillResult, type Fault } from './drill.ts';
import { freeze, wake } from './faults/slow-and-frozen.ts';
import type { DrillRegion, DrillRegionPart } from './region.ts';
import { runFault } from './run-fault.ts';
import { signInStaff } from './staff.ts';

interface Ways extends AsyncDisposable {
  postgres: MuteProxy;
  redis: MuteProxy;
  replica: MuteProxy;
}

interface SilentFault extends Fault {
  mostGapSeconds: number;
}

const primaryGapSeconds = 3;
const otherGapSeconds = 1;

export async function silentLoss(context: DrillContext): Promise<DrillResult> {
  await using ways = await leadThroughProxies(context.region);
  const results: DrillResult[] = [];
  for (const [name, fault] of Object.entries(faultsOn(ways))) {
    context.progress(`silent-loss: ${name}`);
    const result = await runFault(name, fault, context);
    if (result.unavailableSeconds > fault.mostGapSeconds) {
      result.verdict = 'fail';
      result.notes.push(`its gap is longer than ${fault.mostGapSeconds} s`);
    }
    results.push(result);
    await context.region.rebuilt();
  }
  return addUpResults(
    'silent-loss',
    context,
    results,
    results.flatMap(({ drill, unavailableSeconds, verdict, notes }) => [
      `${drill}: ${verdict}, longest gap ${unavailableSeconds} s`,
      ...notes.map((note) => `${drill}: ${note}`),
    ]),
  );
}

function faultsOn(ways: Ways): Record<string, SilentFault> {
  const lose =
    (proxy: MuteProxy, kind: string, label: string): Fault['inflict'] =>
    async ({ region, mark, note }) => {
      proxy.mute();
      region.signal(region.ofKind(kind), 'SIGKILL');
      mark(`${label} vanishes`);
      await noteWhatIsTold(region, note);
    };
  return {
    'silent Postgres primary': {
      summary: 'the Postgres primary vanishes',
      afterSeconds: 12,
      mostGapSeconds: primaryGapSeconds,
      inflict: lose(ways.postgres, 'postgres-primary', 'the Postgres primary'),
    },
    'silent Redis primary': {
      summary: 'the Redis primary vanishes',
      afterSeconds: 10,
      mostGapSeconds: primaryGapSeconds,
      inflict: lose(ways.redis, 'redis-primary', 'the Redis primary'),
    },
    'silent replica': {
      summary: 'the read replica vanishes',
      mostGapSeconds: otherGapSeconds,
      inflict: lose(ways.replica, 'postgres-replica', 'the replica'),
    },
    'silent edge': {
      summary: 'the edge vanishes while a price changes, and comes back with what it had',
      mostGapSeconds: otherGapSeconds,
      inflict: ({ region, mark, note }) => changeWhileEdgeIsSilent(region, mark, note),
    },
    'silent zone': {
      summary: "one zone's origin and both primaries vanish",
      afterSeconds: 15,
      mostGapSeconds: primaryGapSeconds,
      async inflict({ region, mark, note }) {
        const primary = region.ofKind('postgres-primary');
        const origin = region.origins().find(({ zone }) => zone === primary.zone) ?? region.origins()[0]!;
        freeze(origin);
        ways.postgres.mute();
        ways.redis.mute();
        region.signal(primary, 'SIGKILL');
        region.signal(region.ofKind('redis-primary'), 'SIGKILL');
        mark(`zone ${primary.zone} vanishes`);
        await noteWhatIsTold(region, note);
        // The Auto Scaling group of a real region would replace this origin, so it is killed.
        region.signal(origin, 'SIGKILL');
      },
    },
  };
}

const learnMs = 5_000;

/** Notes which stores the metrics report as down, and how many origins are still ready. */
async function noteWhatIsTold(region: DrillRegion, note: (sentence: string) => void): Promise<void> {
  const worker = region.ofKind('worker');
  const told = new Set<string>();
  for (const until = performance.now() + learnMs; performance.now() < until; await delay(100)) {
    const signal = AbortSignal.timeout(1_000);
    const text = await fetch(`${worker.url}/metrics`, { signal }).then(
      (answer) => answer.text(),
      () => '',
    );
    for (const [, store] of text.matchAll(/^store_up\{store="([\w-]+)"\} 0$/gm)) told.add(store!);
  }
  const ready = await Promise.all(region.origins().map(isReady));
  note(
    `metrics told of ${[...told].join(', ') || 'nothing'}; ${ready.filter(Boolean).length} of ${ready.length} origins ready`,
  );
}

async function isReady({ url }: DrillRegionPart): Promise<boolean> {
  const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined);
  return answer?.ok === true;
}

const edgePatienceMs = 20_000;

async function changeWhileEdgeIsSilent(
  region: DrillRegion,
  mark: (label: string) => void,
  note: (sentence: string) => void,
): Promise<void> {
  const edge = region.ofKind('edge');
  const { items } = (await (await fetch(`${edge.url}/api/products?limit=1`)).json()) as {
    items: { id: string; slug: string; price: { amount: number; currency: string } }[];
  };
  const { id, slug, price } = items[0]!;
  await (await fetch(`${edge.url}/api/products/${slug}`)).arrayBuffer();
  const staff = await signInStaff(region.storefront, region.staff, () => undefined);
  freeze(edge);
  mark('the edge vanishes');
  try {
    const body = { price: { ...price, amount: price.amount + 1 } };
    const change = await staff.change({ method: 'PATCH', path: `/api/staff/products/${id}`, body });
    const done = change && (await staff.awaitDone(change, edgePatienceMs));
    if (done === undefined)
      throw new Error('A change was not done though the edge was silent for long enough');
    note(
      `a change was done after ${Date.parse(done.doneAt!) - Date.parse(done.committedAt)} ms without the edge`,
    );
  } finally {
    wake(edge);
    mark('it is back');
  }
  const answer = await fetch(`${edge.url}/api/products/${slug}`, { signal: AbortSignal.timeout(10_000) });
  const shown = (await answer.json()) as { price: { amount: number } };
  if (shown.price.amount !== price.amount + 1) throw new Error('The edge came back with an old price');
}

/**
 * Gives origins and workers the addresses of the proxies as those of the stores. They get the real ones back at the
 * end.
 */
async function leadThroughProxies(region: DrillRegion): Promise<Ways> {
  await using standing = new AsyncDisposableStack();
  const { databaseUrl, redisUrl, replicaUrl } = await region.endpoints();
  const open = async (url: string) => standing.use(await openMuteProxy(new URL(url)));
  const [postgres, redis, replica] = [await open(databaseUrl), await open(redisUrl), await open(replicaUrl)];
  const lead = async (database: string, cache: string, replicas: string) => {
    await region.refresh();
    const users = region.parts.filter(({ kind }) => kind === 'origin' || kind === 'worker');
    const env = { DATABASE_URL: database, REDIS_URL: cache, DATABASE_REPLICA_URLS: replicas };
    for (const part of users) await region.replace(part, { env });
  };
  const through = (url: string, { port }: MuteProxy) =>
    Object.assign(new URL(url), { port: String(port) }).href;
  await lead(through(databaseUrl, postgres), through(redisUrl, redis), through(replicaUrl, replica));
  standing.defer(() => lead(databaseUrl, redisUrl, replicaUrl));
  const stack = standing.move();
  return { postgres, redis, replica, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/**
 * A TCP proxy that can imitate a host that vanished: open connections get neither a byte nor a reset, and new
 * ones go to the server that took over.
 */
interface MuteProxy extends AsyncDisposable {
  port: number;
  /** Silences every open connection for ever. */
  mute(): void;
  /** While true, new connections are accepted and silent too. */
  swallows: boolean;
  /** How many silent connections the other side still holds open. */
  silent(): number;
}

const againMs = 100;

/** @param target where connections go, as `host:port`. Each connection tries it again until a server listens there. */
async function openMuteProxy(target: URL): Promise<MuteProxy> {
  const pairs = new Map<Socket, { isMute: boolean; upstream: Socket | undefined }>();
  const server = createServer((client) => void lead(client));

  const lead = async (client: Socket) => {
    const pair: { isMute: boolean; upstream: Socket | undefined } = {
      isMute: proxy.swallows,
      upstream: undefined,
    };
    pairs.set(client, pair);
    client.on('error', () => undefined);
    client.on('close', () => {
      pair.upstream?.destroy();
      pairs.delete(client);
    });
    // A host that vanished refuses nobody, so the client is kept waiting and is not refused.
    while (!client.destroyed && !pair.isMute) {
      const upstream = connect(Number(target.port), target.hostname);
      upstream.on('error', () => undefined);
      if (
        !(await once(upstream, 'connect').then(
          () => true,
          () => false,
        ))
      ) {
        await delay(againMs);
        continue;
      }
      pair.upstream = upstream;
      client.on('data', (bytes) => void (pair.isMute || upstream.write(bytes)));
      upstream.on('data', (bytes) => void (pair.isMute || client.write(bytes)));
      upstream.on('close', () => void (pair.isMute || client.destroy()));
      return;
    }
  };

  const proxy: MuteProxy = {
    port: 0,
    swallows: false,
    mute() {
      for (const pair of pairs.values()) pair.isMute = true;
    },
    silent: () => [...pairs.values()].filter(({ isMute }) => isMute).length,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const client of pairs.keys()) client.destroy();
    },
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  proxy.port = typeof address === 'object' && address !== null ? address.port : 0;
  return proxy;
}

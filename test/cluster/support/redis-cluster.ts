// A real cluster on free ports: three shards, each a primary with one replica. Any node can be killed and restarted.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import calculateSlot from 'cluster-key-slot';
import type { Redis } from 'ioredis';
import type { StoreServer } from '../../../ops-scripts/local/part.ts';
import { findFreePort } from '../../../ops-scripts/local/ports.ts';
import { startRedisServer, withRedis } from '../../../ops-scripts/local/redis.ts';
import { waitUntil } from '../../../ops-scripts/local/wait-until.ts';

interface ClusterNode {
  store: StoreServer;
  busPort: number;
}

interface Shard {
  primary: ClusterNode;
  replica: ClusterNode;
}

export interface RedisCluster extends AsyncDisposable {
  /** One node of each shard, for clients to begin with. */
  urls: string[];
  shards: Shard[];
  shardOf(key: string): Shard;
  /** Kills the node as the kernel would. */
  kill(node: ClusterNode): Promise<void>;
  /** Starts the node on its port, with its data. The cluster makes it a replica if another node took its place. */
  restart(node: ClusterNode): Promise<void>;
}

const password = 'a-password-of-tests';
const slots = 16_384;
const patience = { deadlineMs: 60_000 };

export async function startRedisCluster(nodeTimeoutMs = 4_000): Promise<RedisCluster> {
  await using standing = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'myclothes-cluster-'));
  standing.defer(() => rmSync(folder, { recursive: true, force: true }));
  const start = (port: number, busPort: number, name: string) =>
    startRedisServer({
      name,
      folder: join(folder, name),
      password,
      logFile: join(folder, `${name}.log`),
      toolsFolder: join(folder, 'tools'),
      port,
      settings: {
        masterauth: password,
        'cluster-enabled': 'yes',
        'cluster-port': String(busPort),
        'cluster-node-timeout': String(nodeTimeoutMs),
        // A lost shard must not stop the others.
        'cluster-require-full-coverage': 'no',
      },
    });
  const nodes: ClusterNode[] = [];
  for (const name of ['a1', 'b1', 'c1', 'a2', 'b2', 'c2']) {
    const [port, busPort] = await Promise.all([findFreePort(), findFreePort()]);
    const node = { store: await start(port, busPort, name), busPort };
    standing.defer(() => node.store.stop());
    nodes.push(node);
  }
  const shards = [0, 1, 2].map((n) => ({ primary: nodes[n]!, replica: nodes[n + 3]! }));
  await meet(nodes);
  await assignSlots(shards);
  const stack = standing.move();
  return {
    urls: shards.map(({ primary }) => primary.store.url),
    shards,
    shardOf: (key) => shards[Math.floor((calculateSlot(key) * shards.length) / slots)]!,
    async kill(node) {
      process.kill(node.store.pid, 'SIGKILL');
      await node.store.exited;
    },
    async restart(node) {
      node.store = await start(portOf(node), node.busPort, node.store.name);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function ask<Answer>(node: ClusterNode, work: (redis: Redis) => Promise<Answer>): Promise<Answer> {
  return withRedis(node.store.url, work, 5_000);
}

/** Whether the node is a primary with this number of replicas. */
export async function leads(node: ClusterNode, replicas: number): Promise<boolean> {
  const [role, , followers] = (await ask(node, (redis) => redis.role())) as [string, number, unknown[]];
  return role === 'master' && followers.length >= replicas;
}

function portOf(node: ClusterNode): number {
  return Number(new URL(node.store.url).port);
}

async function meet(nodes: ClusterNode[]): Promise<void> {
  const [first, ...others] = nodes;
  for (const node of others) {
    await ask(first!, (redis) => redis.call('CLUSTER', 'MEET', '127.0.0.1', portOf(node), node.busPort));
  }
  await waitUntil(
    async () => {
      const infos = await Promise.all(nodes.map((node) => ask(node, (redis) => redis.cluster('INFO'))));
      return infos.every((info) => String(info).includes(`cluster_known_nodes:${nodes.length}`));
    },
    { what: 'the nodes to know one another', ...patience },
  );
}

async function assignSlots(shards: Shard[]): Promise<void> {
  for (const [n, { primary, replica }] of shards.entries()) {
    const from = Math.ceil((n * slots) / shards.length);
    const to = Math.ceil(((n + 1) * slots) / shards.length) - 1;
    const id = await ask(primary, async (redis) => {
      await redis.call('CLUSTER', 'ADDSLOTSRANGE', from, to);
      return redis.call('CLUSTER', 'MYID') as Promise<string>;
    });
    await ask(replica, (redis) => redis.call('CLUSTER', 'REPLICATE', id));
  }
  const all = shards.flatMap(({ primary, replica }) => [primary, replica]);
  await waitUntil(
    async () => {
      const infos = await Promise.all(all.map((node) => ask(node, (redis) => redis.cluster('INFO'))));
      const lead = await Promise.all(shards.map(({ primary }) => leads(primary, 1)));
      return lead.every(Boolean) && infos.every((info) => String(info).includes('cluster_slots_ok:16384'));
    },
    { what: 'every shard to have its replica', ...patience },
  );
}

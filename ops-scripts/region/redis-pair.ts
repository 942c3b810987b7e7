// Two Redis servers in two zones: a primary and a replica that takes over. Roles move, addresses stay.
import { setTimeout as sleep } from 'node:timers/promises';
import { withRedis } from '../local/redis.ts';
import { waitUntil } from '../local/wait-until.ts';
import { decideFailover, listenForSilence, startRepairs, type WriterEndpoint } from './failover.ts';
import {
  fenceRedisMember,
  forgetRedisData,
  type RedisMember,
  readReplication,
  startRedisMember,
} from './redis-member.ts';

export interface RedisPairOptions {
  /** Stands already, and the endpoint leads to it. */
  primary: RedisMember;
  /** Made by this. */
  replica: RedisMember;
  endpoint: WriterEndpoint;
  onEvent: (sentence: string) => void;
  onStarted: (member: RedisMember) => void;
}

export interface RedisPair {
  primary(): RedisMember;
  replica(): RedisMember;
  replicaInSync(): boolean;
  /** Resolves when the replica follows. */
  whole(): Promise<void>;
  stop(): Promise<void>;
}

const lookEveryMs = 250;
const silentMs = 2_000;

export function startRedisPair(options: RedisPairOptions): RedisPair {
  const { endpoint, onEvent, onStarted } = options;
  const stopping = new AbortController();
  let { primary, replica } = options;
  let inSync = false;

  const repairs = startRepairs<'Redis replica'>(onEvent);
  const mendReplica = () =>
    repairs.begin('Redis replica', async (signal) => {
      await fenceRedisMember(replica);
      // Whatever it held that the primary does not: it copies everything anew.
      await forgetRedisData(replica);
      const ended = AbortSignal.any([signal, stopping.signal]);
      await startRedisMember(replica, primary, ended);
      onStarted(replica);
      await waitUntil(async () => (await readReplication(replica))?.linked === true, {
        what: `${replica.name} to follow ${primary.name}`,
        deadlineMs: 20_000,
        signal: ended,
      });
    });

  let replicaHeardAt = performance.now();
  const lookAfterReplica = async () => {
    if (repairs.isUnderWay('Redis replica')) return;
    const state = await readReplication(replica);
    const follows = state?.linked === true && !state.syncing;
    if (follows !== inSync) onEvent(`${replica.name} ${follows ? 'is in sync' : 'is out of sync'}`);
    inSync = follows;
    if (state !== undefined) replicaHeardAt = performance.now();
    const silent = performance.now() - replicaHeardAt > silentMs;
    if (hasEnded(replica) || silent || state?.role === 'master') {
      replicaHeardAt = performance.now();
      mendReplica();
    }
  };

  const failOver = async (why: string) => {
    const successorInSync = inSync;
    onEvent(`${primary.name} ${why}`);
    await fenceRedisMember(primary);
    await repairs.abandon();
    await endpoint.pointTo(undefined);
    const state = await readReplication(replica);
    const successorAnswers = state !== undefined && !state.syncing;
    inSync = false;
    if (decideFailover({ successorAnswers, successorInSync }) === 'promote') {
      await withRedis(replica.url, (redis) => redis.replicaof('NO', 'ONE'));
      [primary, replica] = [replica, primary];
      onEvent(`${primary.name} is the primary now`);
      mendReplica();
    } else {
      await startRedisMember(primary, undefined, stopping.signal);
      onStarted(primary);
      onEvent(`${primary.name} was started again on its own data`);
    }
    await endpoint.pointTo(primary.name);
  };

  const watch = async () => {
    const silence = listenForSilence(stopping.signal);
    while (!stopping.signal.aborted) {
      const state = hasEnded(primary)
        ? undefined
        : await Promise.race([readReplication(primary), primary.server?.exited.then(() => undefined)]);
      if (stopping.signal.aborted) return;
      if (state !== undefined) silence.answered();
      try {
        const silent = state === undefined && silence.unanswered(primary.server);
        if (hasEnded(primary) || silent) {
          await failOver(hasEnded(primary) ? 'is gone' : 'is silent');
          silence.answered();
        } else if (state !== undefined) await lookAfterReplica();
      } catch (error) {
        if (stopping.signal.aborted) return;
        onEvent(`Redis: ${error instanceof Error ? error.message : error}`);
        await sleep(1_000);
      }
      const pause = sleep(lookEveryMs, undefined, { signal: stopping.signal }).catch(() => {});
      await Promise.race([pause, hasEnded(primary) ? pause : primary.server?.exited]);
    }
  };

  mendReplica();
  const watching = watch();
  return {
    primary: () => primary,
    replica: () => replica,
    replicaInSync: () => inSync,
    whole: async () => {
      while (!inSync) {
        stopping.signal.throwIfAborted();
        await sleep(50);
      }
    },
    stop: async () => {
      stopping.abort(new Error('stopping'));
      const fenceAll = () => Promise.all([primary, replica].map((member) => fenceRedisMember(member)));
      await fenceAll();
      await Promise.all([watching, repairs.abandon()]);
      await repairs.abandon();
      await fenceAll();
    },
  };
}

function hasEnded(member: RedisMember): boolean {
  return member.server === undefined || member.server.hasExited();
}

// Purges the edges. A lease row in Postgres lets one worker at a time do so.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { TagVersions } from '../http/cache-tag.ts';
import { clockHeader, type EdgeClock, parseEdgeClock, signPurge } from '../http/purge-signature.ts';
import { activeTraceparent, withSpan } from '../http/tracing.ts';
import { type Lineage, onlyLineage } from '../origin/invalidation/lineage-watch.ts';
import {
  addPendingPurges,
  clearPendingPurges,
  holdPurger,
  readPendingPurges,
  releasePurger,
} from '../origin/outbox/pending-purges.ts';
import type { Db } from '../origin/schema.ts';
import { Outage } from './outage.ts';
import { type Clock, type EdgeState, openPurgeChannel, type PurgeChannel } from './purge-channel.ts';

export interface EdgePurger {
  /** Whether this worker may work invalidations now. */
  maySend(): boolean;
  /** @param note is called for each edge when it has confirmed or is given up as silent */
  purge(tags: TagVersions, signal: AbortSignal, note?: (step: string) => void): Promise<void>;
  /** States of the edges that this worker purges now. */
  edges(): EdgeState[];
  stop(): Promise<void>;
}

export interface EdgePurgerOptions {
  db: Db;
  log: Logger;
  edgeUrls: string[];
  key: string;
  leaseSeconds: number;
  onMaySend: (maySend: boolean) => void;
  /** Each purge states the lineage, so that an edge forgets entries of another one. */
  lineage?: Lineage;
}

/** Joins purgers. A purge is done when all of them are done. */
export function purgeAll(purgers: EdgePurger[]): EdgePurger {
  return {
    maySend: () => purgers.every((purger) => purger.maySend()),
    purge: async (tags, signal, note) => {
      await Promise.all(purgers.map((purger) => purger.purge(tags, signal, note)));
    },
    edges: () => purgers.flatMap((purger) => purger.edges()),
    stop: async () => {
      await Promise.all(purgers.map((purger) => purger.stop()));
    },
  };
}

const holdSeconds = 3;
/** Wait after a restore until every origin knows of it. Before that, an edge could store old entries again. */
const learnMs = 1_000;
const renewMs = 1_000;
const sendTimeoutMs = 1_000;

export function startEdgePurger(options: EdgePurgerOptions): EdgePurger {
  const { lineage = onlyLineage } = options;
  const holder = randomUUID();
  let channels: PurgeChannel[] = [];
  /** By edge: trace of the newest change in its next purge, where spans are recorded. */
  const traceparents = new Map<string, string>();
  let heldUntil = 0;
  let quietUntil = 0;
  let stopping = false;
  const ending = new AbortController();
  const holds = () => performance.now() < heldUntil;

  const closeAll = () => {
    for (const channel of channels) channel.close();
    if (channels.length > 0) options.onMaySend(false);
    channels = [];
  };

  lineage.onChange(() => {
    // Waiting purges have versions of the old lineage, which may exceed all versions of the new one.
    closeAll();
    quietUntil = Math.max(quietUntil, performance.now() + learnMs);
  });

  const hold = createHold(options.db, holder);

  const renew = async () => {
    const askedAt = performance.now();
    const held = await hold().catch(() => 'unknown' as const);
    if (held === 'held' || held === 'new') heldUntil = askedAt + holdSeconds * 1_000;
    if (held === 'new') {
      // Another worker may have purged since, so these channels lack what it left unconfirmed.
      closeAll();
      quietUntil = Math.max(quietUntil, askedAt + options.leaseSeconds * 1_000);
    }
    if (!holds()) return closeAll();
    // The lease that a former holder renewed must end first, so that two holders never renew at the same time.
    if (channels.length > 0 || performance.now() < quietUntil) return;
    // All are read before any channel opens, so that an error here leaves no open channel behind.
    const pending = await readPendingPurges(options.db, options.edgeUrls);
    if (!holds() || stopping) return;
    channels = [...pending].map(([url, tags]) => openChannel({ ...options, traceparents }, url, tags, holds));
    options.onMaySend(true);
    options.log.info({ edges: channels.length }, 'purging the edges');
  };

  const run = async () => {
    while (!stopping) {
      await renew().catch((error: unknown) => options.log.warn({ err: error }, 'the purger could not begin'));
      if (!stopping) await delay(renewMs, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  };
  const running = run();

  return {
    maySend: () => channels.length > 0 && holds(),
    edges: () => channels.map((channel) => channel.state()),
    async purge(tags, signal, note) {
      if (channels.length === 0 || !holds())
        throw new Outage('Cannot purge the edges as another worker does');
      await Promise.all(
        channels.map(async (channel) => {
          const { url } = channel.state();
          const outcome = await inSpan(url, traceparents, () => channel.purge(tags, signal));
          note?.(`edge ${url} ${outcome === 'confirmed' ? 'confirmed' : 'is silent'}`);
        }),
      );
    },
    async stop() {
      stopping = true;
      ending.abort();
      await running;
      closeAll();
      await releasePurger(options.db, holder).catch(() => undefined);
    },
  };
}

/** Takes or renews the right to purge. Also takes it from a holder that has not renewed it for long. */
function createHold(db: Db, holder: string): () => Promise<'held' | 'new' | 'elsewhere'> {
  /** The other holder's right as last seen. It changes with each renewal. */
  let rival = { right: '', seenAtMs: 0 };
  return async () => {
    const isDead = rival.right !== '' && performance.now() - rival.seenAtMs > 2 * holdSeconds * 1_000;
    const answer = await holdPurger(db, holder, holdSeconds, isDead ? rival.right : undefined);
    if (answer.held !== 'elsewhere') rival = { right: '', seenAtMs: 0 };
    else if (answer.right !== rival.right) rival = { right: answer.right, seenAtMs: performance.now() };
    return answer.held;
  };
}

/** @param traceparents receives the span's trace, for the purge that is sent within it */
function inSpan<T>(url: string, traceparents: Map<string, string>, purge: () => Promise<T>): Promise<T> {
  const attributes = { 'server.address': new URL(url).host };
  return withSpan({ name: 'purge edge', kind: 'client', attributes }, () => {
    const traceparent = activeTraceparent();
    if (traceparent !== undefined) traceparents.set(url, traceparent);
    return purge();
  });
}

function openChannel(
  options: EdgePurgerOptions & { traceparents: Map<string, string> },
  url: string,
  pending: TagVersions,
  holds: () => boolean,
): PurgeChannel {
  const { db, key, leaseSeconds, traceparents, lineage = onlyLineage } = options;
  // Fixed for the life of the channel, which is closed when the lineage changes.
  const value = lineage.known()?.value;
  const named = value ? { lineage: value } : {};
  const clock = createPeerClock();
  return openPurgeChannel({
    url,
    clock,
    leaseMs: leaseSeconds * 1_000,
    pending,
    storePending: async (tags) => {
      await addPendingPurges(db, url, tags);
      // If this was written too late, the next holder read the pending purges without it and would renew the edge's
      // lease.
      if (!holds()) throw new Outage('Cannot give an edge up as silent as another worker may purge it');
    },
    clearPending: (tags) => clearPendingPurges(db, url, tags),
    send: async (edgeUrl, tags, t, renews) => {
      await lineage.confirm().catch(() => undefined);
      // Checked after `t` was read. A process that was paused in between must neither purge in another holder's time
      // nor renew an edge's lease over a restore.
      if (!holds()) throw new Error('Cannot purge the edges as another worker may');
      if (!lineage.isRecent() || lineage.known()?.value !== value)
        throw new Error('Cannot purge the edges as the lineage of the database may be another one');
      const traceparent = traceparents.get(edgeUrl);
      traceparents.delete(edgeUrl);
      const since = renews ? clock.sinceOf(t) : undefined;
      const body = JSON.stringify({ tags, ...named, ...(renews ? { since } : { renews }) });
      const answer = await fetch(`${edgeUrl}/.edge/purge`, {
        method: 'POST',
        body,
        headers: {
          'Content-Type': 'application/json',
          'Purge-Signature': await signPurge(key, body, t),
          ...(traceparent === undefined ? {} : { traceparent }),
        },
        signal: AbortSignal.timeout(sendTimeoutMs),
      });
      clock.hear(answer.headers.get(clockHeader));
      await answer.body?.cancel();
      if (answer.status !== 200) throw new Error(`Cannot purge ${edgeUrl} as it answered ${answer.status}`);
    },
  });
}

interface PeerClock extends Clock {
  hear(header: string | null): void;
  /** The moment `t` of `wallMs` by the edge's monotonic clock; undefined until the edge has sent its clock. */
  sinceOf(t: number): { boot: string; ms: number } | undefined;
}

/**
 * The clock of an edge, from its last answer. The edge read it before the answer arrived, so its clock is at or past
 * this one, and a lease never starts too late.
 */
export function createPeerClock(
  own: Clock = { wallMs: Date.now, monotonicMs: () => performance.now() },
): PeerClock {
  let told: { peer: EdgeClock; heardAtMs: number } | undefined;
  return {
    monotonicMs: own.monotonicMs,
    wallMs() {
      if (told === undefined) return own.wallMs();
      return Math.floor(told.peer.wallMs + (own.monotonicMs() - told.heardAtMs));
    },
    hear(header) {
      const peer = parseEdgeClock(header);
      if (peer !== undefined) told = { peer, heardAtMs: own.monotonicMs() };
    },
    sinceOf(t) {
      if (told === undefined) return undefined;
      const { boot, monotonicMs, wallMs } = told.peer;
      return { boot, ms: monotonicMs + (t - wallMs) };
    },
  };
}

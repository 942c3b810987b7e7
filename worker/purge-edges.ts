// Speaks to the edges while this worker holds the right to; one worker at a time, by a lease row in Postgres.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { signPurge } from '../edge/purge-signature.ts';
import {
  addEdgeDebts,
  clearEdgeDebts,
  holdPurger,
  readEdgeDebts,
  releasePurger,
} from '../origin/outbox/edge-debts.ts';
import type { TagVersions } from '../origin/outbox/events.ts';
import type { Db } from '../origin/postgres/database.ts';
import { type EdgeLine, openEdgeLine } from './edge-line.ts';
import { Outage } from './outage.ts';

export interface EdgePurger {
  /** Whether this worker may work invalidations now. */
  maySend(): boolean;
  purge(tags: TagVersions, signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

export interface EdgePurgerOptions {
  db: Db;
  log: Logger;
  edgeUrls: string[];
  key: string;
  leaseSeconds: number;
  onMaySend: (maySend: boolean) => void;
}

/** Done when all of them have done it. */
export function purgeAll(purgers: EdgePurger[]): EdgePurger {
  return {
    maySend: () => purgers.every((purger) => purger.maySend()),
    purge: async (tags, signal) => {
      await Promise.all(purgers.map((purger) => purger.purge(tags, signal)));
    },
    stop: async () => {
      await Promise.all(purgers.map((purger) => purger.stop()));
    },
  };
}

const holdSeconds = 3;
const renewMs = 1_000;
const sendTimeoutMs = 1_000;

export function startEdgePurger(options: EdgePurgerOptions): EdgePurger {
  const holder = randomUUID();
  let lines: EdgeLine[] = [];
  let heldUntil = 0;
  let quietUntil = 0;
  let stopping = false;
  const holds = () => performance.now() < heldUntil;

  const hangUp = () => {
    for (const line of lines) line.close();
    if (lines.length > 0) options.onMaySend(false);
    lines = [];
  };

  const renew = async () => {
    const askedAt = performance.now();
    const held = await holdPurger(options.db, holder, holdSeconds).catch(() => 'unknown' as const);
    if (held === 'held' || held === 'new') heldUntil = askedAt + holdSeconds * 1_000;
    if (held === 'new') {
      // Somebody else may have spoken since: what they left unconfirmed is no part of our lines.
      hangUp();
      quietUntil = askedAt + options.leaseSeconds * 1_000;
    }
    if (!holds()) return hangUp();
    // A former holder's last word is trusted for one lease; ours must not mix with it.
    if (lines.length > 0 || performance.now() < quietUntil) return;
    lines = await Promise.all(options.edgeUrls.map((url) => openLine(options, url, holds)));
    options.onMaySend(true);
    options.log.info({ edges: lines.length }, 'purging the edges');
  };

  const run = async () => {
    while (!stopping) {
      await renew().catch((error: unknown) => options.log.warn({ err: error }, 'the purger could not begin'));
      await delay(renewMs);
    }
  };
  const running = run();

  return {
    maySend: () => lines.length > 0 && holds(),
    async purge(tags, signal) {
      if (lines.length === 0 || !holds()) throw new Outage('Cannot purge the edges as another worker does');
      await Promise.all(lines.map((line) => line.purge(tags, signal)));
    },
    async stop() {
      stopping = true;
      await running;
      hangUp();
      await releasePurger(options.db, holder).catch(() => undefined);
    },
  };
}

async function openLine(
  { db, key, leaseSeconds }: EdgePurgerOptions,
  url: string,
  holds: () => boolean,
): Promise<EdgeLine> {
  return openEdgeLine({
    url,
    leaseMs: leaseSeconds * 1_000,
    debts: await readEdgeDebts(db, url),
    keepDebts: async (tags) => {
      await addEdgeDebts(db, url, tags);
      // Written too late, the next holder has read the debts without these and would renew the edge's trust.
      if (!holds()) throw new Outage('Cannot tell an edge as silent as another worker may speak to it');
    },
    clearDebts: (tags) => clearEdgeDebts(db, url, tags),
    send: async (edgeUrl, tags, t) => {
      // Read after `t` was: a process that was paused in between must not speak for another holder's time.
      if (!holds()) throw new Error('Cannot purge the edges as another worker may');
      const body = JSON.stringify({ tags });
      const answer = await fetch(`${edgeUrl}/.edge/purge`, {
        method: 'POST',
        body,
        headers: { 'Content-Type': 'application/json', 'Purge-Signature': await signPurge(key, body, t) },
        signal: AbortSignal.timeout(sendTimeoutMs),
      });
      await answer.body?.cancel();
      if (answer.status !== 200) throw new Error(`Cannot purge ${edgeUrl} as it answered ${answer.status}`);
    },
  });
}

// Tells edges that ask which floors were raised.
// An answer renews the lease of its edge; it waits for a change for as long as the edge wishes, and is never stored.
import { setTimeout as delay } from 'node:timers/promises';
import { Hono } from 'hono';
import {
  type FloorsAnswer,
  type FloorsQuestion,
  floorsPath,
  formatCursor,
  maxSignedAgeMs,
  parseCursor,
  readQuestion,
  signatureHeader,
  signFloors,
  verifyFloors,
} from '../../http/asked-floors.ts';
import { readSignedTime } from '../../http/purge-signature.ts';
import { trustedMs } from '../cache/memory.ts';
import type { Settings } from '../config.ts';
import type { Deps } from '../deps.ts';
import { Refusal, unavailable } from '../errors.ts';
import type { Db } from '../schema.ts';
import type { AppEnv } from '../web/env.ts';
import { problemResponse, toRefusal } from '../web/problem.ts';
import { type FloorsSince, noteLease, readFloorsSince, readHead } from './floor-log.ts';

interface FloorsRouteDeps extends Pick<Deps, 'db' | 'lineage' | 'now' | 'log'> {
  settings: Pick<Settings, 'edgePurgeKey' | 'edgeLeaseSeconds'>;
  monotonicMs?: () => number;
}

const mostTags = 5_000;
const longestWaitMs = 1_000;
const mostAtOnce = 500;
/** The limit of one origin. An edge asks once or twice a second, and once more for each change. */
const mostPerSecond = 500;
/** After a restore, every origin knows of it within this time. Before that an edge could store again what it forgot. */
const learnMs = 1_000;

export function floorsRoute(deps: FloorsRouteDeps): Hono<AppEnv> {
  const { edgePurgeKey: key } = deps.settings;
  const answerQuestion = createAnswerQuestion(deps);
  const admit = createAdmission();
  return new Hono<AppEnv>().post(floorsPath, async (c) => {
    try {
      const signature = c.req.header(signatureHeader) ?? null;
      const told = readSignedTime(signature);
      // A request without a well-formed signature is refused before its body is read.
      if (key === undefined || told === undefined || Math.abs(deps.now() - told) > maxSignedAgeMs)
        throw notSigned();
      const text = await c.req.text();
      if ((await verifyFloors(key, 'question', text, signature)) === undefined) throw notSigned();
      const question = readQuestion(text);
      if (question === undefined) throw new Refusal(400, 'bad-request', 'This is no question for floors');
      // Counted only after the signature is verified, so that nobody without the key can use up the limit.
      const leave = admit();
      try {
        const body = JSON.stringify(await answerQuestion(question));
        return c.body(body, 200, {
          'Content-Type': 'application/json',
          'Cache-Control': 'private, no-store',
          [signatureHeader]: await signFloors(key, 'answer', body, deps.now()),
        });
      } finally {
        leave();
      }
    } catch (error) {
      const refusal = toRefusal(error);
      if (refusal.status === 500) deps.log.error({ err: error }, 'floors could not be told');
      return problemResponse(refusal);
    }
  });
}

function notSigned(): Refusal {
  return new Refusal(401, 'unknown-key', 'The question is not signed with EDGE_PURGE_KEY, or too old');
}

/** @returns how to begin a question; that gives how to end it, and throws where there are too many. */
function createAdmission(): () => () => void {
  let inside = 0;
  let [second, begun] = [0, 0];
  return () => {
    const present = Math.floor(performance.now() / 1_000);
    if (present !== second) [second, begun] = [present, 0];
    if (inside >= mostAtOnce || begun >= mostPerSecond)
      throw new Refusal(429, 'too-many-attempts', 'Too many edges ask for floors', { retryAfterSeconds: 1 });
    inside++;
    begun++;
    return () => inside--;
  };
}

function createAnswerQuestion(deps: FloorsRouteDeps) {
  const { db, lineage, settings, monotonicMs = () => performance.now() } = deps;
  const awaitChange = createChangeWatch(db);
  let known: string | undefined;
  let quietUntilMs = 0;

  /** @throws where what this origin takes for the present lineage may be a former one. */
  const presentLineage = async () => {
    const mark = await lineage.confirm().catch(() => undefined);
    if (mark === undefined || !lineage.isRecent()) throw unavailable('The lineage is not known');
    if (mark.value !== known) quietUntilMs = monotonicMs() + learnMs;
    known = mark.value;
    if (monotonicMs() < quietUntilMs) throw unavailable('The database may have been restored just now');
    return mark.value;
  };

  // Asked at the start, so that the quiet time is over when the first edge asks.
  if (settings.edgePurgeKey !== undefined) void presentLineage().catch(() => undefined);

  return async (question: FloorsQuestion): Promise<FloorsAnswer> => {
    const { edge, name, ask, leaseMs } = question;
    if (leaseMs > settings.edgeLeaseSeconds * 1_000)
      throw new Refusal(400, 'bad-request', 'The lease is longer than EDGE_LEASE_SECONDS of the origins');
    const present = await presentLineage();
    const cursor = parseCursor(question.cursor);
    const since = cursor?.lineage === present ? cursor.position : undefined;
    // Written before the log is read. A change that this answer lacks then finds the lease and waits for its end.
    if (!(await noteLease(db, { edge, name, leaseMs, position: since ?? 0 })))
      throw unavailable('Too many edges hold a lease');
    let found = await readFloorsSince(db, since, mostTags);
    if (since !== undefined && isSame(found, since)) {
      if (await awaitChange(since, Math.min(question.waitMs, longestWaitMs)))
        found = await readFloorsSince(db, since, mostTags);
    }
    // The edge starts without the log's floors, so no origin's memory may still be trusted from before them.
    if (found.forgotten) await delay(2 * trustedMs);
    if ((await presentLineage()) !== present) throw unavailable('The database was restored just now');
    return {
      edge,
      ask,
      cursor: formatCursor({ lineage: present, position: found.position }),
      forget: found.forgotten,
      tags: found.tags,
      more: found.more,
    };
  };
}

function isSame({ forgotten, position }: FloorsSince, since: number): boolean {
  return !forgotten && position === since;
}

const lookEveryMs = 40;

/**
 * Reads the head of the log once for all waiting questions.
 * @returns how to wait: whether the head moved away from `since` within `ms`
 */
function createChangeWatch(db: Db): (since: number, ms: number) => Promise<boolean> {
  const waiters = new Set<(head: number | undefined) => void>();
  let looking = false;
  const look = async () => {
    looking = true;
    while (waiters.size > 0) {
      // If Postgres does not answer, each question reads the log itself and fails there.
      const head = await readHead(db).catch(() => undefined);
      for (const tell of waiters) tell(head);
      if (waiters.size > 0) await delay(lookEveryMs);
    }
    looking = false;
  };
  return (since, ms) =>
    new Promise((resolve) => {
      const finish = (isChanged: boolean) => {
        clearTimeout(timer);
        waiters.delete(tell);
        resolve(isChanged);
      };
      const tell = (head: number | undefined) => {
        if (head !== since) finish(true);
      };
      const timer = setTimeout(() => finish(false), ms);
      waiters.add(tell);
      if (!looking) void look();
    });
}

// Receives signed purges, refuses those signed more than 60 s ago, and raises the floors before it replies 200.
// The lease starts at the signed time, so that a delayed purge cannot extend it.
import { Hono } from 'hono';
import { hasTags, type TagVersions } from '../http/cache-tag.ts';
import { clockHeader, formatEdgeClock, readSignedTime, verifyPurge } from '../http/purge-signature.ts';
import type { Fence, FenceClock } from './fence.ts';
import type { Counts } from './metrics.ts';
import { errorAnswer, ownHeaders } from './reply/replies.ts';
import { toResponse } from './stored/answer.ts';
import { createByteBudget, readBounded } from './upstream/read-bounded.ts';

export interface PurgeOptions {
  key: string | undefined;
  fence: Fence;
  clock: FenceClock;
  counts: Counts;
  servedBy: string;
}

const maxSignedAgeMs = 60_000;
/** Fits a slug of 200 letters of any script, percent-encoded, after its prefix. */
const maxTagLength = 2_500;
const maxBytes = 4_000_000;
/** Bound on all purges that are being read: a purge is read before its signature can be checked. */
const maxBytesAtOnce = 16_000_000;
/** Renewals and most purges are this short. They have room of their own, which no upload can fill. */
const shortBytes = 64 * 1024;
const shortBytesAtOnce = 1_000_000;

export function purgeRoutes({ key, fence, clock, counts, servedBy }: PurgeOptions): Hono {
  const budget = createByteBudget(maxBytesAtOnce);
  const budgetOfShort = createByteBudget(shortBytesAtOnce);
  /** Names this process: another one's monotonic clock says nothing here. */
  const boot = crypto.randomUUID().slice(0, 8);
  const tellClock = () => ({
    [clockHeader]: formatEdgeClock({ boot, monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() }),
  });
  const refuse = (status: number, request: Request) => {
    const answer = errorAnswer(status, request.headers, servedBy, 'edge; detail=purge');
    Object.assign(answer.headers, tellClock());
    return toResponse(answer);
  };
  return new Hono()
    .get('/livez', (c) => c.text('alive', 200, ownHeaders(servedBy)))
    .post('/purge', async (c) => {
      const request = c.req.raw;
      const signature = request.headers.get('purge-signature');
      const told = readSignedTime(signature);
      // Nobody's body is read who has not even the form of a signature, and a time that may be ours.
      if (told === undefined || Math.abs(clock.wallMs() - told) > maxSignedAgeMs) {
        await request.body?.cancel();
        return refuse(401, request);
      }
      const announced = Number(request.headers.get('content-length') ?? maxBytes);
      if (announced > maxBytes) return refuse(413, request);
      const isShort = announced <= shortBytes;
      const room = isShort ? budgetOfShort : budget;
      // Whoever leaves in the midst of it is nobody's fault of ours.
      const read = await readBounded(request.body, maxBytes, room).catch(() => undefined);
      if (read === undefined) return refuse(400, request);
      if ('rest' in read) {
        await read.rest.cancel();
        return refuse(413, request);
      }
      const t = await verifyPurge(key, read.bytes, signature);
      if (t === undefined) return refuse(401, request);
      const purge = readPurge(new TextDecoder().decode(read.bytes));
      if (purge === undefined) return refuse(400, request);
      const { tags, lineage, renews, since } = purge;
      if (lineage !== undefined) fence.enter(lineage);
      fence.raise(tags);
      const renewed = renews && fence.renew(t, since?.boot === boot ? since.ms : undefined);
      if (renews && !renewed && !hasTags(tags)) return refuse(409, request);
      counts.purges++;
      return c.json({ raised: Object.keys(tags).length, renewed }, 200, {
        ...ownHeaders(servedBy),
        ...tellClock(),
      });
    })
    .all('*', (c) => refuse(404, c.req.raw));
}

function isMoment(since: unknown): since is Purge['since'] {
  if (since === undefined) return true;
  const { boot, ms } = Object(since) as Record<string, unknown>;
  return typeof boot === 'string' && typeof ms === 'number';
}

interface Purge {
  tags: TagVersions;
  /** Of the database whose versions these are. */
  lineage: string | undefined;
  /** False: this purge is only a part of what is pending for the edge, so it does not extend the lease. */
  renews: boolean;
  /** When it was signed, by the monotonic clock that an edge told. */
  since: { boot: string; ms: number } | undefined;
}

const lineageForm = /^[\w-]{1,64}$/;

function readPurge(body: string): Purge | undefined {
  try {
    const { tags, lineage, renews = true, since } = JSON.parse(body) as Record<string, unknown>;
    if (typeof renews !== 'boolean' || !isMoment(since)) return undefined;
    if (lineage !== undefined && (typeof lineage !== 'string' || !lineageForm.test(lineage)))
      return undefined;
    if (typeof tags !== 'object' || tags === null || Array.isArray(tags)) return undefined;
    const entries = Object.entries(tags) as [string, unknown][];
    const valid = entries.every(
      ([tag, version]) =>
        tag.length > 0 && tag.length <= maxTagLength && Number.isSafeInteger(version) && Number(version) >= 0,
    );
    return valid ? { tags: tags as TagVersions, lineage, renews, since } : undefined;
  } catch {
    return undefined;
  }
}

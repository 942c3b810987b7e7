// Lets a browser read its own writes: a cookie carries the log position of the last write.
// A replica that lacks this position does not answer, on any origin.
import type { Context, MiddlewareHandler } from 'hono';
import type { Settings } from '../../config.ts';
import type { Deps } from '../../deps.ts';
import type { ReplicaRead } from '../../postgres/replicas/replica.ts';
import type { CommitTracker, WrittenPosition } from '../../postgres/replicas/track-commits.ts';
import type { AppEnv } from '../env.ts';
import { readSignedCookie, serializeCookie, signCookie } from './signed-cookies.ts';

const cookieName = '__Host-written';
/** A replica that lags longer is not read at all, so the cookie need not live longer. */
const maxAgeSeconds = 600;
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Sets the cookie on each answer to a request that wrote. */
export function sendWrittenPosition(commits: CommitTracker, settings: Pick<Settings, 'cookieKeys'>) {
  const remember: MiddlewareHandler<AppEnv> = async (c, next) => {
    if (safeMethods.has(c.req.method)) return next();
    const written = await commits.during(next);
    if (written === undefined) return;
    const value = signCookie(settings.cookieKeys, cookieName, formatWritten(written));
    c.res.headers.append('Set-Cookie', serializeCookie(cookieName, value, { maxAgeSeconds }));
  };
  return remember;
}

/**
 * Reads a shopper's own rows, from a replica with all writes of this browser, else from the primary. No write may
 * depend on them.
 */
export function readOwn<T>(
  { reads, settings }: Pick<Deps, 'reads' | 'settings'>,
  c: Context<AppEnv>,
  read: ReplicaRead<T>,
): Promise<T> {
  // Writes of the present request are in no cookie yet.
  if (!safeMethods.has(c.req.method)) return reads.forShopper('unknown', read);
  const token = readSignedCookie(settings.cookieKeys, c.req.header('Cookie'), cookieName);
  return reads.forShopper(token === undefined ? undefined : parseWritten(token), read);
}

/** `timeline-LSN`, in characters that a cookie may have. */
function formatWritten(written: WrittenPosition): string {
  return written === 'unknown' ? written : `${written.timeline}-${written.lsn.toString(16)}`;
}

function parseWritten(value: string): WrittenPosition {
  const [, timeline, lsn] = /^(\d+)-([0-9a-f]+)$/.exec(value) ?? [];
  if (timeline === undefined || lsn === undefined) return 'unknown';
  return { timeline: Number(timeline), lsn: BigInt(`0x${lsn}`) };
}

// An invalidation as staff see it: pending until no cache can serve what the change replaced.
import { setTimeout as delay } from 'node:timers/promises';
import { z } from '@hono/zod-openapi';
import type { TagVersions } from '../../http/cache-tag.ts';
import { notFound } from '../errors.ts';
import { addToOutbox, type OutboxCause } from '../outbox/events.ts';
import type { Db, Tx } from '../schema.ts';
import { growingEnum, idPattern } from '../web/api/api.ts';

export const exampleInvalidation = {
  id: '99',
  state: 'done',
  committedAt: '2026-11-30T10:30:00.000Z',
  doneAt: '2026-11-30T10:30:00.148Z',
};

export const InvalidationSchema = z
  .object({
    id: z.string(),
    state: growingEnum(['pending', 'done']),
    committedAt: z.iso.datetime(),
    doneAt: z.iso.datetime().optional(),
  })
  .openapi('Invalidation', { example: exampleInvalidation });

export type Invalidation = z.infer<typeof InvalidationSchema>;

/** An invalidation without tags is done at once: nothing changed, so there is nothing to wait for. */
export async function beginInvalidation(tx: Tx, tags: TagVersions, cause?: OutboxCause): Promise<string> {
  const { id } = await addToOutbox(tx, 'invalidate', { tags }, { cause });
  if (Object.keys(tags).length === 0) {
    await tx.updateTable('outbox').set({ state: 'done', done_at: new Date() }).where('id', '=', id).execute();
  }
  return id;
}

/** @throws Refusal 404 */
export async function readInvalidation(db: Db, id: string): Promise<Invalidation> {
  const row = idPattern.test(id)
    ? await db
        .selectFrom('outbox')
        .select(['id', 'state', 'committed_at', 'done_at'])
        .where('id', '=', id)
        .where('kind', '=', 'invalidate')
        .executeTakeFirst()
    : undefined;
  if (row === undefined) throw notFound('This invalidation');
  return {
    id: row.id,
    state: row.state === 'done' ? 'done' : 'pending',
    committedAt: row.committed_at.toISOString(),
    ...(row.done_at ? { doneAt: row.done_at.toISOString() } : {}),
  };
}

const pollMs = 20;

/** @returns the invalidation once it is done, or its present state after `waitMs` */
export async function awaitInvalidation(db: Db, id: string, waitMs: number): Promise<Invalidation> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const invalidation = await readInvalidation(db, id);
    if (invalidation.state === 'done' || performance.now() >= deadline) return invalidation;
    await delay(Math.min(pollMs, Math.max(1, deadline - performance.now())));
  }
}

const longestWaitSeconds = 5;

/**
 * Reads `Prefer: wait=5` (RFC 7240). The first `wait` counts, up to 5 s. Other forms are ignored, as the RFC says.
 * @returns seconds; undefined where no wait is asked for
 */
export function readPreferredWait(prefer: string | undefined): number | undefined {
  // A `wait` after a semicolon is a parameter of another preference.
  for (const [preference = ''] of (prefer ?? '').split(',').map((part) => part.split(';'))) {
    const [, name, value] = /^\s*([\w-]+)\s*(?:=\s*"?([^"]*?)"?\s*)?$/.exec(preference) ?? [];
    if (name?.toLowerCase() !== 'wait') continue;
    return /^\d+$/.test(value ?? '') ? Math.min(Number(value), longestWaitSeconds) : undefined;
  }
  return undefined;
}

// Cache tag of cached sessions, `account:<id>`, whose version rises in the transaction that changes the account.

import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import type { TagVersions } from '../../http/cache-tag.ts';
import type { Deps } from '../deps.ts';
import { deletedVersion } from '../invalidation/floors.ts';
import { addToOutbox } from '../outbox/events.ts';
import type { DbOrTx, Tx } from '../schema.ts';

const prefix = 'account:';

export function accountTag(accountId: string): string {
  return `${prefix}${accountId}`;
}

/** A deleted account has the highest version, so that no copy of its sessions is served. */
export async function readAccountTagVersions(db: DbOrTx, tags: string[]): Promise<TagVersions> {
  const ids = tags.filter((tag) => tag.startsWith(prefix)).map((tag) => tag.slice(prefix.length));
  if (ids.length === 0) return {};
  const versions: TagVersions = Object.fromEntries(ids.map((id) => [accountTag(id), deletedVersion]));
  const rows = await db.selectFrom('accounts').select(['id', 'version']).where('id', 'in', ids).execute();
  for (const row of rows) versions[accountTag(row.id)] = row.version;
  return versions;
}

/**
 * Raises an account's version in the transaction. The caller raises the floor before it answers, which invalidates
 * the cached sessions.
 * @returns the tag at its new version, for `raiseAccountFloor`; `deletedVersion` where the account is deleted
 */
export async function raiseAccountVersion(tx: Tx, accountId: string): Promise<TagVersions> {
  const row = await tx
    .updateTable('accounts')
    .set({ version: sql`version + 1` })
    .where('id', '=', accountId)
    .returning('version')
    .executeTakeFirst();
  const tags = { [accountTag(accountId)]: row?.version ?? deletedVersion };
  // The worker raises the floor too, in case this process dies between commit and floor.
  await addToOutbox(tx, 'invalidate', { tags });
  return tags;
}

const longestWaitMs = 5_000;
const pauseMs = 200;

/** Call after the commit. Returns when the floor is raised, or after the five seconds for which a copy is trusted. */
export async function raiseAccountFloor({ floors, wakeWorker }: Deps, tags: TagVersions): Promise<void> {
  wakeWorker();
  const until = performance.now() + longestWaitMs;
  while (performance.now() < until) {
    try {
      await floors.raise(tags);
      return;
    } catch {
      await delay(pauseMs);
    }
  }
}

// Invalidates the cached sessions of an account: raises its version in the transaction, and its floor before the
// answer.
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import type { TagVersions } from '../../http/cache-tag.ts';
import type { Deps } from '../deps.ts';
import { deletedVersion } from '../invalidation/read-tag-versions.ts';
import { addToOutbox } from '../outbox/events.ts';
import type { Tx } from '../schema.ts';
import { accountTag } from './account-tag.ts';

/**
 * @returns the tag at its new version, for `raiseAccountFloor`; `deletedVersion` where the account was deleted just
 * now.
 */
export async function raiseAccountVersion(tx: Tx, accountId: string): Promise<TagVersions> {
  const row = await tx
    .updateTable('accounts')
    .set({ version: sql`version + 1` })
    .where('id', '=', accountId)
    .returning('version')
    .executeTakeFirst();
  const tags = { [accountTag(accountId)]: row?.version ?? deletedVersion };
  // The worker raises it too, in case this process dies between commit and floor.
  await addToOutbox(tx, 'invalidate', { tags });
  return tags;
}

const longestWaitMs = 5_000;
const pauseMs = 200;

/** After the commit. Returns when the floor stands, or after five seconds, as long as a copy is trusted. */
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

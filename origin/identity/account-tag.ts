// Cache tag of cached sessions, `account:<id>`. A deleted account has the highest version, so that no copy of its
// sessions is served.

import type { TagVersions } from '../../http/cache-tag.ts';
import { deletedVersion } from '../invalidation/read-tag-versions.ts';
import type { DbOrTx } from '../schema.ts';

const prefix = 'account:';

export function accountTag(accountId: string): string {
  return `${prefix}${accountId}`;
}

export async function readAccountTagVersions(db: DbOrTx, tags: string[]): Promise<TagVersions> {
  const ids = tags.filter((tag) => tag.startsWith(prefix)).map((tag) => tag.slice(prefix.length));
  if (ids.length === 0) return {};
  const versions: TagVersions = Object.fromEntries(ids.map((id) => [accountTag(id), deletedVersion]));
  const rows = await db.selectFrom('accounts').select(['id', 'version']).where('id', 'in', ids).execute();
  for (const row of rows) versions[accountTag(row.id)] = row.version;
  return versions;
}

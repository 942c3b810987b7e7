// Reads the current version of each tag from the primary. Each domain answers for its own tags.
import type { TagVersions } from '../../http/cache-tag.ts';
import type { DbOrTx } from '../schema.ts';

/**
 * Answers for every tag of its own domain and leaves the others out. A row that does not exist (yet) has version 0,
 * so that its absence can be cached; of what can be deleted for good the answer is `deletedVersion`.
 */
export type TagVersionReader = (db: DbOrTx, tags: string[]) => Promise<TagVersions>;

/** The floor of what no longer exists: no entry that bears such a tag is ever at or above it. */
export const deletedVersion = 2_147_483_647;

/** @throws where a tag belongs to no domain: a programming error. */
export async function readTagVersions(
  db: DbOrTx,
  readers: TagVersionReader[],
  tags: string[],
): Promise<TagVersions> {
  const versions: TagVersions = {};
  for (const read of readers) Object.assign(versions, await read(db, tags));
  const orphan = tags.find((tag) => versions[tag] === undefined);
  if (orphan !== undefined)
    throw new Error(`Cannot read the version of '${orphan}' as no domain answers for it`);
  return versions;
}

// Assets of all recent releases, in Postgres: each origin stores its own at start-up, so that any origin can serve them
// all.
import { sql } from 'kysely';
import type { Deps } from '../deps.ts';
import type { Db } from '../schema.ts';
import { type Asset, toAsset } from './asset-files.ts';

/** Longer than any edge may show a page, or a window stays open with hope. */
const keptDays = 30;

/**
 * At start-up, before the process turns ready: a page that it makes may be styled by another origin. Forgets what no
 * release had for long.
 */
export async function storeReleaseAssets(
  db: Db,
  assets: Pick<Asset, 'hashedName' | 'content'>[],
): Promise<void> {
  await db
    .insertInto('kept_assets')
    .values(assets.map(({ hashedName, content }) => ({ hashed_name: hashedName, content })))
    .onConflict((conflict) => conflict.column('hashed_name').doUpdateSet({ started_at: sql`now()` }))
    .execute();
  await db
    .deleteFrom('kept_assets')
    .where('started_at', '<', sql<Date>`now() - make_interval(days => ${keptDays})`)
    .execute();
}

const keepAgainMs = 12 * 3_600_000;

/** As long as a release serves, its assets are not forgotten, however long that is. @returns how to end it */
export function storeReleaseAssetsRegularly(
  { db, log }: Pick<Deps, 'db' | 'log'>,
  assets: Parameters<typeof storeReleaseAssets>[1],
): () => void {
  const timer = setInterval(() => {
    storeReleaseAssets(db, assets).catch((error: unknown) =>
      log.warn({ err: error }, 'cannot keep the assets now'),
    );
  }, keepAgainMs);
  return () => clearInterval(timer);
}

export interface ReleaseAssets {
  /** @returns undefined where no release had it, and where nobody can be asked. */
  find(hashedName: string): Promise<Asset | undefined>;
}

/** Releases are few: what was found stays in memory, compressed. */
const mostFound = 50;

export function createReleaseAssets({ db, log }: Pick<Deps, 'db' | 'log'>): ReleaseAssets {
  const found = new Map<string, Asset>();
  return {
    async find(hashedName) {
      const known = found.get(hashedName);
      if (known !== undefined) return known;
      const row = await readRow(db, hashedName).catch((error: unknown) => {
        log.warn({ err: error }, 'an asset of another release cannot be read');
        return undefined;
      });
      if (row === undefined) return undefined;
      const asset = toAsset(hashedName, row.content);
      if (found.size >= mostFound) found.clear();
      found.set(hashedName, asset);
      return asset;
    },
  };
}

function readRow(db: Db, hashedName: string) {
  return db
    .selectFrom('kept_assets')
    .select('content')
    .where('hashed_name', '=', hashedName)
    .executeTakeFirst();
}

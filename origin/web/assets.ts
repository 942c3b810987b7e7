// Serves styles, scripts and icons under names with a content hash.
// They are read at start-up, cached for ever, and kept in Postgres for older releases.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { type Context, Hono } from 'hono';
import { sql } from 'kysely';
import type { Deps } from '../deps.ts';
import type { Db } from '../schema.ts';
import type { AppEnv } from './env.ts';
import { compressBody, type Encoded } from './shared/representation.ts';
import { respondKept } from './shared/shared-response.ts';

/** A style, script or icon of this release. */
interface Asset {
  /** Such as `shop.Zk3…q.css`. */
  hashedName: string;
  contentType: string;
  content: string;
  /** Compressed at the first call. */
  compress(): Promise<{ etag: string; bodies: Encoded }>;
}

const contentTypes: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
};

/** Reads the files of a folder, and joins the parts in `styles/` as `shop.css`. @returns assets by plain name */
function loadAssets(folder: URL): Map<string, Asset> {
  const texts = readTexts(folder);
  const styles = [...readTexts(new URL('styles/', folder)).values()].join('\n');
  if (styles !== '') texts.set('shop.css', styles);
  const assets = new Map<string, Asset>();
  for (const [name, text] of texts) {
    const hash = createHash('sha256').update(text).digest('base64url').slice(0, 10);
    const extension = extname(name);
    assets.set(name, toAsset(`${name.slice(0, -extension.length)}.${hash}${extension}`, text));
  }
  return assets;
}

function toAsset(hashedName: string, content: string): Asset {
  let compressed: ReturnType<Asset['compress']> | undefined;
  return {
    hashedName,
    contentType: contentTypes[extname(hashedName)]!,
    content,
    compress: () => {
      compressed ??= compressBody(content);
      return compressed;
    },
  };
}

const hashedName = /^([\w-]{1,40})\.[\w-]{10}(\.\w{1,12})$/;

/** @returns `shop.css` for `shop.Zk3…q.css`; undefined for a name that the shop does not give */
function plainNameOf(name: string): string | undefined {
  const [, base, extension] = hashedName.exec(name) ?? [];
  return base !== undefined && extension! in contentTypes ? base + extension : undefined;
}

function readTexts(folder: URL): Map<string, string> {
  if (!existsSync(folder)) return new Map();
  const names = readdirSync(folder).filter((name) => extname(name) in contentTypes);
  return new Map(names.sort().map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]));
}

const folder = new URL('./assets/', import.meta.url);
const present = loadAssets(folder);

/**
 * @param name in this folder, such as `shop.css`
 * @returns its address, which changes with its content
 */
export function assetUrl(name: string): string {
  const asset = present.get(name);
  if (asset === undefined) throw new Error(`There is no asset '${name}'`);
  return `/assets/${asset.hashedName}`;
}

/** Assets of this release, to be stored with those of earlier ones. */
export function currentAssets(): Asset[] {
  return [...present.values()];
}

export function assetRoutes(deps: Pick<Deps, 'db' | 'log'>): Hono<AppEnv> {
  const kept = createReleaseAssets(deps);
  const byHashedName = new Map([...present.values()].map((asset) => [asset.hashedName, asset]));
  return new Hono<AppEnv>()
    .get('/favicon.ico', (c) => c.redirect(assetUrl('favicon.svg'), 301))
    .get('/manifest.webmanifest', (c) => respond(c, present.get('manifest.webmanifest')!, shortlyKept))
    .get('/assets/:name', async (c) => {
      const name = c.req.param('name');
      const plainName = plainNameOf(name);
      if (plainName === undefined) return c.notFound();
      const asset = byHashedName.get(name) ?? (await kept.find(name));
      if (asset !== undefined) return respond(c, asset, keptForEver);
      // While nobody can be asked, our own file is nearer to the page than none.
      const nearest = present.get(plainName);
      return nearest ? respond(c, nearest, notKept) : c.notFound();
    });
}

const keptForEver = 'public, max-age=31536000, immutable';
const shortlyKept = 'public, max-age=3600';
const notKept = 'no-store';

async function respond({ req }: Context, asset: Asset, cacheControl: string): Promise<Response> {
  return respondKept(req, await asset.compress(), {
    'Content-Type': asset.contentType,
    'Cache-Control': cacheControl,
  });
}

/** Longer than any edge keeps a page, or a window stays open. */
const keptDays = 30;

/**
 * Stores this release's assets in Postgres, so that any origin can serve those of all recent releases. It happens
 * before the process is ready, because another origin may serve the styles of its pages. Deletes assets that no
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

/** Stores the assets again at intervals, so that a long-lived release is not forgotten. @returns how to end it */
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

interface ReleaseAssets {
  /** @returns undefined where no recent release had it, or Postgres does not answer */
  find(hashedName: string): Promise<Asset | undefined>;
}

/** Releases are few, so found assets stay in memory, compressed. */
const mostFound = 50;

function createReleaseAssets({ db, log }: Pick<Deps, 'db' | 'log'>): ReleaseAssets {
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

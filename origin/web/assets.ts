// Serves styles, scripts and icons under names with a content hash: cached for ever, those of other releases too.
import { Hono } from 'hono';
import { chooseEncoding } from '../../http/accept-encoding.ts';
import type { Deps } from '../deps.ts';
import { type Asset, loadAssets, plainNameOf } from './asset-files.ts';
import type { AppEnv } from './env.ts';
import { createReleaseAssets } from './release-assets.ts';

const folder = new URL('./assets/', import.meta.url);
const present = loadAssets(folder);

/** @param name as in this folder, such as `shop.css`. @returns its address, which changes with its content. */
export function assetUrl(name: string): string {
  const asset = present.get(name);
  if (asset === undefined) throw new Error(`There is no asset '${name}'`);
  return `/assets/${asset.hashedName}`;
}

/** What this release adds to the assets that are kept. */
export function currentAssets(): Asset[] {
  return [...present.values()];
}

export function assetRoutes(deps: Pick<Deps, 'db' | 'log'>): Hono<AppEnv> {
  const kept = createReleaseAssets(deps);
  const byHashedName = new Map([...present.values()].map((asset) => [asset.hashedName, asset]));
  return new Hono<AppEnv>()
    .get('/favicon.ico', (c) => c.redirect(assetUrl('favicon.svg'), 301))
    .get('/manifest.webmanifest', () => respond(present.get('manifest.webmanifest')!, undefined, shortlyKept))
    .get('/assets/:name', async (c) => {
      const name = c.req.param('name');
      const accepted = c.req.header('Accept-Encoding');
      const plainName = plainNameOf(name);
      if (plainName === undefined) return c.notFound();
      const asset = byHashedName.get(name) ?? (await kept.find(name));
      if (asset !== undefined) return respond(asset, accepted, keptForEver);
      // While nobody can be asked, our own file is nearer to the page than none.
      const nearest = present.get(plainName);
      return nearest ? respond(nearest, accepted, notKept) : c.notFound();
    });
}

const keptForEver = 'public, max-age=31536000, immutable';
const shortlyKept = 'public, max-age=3600';
const notKept = 'no-store';

async function respond(asset: Asset, accepted: string | undefined, cacheControl: string): Promise<Response> {
  const bodies = await asset.bodies();
  const encoding = chooseEncoding(accepted, bodies);
  const headers: Record<string, string> = {
    'Content-Type': asset.contentType,
    'Cache-Control': cacheControl,
    Vary: 'Accept-Encoding',
  };
  if (encoding !== 'identity') headers['Content-Encoding'] = encoding;
  return new Response(bodies[encoding], { headers });
}

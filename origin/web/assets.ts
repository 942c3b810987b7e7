// Styles, script and icons under names that bear the hash of what they hold: kept for ever by every cache, and of two releases at once.
import { Hono } from 'hono';
import { type Asset, loadAssets, loadPreviousAssets } from './asset-files.ts';
import type { AppEnv } from './env.ts';
import { chooseEncoding } from './shared-response.ts';

const folder = new URL('./assets/', import.meta.url);
const present = loadAssets(folder);
const previous = loadPreviousAssets(new URL('previous/', folder));

/** @param name as in this folder, such as `shop.css`. @returns its address, which changes with its content. */
export function assetUrl(name: string): string {
  const asset = present.get(name);
  if (asset === undefined) throw new Error(`There is no asset '${name}'`);
  return `/assets/${asset.hashedName}`;
}

export function assetRoutes(): Hono<AppEnv> {
  const byHashedName = new Map([...present.values()].map((asset) => [asset.hashedName, asset]));
  return new Hono<AppEnv>()
    .get('/favicon.ico', (c) => c.redirect(assetUrl('favicon.svg'), 301))
    .get('/manifest.webmanifest', () => respond(present.get('manifest.webmanifest')!, undefined, shortlyKept))
    .get('/assets/:name', (c) => {
      const name = c.req.param('name');
      const accepted = c.req.header('Accept-Encoding');
      const asset = byHashedName.get(name) ?? previous.get(name);
      if (asset !== undefined) return respond(asset, accepted, keptForEver);
      // A page of the next release, asked of this one during a deploy: our own file is nearer to it than none.
      const nearest = present.get(name.replace(/\.[\w-]{10}(\.\w+)$/, '$1'));
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
  if (encoding === 'identity') return new Response(bodies.identity, { headers });
  headers['Content-Encoding'] = encoding;
  return new Response(Uint8Array.from(Buffer.from(bodies[encoding]!, 'base64')), { headers });
}

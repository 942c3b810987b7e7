// Two releases run side by side: each makes its own pages, and either serves the styles and scripts of both.
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assetUrl, currentAssets, storeReleaseAssets } from '../../origin/web/assets.ts';
import { hashSources, siteRelease } from '../../origin/web/shared/release.ts';
import { openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop[Symbol.asyncDispose]());

const ask = async (path: string) => {
  const response = await shop.browser().request(path);
  return {
    status: response.status,
    kept: response.headers.get('Cache-Control'),
    type: response.headers.get('Content-Type'),
    text: await response.text(),
  };
};

test('a style of another release is answered as that release had it, and kept for ever', async () => {
  const content = 'body { color: rebeccapurple }';
  await storeReleaseAssets(shop.deps.db, [{ hashedName: 'shop.abcdefghij.css', content }]);
  expect(await ask('/assets/shop.abcdefghij.css')).toEqual({
    status: 200,
    kept: 'public, max-age=31536000, immutable',
    type: 'text/css; charset=utf-8',
    text: content,
  });
});

test('a style or script that no release has kept is answered with the nearest, which no cache keeps', async () => {
  const present = await ask(assetUrl('shop.js'));
  expect(await ask('/assets/shop.zyxwvutsrq.js')).toEqual({ ...present, kept: 'no-store' });
});

test('a name that is no asset name does not exist', async () => {
  for (const name of ['shop.css', 'other.abcdefghij.css', 'shop.abcdefghij.exe', 'x', '%00', '..%2fapp.ts'])
    expect((await ask(`/assets/${name}`)).status, name).toBe(404);
});

test('an asset is kept again by each start, and forgotten when no release had it for thirty days', async () => {
  const { db } = shop.deps;
  await storeReleaseAssets(db, currentAssets());
  await storeReleaseAssets(db, currentAssets());
  const long = new Date(Date.now() - 31 * 86_400_000);
  await db
    .updateTable('kept_assets')
    .set({ started_at: long })
    .where('hashed_name', '=', 'shop.abcdefghij.css')
    .execute();
  await storeReleaseAssets(db, currentAssets());
  const rows = await db.selectFrom('kept_assets').select('hashed_name').execute();
  expect(rows.map((row) => row.hashed_name).sort()).toEqual(
    currentAssets()
      .map((asset) => asset.hashedName)
      .sort(),
  );
});

test('the release changes with anything that a page is made of', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'myclothes-release-'));
  try {
    await cp('origin', folder, { recursive: true });
    const copy = pathToFileURL(`${folder}/`);
    expect(hashSources(copy)).toBe(siteRelease);
    await writeFile(join(folder, 'web/assets/styles/9-print.css'), 'body { color: red }');
    expect(hashSources(copy)).not.toBe(siteRelease);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('every page tells which release made it', async () => {
  const { headers } = await shop.browser().request('/');
  expect(headers.get('Cache-Tag')).toContain(`site:${siteRelease}@1 `);
});

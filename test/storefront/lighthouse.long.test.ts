// Lighthouse on every public page, for phone and desktop: accessibility, best practices and SEO. Speed is only
// reported, because it depends on what else the machine does.
import { createServer } from 'node:net';
import lighthouse, { desktopConfig, type Result } from 'lighthouse';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lawPages } from '../../origin/web/page/layout.ts';
import { hasChromium, launchChromium, openStorefront, type Storefront } from './open-storefront.ts';

/** Pages for search engines. */
const listed = [
  '/',
  '/c/women',
  '/c/women-dresses',
  '/search',
  '/search?page=2',
  'product',
  'product?color=Navy',
  ...lawPages.map(({ path }) => path),
];
const unlisted = [
  '/c/women-dresses?size=38&color=Navy&sort=price-asc',
  '/search?q=jumper',
  '/search?q=zeppelin',
  '/cart',
  '/sign-in',
  '/sign-up',
  '/forgot-password',
  '/reset-password?token=x',
  '/checkout',
  '/find-order',
  '/withdrawal',
  '/api/docs',
  '/api/docs/shapes',
];

describe.skipIf(!hasChromium)('Lighthouse', () => {
  let storefront: Storefront;
  let chromium: Awaited<ReturnType<typeof launchChromium>>;
  let port: number;
  beforeAll(async () => {
    port = await freePort();
    storefront = await openStorefront();
    chromium = await launchChromium({ args: [`--remote-debugging-port=${port}`] });
  });
  afterAll(async () => {
    await chromium?.close();
    await storefront?.[Symbol.asyncDispose]();
  });

  async function judge(path: string, device: 'mobile' | 'desktop'): Promise<Result> {
    const url = storefront.url + path.replace(/^product/, `/p/${storefront.slug}`);
    const options = { port, output: 'json' as const, logLevel: 'silent' as const };
    const judged = await lighthouse(url, options, device === 'desktop' ? desktopConfig : undefined);
    if (judged === undefined) throw new Error(`Lighthouse cannot judge ${path}`);
    return judged.lhr;
  }

  describe.each(['mobile', 'desktop'] as const)('%s', (device) => {
    test.each([...listed, ...unlisted])(
      '%s',
      async (path) => {
        const { categories, audits } = await judge(path, device);
        const scoreOf = (name: string) => Math.round((categories[name]?.score ?? 0) * 100);
        console.log(`${device} ${path}: performance ${scoreOf('performance')}`);
        const names = ['accessibility', 'best-practices', ...(listed.includes(path) ? ['seo'] : [])];
        const wrong = names.flatMap((name) =>
          categories[name]!.auditRefs.filter(
            ({ id, weight }) => weight > 0 && (audits[id]?.score ?? 1) < 1,
          ).map(({ id }) => `${name}: ${audits[id]!.title}`),
        );
        expect(wrong).toEqual([]);
        expect(names.map(scoreOf)).toEqual(names.map(() => 100));
      },
      120_000,
    );
  });
});

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

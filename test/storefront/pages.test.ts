// Every page is valid HTML within its budget, reachable without a dead link, and nothing serious stands in the way of anyone.
import { createRequire } from 'node:module';
import { brotliCompressSync } from 'node:zlib';
import { HtmlValidate } from 'html-validate';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assetUrl } from '../../origin/web/assets.ts';
import { hasChromium, launchChromium, openStorefront, type Storefront } from './open-storefront.ts';

const kilobyte = 1024;
const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const validator = new HtmlValidate({
  extends: ['html-validate:standard'],
  rules: {
    'no-trailing-whitespace': 'off',
    'void-style': 'off',
    'attribute-boolean-style': 'off',
    'attribute-empty-style': 'off',
    'no-implicit-button-type': 'off',
    'long-title': 'off',
    'prefer-native-element': 'off',
    'no-inline-style': 'error',
  },
});

let storefront: Storefront;
beforeAll(async () => {
  storefront = await openStorefront();
});
afterAll(async () => {
  await storefront?.[Symbol.asyncDispose]();
});

function pagePaths(): string[] {
  return [
    '/',
    '/c/women',
    '/c/women-dresses?size=38&color=Navy&max=90',
    `/p/${storefront.slug}`,
    '/search?q=jumper',
    '/search?q=jumpr',
    '/cart',
    '/sign-in',
    '/sign-up',
    '/forgot-password',
    '/reset-password?token=x',
    '/p/nothing-here',
  ];
}

test('every page is valid HTML, without inline styles', async () => {
  for (const path of pagePaths()) {
    const text = await (await fetch(storefront.url + path)).text();
    const report = await validator.validateString(text);
    const messages = report.results.flatMap((result) => result.messages);
    expect(
      messages.map(({ ruleId, message, line }) => `${path}:${line} ${ruleId} ${message}`),
      path,
    ).toEqual([]);
  }
});

test('HTML stays within 15 KB, CSS within 12 KB and the script within 5 KB, compressed', async () => {
  const compressed = async (path: string) =>
    brotliCompressSync(Buffer.from(await (await fetch(storefront.url + path)).arrayBuffer())).length;
  for (const path of pagePaths()) expect(await compressed(path), path).toBeLessThanOrEqual(15 * kilobyte);
  expect(await compressed(assetUrl('shop.css'))).toBeLessThanOrEqual(12 * kilobyte);
  expect(await compressed(assetUrl('shop.js'))).toBeLessThanOrEqual(5 * kilobyte);
});

test('no link that can be reached from the front door is dead, and no shared page sets a cookie', async () => {
  const seen = new Set<string>(['/']);
  const waiting = ['/'];
  const dead: string[] = [];
  const visit = async (path: string) => {
    const response = await fetch(storefront.url + path, { redirect: 'manual' });
    const text = await response.text();
    if (response.status >= 400) dead.push(`${response.status} ${path}`);
    if (/^\/($|c\/|p\/|search)/.test(path) && response.headers.has('Set-Cookie')) dead.push(`cookie ${path}`);
    // Filters and later pages are the same page with other numbers.
    if (path.includes('?')) return;
    for (const [, found = ''] of text.matchAll(/(?:href|src)="(\/[^"#]*)/g)) {
      const next = found.replaceAll('&amp;', '&');
      if (!seen.has(next)) waiting.push(next);
      seen.add(next);
    }
  };
  while (waiting.length > 0) await Promise.all(waiting.splice(0, 8).map(visit));
  expect(dead).toEqual([]);
  expect(seen.size).toBeGreaterThan(100);
}, 240_000);

test.skipIf(!hasChromium)(
  'axe finds nothing serious on any page, narrow and wide, light and dark',
  async () => {
    await using chromium = disposing(await launchChromium());
    const found: string[] = [];
    for (const [width, colorScheme] of [
      [390, 'light'],
      [1280, 'dark'],
    ] as const) {
      const context = await chromium.browser.newContext({
        viewport: { width, height: 900 },
        colorScheme,
        bypassCSP: true,
      });
      const page = await context.newPage();
      for (const path of pagePaths()) {
        await page.goto(storefront.url + path);
        await page.addScriptTag({ path: axePath });
        const violations = (await page.evaluate(
          'axe.run().then(({ violations }) => violations.map(({ id, impact, nodes }) => [impact, id, nodes[0].html]))',
        )) as [string, string, string][];
        for (const [impact, id, html] of violations) {
          if (impact === 'serious' || impact === 'critical')
            found.push(`${path} ${width} ${id} ${html.slice(0, 120)}`);
        }
      }
    }
    expect(found).toEqual([]);
  },
  180_000,
);

function disposing(browser: Browser) {
  return { browser, [Symbol.asyncDispose]: () => browser.close() };
}

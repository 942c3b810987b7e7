// Every page is valid HTML within its budget and has no dead link, and axe finds no serious barrier.
import { brotliCompressSync } from 'node:zlib';
import { HtmlValidate } from 'html-validate';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assetUrl } from '../../origin/web/assets.ts';
import { bringAxe, findInBothSchemes } from '../support/axe.ts';
import { hasChromium, launchChromium, openStorefront, type Storefront } from './open-storefront.ts';
import { type PersonalPages, preparePersonalPages } from './personal-pages.ts';

const kilobyte = 1024;
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
    `/p/${storefront.slug}?color=Navy`,
    '/search?page=2',
    '/search?q=jumper',
    '/search?q=jumpr',
    '/search?q=zeppelin',
    '/search?q=dress&min=9000',
    '/cart',
    '/sign-in',
    '/sign-up',
    '/forgot-password',
    '/reset-password?token=x',
    '/p/nothing-here',
    '/delivery',
    '/returns',
    '/imprint',
    '/api/docs',
    '/api/docs/shapes',
  ];
}

/** @returns one line for each fault of a page */
async function faultsOf(path: string, text: string): Promise<string[]> {
  const report = await validator.validateString(text);
  const messages = report.results.flatMap((result) => result.messages);
  return messages.map(({ ruleId, message, line }) => `${path}:${line} ${ruleId} ${message}`);
}

test('every page is valid HTML, without inline styles', async () => {
  for (const path of pagePaths()) {
    const text = await (await fetch(storefront.url + path)).text();
    expect(await faultsOf(path, text), path).toEqual([]);
  }
});

test('HTML stays within 15 KB, CSS within 12 KB and the script within 5 KB, compressed', async () => {
  const compressed = async (path: string) =>
    brotliCompressSync(Buffer.from(await (await fetch(storefront.url + path)).arrayBuffer())).length;
  for (const path of pagePaths()) expect(await compressed(path), path).toBeLessThanOrEqual(15 * kilobyte);
  expect(await compressed(assetUrl('shop.css'))).toBeLessThanOrEqual(12 * kilobyte);
  expect(await compressed(assetUrl('shop.js'))).toBeLessThanOrEqual(5 * kilobyte);
});

/** Faults of an answer's headers, which every page must have. */
function wrongHeaders(path: string, { headers, status }: Response): string[] {
  const wrong: string[] = [];
  const must = (name: string, pattern: RegExp) => {
    if (!pattern.test(headers.get(name) ?? '')) wrong.push(`${path} ${name}: ${headers.get(name)}`);
  };
  must('X-Content-Type-Options', /^nosniff$/);
  must('Referrer-Policy', /./);
  must('Served-By', /^[\w.-]+\/[\w.-]+$/);
  must('Server-Timing', /./);
  must('Cache-Status', /^origin/);
  const isShared = /^\/($|c\/|p\/|search|sitemap|robots|api\/(products|categories))/.test(path);
  if (isShared && status < 500) {
    must('Cache-Control', /^public, max-age=0, must-revalidate$/);
    must('ETag', /^"/);
    must('Cache-Tag', /@\d+/);
  } else if (/^\/(assets|images)\//.test(path)) must('Cache-Control', /immutable|no-store/);
  if (/^\/(cart|checkout|account|orders|sign|forgot|reset|staff)/.test(path))
    must('Cache-Control', /^private, no-store$/);
  if (headers.get('Content-Type')?.startsWith('text/html')) {
    must('Content-Security-Policy', /script-src 'self'(;|$)/);
    must('Content-Security-Policy', /frame-ancestors 'none'/);
  }
  if (headers.has('Set-Cookie') && !headers.get('Cache-Control')?.includes('no-store'))
    wrong.push(`${path} sets a cookie that a shared cache may keep`);
  return wrong;
}

test('no link or form that can be reached from the front door is dead, wrong in its headers, or no HTML', async () => {
  const seen = new Set<string>(['/']);
  const waiting = ['/'];
  const wrong: string[] = [];
  let products = 0;
  const visit = async (path: string) => {
    const response = await fetch(storefront.url + path, { redirect: 'manual' });
    const text = await response.text();
    if (response.status >= 400) wrong.push(`${response.status} ${path}`);
    wrong.push(...wrongHeaders(path, response));
    // Filters and later pages are the same page with other products.
    if (path.includes('?') || !response.headers.get('Content-Type')?.startsWith('text/html')) return;
    // Products' pages are alike, so only every twentieth is validated.
    if (!path.startsWith('/p/') || products++ % 20 === 0) wrong.push(...(await faultsOf(path, text)));
    for (const [, found = ''] of text.matchAll(/(?:href|src|action)="(\/[^"#]*)/g)) {
      const next = found.replaceAll('&amp;', '&');
      if (!seen.has(next)) waiting.push(next);
      seen.add(next);
    }
  };
  while (waiting.length > 0) await Promise.all(waiting.splice(0, 8).map(visit));
  expect(wrong).toEqual([]);
  expect(seen.size).toBeGreaterThan(100);
}, 240_000);

describe.skipIf(!hasChromium)('in Chromium', () => {
  let chromium: Browser;
  let personal: PersonalPages;
  beforeAll(async () => {
    chromium = await launchChromium();
    personal = await preparePersonalPages(chromium, storefront);
  });
  afterAll(() => chromium?.close());

  /** Each page with the storage state of a visitor who may see it. */
  const views = () => [
    ...pagePaths().map((path) => ({ path, storageState: undefined })),
    ...personal.shopperPaths.map((path) => ({ path, storageState: personal.shopper })),
    ...personal.staffPaths.map((path) => ({ path, storageState: personal.staff })),
  ];

  test('personal pages are valid HTML, within their budget, and kept by nobody', async () => {
    for (const { path, storageState } of views().filter((view) => view.storageState !== undefined)) {
      const { cookies } = storageState as { cookies: { name: string; value: string }[] };
      const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
      const response = await fetch(storefront.url + path, { headers: { cookie } });
      const text = await response.text();
      expect([path, response.status, response.headers.get('Cache-Control')]).toEqual([
        path,
        200,
        'private, no-store',
      ]);
      expect(wrongHeaders(path, response)).toEqual([]);
      expect(await faultsOf(path, text), path).toEqual([]);
      expect(brotliCompressSync(text).length, path).toBeLessThanOrEqual(15 * kilobyte);
    }
  });

  test.each([
    [390, 'light', true],
    [1280, 'dark', false],
  ] as const)(
    'axe finds nothing on any page, light or dark, and none is wider than its window: %i px, first %s, script %s',
    async (width, colorScheme, hasScript) => {
      const found: string[] = [];
      const pages = new Map<unknown, Page>();
      for (const { path, storageState } of views()) {
        const page =
          pages.get(storageState) ??
          (await openPage(chromium, { width, colorScheme, hasScript, storageState }));
        pages.set(storageState, page);
        await page.goto(storefront.url + path);
        await page.evaluate('for (const part of document.querySelectorAll("details")) part.open = true');
        found.push(...(await findInBothSchemes(page, colorScheme)).map((fault) => `${path} ${fault}`));
        const excess = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
        if (Number(excess) > 0) found.push(`${path} is ${excess} px wider than the window`);
      }
      for (const page of pages.values()) await page.context().close();
      expect(found).toEqual([]);
    },
    180_000,
  );

  test('text at 200 % overflows nowhere at 390 px and breaks no word of a heading, on any page', async () => {
    const found: string[] = [];
    const pages = new Map<unknown, Page>();
    for (const { path, storageState } of views()) {
      const page =
        pages.get(storageState) ??
        (await openPage(chromium, { width: 390, colorScheme: 'light', hasScript: true, storageState }));
      pages.set(storageState, page);
      await page.goto(storefront.url + path);
      await page.addStyleTag({ content: 'html { font-size: 200% !important }' });
      const faults = [...(await overflowsOf(page)), ...(await brokenHeadings(page))];
      found.push(...faults.map((fault) => `${path} ${fault}`));
    }
    for (const page of pages.values()) await page.context().close();
    expect(found).toEqual([]);
  }, 180_000);
});

/** Elements that overflow the window or are cut off. Galleries and size tables may scroll. */
function overflowsOf(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {
    for (const part of document.querySelectorAll('details')) part.open = true;
    const width = document.documentElement.clientWidth;
    return [...document.body.querySelectorAll('*')].filter((element) => {
      if (element.matches('input') || element.closest('.gallery li, .hidden, .skip, .sizing')) return false;
      const { left, right, width: own } = element.getBoundingClientRect();
      if (own === 0) return false;
      const isCut = element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).overflowX !== 'visible';
      return left < -1 || right > width + 1 || (isCut && !element.matches('.gallery, .fold-body, select'));
    }).map((element) => element.outerHTML.slice(0, 100));
  })()`);
}

/** Headings with a word that is broken over two lines. E-mail addresses may break. */
function brokenHeadings(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {
    const isBroken = (heading) => {
      const texts = document.createTreeWalker(heading, NodeFilter.SHOW_TEXT);
      while (texts.nextNode()) {
        for (const { index, 0: word } of texts.currentNode.data.matchAll(/[\\p{L}]+/gu)) {
          const range = document.createRange();
          range.setStart(texts.currentNode, index);
          range.setEnd(texts.currentNode, index + word.length);
          if (range.getClientRects().length > 1) return true;
        }
      }
      return false;
    };
    const headings = [...document.querySelectorAll('h1')].filter((one) => !one.textContent.includes('@'));
    return headings.filter(isBroken).map((one) => 'breaks a word of ' + one.textContent);
  })()`);
}

interface View {
  width: number;
  colorScheme: 'light' | 'dark';
  /** False: the shop's script is not loaded, as without JavaScript. axe itself needs JavaScript. */
  hasScript: boolean;
  storageState: BrowserContextOptions['storageState'];
}

async function openPage(
  chromium: Browser,
  { width, colorScheme, hasScript, storageState }: View,
): Promise<Page> {
  const context = await chromium.newContext({
    viewport: { width, height: 900 },
    colorScheme,
    bypassCSP: true,
    ...(storageState === undefined ? {} : { storageState }),
  });
  await bringAxe(context);
  if (!hasScript) await context.route('**/assets/*.js', (route) => route.abort());
  return context.newPage();
}

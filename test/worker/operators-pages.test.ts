// The operators' pages in a real browser: all that they load comes from us, and axe finds nothing on any of them.
import { sql } from 'kysely';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { pauseKind } from '../../origin/outbox/change-jobs.ts';
import { Health } from '../../origin/web/serving/health.ts';
import { serve } from '../../origin/web/serving/serve.ts';
import { createDashboard } from '../../worker/dashboard.ts';
import { startJobs } from '../../worker/jobs.ts';
import { hasChromium, launchChromium } from '../storefront/open-storefront.ts';
import { bringAxe, findByAxe, findInBothSchemes } from '../support/axe.ts';
import { openShop } from '../support/shop.ts';

const paths = [
  '/jobs',
  '/jobs/list',
  '/jobs/list?state=done',
  '/jobs/list?kind=nothing',
  '/jobs/trace?of=plain-tee',
  '/jobs/throughput?over=day',
  '/jobs/log',
  '/jobs/you',
  '/jobs/board',
  '/jobs/board/queue/mail',
  '/jobs/board/queue/mail?status=completed',
  '/jobs/board/queue/invalidate?status=failed',
];

describe.skipIf(!hasChromium)('the operators’ pages', () => {
  const standing = new AsyncDisposableStack();
  let chromium: Browser;
  let url: string;
  let deadId: string;
  beforeAll(async () => {
    const shop = standing.use(await openShop());
    const jobs = startJobs(shop.deps);
    standing.defer(() => jobs.stop());
    const { settings, db } = shop.deps;
    const dashboard = createDashboard({ settings, db, ...jobs, health: new Health() });
    const server = await serve({ fetch: dashboard.fetch as never, host: '127.0.0.1', port: 0 });
    standing.defer(() => server.stop(500));
    url = `http://localhost:${server.port}`;
    chromium = await launchChromium();
    standing.defer(() => chromium.close());
    await shop.browser().buy(shop.variants[0]!.id);
    const change = { price: { amount: 1_500, currency: 'EUR' } };
    const { body } = await shop.browser().get('/api/products/plain-tee');
    await (await shop.staff()).patch(`/api/staff/products/${body.id}`, change);
    const { rows } = await sql<{ id: string }>`
      insert into outbox (kind, payload, state, attempt, failures, failure, due_at)
      values ('mail', '{"to":"nobody@example.com"}', 'dead', 3, 3, '550 no such user here', now()) returning id`.execute(
      db,
    );
    deadId = rows[0]!.id;
    await pauseKind(db, 'expire-hold', 'Ada');
    await vi.waitFor(
      async () => expect(await jobs.queues.mail.getJobCountByTypes('completed')).toBeGreaterThan(0),
      { timeout: 20_000, interval: 50 },
    );
  });
  afterAll(() => standing.disposeAsync());

  test.each([
    [390, 'light'],
    [1280, 'dark'],
  ] as const)(
    'load nothing from elsewhere, and axe finds nothing: %i px, first %s',
    async (width, colorScheme) => {
      const context = await chromium.newContext({ viewport: { width, height: 900 }, colorScheme });
      await bringAxe(context);
      const page = await context.newPage();
      const wrong: string[] = [];
      const look = async (path: string) => {
        // The board's own script draws it anew where the scheme changes, in its own time.
        const isBoard = path.startsWith('/jobs/board');
        const found = await (isBoard ? findByAxe(page) : findInBothSchemes(page, colorScheme));
        wrong.push(...found.map((fault) => `${path} ${fault}`));
      };
      page.on('request', (request) => {
        if (!request.url().startsWith(url) && !/^(?:data|blob):/.test(request.url()))
          wrong.push(request.url());
      });
      await page.goto(`${url}/jobs`);
      await look('/jobs, signed out');
      if (await isWideWithLargeText(page)) wrong.push('The sign-in is too wide with text at 200 %');
      await page.fill('#password', 'a-password-of-operators');
      await page.getByRole('button', { name: 'Sign in' }).click();
      page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
      for (const path of [...paths, `/jobs/${deadId}`]) {
        // The board is drawn by its own script, from answers that it asks for.
        await page.goto(url + path, { waitUntil: path.startsWith('/jobs/board') ? 'networkidle' : 'load' });
        await look(path);
        if (path.startsWith('/jobs/board')) continue;
        if (await isWide(page)) wrong.push(`${path} is wider than ${width} px`);
        if (await isWideWithLargeText(page))
          wrong.push(`${path} is wider than ${width} px with text at 200 %`);
        const folder = process.env['SCREENSHOTS'];
        if (folder)
          await page.screenshot({
            path: `${folder}/${width}-${colorScheme}-${path.replaceAll(/\W+/g, '-')}.png`,
            fullPage: true,
          });
      }
      // The question before several are changed.
      await page.goto(`${url}/jobs/list`);
      await page.getByRole('button', { name: /^Give all 1 job/ }).click();
      await look('the question');
      await page.getByRole('link', { name: 'Change nothing' }).click();
      await page.getByText('550 no such user here').waitFor();
      await context.close();
      expect(wrong).toEqual([]);
    },
  );

  test('the board’s own link to its first page leads there', async () => {
    for (const path of ['/jobs/', '/jobs/board/']) {
      const headers = { Authorization: `Basic ${btoa('operator:a-password-of-operators')}` };
      const answer = await fetch(url + path, { headers });
      expect([answer.status, new URL(answer.url).pathname]).toEqual([200, path.slice(0, -1)]);
    }
  });
});

function isWide(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth > innerWidth');
}

async function isWideWithLargeText(page: Page): Promise<boolean> {
  const setSize = (size: string) => page.evaluate(`document.documentElement.style.fontSize = '${size}'`);
  await setSize('200%');
  const wide = await isWide(page);
  await setSize('');
  return wide;
}

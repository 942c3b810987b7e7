// axe in Chromium: what it finds wrong on a page, in its own colours and in those of the other scheme.
import { createRequire } from 'node:module';
import type { BrowserContext, Page } from 'playwright-core';

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
/** The rules that ask for colours: all the others find the same in a light page and in a dark one. */
const colourRules = ['color-contrast', 'link-in-text-block'];

/** Each page of the context has axe from its beginning, whatever its policy says. */
export async function bringAxe(context: BrowserContext): Promise<void> {
  await context.addInitScript({ path: axePath });
}

/** @returns a line a fault: impact, rule and the element. */
export function findByAxe(page: Page): Promise<string[]> {
  return runAxe(page, { resultTypes: ['violations'] });
}

/** Every rule in the scheme that the page is shown in, then those of colours in the other one. */
export async function findInBothSchemes(page: Page, colorScheme: 'light' | 'dark'): Promise<string[]> {
  const found = await findByAxe(page);
  const other = colorScheme === 'light' ? 'dark' : 'light';
  await page.emulateMedia({ colorScheme: other });
  // Colours that fade into each other are neither those of the one scheme nor of the other.
  await page.evaluate(
    'Promise.all(document.getAnimations().map(({ finished }) => finished.catch(() => {})))',
  );
  const inOther = await runAxe(page, { resultTypes: ['violations'], runOnly: colourRules });
  await page.emulateMedia({ colorScheme });
  return [...found, ...inOther.map((fault) => `${other}: ${fault}`)];
}

async function runAxe(page: Page, options: object): Promise<string[]> {
  const violations = (await page.evaluate(
    `axe.run(${JSON.stringify(options)}).then(({ violations }) =>
      violations.map(({ id, impact, nodes }) => [impact, id, nodes[0].html.slice(0, 160)].join(' ')))`,
  )) as string[];
  return violations;
}

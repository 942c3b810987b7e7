// axe in Chromium: the faults that it finds on a page, in the page's own colour scheme and in the other one.
import { createRequire } from 'node:module';
import type { BrowserContext, Page } from 'playwright-core';

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
/** The rules about colours. All other rules find the same in a light and in a dark page. */
const colourRules = ['color-contrast', 'link-in-text-block'];
const withoutColours = Object.fromEntries(colourRules.map((rule) => [rule, { enabled: false }]));

/** Adds axe to each page of the context from its beginning, whatever the page's policy. */
export async function bringAxe(context: BrowserContext): Promise<void> {
  await context.addInitScript({ path: axePath });
}

/** @returns one line for each fault: impact, rule and element */
export async function findByAxe(page: Page): Promise<string[]> {
  return [...(await runAxe(page, { rules: withoutColours })), ...(await findByColours(page))];
}

/** Every rule in the present scheme of the page, then the rules about colours in the other one. */
export async function findInBothSchemes(page: Page, colorScheme: 'light' | 'dark'): Promise<string[]> {
  const found = await findByAxe(page);
  const other = colorScheme === 'light' ? 'dark' : 'light';
  await page.emulateMedia({ colorScheme: other });
  // During a transition, colours belong to neither scheme.
  await page.evaluate(
    'Promise.all(document.getAnimations().map(({ finished }) => finished.catch(() => {})))',
  );
  const inOther = await findByColours(page);
  await page.emulateMedia({ colorScheme });
  return [...found, ...inOther.map((fault) => `${other}: ${fault}`)];
}

/**
 * Takes three of all elements that look alike, because the thousands of lines of the API's pages take many seconds.
 * Elements look alike if everything that styles can select by is the same: in them, above, below and right before them.
 */
const findAlike = `(() => {
  const toldByNoStyle = /^(id|href|src|srcset|alt|for|value|name|action|title|datetime|aria-(label|labelledby|describedby|controls))$/;
  const signs = (element) => [
    element.localName,
    ...[...element.attributes]
      .filter(({ name }) => !toldByNoStyle.test(name))
      .map(({ name, value }) => name + '=' + value)
      .sort(),
    element.matches(':checked'),
    element.matches(':disabled'),
    [...element.childNodes].some(({ nodeType, data }) => nodeType === Node.TEXT_NODE && data.trim() !== ''),
  ].join(' ');
  const beside = ({ previousElementSibling }) => (previousElementSibling ? signs(previousElementSibling) : '');
  const times = new Map();
  const chainsOf = (element, above) => {
    const chain = [above, '>', beside(element), '+', signs(element)].join(' ');
    return [chain, ...[...element.children].flatMap((child) => chainsOf(child, chain))];
  };
  const alike = [];
  const walk = (element, above) => {
    const [chain, ...below] = chainsOf(element, above);
    if ([chain, ...below].every((one) => times.get(one) >= 3)) return void alike.push(element);
    times.set(chain, (times.get(chain) ?? 0) + 1);
    for (const child of element.children) walk(child, chain);
  };
  walk(document.body, '');
  return alike;
})()`;

function findByColours(page: Page): Promise<string[]> {
  return runAxe(page, { runOnly: colourRules }, `{ exclude: ${findAlike} }`);
}

/** @param context what is looked at, as the page's script knows it */
async function runAxe(page: Page, options: object, context = 'document'): Promise<string[]> {
  const violations = (await page.evaluate(
    `axe.run(${context}, ${JSON.stringify({ resultTypes: ['violations'], ...options })}).then(({ violations }) =>
      violations.map(({ id, impact, nodes }) => [impact, id, nodes[0].html.slice(0, 160)].join(' ')))`,
  )) as string[];
  return violations;
}

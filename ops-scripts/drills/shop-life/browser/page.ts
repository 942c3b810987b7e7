// A parsed page with its text, links and filled-in forms, and checks that an answer is the expected page.
import { type HTMLElement, parse } from 'node-html-parser';

export interface ShopPage {
  url: string;
  path: string;
  status: number;
  root: HTMLElement;
  /** The visible text, on one line. */
  text: string;
  links(selector?: string): string[];
  /** @throws if the page has no such form */
  form(where: { action: string; has?: string }): Form;
  findForm(where: { action: string; has?: string }): Form | undefined;
  /** The element itself if it is a form, else the form around it. */
  formAround(element: HTMLElement): Form;
}

export interface Form {
  action: string;
  method: 'get' | 'post';
  element: HTMLElement;
  /** Names and values as a browser sends them. @throws if the form has no such field */
  fill(values: Record<string, string>): [string, string][];
}

export function readPage(url: string, status: number, html: string): ShopPage {
  const root = parse(html, { comment: false });
  const { pathname, search } = new URL(url);
  const path = pathname + search;
  const findForm = ({ action, has }: { action: string; has?: string }) => {
    const found = root
      .querySelectorAll('form')
      .filter((form) => actionOf(form, path).split('?')[0] === action)
      .find((form) => has === undefined || form.querySelector(has) !== null);
    return found === undefined ? undefined : toForm(root, found, path);
  };
  return {
    url,
    path,
    status,
    root,
    get text() {
      return (root.querySelector('main') ?? root).textContent.replace(/\s+/g, ' ').trim();
    },
    links: (selector = 'a') =>
      root.querySelectorAll(`${selector}[href]`).map((link) => link.getAttribute('href') ?? ''),
    findForm,
    formAround(element) {
      const form = element.tagName === 'FORM' ? element : element.closest('form');
      if (form === null) throw new Error(`${path} has a field that stands in no form`);
      return toForm(root, form as HTMLElement, path);
    },
    form(where) {
      const form = findForm(where);
      const what = where.has === undefined ? '' : ` with ${where.has}`;
      if (form === undefined)
        throw new Error(`${path} (${status}) has no form that posts to ${where.action}${what}`);
      return form;
    },
  };
}

function actionOf(form: HTMLElement, path: string): string {
  return form.getAttribute('action') || path;
}

function toForm(root: HTMLElement, form: HTMLElement, path: string): Form {
  return {
    action: actionOf(form, path),
    method: form.getAttribute('method')?.toLowerCase() === 'post' ? 'post' : 'get',
    element: form,
    fill: (values) => fillForm(root, form, values),
  };
}

function fillForm(root: HTMLElement, form: HTMLElement, values: Record<string, string>): [string, string][] {
  const fields = controlsOf(root, form);
  const names = new Set(fields.map((field) => field.getAttribute('name')));
  const unknown = Object.keys(values).find((name) => !names.has(name));
  if (unknown !== undefined) throw new Error(`The form has no field '${unknown}'`);
  return fields.flatMap((field) => {
    const name = field.getAttribute('name');
    if (name === undefined || field.hasAttribute('disabled')) return [];
    const sent = sentBy(field, values[name]);
    return sent === undefined ? [] : [[name, sent] as [string, string]];
  });
}

/** Also finds controls elsewhere on the page that name the form by its id. */
function controlsOf(root: HTMLElement, form: HTMLElement): HTMLElement[] {
  const id = form.getAttribute('id');
  const inside = form
    .querySelectorAll('input, select, textarea, button')
    .filter((field) => !field.hasAttribute('form') || field.getAttribute('form') === id);
  const outside = id === undefined ? [] : root.querySelectorAll(`[form="${id}"]`);
  return [...new Set([...inside, ...outside])];
}

/** @param wanted what the reader enters or chooses @returns undefined if the field sends nothing */
function sentBy(field: HTMLElement, wanted: string | undefined): string | undefined {
  const value = field.getAttribute('value');
  switch (field.tagName.toLowerCase()) {
    case 'select': {
      const options = field.querySelectorAll('option');
      const valueIn = (option: HTMLElement | undefined) =>
        option?.getAttribute('value') ?? option?.textContent;
      if (wanted !== undefined && !options.some((option) => valueIn(option) === wanted))
        throw new Error(`There is no '${wanted}' to choose in '${field.getAttribute('name')}'`);
      return wanted ?? valueIn(options.find((option) => option.hasAttribute('selected')) ?? options[0]);
    }
    case 'textarea':
      // A browser drops the first line break of a textarea and sends the others as CRLF.
      return wanted ?? field.textContent.replace(/^\n/, '').replace(/\r?\n/g, '\r\n');
    case 'button':
      // Only the pressed button is sent, which is the one with the wanted value.
      return wanted !== undefined && wanted === (value ?? '') ? wanted : undefined;
    default:
  }
  switch ((field.getAttribute('type') ?? 'text').toLowerCase()) {
    case 'radio':
    case 'checkbox':
      if (wanted !== undefined) return wanted === (value ?? 'on') ? wanted : undefined;
      return field.hasAttribute('checked') ? (value ?? 'on') : undefined;
    case 'submit':
    case 'button':
    case 'image':
    case 'file':
      return undefined;
    case 'hidden':
      return wanted ?? value ?? '';
    default:
      return wanted ?? value ?? '';
  }
}

/** Checks an answer against the expected status or page; throws BrokenPromise with what came instead. */
export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise';
}

/** @throws BrokenPromise with the page's text */
export function expectStatus(page: ShopPage, status: number): ShopPage {
  if (page.status === status) return page;
  throw new BrokenPromise(
    `${page.path} was answered ${page.status}, not ${status}: ${page.text.slice(0, 300)}`,
  );
}

/** @throws BrokenPromise with the answer's body */
export function expectAnswer<Body>(
  what: string,
  answer: { status: number; body: Body },
  ...statuses: number[]
): Body {
  if (statuses.includes(answer.status)) return answer.body;
  const told = JSON.stringify(answer.body)?.slice(0, 300);
  throw new BrokenPromise(`${what} was answered ${answer.status}, not ${statuses.join(' or ')}: ${told}`);
}

export function expectThat(isSo: boolean, sentence: string): void {
  if (!isSo) throw new BrokenPromise(sentence);
}

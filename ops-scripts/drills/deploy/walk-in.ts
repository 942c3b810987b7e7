// Plays a shopper who never retries.
// It loads the files that pages of either release need, and checks that they stay available.

import { randomUUID } from 'node:crypto';
import { CookieJar } from '../../traffic/http-connection.ts';
import type { StockedVariant } from '../../traffic/read-catalog.ts';

/** The files and the form of an open page, which another release must still serve. */
export interface ReleasedPage {
  /** Paths such as `/assets/shop.Zk3…q.css`. */
  assets: string[];
  form: AddForm;
}

interface AddForm {
  action: string;
  fields: Record<string, string>;
}

const requestMs = 10_000;

/** @throws if no piece can be bought on the page */
export async function openProductPage(url: string, { slug, id }: StockedVariant): Promise<ReleasedPage> {
  const read = async (path: string) => {
    const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(requestMs) });
    return { status: response.status, page: await response.text() };
  };
  let { status, page } = await read(`/p/${slug}`);
  // A page offers the sizes of one colour and links to the other colours.
  for (const [, path = ''] of page.matchAll(/href="(\/p\/[^"]+\?color=[^"]*)"/g)) {
    if (page.includes(`value="${id}"`)) break;
    ({ status, page } = await read(path));
  }
  const [form = '', action] = /<form [^>]*action="([^"]+)"[^>]*data-add>.*?<\/form>/s.exec(page) ?? [];
  const assets = assetsOf(page);
  if (action === undefined || !form.includes(`value="${id}"`) || assets.length === 0)
    throw new Error(`Cannot buy ${id} on the page of ${slug}: it answered ${status}`);
  const hidden = form.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g);
  const fields = Object.fromEntries([...hidden].map(([, name, value]) => [name!, value!]));
  return { assets, form: { action, fields: { ...fields, variantId: id, quantity: '1' } } };
}

/** The style sheet and the script of a page. */
function assetsOf(page: string): string[] {
  return [...new Set(page.match(/\/assets\/[\w-]+\.[\w-]+\.(?:css|js)/g))];
}

/** Checks that every style sheet and script of any page stays available, always with the same bytes. */
interface AssetsSeen {
  /** @returns the fault of the answer, or undefined */
  ask(url: string, path: string): Promise<string | undefined>;
}

export function watchAssets(): AssetsSeen {
  const contents = new Map<string, string>();
  return {
    async ask(url, path) {
      const response = await fetch(url + path, { signal: AbortSignal.timeout(requestMs) });
      const content = await response.text();
      if (response.status !== 200) return `${response.status}`;
      // Without a file of this hash, an origin serves another release's file of the same name, but not as `immutable`.
      const kept = response.headers.get('cache-control') ?? '';
      if (!kept.includes('immutable')) return `another release's file, ${kept}`;
      const first = contents.get(path) ?? content;
      contents.set(path, first);
      return content === first ? undefined : 'other content than before';
    },
  };
}

export interface WalkIn {
  jar: CookieJar;
  /** Pieces that the shop acknowledged. */
  added: number;
}

export interface WalkInOptions {
  url: string;
  variants: string[];
  assets: AssetsSeen;
  /** Called for each answer. @param status 0 if none came @param fault anything else that is wrong */
  tell(path: string, status: number, fault?: string): void;
}

/** Shops until `signal` is aborted. */
export async function walkIn(options: WalkInOptions, signal: AbortSignal): Promise<WalkIn> {
  const { url, variants } = options;
  const walker: WalkIn = { jar: new CookieJar(), added: 0 };
  const taken = new Set<string>();
  for (let turn = 0; !signal.aborted; turn++) {
    await addPiece(walker, options, variants[turn % variants.length]!);
    const page = await ask(walker, options, '/');
    for (const path of assetsOf(page)) {
      if (taken.has(path)) continue;
      taken.add(path);
      await takeAsset(options, url, path);
    }
    await ask(walker, options, '/api/cart');
  }
  return walker;
}

/** Sends the form as a browser that opened the page long ago. */
export async function sendForm(
  walker: WalkIn,
  options: WalkInOptions,
  { action, fields }: AddForm,
): Promise<void> {
  const { url } = options;
  await ask(walker, options, action, {
    method: 'POST',
    headers: { origin: url, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
    redirect: 'manual',
  });
}

/** @param url of one origin or of the balancer */
export async function takeAsset({ assets, tell }: WalkInOptions, url: string, path: string): Promise<void> {
  const fault = await assets.ask(url, path).catch((error: Error) => String(error.cause ?? error.message));
  tell(path, fault === undefined ? 200 : 0, fault);
}

/** @throws if the cart cannot be read */
export async function countPieces({ jar }: WalkIn, url: string): Promise<number> {
  const answer = await fetch(`${url}/api/cart`, {
    headers: { cookie: jar.header },
    signal: AbortSignal.timeout(requestMs),
  });
  const { count } = (await answer.json()) as { count: number };
  return count;
}

function addPiece(walker: WalkIn, options: WalkInOptions, variantId: string): Promise<string> {
  return ask(walker, options, '/api/cart/lines', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
    body: JSON.stringify({ variantId, quantity: 1 }),
  });
}

/** @returns the body; empty if no answer or only a part of it came */
async function ask(
  walker: WalkIn,
  { url, tell }: WalkInOptions,
  path: string,
  request: RequestInit = {},
): Promise<string> {
  try {
    const headers = { ...(request.headers as Record<string, string>), cookie: walker.jar.header };
    const response = await fetch(url + path, { ...request, headers, signal: AbortSignal.timeout(requestMs) });
    walker.jar.keep(response);
    const body = await response.text();
    if (request.method === 'POST' && response.status < 400) walker.added += 1;
    tell(path, response.status, response.headers.get('served-by') ?? '');
    return body;
  } catch (error) {
    tell(path, 0, String((error as Error).cause ?? (error as Error).message));
    return '';
  }
}

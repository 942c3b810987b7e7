// A shopper who never retries: browses, loads what the pages need, adds a piece, views the cart.
import { randomUUID } from 'node:crypto';
import { CookieJar } from '../cookie-jar.ts';
import type { AssetsSeen } from './assets-seen.ts';
import { type AddForm, assetsOf } from './released-page.ts';

export interface WalkIn {
  jar: CookieJar;
  /** Pieces that the shop has acknowledged. */
  added: number;
}

export interface WalkInOptions {
  url: string;
  variants: string[];
  assets: AssetsSeen;
  /** Told of each answer. @param status 0 where none came. @param fault what else is wrong with it. */
  tell(path: string, status: number, fault?: string): void;
}

const requestMs = 10_000;

/** Shops until it is told to stop. */
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

/** As a browser does that has opened the page long ago. */
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

/** @param url of one origin, or of the balancer. */
export async function takeAsset({ assets, tell }: WalkInOptions, url: string, path: string): Promise<void> {
  const fault = await assets.ask(url, path).catch((error: Error) => String(error.cause ?? error.message));
  tell(path, fault === undefined ? 200 : 0, fault);
}

/** @throws where the cart cannot be read. */
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

/** @returns the body; empty where no answer came, or only a part of it. */
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

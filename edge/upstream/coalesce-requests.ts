// Coalesces requests: one fetch for all who ask for the same page at once. Each waiting request checks the fence for
// itself.

import { fits } from '../http/vary.ts';
import { type CacheParts, replyWithoutOrigin, serve } from '../reply/replies.ts';
import { decideUse, type StoredLookup } from '../stored/stored-answers.ts';
import { askOrigin, type Fetched } from './ask-origin.ts';
import type { Forwarded } from './forward-request.ts';

/** Fields whose presence means that an answer may be for this request alone. */
const alone = ['cookie', 'authorization', 'range', 'cache-control'];
/** A fetch that failed is not shared: each waiting request then asks by itself. */
const failed: Omit<Fetched, 'response'> = { stored: undefined, end: 'own' };
/** How often a request waits on others before it asks by itself. */
const maxWaits = 2;

export interface Coalescer {
  fetch(asked: Forwarded, found: StoredLookup): Promise<Response>;
}

export function createCoalescer(parts: CacheParts): Coalescer {
  const running = new Map<string, Promise<Omit<Fetched, 'response'>>>();

  async function lead(asked: Forwarded, found: StoredLookup, name: string): Promise<Response> {
    const led = askOrigin(parts, asked, found);
    const shared = led.then(({ stored, end, status }) => ({ stored, end, status }));
    running.set(name, shared);
    shared.catch(() => undefined).finally(() => running.delete(name));
    return (await led).response;
  }

  async function fetch(asked: Forwarded, found: StoredLookup): Promise<Response> {
    const isShareable = asked.method === 'GET' && !alone.some((name) => asked.headers.has(name));
    const name = `${asked.key} ${asked.headers.get('accept-encoding') ?? ''}`;
    for (let waits = 0; isShareable && waits < maxWaits; waits++) {
      const shared = running.get(name);
      if (shared === undefined) return lead(asked, found, name);
      const { stored, end, status } = await shared.catch(() => failed);
      if (end === 'away') return replyWithoutOrigin(parts, found.stored, asked, status ?? 502);
      if (
        stored !== undefined &&
        fits(stored, asked.headers) &&
        decideUse(stored, asked.headers, parts.fence, parts.clock.wallMs()) === 'serve'
      )
        return serve(parts, stored, asked, `fwd=${found.known ? 'stale' : 'uri-miss'}; collapsed`);
      // Only what was overtaken by a purge is worth another wait: the rest is for each request alone.
      if (end !== 'outdated') break;
    }
    return (await askOrigin(parts, asked, found)).response;
  }

  return { fetch };
}

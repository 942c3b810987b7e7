// One fetch for all who ask for the same page at once; what it brings must pass the fence for each of them when it comes.

import { fits } from '../http/vary.ts';
import { type CacheParts, insteadOf, serve } from '../reply/replies.ts';
import { judgeStored } from '../stored/judge-stored.ts';
import type { Found } from '../stored/stored-answers.ts';
import { askOrigin, type Fetched } from './ask-origin.ts';
import type { Forwarded } from './forward-request.ts';

/** What says that an answer may be for this request alone. */
const alone = ['cookie', 'authorization', 'range', 'cache-control'];
/** A flight that broke is nobody else's. */
const failed: Omit<Fetched, 'response'> = { stored: undefined, end: 'own' };
/** How often a request waits on others before it asks by itself. */
const maxWaits = 2;

export interface Flights {
  fetch(asked: Forwarded, found: Found): Promise<Response>;
}

export function createFlights(parts: CacheParts): Flights {
  const flights = new Map<string, Promise<Omit<Fetched, 'response'>>>();

  async function lead(asked: Forwarded, found: Found, name: string): Promise<Response> {
    const led = askOrigin(parts, asked, found);
    const flight = led.then(({ stored, end, status }) => ({ stored, end, status }));
    flights.set(name, flight);
    flight.catch(() => undefined).finally(() => flights.delete(name));
    return (await led).response;
  }

  async function fetch(asked: Forwarded, found: Found): Promise<Response> {
    const isShareable = asked.method === 'GET' && !alone.some((name) => asked.headers.has(name));
    const name = `${asked.key} ${asked.headers.get('accept-encoding') ?? ''}`;
    for (let waits = 0; isShareable && waits < maxWaits; waits++) {
      const flight = flights.get(name);
      if (flight === undefined) return lead(asked, found, name);
      const { stored, end, status } = await flight.catch(() => failed);
      if (end === 'away') return insteadOf(parts, found.stored, asked, status ?? 502);
      if (
        stored !== undefined &&
        fits(stored, asked.headers) &&
        judgeStored(stored, asked.headers, parts.fence, parts.clock.wallMs()) === 'serve'
      )
        return serve(parts, stored, asked, `fwd=${found.known ? 'stale' : 'uri-miss'}; collapsed`);
      // Only what was overtaken by a purge is worth another wait: the rest is for each request alone.
      if (end !== 'outdated') break;
    }
    return (await askOrigin(parts, asked, found)).response;
  }

  return { fetch };
}

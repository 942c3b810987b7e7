// A shop with a bug, as its shoppers see it: the answers have the right form, but the shop does something else.
import { randomUUID } from 'node:crypto';
import type { Fault } from '../../ops-scripts/drills/drill.ts';

type Send = typeof fetch;

/** A bug acts about once in `oneIn` writes. */
const oneIn = 10;

export const plantedBugs: Record<string, () => Send> = {
  'a write is acknowledged and not done': () =>
    atTimes(async (input, init) => fetch(cartOf(input), { headers: init?.headers ?? {} })),
  'an add is done twice, under a key of its own': () =>
    atTimes(async (input, init) => {
      const answer = await fetch(input, init);
      if (init?.method === 'POST' && answer.ok) {
        const again = new Headers(init.headers);
        again.set('idempotency-key', randomUUID());
        const cookies = answer.headers.getSetCookie().map((line) => line.slice(0, line.indexOf(';')));
        if (cookies.length > 0) again.set('cookie', cookies.join('; '));
        await (await fetch(input, { ...init, headers: again })).body?.cancel();
      }
      return answer;
    }),
};

export function bugged(bug: string): Fault {
  return {
    summary: bug,
    afterSeconds: 4,
    send: plantedBugs[bug]!,
    async inflict({ mark }) {
      mark('throughout');
    },
  };
}

function atTimes(wrong: Send): Send {
  let writes = 0;
  return (input, init) => {
    // Without a cookie there is no cart yet that could be wrong.
    if (!new Headers(init?.headers).get('cookie')) return fetch(input, init);
    writes += 1;
    return writes % oneIn === 0 ? wrong(input, init) : fetch(input, init);
  };
}

function cartOf(input: Parameters<Send>[0]): string {
  return new URL('/api/cart', String(input)).href;
}

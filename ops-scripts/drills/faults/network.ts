// Faults between shopper and balancer: delayed requests, lost answers, duplicated requests.
import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '../../traffic/seeded-random.ts';
import type { Fault } from '../drill.ts';

const pass: Fault['inflict'] = async ({ mark, short }) => {
  mark('throughout');
  await delay(short ? 6_000 : 20_000);
};

export const networkFaults: Record<string, Fault> = {
  'slow-network': {
    summary: 'requests are delayed, cut before or after they arrive, and doubled',
    inflict: pass,
    send: (random) => unreliable(random),
  },
  'duplicate-storm': {
    summary: 'every request arrives eight times at once',
    inflict: pass,
    send: () => storm(8),
  },
};

function unreliable(random: SeededRandom): typeof fetch {
  return async (input, init) => {
    const fate = random.next();
    await delay(random.integer(0, 120));
    if (fate < 0.08) throw new TypeError('cut before it was sent');
    const answer = fate < 0.16 ? twice(input, init) : fetch(input, init);
    if (fate > 0.9) {
      // The shop does its work; the shopper never hears of it.
      await answer.then((response) => response.body?.cancel()).catch(() => undefined);
      throw new TypeError('cut before the answer arrived');
    }
    return answer;
  };
}

async function twice(...[input, init]: Parameters<typeof fetch>): Promise<Response> {
  const [first, second] = await Promise.all([fetch(input, init), fetch(input, init)]);
  await second.body?.cancel();
  return first;
}

function storm(times: number): typeof fetch {
  return async (input, init) => {
    const answers = await Promise.all(Array.from({ length: times }, () => fetch(input, init)));
    await Promise.all(answers.slice(1).map((answer) => answer.body?.cancel()));
    return answers[0]!;
  };
}

// Faults of origins, workers and the balancer, and of the machine and the network around them.
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '../../traffic/seeded-random.ts';
import type { Fault } from '../drill.ts';
import { freeze, wake } from './slow-and-frozen.ts';
import { emptyRedis } from './stores.ts';

const losesMemory = (state: string) => state === 'sticky';

export const originFaults: Record<string, Fault> = {
  'kill-origin': {
    summary: 'kill -9 of one origin',
    loses: losesMemory,
    async inflict({ region, random, mark }) {
      const origin = random.pick(region.origins());
      region.signal(origin, 'SIGKILL');
      mark(`kill -9 ${origin.name}`);
    },
  },
  'freeze-origin': {
    summary: 'one origin stands still, then goes on',
    // The balancer sends its shoppers to other origins, which have an older cart or none.
    loses: losesMemory,
    async inflict({ region, random, mark, short }) {
      const origin = random.pick(region.origins());
      freeze(origin);
      mark(`freeze ${origin.name}`);
      await delay(short ? 4_000 : 15_000);
      wake(origin);
      mark('thaw');
    },
  },
  'kill-worker': {
    summary: 'kill -9 of one worker',
    async inflict({ region, mark }) {
      const worker = region.ofKind('worker');
      region.signal(worker, 'SIGKILL');
      mark(`kill -9 ${worker.name}`);
    },
  },
  'scale-in': {
    summary: 'one origin is told to stop, as when a group shrinks',
    loses: losesMemory,
    async inflict({ region, random, mark }) {
      const origin = random.pick(region.origins());
      region.signal(origin, 'SIGTERM');
      mark(`SIGTERM ${origin.name}`);
    },
  },
};

// Faults around the shop: the machine's processors are taken, requests are delayed, lost or doubled.

const loopsAProcessor = 2;
/** The loop ends by itself, in case the drill is killed. */
const busyLoop = 'const endMs = performance.now() + 60_000; while (performance.now() < endMs);';

export const machineFaults: Record<string, Fault> = {
  overload: {
    summary:
      "the machine's processors are taken by busy loops, and Redis is emptied meanwhile; refusals are allowed, loss is not",
    afterSeconds: 10,
    async inflict({ region, random, mark, note, short, journalled }) {
      const before = journalled();
      const loops = Array.from({ length: loopsAProcessor * availableParallelism() }, () =>
        spawn(process.execPath, ['-e', busyLoop], { stdio: 'ignore' }),
      );
      mark(`${loops.length} busy loops`);
      try {
        await delay(random.integer(2_000, short ? 4_000 : 8_000));
        await emptyRedis(region.ofKind('redis-primary'));
        mark('FLUSHALL');
        await delay(short ? 4_000 : 12_000);
      } finally {
        for (const loop of loops) loop.kill('SIGKILL');
        mark('loops end');
      }
      note(`${journalled() - before} writes were acknowledged from the journal meanwhile`);
    },
  },
};

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
      // The shop carries the request out, but the answer is lost.
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

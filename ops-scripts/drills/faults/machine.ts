// Faults of the machine that everything runs on: its processors are taken by something else.
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../drill.ts';
import { emptyRedis } from '../empty-redis.ts';

const loopsAProcessor = 2;
/** It ends by itself, should the drill be killed. */
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

// A seeded sequence of single faults, each healed before the next: what a bad month looks like, in minutes.
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../drill.ts';
import { originFaults } from './origins.ts';
import { postgresFaults } from './postgres.ts';
import { redisFaults } from './redis.ts';

const { 'double-fault': _losing, ...survivablePostgres } = postgresFaults;
const pool = { ...originFaults, ...redisFaults, ...survivablePostgres };

export function randomFaults(minutes: number): Fault {
  return {
    summary: `single faults in random order for ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`,
    loses: (state) => state === 'sticky',
    afterSeconds: 10,
    async inflict(context) {
      const until = performance.now() + minutes * 60_000;
      let faults = 0;
      while (performance.now() < until) {
        await pool[context.random.pick(Object.keys(pool))]!.inflict({ ...context, short: true });
        faults += 1;
        await delay(context.random.integer(3_000, 6_000));
        await context.region.healed();
        // A store that was lost is rebuilt within thirty seconds; until then a second fault would be a double one.
        await context.region.rebuilt();
      }
      context.note(`${faults} faults`);
    },
  };
}

// Drill: random single faults from a seed, each healed before the next begins.
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../drill.ts';
import { originFaults } from './origins.ts';
import { postgresFaults } from './postgres.ts';
import { redisFaults } from './redis.ts';

const {
  'double-fault': _two,
  'triple-fault': _three,
  'postgres-disk-full': _needsDisks,
  ...singlePostgres
} = postgresFaults;
const pool = { ...originFaults, ...redisFaults, ...singlePostgres };

export const randomFaults: Fault = {
  summary: 'single faults in random order, for as long as --minutes and --faults say',
  loses: (state) => state === 'sticky',
  async inflict(context) {
    const { size, random, progress, stopping } = context;
    const began = performance.now();
    const minutes = () => (performance.now() - began) / 60_000;
    const counts = new Map<string, number>();
    let faults = 0;
    while (!stopping.aborted && (minutes() < size.minutes || faults < size.faults)) {
      const name = random.pick(Object.keys(pool));
      faults += 1;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      progress(`${minutes().toFixed(1)} of ${size.minutes} min, fault ${faults}: ${name}`);
      await pool[name]!.inflict({ ...context, short: true });
      await delay(random.integer(2_000, 5_000));
      // A store that was lost is rebuilt within thirty seconds; until then a second fault would be a double one.
      await context.calm();
    }
    const list = [...counts].map(([name, count]) => `${name} ${count}`).join(', ');
    context.note(`${faults} faults in ${minutes().toFixed(1)} minutes: ${list}`);
  },
};

import { resolve } from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';

/** Whole regions, and faults that are counted in seconds: one file at a time, when nothing else runs. */
const alone = ['region', 'drills', 'local'];
/** Processes of their own, which mostly wait: beside each other, but not beside the shop's tests. */
const processes = ['process'];

/** `--mode long` runs the tests that take minutes; without it, all the others. */
export default defineConfig(({ mode }) => {
  const suffix = mode === 'long' ? '.long.test.ts' : '.test.ts';
  const exclude = mode === 'long' ? configDefaults.exclude : [...configDefaults.exclude, '**/*.long.test.ts'];
  // The long run draws new seeds, and tells the one that failed.
  const seed = process.env.PROPERTY_SEED ?? (mode === 'long' ? undefined : '20261130');
  const project = (name: string, groupOrder: number, maxWorkers: number) => ({
    name,
    maxWorkers,
    sequence: { groupOrder },
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/property-seed.ts'],
    // Processes that tests start load compiled code.
    env: {
      NODE_COMPILE_CACHE: resolve('.cache/compiled'),
      ...(seed === undefined ? {} : { PROPERTY_SEED: seed }),
    },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // What comes about in its own time comes later on a busy machine; a promise of less names its own bound.
    expect: { poll: { timeout: 20_000 } },
    pool: 'forks' as const,
  });
  return {
    test: {
      projects: [
        {
          test: {
            // Most of them wait for servers and timers more than for the two cores.
            ...project('shop', 1, 3),
            // Of one file: each waits for seconds, with stores of its own.
            maxConcurrency: 12,
            include: [`test/**/*${suffix}`],
            exclude: [...exclude, ...[...processes, ...alone].map((folder) => `test/${folder}/**`)],
          },
        },
        {
          test: {
            ...project('processes', 2, 2),
            // Of one file: each waits for a process of its own to tell what it cannot reach.
            maxConcurrency: 12,
            include: processes.map((folder) => `test/${folder}/**/*${suffix}`),
            exclude,
          },
        },
        {
          test: {
            ...project('machines', 3, 1),
            include: alone.map((folder) => `test/${folder}/**/*${suffix}`),
            exclude,
          },
        },
      ],
    },
  };
});

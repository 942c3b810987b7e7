// Decides which test files run beside each other, in which order, and with which timeouts.
import { resolve } from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Processes of their own, which mostly wait: beside each other, but not beside the shop's tests. */
const processes = ['process', 'region', 'local', 'drills'];
/** Drills in which no request may fail: when nothing else runs. */
const alone = 'test/drills/short-drills.test.ts';
/** Of the long run all whole regions, and faults that are counted in seconds: one file at a time. */
const aloneWhenLong = ['region', 'local', 'drills'];

/** These take longest: what begins last would be waited for alone. */
const first = [
  'storefront/pages',
  'storefront/personal-forms',
  'catalog/indexes',
  'drills/shop-life/shop-life',
  'process/written-commands',
].map((name) => resolve(`test/${name}.test.ts`));

/** On a machine that has not run them yet, vitest goes by their size. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const groupOf = ({ project }: TestSpecification) => project.config.sequence.groupOrder ?? 0;
    const isLater = ({ moduleId }: TestSpecification) => Number(!first.includes(moduleId));
    return (await super.sort(files)).toSorted((a, b) => groupOf(a) - groupOf(b) || isLater(a) - isLater(b));
  }
}

/** `--mode long` runs the tests that take minutes; without it, all the others. */
export default defineConfig(({ mode }) => {
  const isLong = mode === 'long';
  const suffix = isLong ? '.long.test.ts' : '.test.ts';
  const exclude = isLong ? configDefaults.exclude : [...configDefaults.exclude, '**/*.long.test.ts'];
  const inFolders = (folders: string[]) => folders.map((folder) => `test/${folder}/**/*${suffix}`);
  const ofMachines = isLong ? inFolders(aloneWhenLong) : [alone];
  // The long run draws new seeds, and tells the one that failed.
  const seed = process.env.PROPERTY_SEED ?? (isLong ? undefined : '20261130');
  const project = (name: string, groupOrder: number, maxWorkers: number) => ({
    name,
    maxWorkers,
    sequence: { groupOrder },
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
      globalSetup: ['test/support/global-setup.ts'],
      sequence: { sequencer: LongestFirst },
      projects: [
        {
          test: {
            // Most of them wait for servers and timers more than for the two cores.
            ...project('shop', 1, 3),
            // Of one file: each waits for seconds, with stores of its own.
            maxConcurrency: 12,
            include: [`test/**/*${suffix}`],
            exclude: [...exclude, ...processes.map((folder) => `test/${folder}/**`)],
          },
        },
        {
          test: {
            ...project('processes', 2, 2),
            // Of one file: each waits for a process of its own to tell what it cannot reach.
            maxConcurrency: 12,
            include: inFolders(processes),
            exclude: [...exclude, ...ofMachines],
          },
        },
        {
          test: {
            ...project('machines', 3, 1),
            include: ofMachines,
            exclude,
          },
        },
      ],
    },
  };
});

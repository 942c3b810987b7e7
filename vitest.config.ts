import { configDefaults, defineConfig } from 'vitest/config';

/** `--mode long` runs the tests that take minutes; without it, all the others. */
export default defineConfig(({ mode }) => ({
  test: {
    include: [mode === 'long' ? 'test/**/*.long.test.ts' : 'test/**/*.test.ts'],
    exclude: mode === 'long' ? configDefaults.exclude : [...configDefaults.exclude, 'test/**/*.long.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
  },
}));

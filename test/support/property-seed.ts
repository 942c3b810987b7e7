// Gives property tests the seed of vitest.config.ts, so that `npm test` gives the same result for the same code.
import fc from 'fast-check';

const { PROPERTY_SEED: seed } = process.env;
if (seed !== undefined) fc.configureGlobal({ seed: Number(seed) });

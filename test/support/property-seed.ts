// Gives property tests the seed that vitest.config.ts chose, so that `npm test` says the same of the same code twice.
import fc from 'fast-check';

const { PROPERTY_SEED: seed } = process.env;
if (seed !== undefined) fc.configureGlobal({ seed: Number(seed) });

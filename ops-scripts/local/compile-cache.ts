// Compiled and type-stripped code is kept from one start to the next: a second start reads it instead of making it again, which
// halves the time until a process is ready and saves each one the stripper's memory.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Beside the packages, so that a new installation begins anew. A folder that cannot be written is done without. */
export const compileCacheFolder = join(
  fileURLToPath(new URL('../../', import.meta.url)),
  'node_modules/.cache/compiled',
);

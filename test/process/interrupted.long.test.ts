// A drill or a benchmark leaves nothing behind, however it ends.
import { test } from 'vitest';
import { endBySignal } from './end-by-signal.ts';

test.each([
  ['drill', 'SIGINT'],
  ['drill', 'SIGTERM'],
  ['drill', 'SIGKILL'],
  ['benchmark', 'SIGINT'],
  ['benchmark', 'SIGTERM'],
  ['benchmark', 'SIGKILL'],
] as const)(
  'A %s that is ended by %s leaves no process and no folder, and has not passed',
  { timeout: 180_000 },
  (name, signal) => endBySignal(name, signal),
);

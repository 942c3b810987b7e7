// However the drill ends, it leaves nothing behind.
import { test } from 'vitest';
import { endBySignal } from '../../process/end-by-signal.ts';

test.each(['SIGINT', 'SIGKILL'] as const)(
  'A life in the shop that is ended by %s leaves no process and no folder, and has not passed',
  { timeout: 120_000 },
  (signal) => endBySignal('life', signal),
);

// A test run leaves nothing behind, however it ends.
import { test } from 'vitest';
import { endBySignal } from './end-by-signal.ts';

test.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
  'A test run that is ended by %s leaves no process and no folder, and has not passed',
  { timeout: 120_000 },
  (signal) => endBySignal('test run', signal),
);

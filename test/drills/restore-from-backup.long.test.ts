// The whole shop is lost with its machine and restored from a backup, twice, by the documented command.
import { expect, test } from 'vitest';
import type { DrillResult } from '../../ops-scripts/drills/drill.ts';
import { runProgram } from '../support/run-program.ts';

test('Everything that was acknowledged before the backup is there after each of two losses, and nothing else', {
  timeout: 600_000,
}, async () => {
  await using drill = runProgram(
    'ops-scripts/drills/main.ts',
    ['restore-from-backup', '--short', '--json'],
    {},
  );
  const result = JSON.parse(await drill.line(/^\{"drill"/, 580_000)) as DrillResult;
  expect(result.notes.join('\n')).toMatch(/RPO \d+\.\d s .*, RTO \d+\.\d s/);
  expect(result).toMatchObject({ verdict: 'pass', lost: 0, duplicated: 0, errors: 0 });
  expect(result.acknowledged).toBeGreaterThan(50);
  expect(await drill.exitCode).toBe(0);
});

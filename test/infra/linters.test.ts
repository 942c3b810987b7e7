// Other projects' linters of the template: cfn-lint (if it is installed) and cdk-nag find nothing without an accepted
// reason.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AwsSolutionsChecks } from 'cdk-nag';
import { expect, test } from 'vitest';
import { synthesize } from '../../ops-scripts/infra/synthesize.ts';
import { findProgram } from '../support/system-packages.ts';

const patienceMs = 240_000;

test.each([false, true])(
  'cdk-nag finds nothing against AwsSolutions that is not accepted with a reason (Aurora: %s)',
  (aurora) => {
    expect(() =>
      synthesize({ size: 'large', aurora, spotPercent: 50 }, (app) => [new AwsSolutionsChecks(app)]),
    ).not.toThrow();
  },
  patienceMs,
);

test.skipIf(findProgram('cfn-lint') === undefined)(
  'cfn-lint finds nothing (skipped where it is not installed)',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'infra-lint-'));
    const files = [false, true].map((aurora) => {
      const file = join(folder, `${aurora ? 'aurora' : 'instance'}.json`);
      writeFileSync(file, JSON.stringify(synthesize({ size: 'medium', aurora })));
      return file;
    });
    const ran = promisify(execFile)('cfn-lint', ['--regions', 'eu-west-1', '--', ...files]);
    const { stdout } = await ran.catch((error: { stdout: string }) => error);
    rmSync(folder, { recursive: true });
    expect(stdout).toBe('');
  },
  patienceMs,
);

// `npm test` and `npm run test:long`: types, lint, unused code, then every test; ends with what was really counted.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installSystemPackages } from './support/system-packages.ts';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const long = process.argv.includes('--long');

async function main(): Promise<void> {
  await installSystemPackages();
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  if (!long) {
    await countCheck(counts, 'types', ['tsc', '-p', '.']);
    const entries = ['origin/main.ts', 'worker/main.ts', 'edge/main.ts'];
    await countCheck(counts, 'types under Deno', ['deno', 'check', '--quiet', ...entries]);
    await countCheck(counts, 'lint, format and import rules', ['biome', 'check', '.']);
    await countCheck(counts, 'unused files, exports and packages', ['knip']);
    await countCheck(counts, 'the OpenAPI document', ['node', 'test/app/lint-api.ts']);
  }
  await countTests(counts);
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  process.exitCode = counts.failed > 0 ? 1 : 0;
}

/** One check counts as one test. */
async function countCheck(counts: Counts, name: string, command: string[]): Promise<void> {
  const passed = (await run(command)) === 0;
  console.log(`${passed ? '✓' : '✗'} ${name}`);
  counts[passed ? 'passed' : 'failed'] += 1;
}

async function countTests(counts: Counts): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'myclothes-test-'));
  const file = join(folder, 'results.json');
  try {
    const code = await run([
      'vitest',
      'run',
      ...(long ? ['--mode', 'long'] : []),
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
    ]);
    const results = JSON.parse(await readFile(file, 'utf8')) as {
      numPassedTests: number;
      numFailedTests: number;
      numPendingTests: number;
      numTodoTests: number;
      numFailedTestSuites: number;
    };
    counts.passed += results.numPassedTests;
    counts.failed += results.numFailedTests;
    counts.skipped += results.numPendingTests + results.numTodoTests;
    // A file that could not be loaded, or an error outside of any test, fails the run without a failed test.
    if (code !== 0 && results.numFailedTests === 0) counts.failed += Math.max(1, results.numFailedTestSuites);
  } catch (error) {
    console.error('Cannot read the test results', error);
    counts.failed += 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function run([command, ...args]: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command!, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

await main();

// `npm test`, `npm run test:long` and `npm run check`: types, lint, unused code, then every test; ends with what was
// really counted.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { makeAlike } from '../ops-scripts/command-line.ts';
import { leaveNothing } from '../ops-scripts/local/run-until-stopped.ts';
import { installSystemPackages } from './support/system-packages.ts';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const entries = ['origin/main.ts', 'worker/main.ts', 'edge/main.ts'];
const checks: [name: string, command: string[]][] = [
  ['types', ['tsc', '-p', '.']],
  ['types under Deno', ['deno', 'check', '--quiet', ...entries]],
  ['lint, format and import rules', ['biome', 'check', '.']],
  ['unused files, exports and packages', ['knip']],
  ['the OpenAPI document', ['node', 'test/app/lint-api.ts']],
];

const modes = {
  test: { name: 'npm test --', does: 'Check types, lint and unused code, then run every test that fits.' },
  long: { name: 'npm run test:long --', does: 'Run the tests that take longer than npm test may.' },
  check: { name: 'npm run check --', does: 'Check types, lint, import rules and unused code.' },
};
const [modeName = 'test', ...args] = process.argv.slice(2);
const mode = modeName as keyof typeof modes;

const program = new Command(modes[mode].name).description(modes[mode].does).action(main);
if (mode !== 'check')
  program.argument('[files...]', 'only tests of files whose path contains this, and no checks');
await makeAlike(program).parseAsync(args, { from: 'user' });

async function main(files: string[] | object): Promise<void> {
  if (mode !== 'check') await installSystemPackages();
  await using traces = leaveNothing('myclothes-test-', { onSignal: 'end' });
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  const only = Array.isArray(files) ? files : [];
  if (mode !== 'long' && only.length === 0) await countChecks(counts);
  if (mode !== 'check') await countTests(counts, join(traces.folder, 'results.json'), only);
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  process.exitCode = counts.failed > 0 ? 1 : 0;
}

/** One check counts as one test. They run at once; what each one says is printed whole, in their order. */
async function countChecks(counts: Counts): Promise<void> {
  const running = checks.map(([name, command]) => ({ name, ended: runAside(command) }));
  for (const { name, ended } of running) {
    const { code, output } = await ended;
    process.stdout.write(output);
    console.log(`${code === 0 ? '✓' : '✗'} ${name}`);
    counts[code === 0 ? 'passed' : 'failed'] += 1;
  }
}

async function countTests(counts: Counts, file: string, files: string[]): Promise<void> {
  try {
    const code = await run([
      'vitest',
      'run',
      ...(mode === 'long' ? ['--mode', 'long'] : []),
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
      ...files,
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
  }
}

function run(command: string[]): Promise<number> {
  return endOf(start(command, 'inherit'));
}

/** Never rejects: a command that could not be run has failed. */
async function runAside(command: string[]): Promise<{ code: number; output: string }> {
  const child = start(command, 'pipe');
  let output = '';
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (text) => (output += String(text)));
  const code = await endOf(child).catch((error) => {
    output += `${error}\n`;
    return 1;
  });
  return { code, output };
}

/** What runs asks our variables, not us, whether it speaks to a terminal. */
function start([command, ...args]: string[], output: 'inherit' | 'pipe'): ChildProcess {
  const plain = { NO_COLOR: '1', FORCE_COLOR: undefined };
  const colours = process.stdout.isTTY ? (output === 'pipe' ? { FORCE_COLOR: '1' } : {}) : plain;
  return spawn(command!, args, { stdio: ['ignore', output, output], env: { ...process.env, ...colours } });
}

function endOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}
